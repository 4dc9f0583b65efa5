package ddb

import (
	"strings"
	"testing"
)

func TestItemSize(t *testing.T) {
	t.Parallel()
	f := func(text string, want int) {
		t.Helper()
		it, err := ParseItemJSON([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := it.Size(); got != want {
			t.Errorf("size of %s = %d, want %d", text, got, want)
		}
	}
	// #75: names and strings count their UTF-8 bytes.
	f(`{}`, 0)
	f(`{"a":{"S":""}}`, 1)
	f(`{"ab":{"S":"xyz"}}`, 5)
	f(`{"é":{"S":"€"}}`, 2+3)
	// Binary counts raw bytes.
	f(`{"a":{"B":"AAECAw=="}}`, 1+4)
	f(`{"a":{"BOOL":false},"b":{"NULL":true}}`, 4)
	// Numbers: two digits to a byte, one more, and one for a minus.
	f(`{"a":{"N":"0"}}`, 1+1)
	f(`{"a":{"N":"1"}}`, 1+2)
	f(`{"a":{"N":"12"}}`, 1+2)
	f(`{"a":{"N":"123"}}`, 1+3)
	f(`{"a":{"N":"-12"}}`, 1+3)
	f(`{"a":{"N":"1.2"}}`, 1+2)
	f(`{"a":{"N":"0.0012"}}`, 1+2)
	// #74: the examples of dynalite's tests of the greatest item.
	f(`{"a":{"N":"1`+strings.Repeat("0", 125)+`"}}`, 1+2)
	f(`{"a":{"N":"11`+strings.Repeat("0", 124)+`"}}`, 1+2)
	f(`{"a":{"N":"11111`+strings.Repeat("0", 121)+`"}}`, 1+4)
	f(`{"a":{"N":"111111`+strings.Repeat("0", 120)+`"}}`, 1+4)
	f(`{"a":{"N":"1111111`+strings.Repeat("0", 119)+`"}}`, 1+5)
	f(`{"a":{"N":"`+strings.Repeat("1", 38)+strings.Repeat("0", 88)+`"}}`, 1+20)
	// Sets count their members, containers three and one for each element.
	f(`{"a":{"SS":["x","yz"]}}`, 1+3)
	f(`{"a":{"NS":["1","-123"]}}`, 1+2+4)
	f(`{"a":{"BS":["AA==","AAE="]}}`, 1+3)
	f(`{"a":{"L":[]}}`, 1+3)
	f(`{"a":{"L":[{"S":"x"},{"N":"1"}]}}`, 1+3+2+3)
	f(`{"a":{"M":{}}}`, 1+3)
	f(`{"a":{"M":{"bc":{"S":"x"}}}}`, 1+3+1+2+1)
}

func TestLevels(t *testing.T) {
	t.Parallel()
	f := func(text string, want int) {
		t.Helper()
		it, err := ParseItemJSON([]byte(`{"a":` + text + `}`))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := it[0].Value.Levels(); got != want {
			t.Errorf("levels of %s = %d, want %d", text, got, want)
		}
	}
	f(`{"S":"x"}`, 0)
	f(`{"SS":["x"]}`, 0)
	f(`{"L":[]}`, 1)
	f(`{"M":{"a":{"S":"x"},"b":{"L":[{"M":{}}]}}}`, 3)
}
