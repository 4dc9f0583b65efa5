package engine

import (
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// benchmarkDo sends bodies, one after another, and makes each answer's JSON, as the front would.
func benchmarkDo(b *testing.B, e *Engine, op ddb.Operation, body func(i int) string) {
	b.Helper()
	bodies := make([][]byte, 1024)
	for i := range bodies {
		bodies[i] = []byte(body(i))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		resp, err := e.Do(b.Context(), ddb.NewRequest(op, bodies[i%len(bodies)]))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := resp.JSON(); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkItem is an item of some 400 bytes in the table range.
func benchmarkItem(s int) string {
	return fmt.Sprintf(`{"p":{"S":"a"},"s":{"N":"%d"},"name":{"S":%s},"n":{"N":"12345"},"tags":{"SS":["a","b"]},"m":{"M":{"x":{"N":"1"},"y":{"BOOL":true}}}}`,
		s, chars(300))
}

// benchmarkTable is an engine with n such items.
func benchmarkTable(b *testing.B, n int) *harness {
	b.Helper()
	h := newHarness(b).create(rangeTable)
	for i := range n {
		h.put("range", benchmarkItem(i))
	}
	return h
}

// BenchmarkDoGetItem reads one of 1024 items.
func BenchmarkDoGetItem(b *testing.B) {
	benchmarkDo(b, benchmarkTable(b, 1024).e, ddb.GetItem, func(i int) string {
		return fmt.Sprintf(`{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"%d"}}}`, i)
	})
}

// BenchmarkDoPutItem replaces one of 512 items by another one, in memory: one writer, no sync.
func BenchmarkDoPutItem(b *testing.B) {
	benchmarkDo(b, benchmarkTable(b, 0).e, ddb.PutItem, func(i int) string {
		return strings.Replace(`{"TableName":"range","Item":`+benchmarkItem(i%512)+`}`, "12345", fmt.Sprint(i), 1)
	})
}

// BenchmarkDoPutItemWithIndexes moves entries of three global and three local indexes.
func BenchmarkDoPutItemWithIndexes(b *testing.B) {
	h := newHarness(b).create(indexTable)
	benchmarkDo(b, h.e, ddb.PutItem, func(i int) string {
		return fmt.Sprintf(`{"TableName":"index","Item":{"p":{"S":"a"},"s":{"S":"%d"},"g":{"S":"g%d"},"h":{"N":"%d"},"l":{"S":"l"},"a":{"S":%s}}}`, i%500, i%10, i, chars(300))
	})
}

// BenchmarkDoUpdateItem counts in one of 1024 items.
func BenchmarkDoUpdateItem(b *testing.B) {
	benchmarkDo(b, benchmarkTable(b, 1024).e, ddb.UpdateItem, func(i int) string {
		return fmt.Sprintf(`{"TableName":"range","Key":{"p":{"S":"a"},"s":{"N":"%d"}},"UpdateExpression":"ADD c :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`, i)
	})
}

// BenchmarkDoQueryOf100 reads a partition of 100 items.
func BenchmarkDoQueryOf100(b *testing.B) {
	benchmarkDo(b, benchmarkTable(b, 100).e, ddb.Query, func(int) string {
		return `{"TableName":"range","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}}`
	})
}

// BenchmarkDoBatchGetItemOf100 reads 100 items by their keys.
func BenchmarkDoBatchGetItemOf100(b *testing.B) {
	h := benchmarkTable(b, 100)
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprintf(`{"p":{"S":"a"},"s":{"N":"%d"}}`, i)
	}
	benchmarkDo(b, h.e, ddb.BatchGetItem, func(int) string {
		return `{"RequestItems":{"range":{"Keys":[` + strings.Join(keys, ",") + `]}}}`
	})
}
