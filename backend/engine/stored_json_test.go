package engine

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"millrace/ddb"
)

func TestStoredItemsAreWrittenAsTheirItemsAre(t *testing.T) {
	t.Parallel()
	for _, item := range codecItems(t) {
		stored := appendItem(nil, item, item.Size())
		got, err := appendStoredJSON([]byte("before"), stored)
		if want := ddb.AppendItemJSON([]byte("before"), item); err != nil || !bytes.Equal(got, want) {
			t.Errorf("appendStoredJSON = %s, %v, want %s", got, err, want)
		}
		for n := range stored {
			if got, err := appendStoredJSON(nil, stored[:n]); !errors.Is(err, errDamaged) {
				t.Errorf("appendStoredJSON of %d of %d bytes = %s, %v, want %v", n, len(stored), got, err, errDamaged)
			}
		}
	}
}

// The quick way from stored bytes to JSON takes what the one through the item takes, and gives the same.
func FuzzStoredJSON(f *testing.F) {
	for _, item := range codecItems(f) {
		f.Add(appendItem(nil, item, item.Size()))
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		item, want := decodeItem(stored)
		got, err := appendStoredJSON(nil, stored)
		if (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
			t.Fatalf("appendStoredJSON(%x): %v, decodeItem: %v", stored, err, want)
		}
		if plain := ddb.AppendItemJSON(nil, item); err == nil && !bytes.Equal(got, plain) {
			t.Fatalf("appendStoredJSON(%x)\n got %s\nwant %s", stored, got, plain)
		}
	})
}

// A read's body is to the byte what its typed output is written as, whichever is asked for first.
func TestReadsAnswerTheSameInBothForms(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(rangeTable)
	for i := range 7 {
		h.put("range", fmt.Sprintf(`{"p":{"S":"a"},"s":{"N":"%d"},"x":{"L":[{"S":"é\"\\"},{"B":"AAE="},{"NS":["2","1"]}]}}`, i))
	}
	const key, query = `"Key":{"p":{"S":"a"},"s":{"N":"3"}}`, `"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"a"}}`
	for _, r := range []struct {
		op     ddb.Operation
		body   string
		output func(*ddb.Response) (any, error)
	}{
		{ddb.GetItem, key, outputOf[ddb.GetItemOutput]},
		{ddb.GetItem, key + `,"ReturnConsumedCapacity":"INDEXES"`, outputOf[ddb.GetItemOutput]},
		{ddb.GetItem, key + `,"ProjectionExpression":"x[0]"`, outputOf[ddb.GetItemOutput]},
		{ddb.GetItem, `"Key":{"p":{"S":"b"},"s":{"N":"3"}},"ReturnConsumedCapacity":"TOTAL"`, outputOf[ddb.GetItemOutput]},
		{ddb.Query, query, outputOf[ddb.QueryOutput]},
		{ddb.Query, query + `,"Limit":3,"ScanIndexForward":false,"ReturnConsumedCapacity":"TOTAL"`, outputOf[ddb.QueryOutput]},
		{ddb.Query, query + `,"Select":"COUNT"`, outputOf[ddb.QueryOutput]},
		{ddb.Query, query + `,"FilterExpression":"size(x) > :p"`, outputOf[ddb.QueryOutput]},
		{ddb.Query, query + `,"ProjectionExpression":"s"`, outputOf[ddb.QueryOutput]},
		{ddb.Query, `"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":"none"}}`, outputOf[ddb.QueryOutput]},
		{ddb.Scan, `"Limit":7`, outputOf[ddb.ScanOutput]},
		{ddb.Scan, `"Limit":8,"ReturnConsumedCapacity":"INDEXES"`, outputOf[ddb.ScanOutput]},
	} {
		request := ddb.NewRequest(r.op, []byte(`{"TableName":"range",`+r.body+`}`))
		first, err := h.e.Do(t.Context(), request)
		if err != nil {
			t.Fatalf("%v %s: %v", r.op, r.body, err)
		}
		second, err := h.e.Do(t.Context(), request)
		if err != nil {
			t.Fatalf("%v %s: %v", r.op, r.body, err)
		}
		body, err := first.JSON()
		if err != nil {
			t.Fatalf("%v %s: JSON: %v", r.op, r.body, err)
		}
		for name, resp := range map[string]*ddb.Response{"the body's": first, "another": second} {
			out, err := r.output(resp)
			if err != nil {
				t.Fatalf("%v %s: output: %v", r.op, r.body, err)
			}
			if want := ddb.AppendShape(nil, out); !bytes.Equal(body, want) {
				t.Errorf("%v %s\nbody %s\nfrom %s output %s", r.op, r.body, body, name, want)
			}
		}
	}
}

// outputOf is ddb.OutputAs with the type left out.
func outputOf[T any](resp *ddb.Response) (any, error) { return ddb.OutputAs[T](resp) }
