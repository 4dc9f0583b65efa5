package loadtest

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"time"
)

func TestNothingIsSentToAmazonUnasked(t *testing.T) {
	t.Parallel()
	w, err := LoadWorkload("ycsb-b")
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Targets = []Target{{"aws", "https://dynamodb.us-east-1.amazonaws.com"}}
	c.Workload, c.Rate, c.Duration, c.Warmup = w, 1000, 80*time.Second, 20*time.Second
	_, err = Run(t.Context(), c, NewProgress(io.Discard, false))
	if _, ok := errors.AsType[*SpendError](err); !ok {
		t.Fatalf("Run = %v, want a refusal", err)
	}
	// 50000 items of 1000 bytes are a write unit each; 100000 requests are 95 % reads of half a unit and 5 % writes of one.
	// 55000 writes at 0.625 and 47500 reads at 0.125 USD a million.
	for _, want := range []string{"55000 write units", "47500 read units", "USD 0.04", "2024-11-01", "https://aws.amazon.com/dynamodb/pricing/on-demand/", "--yes-spend", "Nothing was sent"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the refusal lacks %q: %v", want, err)
		}
	}
	each, err := c.expectedCost()
	if err != nil || math.Abs(each.dollars()-(55000*0.625+47500*0.125)/1e6) > 1e-9 {
		t.Errorf("expected cost is %v, %v", each.dollars(), err)
	}
	// With permission the price is said before anything is sent; a cancelled run sends nothing.
	c.Spend = true
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var said strings.Builder
	if _, err = Run(ctx, c, NewProgress(&said, false)); !errors.Is(err, ErrInterrupted) || !strings.Contains(said.String(), "USD 0.04") {
		t.Errorf("Run = %v after saying %q", err, said.String())
	}
	var op *net.OpError
	if errors.As(err, &op) {
		t.Errorf("something was sent: %v", op)
	}
}
