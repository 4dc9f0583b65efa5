package policy

import (
	"flag"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// seedFlag repeats a random test.
var seedFlag = flag.Uint64("seed", 0, "seed of random tests; 0 takes a new one")

// newRand is a source from -seed.
func newRand(t testing.TB) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// model is what a policy must hold: what it was told of, less what is gone and what it has named.
type model struct {
	t     testing.TB
	p     *Policy
	held  map[uint64]int64
	cost  int64
	named int
	most  int64 // the limit
}

// newModel makes a policy and its model.
func newModel(t testing.TB, limit, entryBytes int64) *model {
	return &model{t: t, p: New(limit, entryBytes), held: map[uint64]int64{}, most: limit}
}

// drop forgets an entry.
func (m *model) drop(hash uint64) {
	m.cost -= m.held[hash]
	delete(m.held, hash)
}

// added is Added for both.
func (m *model) added(hash uint64, cost int64) {
	m.p.Added(hash, cost)
	m.drop(hash)
	m.held[hash] = cost
	m.cost += cost
	m.settle()
}

// removed is Removed for both.
func (m *model) removed(hash uint64) {
	m.p.Removed(hash)
	m.drop(hash)
	m.settle()
}

// limit is Limit for both.
func (m *model) limit(bytes int64) {
	m.p.Limit(bytes)
	m.most = bytes
	m.settle()
}

// settle takes the victims, which must be entries, each named once, and compares the sums.
func (m *model) settle() {
	m.t.Helper()
	for _, hash := range m.p.Take() {
		if _, ok := m.held[hash]; !ok {
			m.t.Fatalf("%#x was named, which is no entry", hash)
		}
		m.drop(hash)
		m.named++
	}
	if got := m.p.Cost(); got != m.cost || got > m.most {
		m.t.Fatalf("Cost() = %d, want %d, of %d allowed", got, m.cost, m.most)
	}
}

// check looks into everything.
func (m *model) check() {
	m.t.Helper()
	if got := m.p.Entries(); got != int64(len(m.held)) {
		m.t.Fatalf("Entries() = %d, want %d", got, len(m.held))
	}
	own := int64(0)
	for i := range m.p.shards {
		s := &m.p.shards[i]
		t := s.table.Load()
		own += s.bytes()
		var cost, windowedCost int64
		in := map[uint64]bool{}
		for j := range s.window.count {
			in[*s.window.at(j)] = true
		}
		if len(in) != s.window.count {
			m.t.Fatalf("shard %d: a hash is in the window twice", i)
		}
		for j := range t.slots {
			x := meta(t.slots[j].meta.Load())
			if x == 0 {
				continue
			}
			hash := t.slots[j].hash.Load()
			want, ok := m.held[hash]
			if !ok || int64(x.cost()) != want || x&live == 0 || t.find(hash) != j {
				m.t.Fatalf("%#x is held with cost %d and found at %d, stands at %d; want cost %d, %v", hash, x.cost(), t.find(hash), j, want, ok)
			}
			cost += want
			if x&windowed != 0 {
				windowedCost += want
			}
			if in[hash] != (x&windowed != 0) {
				m.t.Fatalf("%#x is in the window: %v, is flagged: %v", hash, in[hash], x&windowed != 0)
			}
			delete(in, hash)
		}
		if cost != s.cost || windowedCost != s.windowed || len(in) > 0 {
			m.t.Fatalf("shard %d counts %d bytes, %d in its window, want %d and %d; %d in the window are no entries", i, s.cost, s.windowed, cost, windowedCost, len(in))
		}
	}
	if got := m.p.Held(); got != own {
		m.t.Fatalf("Held() = %d, want %d", got, own)
	}
}

// TestEveryEntryIsHeldOrNamedOnce compares a policy with a plain model through random operations: of one shard, of many, with costs
// that are alike, differ by a thousand times, and exceed all there is.
func TestEveryEntryIsHeldOrNamedOnce(t *testing.T) {
	r := newRand(t)
	for _, shape := range []struct{ limit, entryBytes int64 }{{10_000, 500}, {1 << 20, 500}, {8 << 20, 500}} {
		m := newModel(t, shape.limit, shape.entryBytes)
		keys := uint64(3 * shape.limit / shape.entryBytes)
		for i := range 30_000 {
			hash := r.Uint64N(keys) * 0x9e3779b97f4a7c15
			switch r.IntN(10) {
			case 0:
				m.removed(hash)
			case 1, 2, 3, 4:
				m.p.Touched(hash)
			case 5:
				if i%1000 == 5 {
					m.limit(shape.limit/2 + r.Int64N(shape.limit))
				}
				m.added(hash, 1+r.Int64N(shape.limit/50))
			case 6:
				if i%100 == 6 {
					m.added(hash, 1+r.Int64N(2*shape.limit))
				}
			default:
				m.added(hash, 400+r.Int64N(200))
			}
			if i%5000 == 0 {
				m.check()
			}
		}
		m.check()
		if len(m.p.shards) > 1 && m.named == 0 {
			t.Errorf("nothing was ever named")
		}
		for hash := range m.held {
			m.removed(hash)
		}
		m.check()
		if held, most := m.p.Held(), int64(len(m.p.shards)*4096); held > most {
			t.Errorf("an empty policy holds %d bytes, want at most %d", held, most)
		}
	}
}

// TestRemovedOfTheUnknownIsNothing checks what comes late.
func TestRemovedOfTheUnknownIsNothing(t *testing.T) {
	m := newModel(t, 1000, 100)
	m.p.Removed(7)
	m.p.Touched(7)
	m.added(0, 10) // a hash like any other
	m.added(math.MaxUint64, 10)
	m.removed(7)
	m.check()
	m.removed(0)
	m.removed(0)
	m.check()
}

// TestUpdatesThatGrowMakeOthersGo checks that a cost which grows in place counts at once.
func TestUpdatesThatGrowMakeOthersGo(t *testing.T) {
	m := newModel(t, 1<<20, 500)
	for cost := int64(100); cost <= 25_600; cost *= 2 {
		for k := range uint64(300) {
			m.added(k, cost)
		}
	}
	m.check()
	if m.cost < 1<<19 || m.named == 0 {
		t.Errorf("%d bytes are held, want most of %d; %d named", m.cost, 1<<20, m.named)
	}
}

// TestHostileHashesAreSpread checks that hashes which differ in few bits neither crowd a shard nor make searches long.
func TestHostileHashesAreSpread(t *testing.T) {
	const n = 1 << 13
	for name, hash := range map[string]func(i uint64) uint64{
		"lowest bits":  func(i uint64) uint64 { return i },
		"highest bits": func(i uint64) uint64 { return i << 49 },
		"middle bits":  func(i uint64) uint64 { return i << 24 },
		"multiples":    func(i uint64) uint64 { return i * 0x10001 },
	} {
		p := New(n*1000, 500)
		for i := range uint64(n) {
			p.Added(hash(i), 400)
		}
		most, longest := 0, 0
		for i := range p.shards {
			x := p.shards[i].table.Load()
			most = max(most, x.count)
			run := 0
			for j := range x.slots {
				if run++; x.slots[j].meta.Load() == 0 {
					run = 0
				}
				longest = max(longest, run)
			}
		}
		if mean := n / len(p.shards); most > 2*mean {
			t.Errorf("%s: a shard has %d entries, want about %d", name, most, mean)
		}
		if longest > 300 {
			t.Errorf("%s: %d places in a row are taken", name, longest)
		}
	}
}

// TestConcurrentUse has many goroutines add, remove and touch entries and take victims. Each entry that was added and not removed must
// be held at the end or have been named exactly once since; sums must be exact. With -race it shows that uses need no lock.
func TestConcurrentUse(t *testing.T) {
	const workers, keys, steps = 8, 600, 12_000
	p := New(workers*keys*50, 100)
	var mu sync.Mutex
	gone := map[uint64]int{} // named, by hash
	var wg sync.WaitGroup
	added := make([]map[uint64]int, workers)
	removed := make([]map[uint64]int, workers)
	for w := range workers {
		r := rand.New(rand.NewPCG(uint64(w), 2))
		added[w], removed[w] = map[uint64]int{}, map[uint64]int{}
		wg.Go(func() {
			for range steps {
				// Only this one adds and removes it; anyone may use it. Removals are of what was not named, as far as is known.
				own := uint64(w*keys + r.IntN(keys))
				switch r.IntN(8) {
				case 0, 1, 2:
					p.Added(own, 50+int64(own%100))
					added[w][own]++
				case 3:
					p.Removed(own)
					removed[w][own]++
				default:
					p.Touched(r.Uint64N(workers * keys))
				}
				mu.Lock()
				for _, hash := range p.Take() {
					gone[hash]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, hash := range p.Take() {
		gone[hash]++
	}
	m := &model{t: t, p: p, held: map[uint64]int64{}}
	for w := range workers {
		for hash, n := range added[w] {
			s := p.shard(mix(hash, p.seed))
			if s.table.Load().find(hash) >= 0 {
				m.held[hash] = 50 + int64(hash%100)
			} else if gone[hash] == 0 && removed[w][hash] == 0 {
				t.Fatalf("%#x was added and is neither held nor named", hash)
			}
			if gone[hash] > n {
				t.Fatalf("%#x was named %d times and added %d times", hash, gone[hash], n)
			}
		}
	}
	m.check()
}

// FuzzPolicy runs a script of additions, removals, uses and limits.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte{1, 200, 3, 2, 100, 9, 1, 0, 0, 7, 255, 60})
	f.Fuzz(func(t *testing.T, script []byte) {
		m := newModel(t, 20_000, 100)
		for i := 0; i+2 < len(script); i += 3 {
			hash, cost := uint64(script[i]), 1+int64(script[i+1])*int64(script[i+2]&31)
			switch script[i+2] >> 6 {
			case 0, 1:
				m.added(hash, cost)
			case 2:
				m.removed(hash)
				m.p.Touched(hash + 1)
			case 3:
				m.limit(cost * 10)
			}
		}
		m.check()
	})
}
