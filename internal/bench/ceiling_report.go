package main

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
)

// report prints every side's figures and then the ratios that are owed.
func (p *ceilingPart) report(out io.Writer) {
	fmt.Fprintf(out, "%s: %d connections, %d requests in turn at random, servers on core %d, the client on core %d\n",
		p.workload.about, ceilingConns, len(p.requests), serverCore, runtime.NumCPU()-1)
	for _, c := range p.sides {
		row(out, c.name+": server's CPU a request, us", p.got[c.name+" cpu"], "")
		row(out, "  requests a second, closed loop", p.got[c.name+" rate"], "")
		row(out, "  share of its core that the client then needs", p.got[c.name+" client"], "")
		row(out, fmt.Sprintf("  p50 from when it was due, in the last round at %.0f/s, us", c.paced), p.got[c.name+" p50"], "")
		row(out, "  p99, median of a round's stretches", p.got[c.name+" p99"], "")
	}
	row(out, "late by the client's own fault, p99 of a stretch, us", p.got["late"], "")
	row(out, "  in the worst stretch of a round", p.got["most late"], "")
	row(out, "stolen by the host in a stretch, all cores, ms", p.got["stolen"], "")
	row(out, "  in the worst stretch of a round", p.got["most stolen"], "")
	for _, what := range p.missing {
		fmt.Fprintln(out, " ", what)
	}
	p.workload.rows(p, out)
}

// cheaper prints how many requests a side answers for the CPU that another one uses for one.
func (p *ceilingPart) cheaper(out io.Writer, what, side, than string, owed float64) {
	ratio := p.got.over(than+" cpu", side+" cpu")
	verdict := ""
	if owed > 0 {
		verdict = atLeast(ratio, owed)
	}
	row(out, fmt.Sprintf("%s: %s ÷ %s, requests per CPU second", what, side, than), ratio, verdict)
	row(out, "  rate, closed loop", p.got.over(side+" rate", than+" rate"), "")
}

// latency prints the latency at half of capacity as a multiple of another side's.
func (p *ceilingPart) latency(out io.Writer, what, side, than string, allowed float64) {
	ratio := p.got.over(side+" p99", than+" p99")
	verdict := ""
	if allowed > 0 {
		verdict = atMost(ratio, allowed)
	}
	row(out, fmt.Sprintf("%s: %s ÷ %s, p99 at half of capacity", what, side, than), ratio, verdict)
	row(out, "  p50", p.got.over(side+" p50", than+" p50"), "")
}

// reportGetItem prints rows 1, 3 and 7.
func (p *ceilingPart) reportGetItem(out io.Writer) {
	bare, slow := bareKinds[0], bareKinds[1]
	p.cheaper(out, "row 1", hitSide, bare, 0.88)
	p.cheaper(out, "row 1", scrapedSide, bare, 0.88)
	p.cheaper(out, "beside", hitSide, slow, 0)
	p.latency(out, "row 3", hitSide, bare, 1.3)
	p.latency(out, "row 3", scrapedSide, bare, 1.3)
	p.cheaper(out, "row 7", hitSide, redisSide, 0.60)
	p.cheaper(out, "row 7", hitSide, cachedSide, 0.60)
}

// reportQuery prints row 5.
func (p *ceilingPart) reportQuery(out io.Writer) {
	bare, slow := bareKinds[0], bareKinds[1]
	p.cheaper(out, "row 5", hitSide, bare, 0.90)
	p.cheaper(out, "row 5", scrapedSide, bare, 0.90)
	p.cheaper(out, "beside", hitSide, slow, 0)
	p.latency(out, "beside", hitSide, bare, 0)
}

// reportBatch prints row 6.
func (p *ceilingPart) reportBatch(out io.Writer) {
	ratio := p.got.over(batchSide+" cpu", hitSide+" cpu")
	for i := range ratio {
		ratio[i] /= batchKeys
	}
	row(out, fmt.Sprintf("row 6: BatchGetItem of %d ÷ %d GetItems, CPU", batchKeys, batchKeys), ratio, atMost(ratio, 0.25))
}

// owedHits is what row 9 owes against each peer.
var owedHits = map[string]float64{"dynalite": 10, "dynamodb-local": 10, "dynoxide": 1.5}

// reportPeers prints row 9.
func (p *ceilingPart) reportPeers(out io.Writer) {
	names := slices.Sorted(maps.Keys(owedHits))
	for _, name := range slices.Sorted(maps.Keys(p.s.peers)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if _, named := p.s.peers[name]; !named {
			fmt.Fprintf(out, "  row 9: %s: not measured, no -peer %s=URL,PID was given\n", name, name)
			continue
		}
		ratio := p.got.over(hitSide+" rate", name+" rate")
		verdict := ""
		if owed := owedHits[name]; owed > 0 {
			verdict = atLeast(ratio, owed)
		}
		row(out, fmt.Sprintf("row 9: %s ÷ %s, rate", hitSide, name), ratio, verdict)
		row(out, "  requests per CPU second", p.got.over(name+" cpu", hitSide+" cpu"), "")
	}
}
