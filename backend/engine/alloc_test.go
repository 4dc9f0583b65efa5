//go:build !race

package engine

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"millrace/ddb"
)

// itemOfAttributes is an item in the table range with n attributes beside its key.
func itemOfAttributes(p string, s, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"p":{"S":%q},"s":{"N":"%d"}`, p, s)
	for i := range n {
		switch name := fmt.Sprintf("attribute%02d", i); i % 3 {
		case 0:
			fmt.Fprintf(&b, `,%q:{"S":%s}`, name, chars(25))
		case 1:
			fmt.Fprintf(&b, `,%q:{"N":"%d"}`, name, 1000+i)
		default:
			fmt.Fprintf(&b, `,%q:{"M":{"x":{"L":[{"BOOL":true},{"S":"y"}]}}}`, name)
		}
	}
	return b.String() + "}"
}

// Reads of whole items copy what is stored: what they allocate does not depend on how many attributes an item has, which it does where
// one is decoded.
func TestReadsOfWholeItemsDecodeNothing(t *testing.T) {
	const few, many, page = 3, 60, 50
	h := newHarness(t).create(rangeTable)
	for i := range page {
		h.put("range", itemOfAttributes("few", i, few), itemOfAttributes("many", i, many))
	}
	// As the front has it: the answer is written into memory that there is, and released.
	room := make([]byte, 0, 1<<20)
	allocs := func(op ddb.Operation, body string) float64 {
		return testing.AllocsPerRun(200, func() {
			resp, err := h.e.Do(t.Context(), ddb.NewRequest(op, []byte(body)))
			if err != nil {
				t.Fatal(err)
			}
			out, err := resp.AppendJSON(room)
			if err != nil || !bytes.Contains(out, []byte(`"attribute02":{"M":{`)) {
				t.Fatalf("%s %s: %s, error %v", op, body, out, err)
			}
			resp.Release()
		})
	}
	f := func(op ddb.Operation, body string) {
		t.Helper()
		a, b := allocs(op, fmt.Sprintf(body, "few")), allocs(op, fmt.Sprintf(body, "many"))
		if b > a+2 {
			t.Errorf("%s: %v allocations for items of %d attributes, %v for items of %d; want no more than 2 in between", op, b, many, a, few)
		} else {
			t.Logf("%s: %v and %v", op, a, b)
		}
	}
	f(ddb.GetItem, `{"TableName":"range","Key":{"p":{"S":%q},"s":{"N":"7"}}}`)
	f(ddb.Query, `{"TableName":"range","KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":%q}}}`)
}
