package shelf

import (
	"bytes"
	"testing"
)

// TestBlobKeepsEveryField checks that an entry which is laid into the arena reads the same, with and without the caller's
// part of Meta and a page's.
func TestBlobKeepsEveryField(t *testing.T) {
	page := 77
	for _, e := range []Entry[int]{
		{ValidAt: 7, Epoch: 1 << 60, Image: Image{Bytes: []byte("image"), Sum: [16]byte{1, 15: 2}, Meta: Meta{Size: 9}}},
		{ValidAt: -7, Image: Image{Absent: true}},
		{Epoch: 3, Image: Image{Bytes: []byte{0}, Meta: Meta{Size: -1, A: -1, B: 1 << 62}}},
		{Image: Image{Meta: Meta{B: 5}}},
		{Page: &page, Weight: 1 << 40, Image: Image{Bytes: []byte("page"), Meta: Meta{Size: 3, CRC: 1<<32 - 1}}},
		{Page: &page, Image: Image{Meta: Meta{A: -1}}},
	} {
		for _, key := range []string{"k", string(make([]byte, 3000))} {
			b := bytes.Repeat([]byte{0xff}, blobSize(len(key), &e))
			write(b, uint32(len(key)), key, &e)
			var got Entry[int]
			read(b, 42, &got)
			id, k, _ := keyAt[int](b)
			if got.ValidAt != e.ValidAt || got.Epoch != e.Epoch || !bytes.Equal(got.Bytes, e.Bytes) || got.Sum != e.Sum || got.Absent != e.Absent ||
				got.Meta != e.Meta || got.blob != 42 || got.Weight != e.Weight || (got.Page == nil) != (e.Page == nil) || e.Page != nil && *got.Page != 77 || id != uint32(len(key)) || string(k) != key {
				t.Errorf("%+v with a key of %d bytes reads as %+v, space %d, key of %d bytes", e, len(key), got, id, len(k))
			}
		}
	}
}
