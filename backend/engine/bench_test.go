package engine

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"millrace/ddb"
)

// benchValue is 400 bytes, as the measurements of bare stores had.
var benchValue = strings.Repeat("0123456789abcdef", 25)

// BenchmarkPutItem64 is 64 writers of one small item each, acknowledged when synced.
func BenchmarkPutItem64(b *testing.B) {
	e, err := Open(diskConfig(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	(&harness{t: b, e: e}).answer(ddb.CreateTable, churnTable)
	var n atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			body := fmt.Sprintf(`{"TableName":"churn","Item":{"pk":{"S":"%012d"},"v":{"S":"%s"}}}`, n.Add(1), benchValue)
			if _, err := e.Do(b.Context(), ddb.NewRequest(ddb.PutItem, []byte(body))); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkPebblePut64 is what Pebble does alone.
func BenchmarkPebblePut64(b *testing.B) {
	db, err := pebble.Open(b.TempDir(), &pebble.Options{Logger: quiet{}, MemTableSize: 16 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var n atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			// In random order, as ours are: an increasing key would spare Pebble its compactions.
			key := appendHash(nil, ddb.StringValue(fmt.Sprint(n.Add(1))))
			if err := db.Set(key, []byte(benchValue), pebble.Sync); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkScanAfterDeletes scans the 1000 items that are left of 101 000, beside a table that never had more.
func BenchmarkScanAfterDeletes(b *testing.B) {
	for name, deleted := range map[string]int{"fresh": 0, "deleted": 100_000} {
		b.Run(name, func(b *testing.B) {
			e, err := Open(diskConfig(b.TempDir()))
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			h := &harness{t: b, e: e}
			h.answer(ddb.CreateTable, churnTable)
			fillTable(b, e, 1000+deleted)
			deleteItems(b, e, deleted)
			for {
				table, due := e.committer.garbage.take()
				if !due {
					break
				}
				if err := e.compactTable(b.Context(), table); err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			for b.Loop() {
				h.answer(ddb.Scan, `{"TableName":"churn"}`)
			}
		})
	}
}

// BenchmarkGetItem is one reader of items in the write buffer.
func BenchmarkGetItem(b *testing.B) {
	h := newHarness(b)
	h.answer(ddb.CreateTable, churnTable)
	fillTable(b, h.e, 1000)
	body := []byte(`{"TableName":"churn","Key":{"pk":{"S":"item-000500"}}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.e.Do(b.Context(), ddb.NewRequest(ddb.GetItem, body)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenEmptyPebble is what Pebble does alone.
func BenchmarkOpenEmptyPebble(b *testing.B) {
	for b.Loop() {
		db, err := pebble.Open(b.TempDir(), &pebble.Options{Logger: quiet{}, FormatMajorVersion: storeFormat})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenEmpty is the first start in an empty folder.
func BenchmarkOpenEmpty(b *testing.B) {
	for b.Loop() {
		e, err := Open(diskConfig(b.TempDir()))
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
