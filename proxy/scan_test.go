package proxy

import (
	"testing"

	"millrace/cache"
	"millrace/ddb"
)

// scanSchema is a schema of a table with a string and a number as its key.
func scanSchema() *cache.Schema {
	return &cache.Schema{Layout: cache.NewLayout(&ddb.TableDescription{
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: "h", AttributeType: "S"}, {AttributeName: "n", AttributeType: "N"}},
		KeySchema:            ddb.KeySchema{{AttributeName: "h", KeyType: "HASH"}, {AttributeName: "n", KeyType: "RANGE"}},
	})}
}

func TestScannerTakesTheBodiesOfSDKs(t *testing.T) {
	t.Parallel()
	s := scanSchema()
	f := func(body string, want bool) {
		t.Helper()
		var g scannedGet
		ok := g.scan([]byte(body))
		if ok {
			_, ok = g.appendKey(nil, s)
		}
		if ok != want {
			t.Errorf("%s: understood is %v, want %v", body, ok, want)
		}
	}
	// boto3's spacing and order, and the Go SDK's.
	f(`{"TableName": "t", "Key": {"h": {"S": "x"}, "n": {"N": "1"}}, "ConsistentRead": true}`, true)
	f(`{"ConsistentRead":false,"Key":{"n":{"N":"-12"},"h":{"S":"é"}},"TableName":"t"}`, true)
	f(`{"Key":{"n":{"N":"0"},"h":{"S":"x"}},"TableName":"t"}`, true)
	// Everything unusual is the decoder's.
	f(`{"Key":{"n":{"N":"01"},"h":{"S":"x"}},"TableName":"t"}`, false)
	f(`{"Key":{"n":{"N":"1.0"},"h":{"S":"x"}},"TableName":"t"}`, false)
	f(`{"Key":{"n":{"N":"-0"},"h":{"S":"x"}},"TableName":"t"}`, false)
	f(`{"Key":{"n":{"N":"1"},"h":{"S":"\u0061"}},"TableName":"t"}`, false)
	f("{\"Key\":{\"n\":{\"N\":\"1\"},\"h\":{\"S\":\"\xff\"}},\"TableName\":\"t\"}", false)
	f(`{"Key":{"n":{"N":"1"},"h":{"S":""}},"TableName":"t"}`, false)
	f(`{"Key":{"n":{"N":"1"},"h":{"S":"x","N":"1"}},"TableName":"t"}`, false)
	f(`{"Key":{"n":{"N":"1"},"n":{"N":"1"}},"TableName":"t"}`, false)
	f(`{"Key":{"n":{"N":"1"}},"TableName":"t"}`, false)
	f(`{"Key":{"h":{"S":"x"},"n":{"N":"1"},"x":{"S":"x"}},"TableName":"t"}`, false)
	f(`{"Key":{"n":{"N":"1"},"h":{"S":"x"}},"TableName":"t","TableName":"u"}`, false)
	f(`{"Key":{"n":{"N":"1"},"h":{"S":"x"}},"TableName":"t","Extra":1}`, false)
	f(`{"Key":{"n":{"N":"1"},"h":{"S":"x"}},"TableName":"t"} x`, false)
	f(`{"Key":{"n":{"N":"1"},"h":{"S":"x"}},"TableName":"t",}`, false)
	f(`{"Key":{"n":{"N":"1"},"h":{"S":"x"}}}`, false)
}

// FuzzScanGetItem holds the scanner to the decoder: what the scanner understands, the decoder reads the same way.
func FuzzScanGetItem(f *testing.F) {
	for _, seed := range []string{
		`{"TableName":"t","Key":{"h":{"S":"x"},"n":{"N":"1"}},"ConsistentRead":true}`,
		`{"TableName":"t","Key":{"n":{"N":"-99"},"h":{"S":"é"}}}`,
		`{"Key" : {"h":{"S":"x"},"n":{"N":"100000000000000000000000000000000000000"}}, "TableName":"t"}`,
		`{"TableName":"t","Key":{"h":{"S":"a\u0000"},"n":{"N":"1e3"}},"ConsistentRead":null}`,
		`{"TableName":"t","Key":{"h":{"S":"x"},"h":{"S":"y"}}}`,
	} {
		f.Add([]byte(seed))
	}
	s := scanSchema()
	f.Fuzz(func(t *testing.T, body []byte) {
		var g scannedGet
		if !g.scan(body) {
			return
		}
		key, ok := g.appendKey(nil, s)
		if !ok {
			return
		}
		req := ddb.NewRequest(ddb.GetItem, body)
		in, err := ddb.InputAs[ddb.GetItemInput](req)
		if err != nil {
			// A table by a name that no table can have is not found, so its constraint is not the scanner's to check.
			if e, ok := err.(*ddb.Error); ok && e.Code == "ValidationException" && len(e.Message) > 0 && nameFault(string(g.table)) {
				return
			}
			t.Fatalf("%q: the decoder says %v", body, err)
		}
		if req.Partial() {
			t.Fatalf("%q says more than the scanner understands", body)
		}
		want, ok := s.AppendKey(nil, in.Key)
		if !ok || string(want) != string(key) {
			t.Fatalf("%q: key %x, the decoder's is %x (%v)", body, key, want, ok)
		}
		if got, want := ddb.AppendItemJSON(nil, g.item()), ddb.AppendItemJSON(nil, in.Key); string(got) != string(want) {
			t.Fatalf("%q: item %s, the decoder's is %s", body, got, want)
		}
		if in.TableName != string(g.table) || isTrue(in.ConsistentRead) != g.strong || in.ProjectionExpression != nil ||
			in.AttributesToGet != nil || in.ReturnConsumedCapacity != nil || in.ExpressionAttributeNames != nil {
			t.Fatalf("%q: the decoder reads %+v", body, in)
		}
	})
}

// nameFault reports whether name breaks the constraint on names of tables.
func nameFault(name string) bool {
	if len(name) > 255 {
		return true
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return true
		}
	}
	return false
}
