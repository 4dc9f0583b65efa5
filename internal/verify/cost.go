package verify

import (
	"fmt"
	"strings"
)

// The list prices that an estimate goes by: DynamoDB on demand, Standard table class, us-east-1, since 1 November 2024,
// in US dollars for a million request units (aws.amazon.com/dynamodb/pricing/on-demand, and the announcement "Amazon
// DynamoDB lowers pricing for on-demand throughput", AWS Database Blog, November 2024). Other regions cost up to about
// twice as much.
const (
	dollarsPerMillionWrites = 0.625
	dollarsPerMillionReads  = 0.125
	pricesOf                = "us-east-1 on demand, list prices since 2024-11-01"
)

// Cost is the most that a run may use. The run ends rows that come to their share of it.
type Cost struct {
	Requests              int
	ReadUnits, WriteUnits float64
}

// BoundOf is the bound for one target. What tables cost besides, for existing and for the few requests that make them, is
// nothing on demand.
func BoundOf(cfg Config) Cost {
	var c Cost
	for i := range rows {
		r := &rows[i]
		if !cfg.runs(r) || r.foreign && cfg.Writer == "" {
			continue
		}
		writes, reads := r.budget(cfg)
		writeUnits, readUnits := r.units(cfg)
		c.Requests += writes + reads
		c.WriteUnits += writeUnits
		c.ReadUnits += readUnits
	}
	return c
}

// Plus is two runs.
func (c Cost) Plus(o Cost) Cost {
	return Cost{c.Requests + o.Requests, c.ReadUnits + o.ReadUnits, c.WriteUnits + o.WriteUnits}
}

// Dollars is what it costs at AWS.
func (c Cost) Dollars() float64 {
	return c.WriteUnits/1e6*dollarsPerMillionWrites + c.ReadUnits/1e6*dollarsPerMillionReads
}

// String is one line.
func (c Cost) String() string {
	return fmt.Sprintf("at most %s requests, %s read and %s write request units; at AWS at most $%.2f (%s)",
		thousands(c.Requests), thousands(int(c.ReadUnits)), thousands(int(c.WriteUnits)), c.Dollars(), pricesOf)
}

// thousands writes a number that is not negative with spaces between groups of three digits.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(digit)
	}
	return b.String()
}
