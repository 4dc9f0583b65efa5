package interval

import "bytes"

// Hull is the least closed range around some positions: all that is kept of them, so that many cost no more than one. The
// zero value is empty.
type Hull struct {
	any, all bool
	lo, hi   []byte
}

// Empty reports whether no position was added.
func (h *Hull) Empty() bool { return !h.any }

// Add takes in a position, copied; nil is everywhere.
func (h *Hull) Add(pos []byte) {
	switch {
	case h.all:
	case pos == nil:
		*h = Hull{any: true, all: true}
	case !h.any:
		p := bytes.Clone(pos)
		h.any, h.lo, h.hi = true, p, p
	case bytes.Compare(pos, h.lo) < 0:
		h.lo = bytes.Clone(pos)
	case bytes.Compare(pos, h.hi) > 0:
		h.hi = bytes.Clone(pos)
	}
}

// Join takes in another hull.
func (h *Hull) Join(o *Hull) {
	if o.all {
		h.Add(nil)
	} else if o.any {
		h.Add(o.lo)
		h.Add(o.hi)
	}
}

// Meets reports whether the hull and the interval from lo to hi have anything in common.
func (h *Hull) Meets(lo, hi []byte) bool {
	return h.all || h.any && (hi == nil || bytes.Compare(h.lo, hi) < 0) && bytes.Compare(h.hi, lo) >= 0
}

// Print appends the hull: equal prints are equal hulls.
func (h *Hull) Print(b []byte) []byte {
	switch {
	case h.all:
		return append(b, 'a')
	case !h.any:
		return append(b, 'n')
	}
	return append(append(append(append(b, 'h'), h.lo...), 0xfe), h.hi...)
}
