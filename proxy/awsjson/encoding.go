package awsjson

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
)

// errTooLarge is a body that grew beyond maxBody while it was unpacked.
var errTooLarge = errors.New("decompressed request body is too large")

// errEncoding is a body that is not what its Content-Encoding says, or an encoding nobody knows.
var errEncoding = errors.New("request body does not match its content encoding")

// coding is a content coding of RFC 9110 §8.4.1.
type coding uint8

// The codings spoken. Deflate means a zlib stream (RFC 1950), as RFC 9110 has it, not a bare one.
const (
	identity coding = iota
	gzipCoding
	deflateCoding
)

// codingNames are the values of Content-Encoding.
var codingNames = [...]string{identity: "identity", gzipCoding: "gzip", deflateCoding: "deflate"}

// decoders keeps readers between requests; their windows are what is worth keeping.
type decoders struct {
	gzip, zlib sync.Pool
}

// decode appends to dst what body holds under the named Content-Encoding. More than limit bytes are
// errTooLarge; everything else that is wrong is errEncoding.
func (d *decoders) decode(dst []byte, encoding string, body []byte, limit int) ([]byte, error) {
	src := bytes.NewReader(body)
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "gzip":
		zr, _ := d.gzip.Get().(*gzip.Reader)
		if zr == nil {
			zr = new(gzip.Reader)
		}
		defer d.gzip.Put(zr)
		if zr.Reset(src) != nil {
			return dst, errEncoding
		}
		return appendLimited(dst, zr, limit)
	case "deflate":
		zr, _ := d.zlib.Get().(io.ReadCloser)
		if zr == nil {
			var err error
			if zr, err = zlib.NewReader(src); err != nil {
				return dst, errEncoding
			}
		} else if zr.(zlib.Resetter).Reset(src, nil) != nil {
			return dst, errEncoding
		}
		defer d.zlib.Put(zr)
		dst, err := appendLimited(dst, zr, limit)
		if err == nil && src.Len() > 0 {
			// Only one stream is allowed, unlike gzip's members.
			return dst, errEncoding
		}
		return dst, err
	default:
		return dst, errEncoding
	}
}

// appendLimited reads r to its end.
func appendLimited(dst []byte, r io.Reader, limit int) ([]byte, error) {
	start := len(dst)
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst)-start > limit {
			return dst, errTooLarge
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, errEncoding
		}
	}
}

// encoders keeps writers between requests; each is some 800 KB.
type encoders struct {
	gzip, zlib sync.Pool
}

// encode appends body in coding c to dst. Speed is preferred to size: the wire is a local network.
func (e *encoders) encode(dst []byte, c coding, body []byte) []byte {
	out := bytes.NewBuffer(dst)
	if c == gzipCoding {
		zw, _ := e.gzip.Get().(*gzip.Writer)
		if zw == nil {
			zw, _ = gzip.NewWriterLevel(out, gzip.BestSpeed)
		}
		zw.Reset(out)
		_, _ = zw.Write(body)
		_ = zw.Close()
		e.gzip.Put(zw)
		return out.Bytes()
	}
	zw, _ := e.zlib.Get().(*zlib.Writer)
	if zw == nil {
		zw, _ = zlib.NewWriterLevel(out, zlib.BestSpeed)
	}
	zw.Reset(out)
	_, _ = zw.Write(body)
	_ = zw.Close()
	e.zlib.Put(zw)
	return out.Bytes()
}

// acceptedCoding chooses from one Accept-Encoding header: the best weight wins, gzip among equals. What it does
// not name, or weighs 0, is not used; "*" is not taken for a name (assumed).
func acceptedCoding(header string) coding {
	best, bestWeight := identity, 0.0
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		var c coding
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip":
			c = gzipCoding
		case "deflate":
			c = deflateCoding
		default:
			continue
		}
		weight := 1.0
		if v, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q="); ok {
			var err error
			if weight, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
				weight = 0
			}
		}
		if weight > bestWeight || (weight == bestWeight && weight > 0 && c == gzipCoding) {
			best, bestWeight = c, weight
		}
	}
	return best
}
