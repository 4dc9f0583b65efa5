package engine

import (
	"encoding/binary"
	"fmt"
)

// encode is how a counter is stored: two signed varints.
func (n counter) encode() []byte {
	return binary.AppendVarint(binary.AppendVarint(nil, n.items), n.bytes)
}

// decodeCounter is encode's inverse.
func decodeCounter(stored []byte) (counter, error) {
	items, a := binary.Varint(stored)
	if a <= 0 {
		return counter{}, fmt.Errorf("read counter: %w", errDamaged)
	}
	bytes, b := binary.Varint(stored[a:])
	if b <= 0 {
		return counter{}, fmt.Errorf("read counter: %w", errDamaged)
	}
	return counter{items, bytes}, nil
}

// counterIDOf is what the counter at store key k counts.
func counterIDOf(k []byte) counterID {
	return counterID{table: tableOf(k), index: binary.BigEndian.Uint16(k[5:])}
}

// count reads the counter of a table (idx nil) or index as of v.
func (v *view) count(t *table, idx *index) (counter, error) {
	value, done, found, err := v.snap.get(counterKey(t.number, idx.numberOrBase()))
	if err != nil || !found {
		return counter{}, err
	}
	defer done.Close()
	return decodeCounter(value)
}
