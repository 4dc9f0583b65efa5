package aws

import (
	"bytes"
	"testing"

	"millrace/ddb"
)

// Memory is as long as it is asked for, less than twice as much is taken, and what was given back is taken again by who asks for about
// as much; what is very long is never lent.
func TestMemoryFits(t *testing.T) {
	for _, n := range []int{0, 1, 511, 512, 513, 4096, 4097, 1<<mostMemory - 1, 1 << mostMemory} {
		b, m := room(n)
		if len(b) != n || cap(b) != n || m == nil || len(m.bytes) < n || len(m.bytes) >= 2*max(n, 1<<(leastMemory-1)+1) {
			t.Errorf("room(%d) is %d bytes of %v", n, len(b), m)
			continue
		}
		resp := m.lend(b)
		if !resp.Lent() || !bytes.Equal(resp.Body(), b) {
			t.Errorf("a response of %d bytes that were lent is %v", n, resp)
		}
		resp.Release()
		if m.response.Lent() || m.response.Body() != nil {
			t.Errorf("of a response of %d bytes that was released there is %v", n, m.response)
		}
	}
	const copied = 32 << 10 // by the caches, of a page; see coherence.Flight.Shared and its test
	for _, n := range []int{copied + 1, 1<<mostMemory + 1} {
		if b, m := room(n); len(b) != n || m != nil {
			t.Errorf("room for an answer of %d bytes, which a cache may keep as it lies there, is %d bytes of %d that are lent", n, len(b), len(m.bytes))
		}
	}
}

// Answers that are held at the same time have memory of their own each, and one that comes after is as upstream wrote it, whatever lay there.
func TestAnswersHaveMemoryOfTheirOwn(t *testing.T) {
	up := script(t, reply(200, `{"Item":{"p":{"S":"the first, which is long"}}}`), reply(200, `{"Item":{}}`), reply(200, `{"a":{}}`))
	b := open(t, testConfig(up.url))
	do := func() *ddb.Response {
		t.Helper()
		resp, err := b.Do(t.Context(), ddb.NewRequest(ddb.GetItem, []byte(`{}`)))
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	first, second := do(), do()
	if got := string(first.Body()); got != `{"Item":{"p":{"S":"the first, which is long"}}}` {
		t.Errorf("the first answer is %s", got)
	}
	first.Release()
	third := do()
	if string(second.Body()) != `{"Item":{}}` || string(third.Body()) != `{"a":{}}` {
		t.Errorf("the answers are %s and %s", second.Body(), third.Body())
	}
}
