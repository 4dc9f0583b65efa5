package loadtest

import (
	"bufio"
	"fmt"
	"io"
)

// WriteHgrm writes a target's latency as HdrHistogram's tools read it, in milliseconds. (HdrHistogram, "Histogram
// percentile distribution": outputPercentileDistribution.)
func (l *Latency) WriteHgrm(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")
	for _, p := range l.Curve {
		q := p[0] / 100
		count := int64(q*float64(l.Count) + 0.5)
		if q < 1 {
			fmt.Fprintf(b, "%12.3f %2.12f %10d %14.2f\n", p[1]/1e3, q, count, 1/(1-q))
		} else {
			fmt.Fprintf(b, "%12.3f %2.12f %10d\n", p[1]/1e3, q, count)
		}
	}
	fmt.Fprintf(b, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", l.Mean/1e3, l.Deviation/1e3)
	fmt.Fprintf(b, "#[Max     = %12.3f, Total count    = %12d]\n", l.Max/1e3, l.Count)
	// From 100 ns to 10 min to three digits: 2048 counters to a doubling.
	fmt.Fprintf(b, "#[Buckets = %12d, SubBuckets     = %12d]\n", 24, 2048)
	return b.Flush()
}
