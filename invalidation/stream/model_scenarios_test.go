package stream

import "slices"

// fresh is a world whose tailer was just started, with one shard.
func fresh(rules Rules, left budget) *world {
	return newWorld(rules, left, &modelShard{id: "a", read: -1})
}

// covered is a world of one shard that is read to its tip.
func covered(rules Rules, left budget) *world { return fresh(rules, left).settled() }

// pair is a world of two shards that are read to their tips.
func pair(rules Rules, left budget) *world {
	return newWorld(rules, left, &modelShard{id: "a", read: -1}, &modelShard{id: "b", read: -1}).settled()
}

// ending is a world of one shard that was split, of which the tailer has read its end, and none of its children is listed.
func ending(rules Rules, left budget) *world {
	w := covered(rules, left)
	w.close(w.shards[0], 2)
	return w.settled()
}

// strayed is covered, and has a shard besides that no listing has shown yet and that is no other's child.
func strayed(rules Rules, left budget) *world {
	w := covered(rules, left)
	w.mayLose = true
	w.shards = append(w.shards, &modelShard{id: "c", read: -1, listedAt: -1, stray: true})
	return w
}

// aged is a world of one shard with a record that the tailer has not read and that is old enough to be trimmed.
func aged(rules Rules, left budget) *world {
	w := covered(rules, left)
	w.shards[0].log = append(w.shards[0].log, entry{committed: w.now, order: w.order})
	w.now += 5
	return w
}

// heir is aged, and the shard was followed by another of which the same is true.
func heir(rules Rules, left budget) *world {
	w := covered(rules, left)
	w.close(w.shards[0], 1)
	for _, s := range w.shards {
		s.log = append(s.log, entry{committed: w.now, order: w.order})
	}
	w.now += 5
	w.mayLose = true
	return w
}

// childless is a world whose one shard was closed before the tailer started, and its child is not listed.
func childless(rules Rules, left budget) *world {
	w := pair(rules, left)
	w.close(w.shards[0], 1)
	next := newWorld(rules, left, w.shards...)
	next.now = w.now
	return next
}

// halves is a world whose tailer has seen, twice, one shard that is read and one that was closed before, and has no position yet.
// Of the closed one's two children, which are not listed, one was closed as well.
func halves(rules Rules, left budget) *world {
	w := newWorld(rules, left, &modelShard{id: "a", read: -1, closed: true}, &modelShard{id: "b", read: -1})
	for range 2 {
		w.answer(List)
		w.now++
	}
	w.close(w.shards[0], 2)
	w.close(w.shards[2], 1)
	return w
}

// skewed is covered, has read a record in the tick of its commit, and then the local clock was set back.
func skewed(rules Rules, left budget) *world {
	w := covered(rules, left)
	w.now += w.now % second
	w.shards[0].log = append(w.shards[0].log, entry{committed: w.now, order: w.order})
	w.order++
	w.answer(Read)
	w.skew = -4
	return w
}

// answer sends the first request of a kind that is to be sent, and answers it at once.
func (w *world) answer(kind Kind) {
	i := slices.IndexFunc(w.pending, func(a Action) bool { return a.Kind == kind })
	w.deliver(w.execute(w.unqueue(i)))
}

// settled lets some time pass.
func (w *world) settled() *world {
	for range 8 {
		w.round()
	}
	for len(w.answers) > 0 {
		w.order++
		e := w.answers[0]
		w.answers = w.answers[1:]
		w.deliver(e)
	}
	w.order++
	return w
}

// scenarios are what the model explores: from where, what may happen, and how deep. Together they have every kind of step.
var scenarios = map[string]struct {
	start func(Rules, budget) *world
	left  budget
	depth int
}{
	"start":     {fresh, budget{commits: 1, rolls: 1}, 8},
	"splitting": {fresh, budget{commits: 1, splits: 1}, 8},
	"childless": {childless, budget{commits: 1}, 7},
	"halves":    {halves, budget{commits: 1}, 8},
	"tip":       {covered, budget{commits: 3, fillers: 2}, 8},
	"skewed":    {skewed, budget{commits: 2, fillers: 1}, 7},
	"failing":   {covered, budget{commits: 1, fillers: 1, failures: 1}, 8},
	"pair":      {pair, budget{commits: 2}, 6},
	"roll":      {covered, budget{commits: 2, rolls: 2}, 7},
	"split":     {covered, budget{commits: 2, splits: 1}, 7},
	"ending":    {ending, budget{commits: 1}, 9},
	"late":      {strayed, budget{commits: 1}, 8},
	"expiry":    {covered, budget{commits: 2, expiries: 2}, 8},
	"trim":      {aged, budget{commits: 2, trims: 1, expiries: 1}, 7},
	"heir":      {heir, budget{commits: 1, trims: 2, expiries: 1}, 7},
	"all":       {covered, budget{commits: 2, rolls: 1, splits: 1, expiries: 1, trims: 1, fillers: 1}, 5},
}
