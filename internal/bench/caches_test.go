package main

import (
	"math"
	"strings"
	"testing"
)

// A run that the machine has no memory for says so before it starts anything, and what is asked for with many entries is not judged with
// few, of whose memory an idle process is most.
func TestCachesAreMeasuredWhereThereIsRoom(t *testing.T) {
	t.Parallel()
	if _, known := availableMemory(); known {
		var out strings.Builder
		err := measureCaches(t.Context(), &settings{entries: math.MaxInt64 / neededPerEntry}, &out)
		if err == nil || !strings.Contains(err.Error(), "-entries") || out.Len() > 0 {
			t.Errorf("more entries than fit: %v, printed %q; want an error that names -entries, and nothing", err, out.String())
		}
	}
	if err := roomFor(fewEntries); err != nil {
		t.Errorf("roomFor(%d): %v", fewEntries, err)
	}
	short := []float64{2}
	if got := owedOfMany(targetEntries-1, atMost(short, 1.7)); strings.Contains(got, "SHORT") {
		t.Errorf("verdict on too few entries: %q", got)
	}
	if got := owedOfMany(targetEntries, atMost(short, 1.7)); !strings.Contains(got, "SHORT") {
		t.Errorf("verdict on %d entries: %q, want that it falls short", targetEntries, got)
	}
}
