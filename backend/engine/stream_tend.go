package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// tendStreams closes shards that are old or hot, and removes what is past its time, until ctx ends.
func (e *Engine) tendStreams(ctx context.Context) error {
	tick := time.NewTicker(e.cfg.SweepInterval)
	defer tick.Stop()
	for {
		if err := e.tend(ctx); err != nil {
			if ctx.Err() != nil || errors.Is(err, errClosed) || e.store.failure() != nil {
				return err
			}
			// Shards live longer and records stay, which no reader minds; the next time tries again.
			e.cfg.Logger.Warn("tending streams failed", "error", err)
		}
		select {
		case <-tick.C:
		case <-e.committer.heat.wake:
		case <-e.done:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tend looks once at every stream.
func (e *Engine) tend(ctx context.Context) error {
	hot := e.committer.heat.take()
	for _, number := range e.streamNumbers() {
		if err := e.tendStream(ctx, number, hot); err != nil {
			return err
		}
	}
	return nil
}

// streamNumbers lists the streams that are there.
func (e *Engine) streamNumbers() []uint32 {
	if !e.enter() {
		return nil
	}
	defer e.gate.RUnlock()
	v := e.acquireView()
	defer v.release()
	return slices.Collect(maps.Keys(v.cat.streams.byNumber))
}

// tendStream looks once at a stream, and commits what is to be done with it.
func (e *Engine) tendStream(ctx context.Context, number uint32, hot map[shardOf]bool) error {
	if !e.enter() {
		return errClosed
	}
	defer e.gate.RUnlock()
	care, err := e.careFor(number, hot)
	if err != nil || care.nothing() {
		return err
	}
	// The table is none: what it is called and what is in it stays.
	return e.changeTables(ctx, tableName{}, func(cat *catalog, b *batch) (*catalog, error) {
		return e.committer.care(cat, care, b), nil
	})
}

// streamCare is what is to be done with a stream.
type streamCare struct {
	stream uint32
	// remove takes the whole stream away.
	remove bool
	// trimmed has, by shard, the newest record that is too old; records up to it go. gone are shards that go whole.
	trimmed map[uint32]uint64
	gone    map[uint32]bool
	// followed are the shards to close, and how many children each gets.
	followed map[uint32]int
}

// nothing reports that there is nothing to be done.
func (c *streamCare) nothing() bool {
	return !c.remove && len(c.trimmed) == 0 && len(c.gone) == 0 && len(c.followed) == 0
}

// trimStep is the precision of trimming, so that a busy stream is trimmed once a minute and not at every look.
const trimStep = time.Minute

// careFor decides what is to be done with a stream.
func (e *Engine) careFor(number uint32, hot map[shardOf]bool) (streamCare, error) {
	care := streamCare{
		stream: number, trimmed: make(map[uint32]uint64), gone: make(map[uint32]bool), followed: make(map[uint32]int),
	}
	v := e.acquireView()
	defer v.release()
	s := v.cat.streams.byNumber[number]
	if s == nil {
		return care, nil
	}
	now := e.cfg.Clock()
	oldest := sequenceAt(now.Add(-streamRetention).Truncate(trimStep))
	if s.record.Closed != 0 && s.record.Closed < oldest {
		care.remove = true
		return care, nil
	}
	for _, sh := range s.shards {
		if sh.record.Start >= oldest {
			continue
		}
		if sh.record.End != 0 && sh.record.End < oldest {
			care.gone[sh.number] = true
			continue
		}
		last, found, err := v.snap.lastRecord(s.number, sh.number, oldest)
		if err != nil {
			return care, err
		}
		if found {
			care.trimmed[sh.number] = last
		}
	}
	born, open := sequenceAt(now.Add(-e.cfg.Streams.ShardLifetime)), len(s.open)
	for _, sh := range s.open {
		switch {
		case hot[shardOf{s.number, sh.number}] && open < e.cfg.Streams.MaxShards && sh.record.Low < sh.record.High:
			care.followed[sh.number] = 2
			open++
		case sh.record.Start < born:
			care.followed[sh.number] = 1
		}
	}
	return care, nil
}

// care does what was decided from an older view, as far as it still makes sense: the stream may have been closed since.
// It runs on the committer's goroutine.
func (c *committer) care(cat *catalog, care streamCare, b *batch) *catalog {
	s := cat.streams.byNumber[care.stream]
	if s == nil {
		return cat
	}
	if care.remove {
		b.delete(streamKey(s.number))
		b.deleteRange(prefixRange(familyShard, s.number))
		b.deleteRange(prefixRange(familyLog, s.number))
		return cat.withStreams(cat.streams.without(s))
	}
	record := s.record
	var shards []*shard
	for _, sh := range s.shards {
		if care.gone[sh.number] {
			b.delete(shardKey(s.number, sh.number))
			b.deleteRange(logRange(s.number, sh.number, 0, logEnd))
			continue
		}
		if last, ok := care.trimmed[sh.number]; ok {
			b.deleteRange(logRange(s.number, sh.number, 0, last+1))
			trimmed := *sh
			trimmed.record.Trimmed = last
			sh = &trimmed
			b.set(shardKey(s.number, sh.number), encodeRecord(sh.record))
		}
		if n := care.followed[sh.number]; n > 0 && sh.record.End == 0 {
			sh = c.closeShard(s.number, sh, b)
			shards = append(shards, c.children(s.number, &record, sh, n, b)...)
		}
		shards = append(shards, sh)
	}
	b.set(streamKey(s.number), encodeRecord(record))
	return cat.withStreams(cat.streams.with(newStream(s.number, record, shards)))
}

// children makes the one or two shards that take over the range of sh, which is closed.
func (c *committer) children(number uint32, of *streamRecord, sh *shard, n int, b *batch) []*shard {
	low, high := sh.record.Low, sh.record.High
	if n == 1 {
		return []*shard{c.openShard(number, of, shardRecord{Parent: sh.id, Low: low, High: high}, b)}
	}
	middle := low + (high-low)/2
	return []*shard{
		c.openShard(number, of, shardRecord{Parent: sh.id, Low: low, High: middle}, b),
		c.openShard(number, of, shardRecord{Parent: sh.id, Low: middle + 1, High: high}, b),
	}
}
