package engine

import (
	"sync/atomic"
	"time"
)

// worldClock is Config.Clock with an offset that can be changed while the engine runs. All that goes by dates goes by it: time
// to live, the retention and rolling of streams, iterators, transaction tokens, provisioned throughput, table states.
type worldClock struct {
	base   func() time.Time
	offset atomic.Int64
}

// now is the engine's time.
func (c *worldClock) now() time.Time { return c.base().Add(time.Duration(c.offset.Load())) }

// ClockOffset is how far ahead of Config.Clock the engine's time is; negative when it is behind.
func (e *Engine) ClockOffset() time.Duration { return time.Duration(e.clock.offset.Load()) }

// SetClockOffset puts the engine's time d ahead of Config.Clock, for tests that cannot wait. What became due is done at once
// if Run is running. Going back does not undo anything.
func (e *Engine) SetClockOffset(d time.Duration) {
	e.clock.offset.Store(int64(d))
	e.clockMoved()
}

// AdvanceClock moves the engine's time by d.
func (e *Engine) AdvanceClock(d time.Duration) {
	e.clock.offset.Add(int64(d))
	e.clockMoved()
}

// clockMoved wakes the sweep for expired items, and what rolls and trims streams.
func (e *Engine) clockMoved() {
	e.committer.heat.poke()
	select {
	case e.expiries <- struct{}{}:
	default:
	}
}
