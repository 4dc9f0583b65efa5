package trace

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"strconv"

	"millrace/ddb"
)

// mask replaces key values by others of the same type, equal ones by equal ones. It is one goroutine's.
type mask struct {
	plain bool
	sum   hash.Hash
	buf   []byte
}

// newMask draws the key of the hashes; it is kept nowhere else.
func newMask(plain bool) (*mask, error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, fmt.Errorf("draw the key of a trace's hashes: %w", err)
	}
	return &mask{plain: plain, sum: hmac.New(sha256.New, secret[:])}, nil
}

// value is the text that stands for v, which is of kind S, N or B. Numbers stay numbers, of up to fifteen digits, and
// binary values stay base64. name is the attribute's: equal values of different attributes get different texts.
func (m *mask) value(name string, v ddb.AttributeValue) string {
	if m.plain {
		switch v.Kind() {
		case ddb.KindN:
			return v.Num()
		case ddb.KindB:
			return base64.StdEncoding.EncodeToString([]byte(v.Bin()))
		}
		return v.Str()
	}
	m.sum.Reset()
	m.buf = append(append(m.buf[:0], name...), 0)
	m.buf = ddb.AppendKeyValue(m.buf, v)
	_, _ = m.sum.Write(m.buf)
	var out [sha256.Size]byte
	sum := m.sum.Sum(out[:0])
	switch v.Kind() {
	case ddb.KindN:
		return strconv.FormatUint(binary.BigEndian.Uint64(sum)%1e15, 10)
	case ddb.KindB:
		return base64.StdEncoding.EncodeToString(sum[:12])
	}
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// scope is a short text that stands for one of several stores.
func (m *mask) scope(scope string) string {
	m.sum.Reset()
	_, _ = m.sum.Write([]byte(scope))
	return base64.RawURLEncoding.EncodeToString(m.sum.Sum(nil)[:6])
}
