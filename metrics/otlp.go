package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Telemetry sends numbers and spans away by OTLP, over HTTP in protobuf. What is sent, where and how often is told by the
// standard OTEL_* variables alone (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/), and
// nothing is without an endpoint. The zero value sends nothing.
type Telemetry struct {
	// Tracer makes spans; nil makes none.
	Tracer *Tracer

	numbers *sdkmetric.MeterProvider
	spans   *sdktrace.TracerProvider
}

// wanted reports whether the environment asks for a signal, TRACES or METRICS: it has an endpoint for it and does not switch
// it off. It is an error to ask for a protocol that is not spoken here.
func wanted(signal string) (bool, error) {
	if isSet(os.Getenv("OTEL_SDK_DISABLED")) || os.Getenv("OTEL_"+signal+"_EXPORTER") == "none" {
		return false, nil
	}
	if os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		return false, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := os.Getenv(name); p != "" {
			if p != "http/protobuf" {
				return false, fmt.Errorf("%s is %q; millrace sends http/protobuf, which collectors take on port 4318", name, p)
			}
			break
		}
	}
	return true, nil
}

// NewTelemetry begins to send what the environment asks for. Close ends it.
func NewTelemetry(ctx context.Context, m *Metrics, version string, log *slog.Logger) (t *Telemetry, err error) {
	t = &Telemetry{}
	spans, err := wanted("TRACES")
	if err != nil {
		return nil, err
	}
	numbers, err := wanted("METRICS")
	if err != nil {
		return nil, err
	}
	if !spans && !numbers {
		return t, nil
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close(ctx))
		}
	}()
	// The SDK has one place to complain at, for the whole process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("telemetry is not delivered", "error", err) }))
	// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before our own words.
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "millrace"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return t, fmt.Errorf("describe this process to telemetry: %w", err)
	}
	if spans {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return t, fmt.Errorf("send spans: %w", err)
		}
		// The sampler is the environment's, or the standard's own: all, unless the caller decided otherwise.
		t.spans = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
		t.Tracer = &Tracer{t.spans.Tracer("millrace")}
	}
	if numbers {
		exporter, err := otlpmetrichttp.New(ctx)
		if err != nil {
			return t, fmt.Errorf("send metrics: %w", err)
		}
		t.numbers = sdkmetric.NewMeterProvider(sdkmetric.WithResource(about),
			sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithProducer(producer{m}))))
	}
	return t, nil
}

// Close sends what is left and ends sending. After ctx nothing is waited for.
func (t *Telemetry) Close(ctx context.Context) error {
	var errs []error
	if t.spans != nil {
		errs = append(errs, t.spans.Shutdown(ctx))
	}
	if t.numbers != nil {
		errs = append(errs, t.numbers.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// Sending says what is sent, for the line that is logged at start.
func (t *Telemetry) Sending() string {
	switch {
	case t.spans != nil && t.numbers != nil:
		return "spans and metrics"
	case t.spans != nil:
		return "spans"
	case t.numbers != nil:
		return "metrics"
	}
	return "nothing"
}
