package aws

import (
	"math/bits"
	"sync"

	"millrace/ddb"
)

// The body of a plain answer lies in memory that is used again once its response was released, which those do who know that nobody
// else has any of it. What is never released is the garbage collector's, like all else; so memory is taken that is not twice as large
// as it need be.

// The powers of two that memory has at least and at most. Larger answers are rare, and their pages are the caches' as they lie there: what
// is cached of one is to hold no more memory than it is counted with.
const (
	leastMemory = 9
	mostMemory  = 15
)

// memory is what an answer lies in, with its response.
type memory struct {
	bytes    []byte
	response ddb.Response
}

// memories are those that are used again, by the power of two.
var memories = [mostMemory - leastMemory + 1]sync.Pool{}

// room is memory for a body of n bytes, whose bytes are anything. The second result is nil for one that is too long.
func room(n int) ([]byte, *memory) {
	class := max(leastMemory, bits.Len(uint(max(0, n-1))))
	if class > mostMemory {
		return make([]byte, n), nil
	}
	m, ok := memories[class-leastMemory].Get().(*memory)
	if !ok {
		m = &memory{bytes: make([]byte, 1<<class)}
	}
	return m.bytes[:n:n], m
}

// lend makes the response of a body that lies in m.
func (m *memory) lend(body []byte) *ddb.Response {
	m.response = ddb.LentResponse(body, m)
	return &m.response
}

// TakeBack is part of ddb.Lender.
func (m *memory) TakeBack() { memories[bits.Len(uint(len(m.bytes)))-1-leastMemory].Put(m) }
