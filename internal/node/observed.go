package node

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"millrace/backend"
	"millrace/ddb"
	"millrace/metrics"
	"millrace/proxy"
)

// observed is a backend whose operations are counted and, with a tracer, told of in spans.
type observed struct {
	backend.Backend
	metrics *metrics.Metrics
	tracer  *metrics.Tracer
}

// Do is part of backend.Backend.
func (o *observed) Do(ctx context.Context, req *ddb.Request) (resp *ddb.Response, err error) {
	start, class := time.Now(), metrics.Fault // of a panic
	o.metrics.Backend.Begin()
	ctx, span := o.tracer.Ask(ctx, req.Name)
	defer func() {
		o.metrics.Backend.End(int(req.Op), class, time.Since(start))
		if span.Recording() {
			span.End(answerOf(req, resp, err))
		} else {
			span.End(metrics.Answer{})
		}
	}()
	resp, err = o.Backend.Do(ctx, req)
	class = proxy.ClassOf(err)
	return resp, err
}

// asked is what a span tells of a request.
type asked struct {
	TableName            string
	RequestItems         map[string]any
	ConsistentRead       *bool
	IndexName            string
	Limit                *int
	ProjectionExpression string
}

// told is what a span tells of a response.
type told struct {
	Count, ScannedCount *int
	ConsumedCapacity    json.RawMessage
}

// answerOf is what a span tells of an operation: what is asked of which tables, and never of which items.
func answerOf(req *ddb.Request, resp *ddb.Response, err error) (a metrics.Answer) {
	var in asked
	if body, err := req.JSON(); err == nil && json.Unmarshal(body, &in) == nil {
		if in.TableName != "" {
			a.Tables = []string{ddb.TableName(in.TableName)}
		} else {
			a.Tables = slices.Sorted(maps.Keys(in.RequestItems))
		}
		a.Consistent, a.Index, a.Limit, a.Projection = in.ConsistentRead, in.IndexName, in.Limit, in.ProjectionExpression
	}
	if err != nil {
		a.Code, a.Fault = "unknown", true
		if e, ok := err.(*ddb.Error); ok {
			a.Code, a.RequestID, a.Fault = e.Code, e.RequestID, e.HTTPStatus() >= 500
		}
		return a
	}
	a.RequestID = resp.RequestID
	var out told
	if body, err := resp.JSON(); err == nil && json.Unmarshal(body, &out) == nil {
		a.Count, a.Scanned = out.Count, out.ScannedCount
		if out.ConsumedCapacity != nil && json.Unmarshal(out.ConsumedCapacity, &a.Capacity) != nil {
			a.Capacity = []json.RawMessage{out.ConsumedCapacity}
		}
	}
	return a
}
