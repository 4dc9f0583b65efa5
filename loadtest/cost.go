package loadtest

import (
	"fmt"
	"strings"
	"time"

	"millrace/internal/amazon"
)

// List prices in US dollars, on demand, Standard table class, region US East (N. Virginia), as of 2024-11-01, when they
// were last changed. (https://aws.amazon.com/dynamodb/pricing/on-demand/, and "New – Amazon DynamoDB lowers pricing for on-demand
// throughput and global tables", AWS Database Blog, 2024-11.)
const (
	dollarsPerMillionReads  = 0.125
	dollarsPerMillionWrites = 0.625
	priceDate               = "2024-11-01"
	priceSource             = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
)

// cost is about what a run takes at Amazon.
type cost struct{ reads, writes float64 }

// dollars is its list price.
func (c cost) dollars() float64 {
	return c.reads/1e6*dollarsPerMillionReads + c.writes/1e6*dollarsPerMillionWrites
}

// expectedCost is of loading and of all requests that are planned, at one target. What a search takes is not known before.
func (c *Config) expectedCost() (cost, error) {
	if c.Replay != nil {
		return c.Replay.cost(), nil
	}
	m, err := c.Workload.compile(c.Prefix, c.Scale)
	if err != nil {
		return cost{}, err
	}
	var load, one cost
	if !c.Reuse {
		for _, k := range m.kinds {
			load.writes += float64(k.count()) * itemWriteUnits(k)
		}
	}
	weights := 0.0
	for _, s := range m.steps {
		r, w := s.verb.units(s)
		one.reads += s.weight * r
		one.writes += s.weight * w
		weights += s.weight
	}
	n := c.Rate * (c.Duration + c.Warmup).Seconds() / float64(len(c.Targets)) / weights
	return cost{load.reads + one.reads*n, load.writes + one.writes*n}, nil
}

// spending says what a run costs at the targets that are Amazon's; empty if none is.
func (c *Config) spending() (string, error) {
	var names []string
	for _, t := range c.Targets {
		if amazon.Has(t.URL) {
			names = append(names, t.URL)
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	each, err := c.expectedCost()
	if err != nil {
		return "", err
	}
	n := float64(len(names))
	said := fmt.Sprintf("%s: Amazon charges for requests. Expected: about %.0f write units and %.0f read units, loading included, which is USD %.2f "+
		"at on-demand list prices of US East (N. Virginia) as of %s (%s). Storage, streams, data transfer, other regions' prices and taxes come on top.",
		strings.Join(names, ", "), n*each.writes, n*each.reads, n*each.dollars(), priceDate, priceSource)
	if len(c.Goals) > 0 {
		said += fmt.Sprintf(" This is for %v at %.0f requests a second; a search takes as long as it takes, and at rates up to the one it finds: bound it with --time-limit.",
			(c.Duration + c.Warmup).Round(time.Second), c.Rate)
	}
	return said, nil
}
