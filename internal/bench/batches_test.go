package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

// The upstream of the batches part answers each key that it is asked for, on one connection as often as it is asked.
func TestBatchUpstreamAnswersEachKey(t *testing.T) {
	t.Parallel()
	u, err := newBatchUpstream()
	if err != nil {
		t.Fatal(err)
	}
	defer u.close()
	c, err := dial(u.endpoint())
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll([]*client{c})
	for _, f := range []struct {
		table string
		value int
	}{{"bench", valueLength}, {"bulk", bulkValue}, {"bench", valueLength}} {
		body, err := c.do(httpRequest("BatchGetItem", fmt.Sprintf(`{"RequestItems":{%q:{"Keys":[{"pk":{"S":"a"}},{"pk":{"S":"b"}}]}}}`, f.table)))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Responses map[string][]struct{ PK, V struct{ S string } }
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%.100s: %v", body, err)
		}
		var keys bytes.Buffer
		for _, item := range got.Responses[f.table] {
			keys.WriteString(item.PK.S)
			if len(item.V.S) != f.value {
				t.Errorf("%s: a value has %d bytes, want %d", f.table, len(item.V.S), f.value)
			}
		}
		if keys.String() != "ab" {
			t.Errorf("%s: items %q, want those of a and b", f.table, keys.String())
		}
	}
	if n := u.asked.Load(); n != 3 {
		t.Errorf("%d batches were counted, want 3", n)
	}
}
