package ddb

import (
	"fmt"
	"testing"
)

// getItemBody is a request as boto3 sends it.
var getItemBody = []byte(`{"TableName": "Music", "Key": {"Artist": {"S": "No One You Know"}, "SongTitle": {"S": "Call Me Today"}}, "ConsistentRead": true}`)

// benchItem is an item of a dozen attributes, with a document in it.
func benchItem(t testing.TB) Item {
	t.Helper()
	it, err := ParseItemJSON([]byte(`{"pk":{"S":"user#1234567890"},"sk":{"S":"order#2024-05-06T07:08:09Z"},"total":{"N":"123.45"},
		"count":{"N":"7"},"paid":{"BOOL":true},"note":{"NULL":true},"tags":{"SS":["a","b","c"]},
		"address":{"M":{"street":{"S":"1 Main Street"},"city":{"S":"Springfield"},"zip":{"S":"12345"}}},
		"lines":{"L":[{"M":{"sku":{"S":"ABC-1"},"qty":{"N":"2"}}},{"M":{"sku":{"S":"ABC-2"},"qty":{"N":"1"}}}]},
		"blob":{"B":"AAECAwQFBgcICQ=="},"first":{"S":"Grace"},"last":{"S":"Hopper"}}`))
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func BenchmarkDecodeShapeGetItem(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		var in GetItemInput
		if err := DecodeShape(getItemBody, &in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeShapeBatchGetItem(b *testing.B) {
	body := []byte(`{"RequestItems":{"Music":{"Keys":[`)
	for i := range 100 {
		if i > 0 {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, `{"pk":{"S":"user#%d"},"sk":{"N":"%d"}}`, i, i)
	}
	body = append(body, `]}}}`...)
	b.ReportAllocs()
	for b.Loop() {
		var in BatchGetItemInput
		if err := DecodeShape(body, &in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseItemJSON(b *testing.B) {
	text := AppendItemJSON(nil, benchItem(b))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseItemJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendItemJSON(b *testing.B) {
	it := benchItem(b)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendItemJSON(dst[:0], it)
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkAppendKey(b *testing.B) {
	schema := KeySchema{{"pk", "HASH"}, {"total", "RANGE"}}
	it := benchItem(b)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = AppendKey(dst[:0], schema, it)
	}
}

func BenchmarkDigest(b *testing.B) {
	it := benchItem(b)
	b.ReportAllocs()
	for b.Loop() {
		it.Digest()
	}
}

func BenchmarkParseNumber(b *testing.B) {
	for _, text := range []string{"42", "12345.678900", "1.5E2"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ParseNumber(text)
			}
		})
	}
}

func BenchmarkAddNumbers(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		AddNumbers("12345.6789", "1")
	}
}
