package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"time"
)

// ack is an acknowledged version of an item.
type ack struct {
	version int64
	at      instant
	// overwritten is when, at the earliest, a later version was acknowledged.
	overwritten instant
}

// never is later than any run.
const never = instant(1<<63 - 1)

// judgement is what a run came to.
type judgement struct {
	load  *load
	bound [numKinds]time.Duration
	// ages are the stale answers' ages by kind, too old those beyond the bound, unseen own writes that a later read did
	// not show, short pages that lacked items.
	ages            [numKinds][]time.Duration
	tooOld          [numKinds]int
	oldBy           map[string]int // how those were answered
	oldItems        map[int]bool   // and which items they show too old
	unseen, short   int
	reads           [numKinds]int
	words           [numKinds]map[string]int
	hits, omniscent [numKinds]int
	// lively are the omniscient cache's hits that it would have if it kept a page for no longer than delta.
	lively [numKinds]int
	first  string
}

// judge looks at every answer.
func judge(l *load, o *options, v variant) *judgement {
	j := &judgement{load: l, oldBy: map[string]int{}, oldItems: map[int]bool{}}
	j.bound = [numKinds]time.Duration{o.delta, o.delta, o.delta + v.indexLag + 200*time.Millisecond}
	for k := range numKinds {
		j.words[k] = map[string]int{}
	}
	history, own := map[int][]ack{}, map[int][]ack{}
	for _, w := range l.writes {
		history[w.item] = append(history[w.item], ack{version: w.version, at: w.to})
		if w.own {
			own[w.item] = append(own[w.item], ack{version: w.version, at: w.to})
		}
	}
	for _, list := range history {
		sort.Slice(list, func(a, b int) bool { return list[a].version < list[b].version })
		next := never
		for i := len(list) - 1; i >= 0; i-- {
			list[i].overwritten = next
			next = min(next, list[i].at)
		}
	}
	for _, list := range own {
		sort.Slice(list, func(a, b int) bool { return list[a].at < list[b].at })
		for i := 1; i < len(list); i++ {
			list[i].version = max(list[i].version, list[i-1].version)
		}
	}
	for _, r := range l.reads {
		j.reads[r.kind]++
		j.words[r.kind][r.word]++
		if r.hit {
			j.hits[r.kind]++
		}
		if r.kind == readPage && len(r.shown) != pageItems {
			j.short++
			j.note("a page of partition %d shows %d items", r.key, len(r.shown))
		}
		oldest := time.Duration(0)
		for _, s := range r.shown {
			if at := overwrittenAt(history[s.item], s.version); at < r.from {
				oldest = max(oldest, r.from-at)
				if r.from-at > j.bound[r.kind] {
					j.oldItems[s.item] = true
				}
			}
			if r.kind == readIndex {
				continue // an index promises no reading of one's own writes
			}
			if want := ownBefore(own[s.item], r.from); s.version < want {
				j.unseen++
				j.note("%s %d at %v shows version %d of item %d, after own write %d was acknowledged", kindNames[r.kind], r.key, r.from, s.version, s.item, want)
			}
		}
		if oldest > 0 {
			j.ages[r.kind] = append(j.ages[r.kind], oldest)
		}
		if oldest > j.bound[r.kind] {
			j.tooOld[r.kind]++
			j.oldBy[r.word]++
			j.note("%s %d at %v is %v old", kindNames[r.kind], r.key, r.from, oldest)
		}
	}
	j.omniscient()
	return j
}

// note keeps the first thing that is wrong.
func (j *judgement) note(format string, args ...any) {
	if j.first == "" {
		j.first = fmt.Sprintf(format, args...)
	}
}

// overwrittenAt is when a version, known or not, was surely no longer current.
func overwrittenAt(list []ack, version int64) instant {
	i := sort.Search(len(list), func(i int) bool { return list[i].version > version })
	if i == len(list) {
		return never
	}
	return min(list[i].at, list[i].overwritten)
}

// ownBefore is the greatest own version acknowledged before a time; list is by time.
func ownBefore(list []ack, at instant) int64 {
	i := sort.Search(len(list), func(i int) bool { return list[i].at >= at })
	if i == 0 {
		return 0
	}
	return list[i-1].version
}

// place is one thing that is cached.
type place struct {
	kind kind
	key  int
}

// event is a write, the begin of a read or its end, in the order of time.
type event struct {
	at   instant
	step int // at one time ends come before writes, and writes before begins
	read *read
	end  bool
	hurt []place
}

// omniscient counts the hits of a cache that knows of every write in the moment it is acknowledged, ends exactly the
// entries that it changes, and is filled by the same reads.
func (j *judgement) omniscient() {
	var events []event
	for i := range j.load.reads {
		r := &j.load.reads[i]
		events = append(events, event{at: r.from, step: 2, read: r}, event{at: r.to, step: 0, read: r, end: true})
	}
	for _, w := range j.load.writes {
		e := event{at: w.to, step: 1}
		if !w.own {
			// An own write brings its image.
			e.hurt = append(e.hurt, place{readItem, w.item})
		}
		if w.item%itemsEach < pageItems {
			e.hurt = append(e.hurt, place{readPage, w.item / itemsEach})
		}
		e.hurt = append(e.hurt, place{readIndex, w.group}, place{readIndex, w.to2})
		events = append(events, e)
	}
	slices.SortFunc(events, func(a, b event) int {
		if a.at != b.at {
			return int(min(max(a.at-b.at, -1), 1))
		}
		return a.step - b.step
	})
	cached, hurtAt := map[place]instant{}, map[place]instant{} // since when, and when it was last changed
	for _, e := range events {
		if e.read == nil {
			for _, p := range e.hurt {
				delete(cached, p)
				hurtAt[p] = e.at
			}
			continue
		}
		p := place{e.read.kind, e.read.key}
		switch {
		case !e.end:
			from, known := cached[p]
			if e.read.known = known; known {
				j.omniscent[p.kind]++
			}
			if e.read.lively = known && e.read.from-from <= j.load.o.delta; e.read.lively {
				j.lively[p.kind]++
			}
		case hurtAt[p] < e.read.from || hurtAt[p] == 0:
			if from, known := cached[p]; !known || e.read.from-from > j.load.o.delta {
				cached[p] = e.read.from
			}
		}
	}
}

// The shares of an omniscient cache's hits that are owed.
var owed = [numKinds]float64{0.95, 0.85, 0.70}

// share is how many hits there were of those an omniscient cache has.
func (j *judgement) share(k kind) float64 {
	if j.omniscent[k] == 0 {
		return 1
	}
	return float64(j.hits[k]) / float64(j.omniscent[k])
}

// leastKnown is how many hits of an omniscient cache's it takes for a judgement of a kind.
const leastKnown = 50

// useful reports whether the hits of a kind are not fewer than that part of an omniscient cache's by more than chance explains: on a slow machine
// there are few of them. Each read is worth what it has beyond what is owed for it, and the sum is held against three times its own spread.
func (j *judgement) useful(k kind, part float64) bool {
	var sum, squares float64
	for i := range j.load.reads {
		r := &j.load.reads[i]
		if r.kind != k {
			continue
		}
		beyond := 0.0
		if r.hit {
			beyond = 1
		}
		if j.owes(r) {
			beyond -= part
		}
		sum += beyond
		squares += beyond * beyond
	}
	return sum >= -3*math.Sqrt(squares)
}

// owes reports whether r should have been a hit. A page of an index that may lack a write is served for delta only, which is many reads on a machine that
// has room for the load, and may be none on one that has not; there only those count which come within that time.
func (j *judgement) owes(r *read) bool {
	if r.kind == readIndex && j.starved() {
		return r.lively
	}
	return r.known
}

// starved reports whether the foreign writes did not come about as they should have: the machine had other things to do.
func (j *judgement) starved() bool {
	done := int(j.load.appended.Load())
	for i := range j.load.writes {
		if !j.load.writes[i].own {
			done++
		}
	}
	return float64(done) < 0.9*float64(j.load.o.rate)*j.load.o.duration.Seconds()
}

// buckets are the bounds of the staleness histogram.
var buckets = []time.Duration{10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second}

// print tells everything.
func (j *judgement) print(out io.Writer) {
	l := j.load
	fmt.Fprintf(out, "%d reads (%d failed), %d writes acknowledged (%d not), %d appends in %v\n",
		len(l.reads), l.failedReads.Load(), len(l.writes), l.failedWrites.Load(), l.appended.Load(), l.o.duration)
	for k := range numKinds {
		n := max(1, j.reads[k])
		fmt.Fprintf(out, "%-13s %7d reads, hits %.3f, of an omniscient cache's %.3f (owed %.2f); older than %v: %d\n",
			kindNames[k], j.reads[k], float64(j.hits[k])/float64(n), j.share(k), owed[k], j.bound[k], j.tooOld[k])
		fmt.Fprintf(out, "  answered by: %v\n", j.words[k])
		ages := j.ages[k]
		slices.Sort(ages)
		line, from := "", 0
		for _, b := range buckets {
			to := sort.Search(len(ages), func(i int) bool { return ages[i] > b })
			line += fmt.Sprintf("  <=%v %d", b, to-from)
			from = to
		}
		longest := time.Duration(0)
		if len(ages) > 0 {
			longest = ages[len(ages)-1]
		}
		fmt.Fprintf(out, "  staleness: current %d%s  more %d; oldest %v\n", j.reads[k]-len(ages), line, len(ages)-from, longest.Round(time.Millisecond))
	}
	if k := readIndex; j.starved() {
		fmt.Fprintf(out, "the machine had no room for the load: of index queries only those count that came within %v, of which an omniscient cache has %d hits\n", l.o.delta, j.lively[k])
	}
	fmt.Fprintf(out, "own writes not seen: %d; short pages: %d\n", j.unseen, j.short)
}

// err is what is not as it was promised.
func (j *judgement) err(v variant) error {
	var errs []error
	for k := range numKinds {
		if j.tooOld[k] > 0 {
			errs = append(errs, fmt.Errorf("%d %s are older than %v", j.tooOld[k], kindNames[k], j.bound[k]))
		}
		switch {
		case !v.useful || v.lenient && k == readIndex:
		case j.omniscent[k] < leastKnown:
			errs = append(errs, fmt.Errorf("%s would be hits of an omniscient cache %d times, which is too few to judge; let it take longer", kindNames[k], j.omniscent[k]))
		case !j.useful(k, owed[k]*j.load.o.owed):
			errs = append(errs, fmt.Errorf("%s have %.3f of an omniscient cache's hits, %.2f are owed", kindNames[k], j.share(k), owed[k]))
		}
		if j.reads[k] == 0 {
			errs = append(errs, fmt.Errorf("no %s were answered", kindNames[k]))
		}
	}
	if j.unseen > 0 || j.short > 0 {
		errs = append(errs, fmt.Errorf("%d own writes were not seen, %d pages were short", j.unseen, j.short))
	}
	if len(errs) > 0 && j.first != "" {
		errs = append(errs, errors.New("first: "+j.first))
	}
	if len(j.oldItems) > 0 {
		errs = append(errs, fmt.Errorf("what is too old is of %d items, answered by %v", len(j.oldItems), j.oldBy))
	}
	return errors.Join(errs...)
}
