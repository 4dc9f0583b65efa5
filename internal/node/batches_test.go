package node

import (
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
)

// A batch of large items that missed is answered to the byte as upstream answers it, with a checksum that is right: in pieces by the
// front's own loop, in one by fasthttp, and compressed; and so is one of which a part was cached. Then all of it is.
func TestMissedBatchesAreUpstreamsToTheByte(t *testing.T) {
	t.Parallel()
	front, behind := inFront(t)
	behind.mustCall("CreateTable", createTable)
	for i, way := range []struct {
		name, header string
		cached       int
	}{{"plain", "", 0}, {"in part", "", 5}, {"by fasthttp", "X-Other: é\r\n", 0}, {"compressed", "Accept-Encoding: gzip\r\n", 0}} {
		var keys []string
		for j := range 12 {
			key := fmt.Sprintf(`"p":{"S":"%d-%d"}`, i, j)
			keys = append(keys, "{"+key+"}")
			behind.mustCall("PutItem", `{"TableName":"t-1","Item":{"a":{"N":"7"},`+key+`,"v":{"S":"`+strings.Repeat(fmt.Sprint(j), j*j*1500)+`"}}}`)
		}
		for _, key := range keys[:way.cached] {
			front.mustCall("GetItem", `{"TableName":"t-1","Key":`+key+`}`)
		}
		batch := `{"RequestItems":{"t-1":{"Keys":[` + strings.Join(keys, ",") + `,{"p":{"S":"none-` + fmt.Sprint(i) + `"}}]}}}`
		_, want := behind.mustCall("BatchGetItem", batch)
		for _, result := range []string{"miss; hits=0/13", "hit; hits=13/13"} {
			header, got := front.mustCall("BatchGetItem", batch, way.header)
			if header.Get("Content-Encoding") == "gzip" {
				r, err := gzip.NewReader(strings.NewReader(got))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			} else if way.name == "compressed" {
				t.Error("the answer is not compressed")
			}
			if way.cached > 0 {
				result = strings.Replace(result, "miss; hits=0", fmt.Sprintf("partial; hits=%d", way.cached), 1)
			}
			if cache := header.Get("X-Millrace-Cache"); got != want || cache != result {
				t.Errorf("%s: %q with %d bytes, want %q with %d: %.200s", way.name, cache, len(got), result, len(want), got)
			}
		}
	}
}
