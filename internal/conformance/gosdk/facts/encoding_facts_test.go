package facts

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
)

// encodingFacts are about compressed requests and answers.
var encodingFacts = []fact{
	{29, "a gzip request is unpacked, one that is not gzip is a 500", func(s *session) {
		body := `{"Limit":1}`
		s.status(s.post("ListTables", gzipped(body), "Content-Encoding: gzip"), 200)
		s.status(s.post("ListTables", gzipped(body[:5])+gzipped(body[5:]), "Content-Encoding: gzip"), 200)
		whole := gzipped(body)
		for _, broken := range []string{"", "junk", whole[:len(whole)-5], whole[:10], body} {
			r := s.post("ListTables", broken, "Content-Encoding: gzip")
			if r.status != 500 || !bytes.Contains(r.body, []byte("InternalServerError")) {
				s.t.Errorf("answer to a broken stream of %d bytes = %d %s, want a 500 InternalServerError", len(broken), r.status, r.body)
			}
		}
		s.status(s.post("ListTables", gzipped(`{"ExclusiveStartTableName":"`+strings.Repeat("x", 16<<20)+`"}`), "Content-Encoding: gzip"), 413)
	}},
	{30, "a deflate request is a zlib stream, other codings are a 500", func(s *session) {
		body := `{"Limit":1}`
		s.status(s.post("ListTables", zlibbed(body), "Content-Encoding: deflate"), 200)
		whole := zlibbed(body)
		for _, broken := range []string{"", "junk", whole[:len(whole)-5], zlibbed(body[:5]) + zlibbed(body[5:])} {
			s.status(s.post("ListTables", broken, "Content-Encoding: deflate"), 500)
		}
		for _, unknown := range []string{"br", "x-gzip-not", "zstd"} {
			s.status(s.post("ListTables", body, "Content-Encoding: "+unknown), 500)
		}
	}},
	{31, "answers of more than 4096 bytes are compressed where the request accepts it", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"small"},"a":{"S":"` + strings.Repeat("x", 3900) + `"}}`)
		s.put(`{"pk":{"S":"large"},"a":{"S":"` + strings.Repeat("x", 4200) + `"}}`)
		f := func(key, want string, accept ...string) {
			s.t.Helper()
			for range 2 {
				var headers []string
				for _, value := range accept {
					headers = append(headers, "Accept-Encoding: "+value)
				}
				r := s.post("GetItem", s.expand(`{"TableName":"$T","Key":{"pk":{"S":"`+key+`"}}}`), headers...)
				if got := r.header.Get("Content-Encoding"); got != want {
					s.t.Errorf("Content-Encoding of the %s answer with Accept-Encoding %q = %q, want %q", key, accept, got, want)
				}
				if plain, err := unpacked(r.header.Get("Content-Encoding"), r.body); err != nil || !bytes.Contains(plain, []byte(key)) {
					s.t.Errorf("body with Accept-Encoding %q: %v in %q", accept, err, clip(string(plain)))
				}
				checkHeaders(s.t, r.header, r.body)
			}
		}
		f("large", "gzip", "gzip")
		f("large", "deflate", "deflate")
		f("large", "gzip", "br, gzip;q=0.5")
		f("large", "", "identity")
		f("large", "")
		f("large", "", "gzip;q=0")
		f("large", "", "br")
		// Only the first of several headers counts.
		f("large", "", "br", "gzip")
		f("small", "", "gzip")
		f("small", "", "deflate")
	}},
}

// gzipped is text as one gzip member.
func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// zlibbed is text as one zlib stream.
func zlibbed(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// unpacked undoes a content coding.
func unpacked(coding string, body []byte) ([]byte, error) {
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
