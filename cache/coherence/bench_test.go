package coherence

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"
	"testing"
)

// loaded returns a core with n items of 500 bytes and their keys.
func loaded(b *testing.B, n int) (*Core, *Table, [][]byte) {
	c := New(Config{Tq: 1, Tamb: 1})
	t := c.Table("t")
	c.Configure(t, TableOptions{Authoritative: true})
	keys := make([][]byte, n)
	for i := range keys {
		keys[i] = binary.BigEndian.AppendUint64([]byte("user#"), uint64(i))
		r := c.ReadItem(10, t, keys[i], ReadOptions{}, nil)
		img := Image{Bytes: bytes.Repeat([]byte{'v'}, 500)}
		binary.BigEndian.PutUint64(img.Sum[:], uint64(i))
		c.Done(10, r.Flight, img)
	}
	b.ReportAllocs()
	b.ResetTimer()
	return c, t, keys
}

func BenchmarkHit(b *testing.B) {
	c, t, keys := loaded(b, 100_000)
	var seq atomic.Uint64
	b.RunParallel(func(p *testing.PB) {
		dst := make([]byte, 0, 512)
		i := seq.Add(7919)
		for p.Next() {
			i = i*6364136223846793005 + 1442695040888963407
			r := c.ReadItem(20, t, keys[i>>33%uint64(len(keys))], ReadOptions{TTL: 1 << 40}, dst)
			if r.Outcome != Hit {
				b.Error("miss")
				return
			}
		}
	})
}

func BenchmarkMiss(b *testing.B) {
	c, t, keys := loaded(b, 1)
	img := Image{Transient: true}
	for i := range b.N {
		binary.BigEndian.PutUint64(keys[0][5:], uint64(i+1))
		r := c.ReadItem(20, t, keys[0], ReadOptions{}, nil)
		c.Done(20, r.Flight, img)
	}
}

func BenchmarkCommit(b *testing.B) {
	c, t, keys := loaded(b, 10_000)
	img := Image{Bytes: bytes.Repeat([]byte{'v'}, 500)}
	m := []Mutation{{Table: t, New: &img, Positions: []Position{{Partition: []byte("p"), Pos: []byte("s")}}}}
	for i := range b.N {
		m[0].Key = keys[i%len(keys)]
		c.Pending(20, m)
		c.Settled(20, m)
	}
}

// BenchmarkWriteToFullPartition is a write to a partition with 10 000 disjoint pages, none of which it touches: an append.
func BenchmarkWriteToFullPartition(b *testing.B) {
	c := New(Config{Tq: 1, Tamb: 1})
	t := c.Table("t")
	for i := range 10_000 {
		s := Span{Partition: []byte("p"), Lo: binary.BigEndian.AppendUint32(nil, uint32(i)), Hi: binary.BigEndian.AppendUint32(nil, uint32(i+1))}
		r := c.ReadPage(10, t, s.Lo, s, ReadOptions{}, nil)
		c.DonePage(10, r.Flight, Image{Bytes: []byte("page")}, s)
	}
	e := []Effect{{Table: t, Key: []byte("k"), Positions: []Position{{Partition: []byte("p"), Pos: []byte{1}}}}}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w := c.Begin(20, e)
		c.Settle(20, w, 0, Applied, nil, nil)
	}
}
