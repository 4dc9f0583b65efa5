package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The shape of every item: a key of 22 characters and a value of 400, as in the measurements of bare stores that the
// targets were set by.
const (
	keyLength   = 22
	valueLength = 400
)

// blankKey and blankValue stand in templates where a key or value is written in.
var blankKey, blankValue = strings.Repeat("K", keyLength), strings.Repeat("V", valueLength)

// letters are what values are made of: 6 random bits a byte, so that a store's compression gains little.
const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"

// randomText is n random letters.
func randomText(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.Uint32()&63]
	}
	return b
}

// source makes keys and values for one worker. It is cheap, because its price is in every side's result.
type source struct {
	r    *rand.Rand
	pool []byte
}

// newSource makes the source of worker number n. Equal numbers make equal sequences.
func newSource(n int) *source {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	return &source{r: r, pool: randomText(r, 64<<10)}
}

// writeKey writes the i-th key into the keyLength bytes at dst; keys of growing i are in no order.
func writeKey(dst []byte, i uint64) {
	// A bijection, so that no two keys are equal: an odd factor, and the high bits folded in.
	i *= 0x9E3779B97F4A7C15
	i ^= i >> 32
	for at := range dst[:keyLength] {
		dst[at] = "0123456789abcdef"[i&15]
		i = i>>4 | i<<60
	}
}

// value writes a value into the valueLength bytes at dst.
func (s *source) value(dst []byte) {
	copy(dst[:valueLength], s.pool[s.r.IntN(len(s.pool)-valueLength):])
}

// template is a request with places for keys and values. Fill it in place; it is for one worker.
type template struct {
	bytes        []byte
	keys, values []int
}

// newTemplate makes a request of body, in which blankKey and blankValue are the places.
func newTemplate(operation, body string) *template {
	t := &template{bytes: httpRequest(operation, body)}
	t.keys, t.values = places(t.bytes, blankKey), places(t.bytes, blankValue)
	return t
}

// places are the offsets of blank in text.
func places(text []byte, blank string) (at []int) {
	s := string(text)
	for from := 0; ; {
		i := strings.Index(s[from:], blank)
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(blank)
	}
}

// fill writes keys first, first+step, … and new values.
func (t *template) fill(s *source, first, step uint64) []byte {
	for i, at := range t.keys {
		writeKey(t.bytes[at:], first+uint64(i)*step)
	}
	for _, at := range t.values {
		s.value(t.bytes[at:])
	}
	return t.bytes
}

// createTable makes a table with the string key pk and, if sort is set, the number key sk.
func createTable(name string, sort bool) string {
	schema, types := `{"AttributeName":"pk","KeyType":"HASH"}`, `{"AttributeName":"pk","AttributeType":"S"}`
	if sort {
		schema += `,{"AttributeName":"sk","KeyType":"RANGE"}`
		types += `,{"AttributeName":"sk","AttributeType":"N"}`
	}
	return fmt.Sprintf(`{"TableName":%q,"KeySchema":[%s],"AttributeDefinitions":[%s],"BillingMode":"PAY_PER_REQUEST"}`, name, schema, types)
}

// putBody is a PutItem with places.
func putBody(table string) string {
	return fmt.Sprintf(`{"Item":{"pk":{"S":"%s"},"v":{"S":"%s"}},"TableName":%q}`, blankKey, blankValue, table)
}

// getBody is a strongly consistent GetItem with a place for its key.
func getBody(table string) string {
	return fmt.Sprintf(`{"ConsistentRead":true,"Key":{"pk":{"S":"%s"}},"TableName":%q}`, blankKey, table)
}

// batchSize is the most items that one BatchWriteItem takes. (API Reference, BatchWriteItem: RequestItems.)
const batchSize = 25

// batchPut is a BatchWriteItem of n puts with places; extra, such as `,"a":{"N":"1"}`, is added to each item.
func batchPut(table string, n int, extra string) string {
	put := fmt.Sprintf(`{"PutRequest":{"Item":{"pk":{"S":"%s"},"v":{"S":"%s"}%s}}}`, blankKey, blankValue, extra)
	return fmt.Sprintf(`{"RequestItems":{%q:[%s]}}`, table, strings.TrimSuffix(strings.Repeat(put+",", n), ","))
}

// batchDelete is a BatchWriteItem of n deletes with places for their keys.
func batchDelete(table string, n int) string {
	del := fmt.Sprintf(`{"DeleteRequest":{"Key":{"pk":{"S":"%s"}}}}`, blankKey)
	return fmt.Sprintf(`{"RequestItems":{%q:[%s]}}`, table, strings.TrimSuffix(strings.Repeat(del+",", n), ","))
}
