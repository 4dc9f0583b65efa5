package metrics

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans. A nil one makes none and costs a comparison. Spans never hold items, keys or values; names of
// tables, indexes and attributes they do.
type Tracer struct{ tracer trace.Tracer }

// Span is a span under way; the zero value is none.
type Span struct{ span trace.Span }

// Caller gives the headers of a request that has come in, "" for one that is not there. (W3C Trace Context.)
type Caller interface{ Header(name string) string }

// carrier is a Caller as OpenTelemetry knows it, or where headers are sent to.
type carrier struct {
	get func(string) string
	set func(name, value string)
}

// Get is part of propagation.TextMapCarrier.
func (c carrier) Get(name string) string { return c.get(name) }

// Set is part of propagation.TextMapCarrier.
func (c carrier) Set(name, value string) { c.set(name, value) }

// Keys is part of propagation.TextMapCarrier.
func (c carrier) Keys() []string { return nil }

// Serve begins the span of a request that a client made, below the client's own if it told of one. The context that is
// returned has nothing but the span.
func (t *Tracer) Serve(operation string, caller Caller) (context.Context, Span) {
	if t == nil {
		return nil, Span{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier{get: caller.Header})
	ctx, span := t.tracer.Start(ctx, "DynamoDB."+operation, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("rpc.system.name", "aws-api"), attribute.String("rpc.method", "DynamoDB/"+operation)))
	return ctx, Span{span}
}

// Ask begins the span of an operation at the backend, by the semantic conventions for DynamoDB's clients
// (https://opentelemetry.io/docs/specs/semconv/db/dynamodb/).
func (t *Tracer) Ask(ctx context.Context, operation string) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(ctx, "DynamoDB."+operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.system.name", "aws.dynamodb"), attribute.String("db.operation.name", operation),
		attribute.String("rpc.system.name", "aws-api"), attribute.String("rpc.method", "DynamoDB/"+operation)))
	return ctx, Span{span}
}

// Inject gives set the headers that tell the next one down of the span in ctx, if there is one.
func Inject(ctx context.Context, set func(name, value string)) {
	if trace.SpanContextFromContext(ctx).IsValid() {
		propagation.TraceContext{}.Inject(ctx, carrier{set: set})
	}
}

// Recording reports whether anything that is told of the span is kept.
func (s Span) Recording() bool { return s.span != nil && s.span.IsRecording() }

// TraceID is the trace's id in hexadecimal, "" without one that is kept.
func (s Span) TraceID() string {
	if s.span == nil || !s.span.SpanContext().IsSampled() {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// Answer is what is told of a request when its span ends.
type Answer struct {
	// Tables are the tables it named, Result the word of X-Millrace-Cache.
	Tables []string
	Result string
	// RequestID is DynamoDB's, Code the exception's; Fault tells that it was the server's.
	RequestID, Code string
	Fault           bool
	// Consistent, Index, Limit and Projection are parameters, Count and Scanned numbers of a page, where there are any.
	Consistent *bool
	Index      string
	Limit      *int
	Projection string
	Count      *int
	Scanned    *int
	// Capacity is ConsumedCapacity, each in JSON.
	Capacity []json.RawMessage
}

// End ends the span.
func (s Span) End(a Answer) {
	if s.span == nil {
		return
	}
	if s.span.IsRecording() {
		s.span.SetAttributes(a.attributes()...)
		if a.Fault {
			s.span.SetStatus(codes.Error, a.Code)
		}
	}
	s.span.End()
}

// attributes are what a says.
func (a Answer) attributes() (out []attribute.KeyValue) {
	text := func(key, v string) {
		if v != "" {
			out = append(out, attribute.String(key, v))
		}
	}
	number := func(key string, n *int) {
		if n != nil {
			out = append(out, attribute.Int(key, *n))
		}
	}
	if len(a.Tables) > 0 {
		out = append(out, attribute.StringSlice("aws.dynamodb.table_names", a.Tables))
	}
	text("millrace.cache.result", a.Result)
	text("aws.request_id", a.RequestID)
	text("error.type", a.Code)
	text("aws.dynamodb.index_name", a.Index)
	text("aws.dynamodb.projection", a.Projection)
	if a.Consistent != nil {
		out = append(out, attribute.Bool("aws.dynamodb.consistent_read", *a.Consistent))
	}
	number("aws.dynamodb.limit", a.Limit)
	number("aws.dynamodb.count", a.Count)
	number("aws.dynamodb.scanned_count", a.Scanned)
	if len(a.Capacity) > 0 {
		texts := make([]string, len(a.Capacity))
		for i, c := range a.Capacity {
			texts[i] = string(c)
		}
		out = append(out, attribute.StringSlice("aws.dynamodb.consumed_capacity", texts))
	}
	return out
}

// TraceLog is a handler that adds to a record the ids of the span in whose context it was logged.
func TraceLog(next slog.Handler) slog.Handler { return traceLog{next} }

// traceLog is TraceLog's.
type traceLog struct{ slog.Handler }

// Handle is part of slog.Handler.
func (h traceLog) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is part of slog.Handler.
func (h traceLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup is part of slog.Handler.
func (h traceLog) WithGroup(name string) slog.Handler { return traceLog{h.Handler.WithGroup(name)} }

// isSet reports whether an environment variable, as getenv gives it, says yes.
func isSet(v string) bool { return strings.EqualFold(strings.TrimSpace(v), "true") }
