//go:build !race

package ddb

import "testing"

func TestDecodeGetItemAllocations(t *testing.T) {
	var in GetItemInput
	got := testing.AllocsPerRun(1000, func() {
		in = GetItemInput{}
		if err := DecodeShape(getItemBody, &in); err != nil {
			t.Fatal(err)
		}
	})
	// The copy of the body, the key, the table's name and ConsistentRead.
	if got != 4 {
		t.Errorf("%v allocations, want 4", got)
	}
}

func TestAppendingAllocatesNothing(t *testing.T) {
	it := benchItem(t)
	schema := KeySchema{{"pk", "HASH"}, {"total", "RANGE"}}
	buffer := make([]byte, 0, 4096)
	f := func(name string, appendTo func(dst []byte)) {
		t.Helper()
		if got := testing.AllocsPerRun(1000, func() { appendTo(buffer) }); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
	f("AppendItemJSON", func(dst []byte) { AppendItemJSON(dst, it) })
	f("AppendKey", func(dst []byte) { AppendKey(dst, schema, it) })
	f("ParseNumber", func([]byte) { ParseNumber("123.45") })
	f("Size", func([]byte) { it.Size() })
}
