package stream

import (
	"testing"
	"time"

	"millrace/cache/coherence"

	"pgregory.net/rapid"
)

// A sample's bucket ends at or above it, by no more than a quarter or a millisecond.
func TestLagBucketsRoundUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "d"))
		end := lagBucketEnd(lagBucket(d))
		if end < d || end > d+max(d/4+time.Millisecond, time.Millisecond) {
			t.Fatalf("%v is counted as %v", d, end)
		}
	})
}

func TestLagIsLearnedAndForgotten(t *testing.T) {
	l := NewLag(500 * time.Millisecond)
	now := coherence.Time(time.Hour)
	if got := l.Bound(); got != 500*time.Millisecond {
		t.Errorf("Bound() = %v without samples, want the floor", got)
	}
	for range 2000 {
		l.Learn(now, []time.Duration{300 * time.Millisecond})
		now += coherence.Time(time.Millisecond)
	}
	if got := l.Bound(); got != 500*time.Millisecond && got < 450*time.Millisecond {
		t.Errorf("Bound() = %v, want about 1.5 times 300ms", got)
	}
	// Two of a thousand are too many to leave out, and one is not.
	l.Learn(now, []time.Duration{4 * time.Second})
	if got := l.Bound(); got > time.Second {
		t.Errorf("Bound() = %v after one outlier of 2000, want it left out", got)
	}
	l.Learn(now, []time.Duration{4 * time.Second, 4 * time.Second, 4 * time.Second})
	if got := l.Bound(); got < 6*time.Second || got > 8*time.Second {
		t.Errorf("Bound() = %v, want 1.5 times 4s and a little", got)
	}
	l.Learn(now+coherence.Time(59*time.Minute), nil)
	if got := l.Bound(); got < 6*time.Second {
		t.Errorf("Bound() = %v within the hour, want it kept", got)
	}
	l.Learn(now+coherence.Time(2*time.Hour), nil)
	if got := l.Bound(); got != 500*time.Millisecond || l.Samples() != 0 {
		t.Errorf("Bound() = %v with %d samples after the hour, want the floor", got, l.Samples())
	}
}

// A date that is ahead of the local clock claims no more than the moment at which its record was read.
func TestDatesDoNotTrustClocks(t *testing.T) {
	const second = coherence.Time(time.Second)
	at := func(now coherence.Time, wall, created time.Duration) Event {
		return Event{Now: now, Page: Page{Wall: int64(wall), Created: int64(created)}}
	}
	d, all := dates{}, AllRules()
	// Local time of day is right: a record of now, and one of five seconds ago.
	d.local(at(100*second, 1000*time.Second, 1000*time.Second), &all)
	if got := d.local(at(105*second, 1005*time.Second, 1000*time.Second), &all); got != 100*second {
		t.Errorf("local = %v, want 100s", got/second)
	}
	// Then it is set back by an hour: what was learned before holds.
	if got := d.local(at(110*second, 1010*time.Second-time.Hour, 1005*time.Second), &all); got != 105*second {
		t.Errorf("local = %v after the clock was set back, want 105s", got/second)
	}
	// Set ahead, dates are taken to be longer ago than they are.
	if got := d.local(at(120*second, 1020*time.Second+time.Hour, 1018*time.Second), &all); got > 118*second {
		t.Errorf("local = %v after the clock was set ahead, want no more than 118s", got/second)
	}
	// What was learned is forgotten after an hour or two.
	d.local(at(3720*second, 4620*time.Second, 4619*time.Second), &all)
	if got := d.local(at(7400*second, 8300*time.Second, 8299*time.Second), &all); got != 7399*second {
		t.Errorf("local = %v, want 7399s", got/second)
	}
}

// A lag that was shown otherwise than by a record counts for an hour, whatever records show meanwhile.
func TestLagIsRaisedForAnHour(t *testing.T) {
	l := NewLag(500 * time.Millisecond)
	now := coherence.Time(time.Hour)
	l.Raise(now, 4*time.Second)
	l.Raise(now, 2*time.Second)
	f := func(after, want time.Duration) {
		t.Helper()
		l.Learn(now+coherence.Time(after), []time.Duration{time.Millisecond})
		if got := l.Bound(); got != want {
			t.Errorf("Bound() = %v %v after it was raised by 4s, want %v", got, after, want)
		}
	}
	f(0, 6*time.Second)
	f(59*time.Minute, 6*time.Second)
	f(61*time.Minute, 500*time.Millisecond)
}
