package aws

import (
	"testing"
	"time"
)

// A look that gets no answer opens the breaker when requests wait for one, and only then.
func TestBreakerOpensWhenNothingComesBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	fresh := func() *breaker {
		return &breaker{clock: func() time.Time { return now }, random: func() float64 { return 1 }}
	}
	f := func(what string, want bool, before func(b *breaker)) {
		t.Helper()
		b := fresh()
		b.watch(true)
		before(b)
		asked := now
		now = now.Add(shortestLook)
		if opened := b.unseen(asked); opened != want || b.open != want {
			t.Errorf("%s: unseen opened the breaker: %v, want %v", what, opened, want)
		}
	}
	f("one request waits", true, func(b *breaker) { b.allow() })
	f("nobody waits", false, func(*breaker) {})
	f("the only one was answered", false, func(b *breaker) { b.allow(); b.answered() })
	f("one of two was answered, before the look", false, func(b *breaker) {
		b.allow()
		b.allow()
		b.answered() // and looks were never answered, so that they tell nothing
	})
	f("the same where looks are answered", true, func(b *breaker) {
		b.seen(0)
		b.allow()
		b.allow()
		b.answered()
		now = now.Add(time.Nanosecond)
	})
	f("an answer has come since", false, func(b *breaker) {
		b.seen(0)
		b.allow()
		b.allow()
		now = now.Add(time.Second)
		b.answered()
		now = now.Add(-time.Second)
	})
	f("one could not be sent", false, func(b *breaker) { b.allow(); b.unknown() })

	b := fresh()
	b.watch(true)
	for range firstLooks {
		if !b.due() {
			t.Error("no look is due though it is not known whether any is answered")
		}
		b.ask()
		if b.due() {
			t.Error("another look is due beside the first one")
		}
		b.asked()
		b.unseen(now)
	}
	if b.due() {
		t.Error("looks that are never answered go on without a pause")
	}
	b.seen(0)
	b.allow()
	b.answered()
	b.allow()
	if now = now.Add(patience - 1); b.due() {
		t.Error("a look is due before patience is over")
	}
	if now = now.Add(1); !b.due() {
		t.Error("no look is due though a request has waited")
	}
	b.unseen(now.Add(-time.Second))
	if now = now.Add(breakMost); b.allow() {
		t.Error("a request has to find out whether upstream is back, though looks tell")
	}
	if !b.mute() || !b.due() {
		t.Error("no look is due at a breaker that is open")
	}
	b.seen(0)
	if !b.allow() || !b.down().IsZero() {
		t.Error("the breaker is not closed by a look that is answered")
	}
	// Another waits all the while. Requests that fail beside looks that do not still count.
	for range breakAfter {
		b.allow()
		b.seen(0)
		b.failed()
	}
	if b.allow() {
		t.Error("the breaker is closed after requests failed in a row beside looks that were answered")
	}
}

// A look that is swallowed does not keep the next ones from finding upstream back; there is one now and then while requests are answered,
// but none that nobody answers.
func TestLooksDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	b := breaker{clock: func() time.Time { return now }, random: func() float64 { return 1 }}
	b.watch(true)
	b.ask()
	b.asked()
	b.seen(0)
	b.allow()
	now = now.Add(patience)
	// On time are the verdicts of looks, which all are in vain; most is the longest time between the beginnings of two.
	began, most := now, time.Duration(0)
	var verdicts []time.Time
	for end := now.Add(time.Minute); now.Before(end); now = now.Add(patience / 4) {
		for len(verdicts) > 0 && !now.Before(verdicts[0]) {
			b.asked()
			b.unseen(verdicts[0].Add(-shortestLook))
			verdicts = verdicts[1:]
		}
		if b.open && b.waiting > 0 {
			b.failed() // it is given up
		}
		if !b.due() {
			continue
		}
		if got := b.ask(); got != shortestLook {
			t.Fatalf("a look at what was quick has %v, however many were in vain, want %v", got, shortestLook)
		}
		if most = max(most, now.Sub(began)); b.due() {
			t.Error("two looks are due at once")
		}
		began, verdicts = now, append(verdicts, now.Add(shortestLook))
	}
	if most < breakMost || most > breakMost+patience/4 {
		t.Errorf("looks at a mute upstream begin up to %v apart, want %v and what it takes to see that", most, breakMost)
	}
	// The answer to one that was in vain comes in the end.
	b.seen(longestLook)
	if !b.down().IsZero() || !b.allow() || b.ask() != longestLook {
		t.Error("an answer that comes late does not count, or looks do not have the time that it took")
	}
	b.asked()
	asked := 0
	for end := now.Add(time.Minute); now.Before(end); now = now.Add(patience / 4) {
		b.answered()
		b.allow()
		if b.due() {
			asked++
			b.ask()
			b.asked()
			b.seen(0)
		}
	}
	if asked < int(time.Minute/often)-1 || asked > int(time.Minute/often)+1 {
		t.Errorf("%d looks in a minute in which requests are answered, want one every %v", asked, often)
	}
	if got := b.ask(); got != shortestLook {
		t.Errorf("a minute after one slow look the next one has %v, want %v", got, shortestLook)
	}
}

// An upstream that is slow always is not taken for mute: the first look has time, later ones go by what looks take.
func TestLooksHaveTheTimeThatUpstreamTakes(t *testing.T) {
	t.Parallel()
	b := breaker{clock: time.Now, random: func() float64 { return 1 }}
	f := func(when string, want time.Duration) {
		t.Helper()
		if got := b.ask(); got != want {
			t.Errorf("%s: a look has %v, want %v", when, got, want)
		}
	}
	f("nothing is known", longestLook)
	b.seen(time.Millisecond)
	f("it is quick", shortestLook)
	b.unseen(time.Now())
	f("one was in vain", shortestLook)
	b.seen(time.Second)
	f("it is slow", 3*time.Second)
	b.seen(longestLook)
	f("it is slower than anybody waits for", longestLook)
	b.seen(5 * time.Second)
	for range 4 {
		b.seen(time.Millisecond)
	}
	f("it is quick again", shortestLook)
}
