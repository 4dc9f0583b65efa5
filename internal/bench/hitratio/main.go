// Hitratio measures what share of generated requests the item cache answers, beside otter with room for as many entries and
// the static bound: a cache that always holds what is asked for most. It is what `make bench-hitratio` runs.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"os"

	"github.com/maypok86/otter/v2"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// side is a cache under test.
type side interface {
	// get asks for a key, has it cached if it was not, and reports whether it was.
	get(key uint64) bool
	// entries is how many it holds.
	entries() int
	// close stops what it has started.
	close() error
}

// millrace is the item cache.
type millrace struct {
	store  *cache.Store
	items  *cache.ItemCache
	schema *cache.Schema
	item   ddb.Item
	key    []byte
}

// newMillrace makes an item cache with room for about k entries.
func newMillrace(k int) (*millrace, error) {
	// What an entry of this size takes, see coherence and policy; the entries held are counted in any case.
	const entryBytes = 248
	store, err := cache.NewStore(cache.Config{Memory: int64(k) * entryBytes, Authoritative: true})
	if err != nil {
		return nil, err
	}
	describe := func(context.Context, string, string) (*ddb.TableDescription, error) {
		return &ddb.TableDescription{
			TableName: "t", TableStatus: "ACTIVE",
			AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: "h", AttributeType: "S"}},
			KeySchema:            ddb.KeySchema{{AttributeName: "h", KeyType: "HASH"}},
		}, nil
	}
	schema, err := cache.NewSchemaCache(store, describe).Get(context.Background(), "", "t")
	if err != nil {
		return nil, err
	}
	value := ddb.Attribute{Name: "v", Value: ddb.StringValue(string(make([]byte, 16)))}
	return &millrace{store: store, items: store.Items(), schema: schema, item: ddb.ItemOf(value)}, nil
}

// get is part of side.
func (m *millrace) get(key uint64) bool {
	m.key = binary.BigEndian.AppendUint64(m.key[:0], key)
	r := m.items.Read(m.schema, m.key, cache.Lookup{}, nil)
	if r.Outcome != coherence.Lead {
		return true
	}
	m.items.Done(r.Flight, m.item, true)
	return false
}

// entries is part of side.
func (m *millrace) entries() int { return int(m.store.Core().Entries()) }

// close is part of side.
func (m *millrace) close() error { return nil }

// others is otter, with as many entries as it is given.
type others struct {
	cache *otter.Cache[uint64, struct{}]
}

// newOtter makes one for k entries.
func newOtter(k int) (*others, error) {
	c, err := otter.New(&otter.Options[uint64, struct{}]{MaximumSize: k})
	return &others{c}, err
}

// get is part of side.
func (o *others) get(key uint64) bool {
	if _, ok := o.cache.GetIfPresent(key); ok {
		return true
	}
	o.cache.Set(key, struct{}{})
	return false
}

// entries is part of side.
func (o *others) entries() int { return o.cache.EstimatedSize() }

// close is part of side.
func (o *others) close() error { o.cache.StopAllGoroutines(); return nil }

func main() {
	n := flag.Int("keys", 1_000_000, "keys of the universe")
	ops := flag.Int("ops", 3_000_000, "requests of each trace, of which the first third is not counted")
	flag.Parse()
	if err := run(*n, *ops); err != nil {
		fmt.Fprintln(os.Stderr, "hitratio:", err)
		os.Exit(1)
	}
}

// run prints a table.
func run(n, ops int) error {
	fmt.Printf("%d keys, %d requests of which %d are counted; scans are not\n", n, ops, ops-ops/3)
	for _, part := range []int{100, 10} {
		k := n / part
		plain := 0.0
		for number, t := range traces(n, k) {
			m, err := newMillrace(k)
			if err != nil {
				return err
			}
			ours, held := play(m, t, ops)
			if err := m.close(); err != nil {
				return err
			}
			o, err := newOtter(held)
			if err != nil {
				return err
			}
			// The same requests again.
			theirs, _ := play(o, traces(n, k)[number], ops)
			if err := o.close(); err != nil {
				return err
			}
			bound := t.bound(held)
			if number == 0 {
				plain = ours
			}
			fmt.Printf("%3d %% cached (%d): %-46s millrace %.3f (%.3f of the bound)  otter %.3f (%.3f)  bound %.3f", 100/part, held, t.name, ours, ours/bound, theirs, theirs/bound, bound)
			if number == 1 {
				fmt.Printf("  with scans / without %.3f", ours/plain)
			}
			fmt.Println()
		}
	}
	return nil
}

// play runs a trace and returns the share of hits, scans aside, and how many entries were held in the end.
func play(s side, t trace, ops int) (ratio float64, held int) {
	hits, asked := 0, 0
	for i := range ops {
		key, scan := t.next(i)
		hit := s.get(key)
		if scan || i < ops/3 {
			continue
		}
		asked++
		if hit {
			hits++
		}
	}
	return float64(hits) / float64(asked), s.entries()
}
