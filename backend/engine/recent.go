package engine

import (
	"bytes"
	"hash/maphash"
	"sync/atomic"
)

// recent knows which keys may have been written since some moment before which all that was written is in tables on the disk.
// Of any other key the tables alone say what there is, and their filters say it cheaply; a search of memory tables, which have
// no filters, costs more than all else about a key that is new. It may take a key for written that was not, never the other
// way round: that would be a lost old image.
//
// Keys are noted in generations, before they are applied. When the newer one is full, a new one begins and the memory tables
// are flushed; when that is done the older one, all of whose keys are in tables then, is dropped, which begins an epoch.
type recent struct {
	seed maphash.Seed
	// limit is how many keys a generation takes; while a flush is under way it takes more, and gets them wrong more often.
	limit int
	now   atomic.Pointer[generations]

	// What follows belongs to the goroutine that applies batches.
	noted int
	// flushed is closed when the older generation can be dropped; nil where nothing is waited for.
	flushed <-chan struct{}
}

// generations are those of a moment.
type generations struct {
	epoch        uint64
	newer, older *generation // older may be nil
}

// generation is a set of keys, which may have more than were noted.
type generation struct {
	// bits has four bits for each key, all in the word that its hash chooses.
	bits   []atomic.Uint64
	ranges atomic.Pointer[[]keyRange]
}

// keyRange is lower <= key < upper; a nil upper is the end of all keys.
type keyRange struct{ lower, upper []byte }

const (
	// memTablePerKey is how many bytes of memory tables there are for a key that a generation takes: at 16 MiB a generation
	// has 131 072 keys and takes 256 KiB. Only small items have it full before a memory table is.
	memTablePerKey = 128
	// keysPerWord is how many keys share a word when a generation is full: one key in some 200 is then taken for written.
	keysPerWord = 4
	// firstShare is the share of limit after which the first generation ends: until then nothing is known of what came before.
	firstShare = 128
	// maxRanges is how many ranges a generation tells apart.
	maxRanges = 32
)

// newRecent begins with all keys taken for written.
func newRecent(memTableBytes int64) *recent {
	r := &recent{seed: maphash.MakeSeed(), limit: int(memTableBytes / memTablePerKey)}
	r.noted = r.limit - r.limit/firstShare
	before := r.generation()
	before.noteRange(nil, nil)
	r.now.Store(&generations{newer: before})
	return r
}

// generation makes an empty one.
func (r *recent) generation() *generation {
	g := &generation{bits: make([]atomic.Uint64, r.limit/keysPerWord)}
	g.ranges.Store(&[]keyRange{})
	return g
}

// note notes the keys of b, which is applied next. flush begins to flush what was applied before and returns a channel that
// is closed when that is done.
func (r *recent) note(b *batch, flush func() (<-chan struct{}, error)) error {
	g := r.now.Load()
	select {
	case <-r.flushed:
		r.flushed = nil
		g = &generations{epoch: g.epoch + 1, newer: g.newer}
		r.now.Store(g)
	default:
	}
	if r.noted >= r.limit && r.flushed == nil {
		g = &generations{epoch: g.epoch, newer: r.generation(), older: g.newer}
		r.now.Store(g)
		r.noted = 0
		var err error
		if r.flushed, err = flush(); err != nil {
			return err
		}
	}
	return b.each(func(key []byte) {
		r.noted++
		word, mask := g.newer.place(r.hash(key))
		word.Or(mask)
	}, g.newer.noteRange)
}

// epoch is what untouched is asked with for a snapshot that is made now, by the goroutine that applies.
func (r *recent) epoch() uint64 { return r.now.Load().epoch }

// untouched reports whether key is in tables as it was in every snapshot since epoch began, and as it is now.
func (r *recent) untouched(key []byte, epoch uint64) bool {
	g := r.now.Load()
	if g.epoch != epoch {
		return false // what was dropped may have been written after the snapshot
	}
	h := r.hash(key)
	return !g.newer.may(h, key) && (g.older == nil || !g.older.may(h, key))
}

// hash is a key's.
func (r *recent) hash(key []byte) uint64 { return maphash.Bytes(r.seed, key) }

// place is where the bits of a key with hash h are.
func (g *generation) place(h uint64) (word *atomic.Uint64, mask uint64) {
	at := (h >> 32) * uint64(len(g.bits)) >> 32
	return &g.bits[at], 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) | 1<<(h>>18&63)
}

// may reports whether key, with hash h, may have been noted.
func (g *generation) may(h uint64, key []byte) bool {
	if word, mask := g.place(h); word.Load()&mask == mask {
		return true
	}
	for _, k := range *g.ranges.Load() {
		if bytes.Compare(k.lower, key) <= 0 && (k.upper == nil || bytes.Compare(key, k.upper) < 0) {
			return true
		}
	}
	return false
}

// noteRange notes all keys of a range, which it copies. Where there are many the last is made to reach over the new one.
func (g *generation) noteRange(lower, upper []byte) {
	k := keyRange{bytes.Clone(lower), bytes.Clone(upper)}
	had := *g.ranges.Load()
	if len(had) == maxRanges {
		last := had[maxRanges-1]
		if bytes.Compare(last.lower, k.lower) < 0 {
			k.lower = last.lower
		}
		if k.upper != nil && (last.upper == nil || bytes.Compare(k.upper, last.upper) < 0) {
			k.upper = last.upper
		}
		had = had[:maxRanges-1]
	}
	has := append(append(make([]keyRange, 0, len(had)+1), had...), k)
	g.ranges.Store(&has)
}
