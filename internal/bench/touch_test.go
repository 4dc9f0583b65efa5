package main

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"millrace/internal/units"
)

func TestTouchTellsHowLongItTook(t *testing.T) {
	t.Parallel()
	start := time.Now()
	took, longest, err := touch(t.Context(), 8<<20+1)
	if all := time.Since(start); err != nil || longest <= 0 || longest > took || took > all {
		t.Errorf("touch of 8 MiB and a byte gives %v, the longest %v, %v; it took %v", took, longest, err, all)
	}
}

func TestTouchRefusesWhatThereIsNot(t *testing.T) {
	t.Parallel()
	if most, ok := availableMemory(); ok && (most < 1<<20 || most > math.MaxInt64/2) {
		t.Errorf("available are %v", most)
	}
	for size, want := range map[units.Bytes]string{1 << 46: "-touch", 1 << 62: "memory"} {
		if _, _, err := touch(t.Context(), size); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("touch of %v gives %v, want %q", size, err, want)
		}
	}
}

func TestTouchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if took, _, err := touch(ctx, 1<<20); !errors.Is(err, context.Canceled) || took != 0 {
		t.Errorf("touch gives %v, %v after the end of its context", took, err)
	}
}
