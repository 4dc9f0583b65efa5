package stream

import (
	"time"

	"millrace/cache/coherence"
)

// tipEmpties is how many empty answers in a row prove that a shard has been read to its tip. One does not: an answer
// may be empty although there is more. (API Reference, GetRecords: "it might take multiple calls".)
const tipEmpties = 3

// iterate asks for an iterator of s where it was left.
func (t *Tailer) iterate(s *shard, delay time.Duration) {
	a := Action{Kind: Iterate, Shard: s.id, From: s.from, Delay: delay}
	switch {
	case s.last != "" && t.rules.Resume:
		a.From, a.Sequence = After, s.last
	case s.last != "":
		a.From = Latest
	}
	s.iterator = ""
	t.do(a)
}

// positioned takes an iterator.
func (t *Tailer) positioned(e Event) {
	s := t.shards[e.Of.Shard]
	switch {
	case s == nil || s.phase != reading:
	case e.Failure == None && e.Of.From == Horizon && t.began && t.rules.Kept &&
		e.Now-max(s.watermark, t.begunAt) > coherence.Time(t.config.Kept):
		// What was committed since may have been trimmed, and an iterator at the horizon does not tell.
		t.gap(e.Now, "shard "+s.id+" was come to too late")
	case e.Failure == None:
		s.fails, s.iterator, s.active = 0, e.Iterator, e.Sent
		if e.Of.From == Latest {
			s.asked = e.Sent // what it shows was not there then
		}
		if t.began {
			t.poll(s, 0)
		}
	case e.Failure == Trimmed:
		t.trimmed(e)
	case t.fail(e, &s.fails):
	default:
		if e.Failure == Gone {
			t.check(e.Now)
		}
		t.gap(e.Now, "the position in shard "+s.id+" was refused")
	}
}

// trimmed is what follows when records are gone that were not read (R32).
func (t *Tailer) trimmed(e Event) {
	s := t.shards[e.Of.Shard]
	if t.rules.Trim {
		t.gap(e.Now, "records of shard "+s.id+" were trimmed before they were read")
		return
	}
	s.last, s.from = "", Latest
	t.iterate(s, 0)
}

// read takes the answer to a read.
func (t *Tailer) read(e Event) {
	s := t.shards[e.Of.Shard]
	switch {
	case s == nil || s.phase != reading:
	case e.Failure == None:
		t.page(s, e)
	case e.Failure == Trimmed:
		t.trimmed(e)
	case e.Failure == Gone:
		t.check(e.Now)
		t.gap(e.Now, "shard "+s.id+" is gone")
	case t.fail(e, &s.fails):
	case s.last == "" && s.from == Latest && t.rules.Expired:
		// What came in since the iterator cannot be found again.
		t.gap(e.Now, "the iterator of shard "+s.id+" expired before it had shown a record")
	default:
		s.tip, s.empties = false, 0
		t.iterate(s, t.backoff(s.fails))
	}
}

// page takes what was read of s.
func (t *Tailer) page(s *shard, e Event) {
	p := &e.Page
	t.lag.Learn(e.Now, t.lags(s, e))
	if s.fails > 0 && t.rules.Failed {
		s.tip, s.empties = false, 0 // R33
	}
	s.fails, s.iterator = 0, p.Next
	if p.Records > 0 {
		s.last, s.active = p.Last, e.Sent
	}
	s.watermark = max(s.watermark, t.claim(s, e))
	if !p.Full && (s.tip || p.Records > 0) { // R33
		s.asked = e.Sent
	}
	if p.Next == "" {
		t.end(s, e.Now)
		return
	}
	t.poll(s, t.pause(s, e))
}

// lags are the lags of the stream that an answer's echoes prove. What L must cover is how long ago a write was acknowledged
// when a read was sent that could have shown it and did not: whatever passes between that read and the next, an outage, a
// slow answer, a node that stands still, a backlog, claims nothing and is no lag of the stream's. By as much as the planned
// time between two reads it may have been more. A write from before coverage began tells nothing: its record may have been
// among those that were missed, and this one be of somebody else who left the same.
func (t *Tailer) lags(s *shard, e Event) (out []time.Duration) {
	for _, d := range e.Page.Echoes {
		acked := e.Now - coherence.Time(d)
		if lag := time.Duration(s.asked-acked) + t.config.Idle; s.asked > 0 && lag > 0 && acked >= t.begunAt {
			out = append(out, min(d, lag))
		}
	}
	return out
}

// claim is up to when every commit to s is applied, as this answer proves it.
func (t *Tailer) claim(s *shard, e Event) coherence.Time {
	sent, lag := e.Sent, coherence.Time(t.lag.Bound())
	if !t.rules.Send {
		sent = e.Now
	}
	if !t.rules.Lag {
		lag = 0
	}
	if e.Page.Records > 0 {
		// R33: there may be more. What was committed long enough before the last record was in the shard before it.
		s.tip, s.empties = false, 0
		at := t.dates.local(e, &t.rules)
		if !t.rules.Seconds {
			at += coherence.Time(time.Second)
		}
		if !t.rules.Records {
			at = sent
		}
		return min(at, sent) - lag
	}
	if e.Page.Next == "" && t.rules.End {
		return 0 // R30
	}
	s.empties++
	if s.tip || s.empties >= tipEmpties || !t.rules.Tip {
		s.tip = true
		return sent - lag
	}
	return 0
}

// pause is the time until the next read of s.
func (t *Tailer) pause(s *shard, e Event) time.Duration {
	p := &e.Page
	if p.Full || p.Records > 0 && t.dates.age(e) > t.lag.Bound()+behind {
		return 0 // catching up
	}
	quiet := time.Duration(e.Sent - s.active)
	pause := min(max(quiet/10, t.config.Poll), max(t.config.Idle, t.config.Poll))
	if t.config.Reads > 0 {
		pause = max(pause, time.Duration(t.reading())*time.Second/time.Duration(t.config.Reads))
	}
	return pause
}

// behind is how old records are, beyond the stream's lag, that tell that there are more. Dates are cut to the second.
const behind = 2 * time.Second

// reading is how many shards are read.
func (t *Tailer) reading() int {
	n := 0
	for _, s := range t.shards {
		if s.phase == reading {
			n++
		}
	}
	return n
}

// poll reads s after a pause.
func (t *Tailer) poll(s *shard, pause time.Duration) {
	t.do(Action{Kind: Read, Shard: s.id, Iterator: s.iterator, Delay: pause})
}

// advance raises the table's watermark to that of the shard which is furthest behind: which shard an item is in is not
// known.
func (t *Tailer) advance() {
	if !t.began {
		return
	}
	low, leaves := coherence.Time(0), 0
	for _, s := range t.shards {
		if s.phase != reading && s.phase != ended {
			continue
		}
		if leaves == 0 || s.watermark < low == t.rules.Min {
			low = s.watermark
		}
		leaves++
	}
	if low > t.watermark {
		t.watermark = low
		t.do(Action{Kind: Advance, Watermark: low})
	}
}

// dates puts the upstream's dates on the local clock. The two clocks may differ, and be set. A record was there when it
// was read, so the least distance seen between date and reading bounds how late a date can be taken to be (R40).
type dates struct {
	// least are the least distances of the last hour or two, before and after since.
	least [2]coherence.Time
	since coherence.Time
}

// datesWindow is how long a distance counts: a clock that was wrong once must not count for ever.
const datesWindow = coherence.Time(time.Hour)

// local is the date of the last record of a page on the local clock: the earlier of what the time of day and what the nearest
// record make of it. The one is wrong where a clock is, the other where every record was read late.
func (d *dates) local(e Event, rules *Rules) coherence.Time {
	created := coherence.Time(e.Page.Created)
	distance := e.Now - created
	switch {
	case d.since == 0:
		d.least, d.since = [2]coherence.Time{distance, distance}, max(e.Now, 1)
	case e.Now-d.since >= datesWindow:
		d.least, d.since = [2]coherence.Time{d.least[1], distance}, e.Now
	}
	d.least[1] = min(d.least[1], distance)
	byWall, byNearest := e.Now-coherence.Time(e.Page.Wall-e.Page.Created), created+min(d.least[0], d.least[1])
	switch {
	case !rules.Wall:
		return byNearest
	case !rules.Nearest:
		return byWall
	}
	return min(byWall, byNearest)
}

// age is how much older the last record of a page is than the youngest ever was when it was read. The time of day is
// not asked: one that is wrong must not make a reader hurry for ever.
func (d *dates) age(e Event) time.Duration {
	if e.Page.Created == 0 {
		return 0
	}
	return time.Duration(e.Now - coherence.Time(e.Page.Created) - min(d.least[0], d.least[1]))
}
