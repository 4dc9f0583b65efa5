package engine

import (
	"bytes"
	"errors"
	"testing"

	"millrace/ddb"
)

// codecItems are items of every kind of value.
func codecItems(t testing.TB) []ddb.Item {
	t.Helper()
	var items []ddb.Item
	for _, text := range []string{
		`{}`,
		`{"a":{"S":""},"b":{"S":"héllo\u0000"},"c":{"B":""},"d":{"B":"AP8="}}`,
		`{"n":{"N":"0"},"n1":{"N":"-1.5"},"n2":{"N":"1E+125"},"n3":{"N":"0.1234567890123456789012345678901234567"}}`,
		`{"t":{"BOOL":true},"f":{"BOOL":false},"z":{"NULL":true}}`,
		`{"ss":{"SS":["b","a"]},"ns":{"NS":["10","-2","3.5"]},"bs":{"BS":["AQ==","/w=="]}}`,
		`{"l":{"L":[]},"m":{"M":{}},"d":{"M":{"x":{"L":[{"M":{"y":{"L":[{"S":"deep"},{"NULL":true}]}}},{"N":"7"}]}}}}`,
	} {
		item, err := ddb.ParseItemJSON([]byte(text))
		if err != nil {
			t.Fatalf("ParseItemJSON(%s): %v", text, err)
		}
		items = append(items, item)
	}
	return items
}

func TestStoredItemsComeBackEqual(t *testing.T) {
	t.Parallel()
	for _, item := range codecItems(t) {
		stored := appendItem(nil, item, item.Size())
		got, err := decodeItem(stored)
		if err != nil {
			t.Errorf("decodeItem(appendItem(%v)): %v", item, err)
			continue
		}
		if !ddb.EqualItems(got, item) {
			t.Errorf("decodeItem(appendItem(x)) = %v, want %v", got, item)
		}
		if n := storedSize(stored); n != item.Size() {
			t.Errorf("storedSize = %d, want %d", n, item.Size())
		}
		// Equal items are equal bytes, whatever they were made of.
		if again := appendItem(nil, got, got.Size()); !bytes.Equal(again, stored) {
			t.Errorf("storing %v again gives %x, want %x", item, again, stored)
		}
	}
}

func TestDamagedItemsAreRefused(t *testing.T) {
	t.Parallel()
	for _, item := range codecItems(t) {
		stored := appendItem(nil, item, item.Size())
		for n := range stored {
			if _, err := decodeItem(stored[:n]); !errors.Is(err, errDamaged) {
				t.Errorf("decodeItem of %d of %d bytes: %v, want %v", n, len(stored), err, errDamaged)
			}
		}
		if _, err := decodeItem(append(bytes.Clone(stored), 0)); !errors.Is(err, errDamaged) {
			t.Errorf("decodeItem with a byte too many: %v", err)
		}
	}
}

func FuzzDecodeItem(f *testing.F) {
	for _, item := range codecItems(f) {
		f.Add(appendItem(nil, item, item.Size()))
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		item, err := decodeItem(stored)
		if err != nil {
			return
		}
		// Whatever decodes can be stored and read again.
		again, err := decodeItem(appendItem(nil, item, 0))
		if err != nil {
			t.Fatalf("decodeItem(appendItem(x)): %v", err)
		}
		if !bytes.Equal(appendItem(nil, again, 0), appendItem(nil, item, 0)) {
			t.Errorf("storing twice differs: %v and %v", item, again)
		}
	})
}
