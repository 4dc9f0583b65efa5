package engine

import (
	"context"
	"errors"
	"time"
)

// What takes longer than a request may wait is done in steps of one small commit each: filling a new index, writing a
// backup, restoring a table. What there is to do stands in the catalog, and how far it has come beside it, so that it goes
// on after a crash. Steps of everything under way alternate, so that a large table does not keep a small one waiting.

// choreStretch and choreBytes are the most items, and about the most bytes, that one step reads or writes.
const (
	choreStretch = 1000
	choreBytes   = 1 << 20
)

// errChoreMoved ends a step that is about something that is no longer there to be done.
var errChoreMoved = errors.New("what was to be done is gone")

// chore does one step of something.
type chore func(ctx context.Context) error

// work does chores until ctx ends.
func (e *Engine) work(ctx context.Context) error {
	tick := time.NewTicker(e.cfg.SweepInterval)
	defer tick.Stop()
	for pace := e.newPace(); ; {
		more, err := e.workOnce(ctx)
		if err == nil && more {
			if err = pace.rest(ctx); err == nil {
				continue
			}
		}
		switch {
		case err == nil:
		case ctx.Err() != nil || errors.Is(err, errClosed) || e.store.failure() != nil:
			return err
		default:
			// Tables and backups stay as they are, which is told to whoever asks; the next tick tries again.
			e.cfg.Logger.Warn("background work on tables failed", "error", err)
		}
		select {
		case <-tick.C:
		case <-e.choresDue:
		case <-e.done:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
		pace = e.newPace()
	}
}

// workOnce does one step of every chore and reports whether there was any.
func (e *Engine) workOnce(ctx context.Context) (more bool, err error) {
	chores := e.chores()
	for _, c := range chores {
		if err := e.step(ctx, c); err != nil && !errors.Is(err, errChoreMoved) {
			return false, err
		}
	}
	return len(chores) > 0, nil
}

// step does one step, with the engine kept open.
func (e *Engine) step(ctx context.Context, c chore) error {
	if !e.enter() {
		return errClosed
	}
	defer e.gate.RUnlock()
	return c(ctx)
}

// chores lists what is to be done.
func (e *Engine) chores() []chore {
	if !e.enter() {
		return nil
	}
	defer e.gate.RUnlock()
	v := e.acquireView()
	defer v.release()
	var list []chore
	for number, t := range v.cat.byNumber {
		if t.record.Filling != "" {
			list = append(list, func(ctx context.Context) error { return e.fillIndex(ctx, number) })
		}
		if t.record.Restoring != 0 {
			list = append(list, func(ctx context.Context) error { return e.restoreSome(ctx, number) })
		}
	}
	for number, k := range v.cat.backups {
		if k.record.Status == backupCreating {
			list = append(list, func(ctx context.Context) error { return e.copySome(ctx, number) })
		}
	}
	return list
}

// wakeWork tells work that there is something to do.
func (e *Engine) wakeWork() {
	select {
	case e.choresDue <- struct{}{}:
	default:
	}
}

// progress is what a step before this one left under progressKey: nil if there was none.
func (v *view) progress(table uint32, index uint16) ([]byte, error) {
	value, done, found, err := v.snap.get(progressKey(table, index))
	if err != nil || !found {
		return nil, err
	}
	defer done.Close()
	return append([]byte(nil), value...), nil
}
