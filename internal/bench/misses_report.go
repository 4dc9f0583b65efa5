package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// addedOverAll is how much longer a quantile of all requests that count was on a way than directly, in microseconds.
func (p *missesPart) addedOverAll(operation, way, at string, q float64) []float64 {
	direct, through := p.all[figure(operation, directWay, at)], p.all[figure(operation, way, at)]
	if len(direct) == 0 || len(through) == 0 {
		return nil
	}
	return []float64{micros(quantile(slices.Sorted(slices.Values(through)), q) - quantile(slices.Sorted(slices.Values(direct)), q))}
}

// less subtracts, round by round, one figure from another.
func (s samples) less(a, b string) []float64 {
	n := min(len(s[a]), len(s[b]))
	rest := make([]float64, 0, n)
	for i := range n {
		rest = append(rest, s[a][i]-s[b][i])
	}
	return rest
}

// report prints rows 15 and 16 of the targets.
func (p *missesPart) report(out io.Writer) {
	fmt.Fprintf(out, "A miss and a write before an upstream that takes %v (%d clients closed loop, %d open loop, poisson arrivals)\n", stubDelay, closedClients, pacedClients)
	fmt.Fprintf(out, "A round's figure is of all requests in %d stretches of %v of each way, in turns, but for those due up to %v before a core was away for\n"+
		"%v or more, or up to %v and %d times as long after: they are left out on all ways. %.0f %% of the time is left.\n",
		missStretches, p.s.span/missStretches, spoiltBefore, leastAbsence, spoiltAfter, spoiltByBacklog, 100*p.kept.Seconds()/p.measured.Seconds())
	if p.blind != nil {
		fmt.Fprintf(out, "Nothing is left out, for cores cannot be looked after here: %v.\n", p.blind)
	}
	for _, w := range missCalls {
		p.reportRates(out, w.operation)
		for _, share := range missLoads {
			p.reportLatency(out, w.operation, share)
		}
	}
	p.reportFloor(out)
	for _, at := range []func(float64) string{atShare, atOwnShare} {
		for _, share := range missLoads {
			for _, way := range p.ways {
				if late := p.got[figure(way.name, "late", at(share))]; len(late) > 0 {
					row(out, fmt.Sprintf("stub's answers late %s %s, p99, us", way.name, at(share)), late, "")
					row(out, "  clients ready without a core, ms a second", p.got[figure(way.name, "starved", at(share))], "")
				}
			}
		}
	}
	for _, way := range p.ways {
		if way.log != "" {
			reportCollections(out, way)
		}
	}
}

// reportRates prints row 16 for an operation.
func (p *missesPart) reportRates(out io.Writer, op string) {
	rate := func(way string) string { return figure(op, way, "rate") }
	ratio := p.got.over(rate(millraceWay), rate(directWay))
	row(out, op+": rate through millrace / direct", ratio, atLeast(ratio, 0.90))
	row(out, "  through the forwarder / direct", p.got.over(rate(forwarderWay), rate(directWay)), "")
	row(out, "  through millrace / the forwarder", p.got.over(rate(millraceWay), rate(forwarderWay)), "")
	if p.s.before != "" {
		row(out, "  through the one before / direct", p.got.over(rate(beforeWay), rate(directWay)), "")
		row(out, "  through millrace / the one before", p.got.over(rate(millraceWay), rate(beforeWay)), "")
	}
	row(out, "  direct, a second", p.got[rate(directWay)], "")
	for _, way := range p.ways[1:] {
		row(out, "  CPU a request, "+way.name+", us", p.got[figure(op, way.name, "cpu")], "")
	}
	row(out, fmt.Sprintf("  millrace's capacity, %d clients closed loop, a second", pacedClients), p.got[op+" capacity"], "")
}

// reportLatency prints row 15 for an operation at a share of capacity.
func (p *missesPart) reportLatency(out io.Writer, op string, share float64) {
	at := atShare(share)
	for _, q := range []struct {
		name  string
		limit float64
	}{{"p50", 100}, {"p99", 400}} {
		added := func(way string) string { return figure(op, way, "added", q.name, at) }
		row(out, fmt.Sprintf("%s: added to %s %s of capacity, us", op, q.name, at), p.got[added(millraceWay)], atMost(p.got[added(millraceWay)], q.limit))
		row(out, "  by the forwarder", p.got[added(forwarderWay)], "")
		row(out, "  by millrace beyond the forwarder's", p.got.less(added(millraceWay), added(forwarderWay)), "")
		if p.s.before != "" {
			row(out, "  by the one before", p.got[added(beforeWay)], "")
			row(out, "  by millrace beyond the one before's", p.got.less(added(millraceWay), added(beforeWay)), "")
		}
		for _, way := range p.ways[1:] {
			row(out, "  over all requests that count, by "+way.name, p.addedOverAll(op, way.name, at, missQuantiles[q.name]), "")
		}
		row(out, fmt.Sprintf("  %s direct, us", q.name), p.got[figure(op, directWay, q.name, at)], "")
	}
	for _, way := range p.ways[1:] {
		row(out, "  CPU a request, "+way.name+", us", p.got[figure(op, way.name, "cpu", at)], "")
		row(out, "  cores that it used", p.got[figure(op, way.name, "busy", at)], "")
		row(out, "  it was ready and had no core, ms a second", p.got[figure(op, way.name, "waited", at)], "")
	}
}

// reportFloor prints what the machine leaves to a process that does nothing, at shares of what gets through that.
func (p *missesPart) reportFloor(out io.Writer) {
	fmt.Fprintf(out, "The forwarder at shares of what %d clients in a closed loop get through it. Where it used less than its core then, it is they and\n"+
		"the stub that do no more, and its own capacity is above that. The cores that it used are to be held against millrace's.\n", pacedClients)
	for _, op := range floorCalls {
		row(out, fmt.Sprintf("%s through the forwarder, %d clients closed loop, a second", op, pacedClients), p.got[figure(op, "most")], "")
		row(out, "  cores that it used", p.got[figure(op, "most busy")], "")
		row(out, "  cores that clients and stub used", p.got[figure(op, "most clients")], "")
		for _, share := range missLoads {
			at := atOwnShare(share)
			for _, q := range []string{"p50", "p99"} {
				row(out, fmt.Sprintf("%s: added to %s %s, us", op, q, at), p.got[figure(op, forwarderWay, "added", q, at)], "")
				row(out, "  over all requests that count", p.addedOverAll(op, forwarderWay, at, missQuantiles[q]), "")
				row(out, fmt.Sprintf("  %s direct, us", q), p.got[figure(op, directWay, q, at)], "")
			}
			row(out, "  CPU a request, us", p.got[figure(op, forwarderWay, "cpu", at)], "")
			row(out, "  cores that it used", p.got[figure(op, forwarderWay, "busy", at)], "")
			row(out, "  it was ready and had no core, ms a second", p.got[figure(op, forwarderWay, "waited", at)], "")
		}
	}
}

// reportCollections prints what a millrace's collector did.
func reportCollections(out io.Writer, way *missWay) {
	c, err := collectionsIn(way.log, way.from)
	if err != nil || c.count == 0 {
		fmt.Fprintf(out, "  collections of garbage, %s: none told (%v)\n", way.name, err)
		return
	}
	span := time.Since(way.started) - way.from
	fmt.Fprintf(out, "  collections of garbage, %s: %d in %v, by the clock %.1f ms each and %.2f %% of the time, %.1f ms of CPU each; %d MB live after the last\n",
		way.name, c.count, span.Round(time.Second), millis(c.clock)/float64(c.count), 100*c.clock.Seconds()/span.Seconds(), millis(c.cpu)/float64(c.count), c.live)
}
