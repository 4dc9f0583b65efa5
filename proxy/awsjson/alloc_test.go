//go:build !race

package awsjson

import "testing"

func TestServingAHitDoesNotAllocate(t *testing.T) {
	s, ctx := handlerCtx(t)
	serve := func() {
		ctx.Response.ResetBody()
		ctx.Response.Header.Reset()
		s.serve(ctx)
	}
	serve()
	if got := ctx.Response.StatusCode(); got != 200 {
		t.Fatalf("status %d: %s", got, ctx.Response.Body())
	}
	if n := testing.AllocsPerRun(200, serve); n != 0 {
		t.Errorf("serving a hit allocates %v times, want 0", n)
	}
}

func TestAnsweringAHitDirectlyDoesNotAllocate(t *testing.T) {
	s, c := directServer()
	sent := []byte(boto3Request)
	var last directness
	n := testing.AllocsPerRun(200, func() { last = s.direct(c, sent, maxHeader) })
	if last != answered || n != 0 {
		t.Errorf("a hit ends as %v with %v allocations, want %v with 0", last, n, answered)
	}
}
