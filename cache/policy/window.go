package policy

// ring is the hashes of the entries in a window, oldest first.
type ring struct {
	hashes []uint64 // a power of two
	first  int
	count  int
}

// at is where the i-th hash stands.
func (r *ring) at(i int) *uint64 { return &r.hashes[(r.first+i)&(len(r.hashes)-1)] }

// oldest is the hash that came first. There must be one.
func (r *ring) oldest() uint64 { return *r.at(0) }

// bytes is the memory that it takes.
func (r *ring) bytes() int64 { return int64(len(r.hashes)) * 8 }

// push adds a hash, and returns the memory that it took for it.
func (r *ring) push(hash uint64) (more int64) {
	more = -r.bytes()
	if r.count == len(r.hashes) {
		to := make([]uint64, max(8, 2*len(r.hashes)))
		for i := range r.count {
			to[i] = *r.at(i)
		}
		r.hashes, r.first = to, 0
	}
	r.count++
	*r.at(r.count - 1) = hash
	return more + r.bytes()
}

// remove takes hash out. It looks from the oldest on, which is most often the one.
func (r *ring) remove(hash uint64) {
	for i := range r.count {
		if *r.at(i) != hash {
			continue
		}
		for ; i > 0; i-- {
			*r.at(i) = *r.at(i - 1)
		}
		r.first = (r.first + 1) & (len(r.hashes) - 1)
		r.count--
		return
	}
}
