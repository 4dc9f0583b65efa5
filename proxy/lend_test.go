package proxy

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"testing"

	"millrace/ddb"
)

// Properties: (1) a large page that was lent stays as it was, whatever is written to its partition meanwhile and after, with the
// checksum that it was lent with; (2) it is what a copy would have been; (3) what is not a page as it lies there is in Body; (4) a small
// page is copied there, with its checksum.
func TestLentPagesStayAsTheyWere(t *testing.T) {
	t.Parallel()
	r := newRig(t, rigOptions{})
	r.must(ddb.CreateTable, bookTable)
	long := strings.Repeat("long ", 500)
	for i := range 20 {
		r.putBook("a", fmt.Sprint(i), "g", 1990, "note, "+long)
		r.putBook("b", fmt.Sprint(i), "g", 1990, "note")
	}
	query := queryBooks("a", "author=:a", "", "")
	lend := func() (reply Reply) {
		reply.Lend = true
		if err := r.proxy.Do(t.Context(), ddb.NewRequest(ddb.Query, []byte(query)), Options{}, &reply); err != nil {
			t.Error(err)
		}
		return reply
	}
	var wg sync.WaitGroup
	held := make([][]Reply, 4)
	for i := range held {
		wg.Go(func() {
			for len(held[i]) < 100 {
				if reply := lend(); reply.Page != nil {
					held[i] = append(held[i], reply)
				}
			}
		})
	}
	for round := range 50 {
		r.putBook("a", fmt.Sprint(round%20), "g", 1990+round, "another note, of another length, "+long)
	}
	wg.Wait()
	r.forget()
	for _, replies := range held {
		for _, reply := range replies {
			if got := crc32.ChecksumIEEE(reply.Page); got != reply.CRC || len(reply.Body) > 0 || !bytes.HasSuffix(reply.Page, []byte("}")) {
				t.Fatalf("a page that was lent has the checksum %d, had %d, beside %q: %s", got, reply.CRC, reply.Body, reply.Page)
			}
		}
	}

	if reply, want := lend(), r.bare(ddb.Query, query); reply.Result != Miss || string(reply.Page) != want.body || len(reply.Body) > 0 || crc32.ChecksumIEEE(reply.Page) != reply.CRC {
		t.Errorf("a miss (%v) lends %s beside %d bytes, want %s", reply.Result, reply.Page, len(reply.Body), want.body)
	}
	if reply, want := lend(), r.bare(ddb.Query, query); reply.Result != Hit || string(reply.Page) != want.body {
		t.Errorf("a hit (%v) lends %s, want %s", reply.Result, reply.Page, want.body)
	}
	query = queryBooks("b", "author=:a", "", "")
	want := r.bare(ddb.Query, query)
	if reply := lend(); reply.Result != Miss || string(reply.Page) != want.body || !reply.Summed {
		t.Errorf("a miss (%v) of a small page lends %s, want %s", reply.Result, reply.Page, want.body)
	}
	if reply := lend(); reply.Result != Hit || reply.Page != nil || string(reply.Body) != want.body || !reply.Summed || crc32.ChecksumIEEE(reply.Body) != reply.CRC {
		t.Errorf("a hit (%v) of a small page is %s with checksum %d beside %d lent bytes, want %s", reply.Result, reply.Body, reply.CRC, len(reply.Page), want.body)
	}
	query = queryBooks("a", "author=:a", "", `,"ReturnConsumedCapacity":"TOTAL"`)
	if reply, want := lend(), r.bare(ddb.Query, query); reply.Result != Hit || reply.Page != nil || reply.Summed || string(reply.Body) != want.body {
		t.Errorf("a hit (%v) that tells its capacity is %s beside %d lent bytes, want %s", reply.Result, reply.Body, len(reply.Page), want.body)
	}
}
