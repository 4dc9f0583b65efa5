package engine

import (
	"encoding/binary"
	"math"
)

// The families of streams. Their numbers are of their own: a stream outlives its table.
//
//	stream  'x' stream(4)                        the stream's record, as JSON
//	shard   'h' stream(4) shard(4)               the shard's record, as JSON
//	log     'r' stream(4) shard(4) sequence(8)   one stream record
const (
	familyStream = 'x'
	familyShard  = 'h'
	familyLog    = 'r'
)

// systemNextStream is the next stream's number, as decimal text.
const systemNextStream = string(familySystem) + "next-stream"

// streamKey is where a stream's record is kept.
func streamKey(number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{familyStream}, number)
}

// shardKey is where a shard's record is kept.
func shardKey(stream, number uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte{familyShard}, stream), number)
}

// shardKeyParts is the stream and the shard in a key of a shard or of the log.
func shardKeyParts(k []byte) (stream, number uint32) {
	return binary.BigEndian.Uint32(k[1:]), binary.BigEndian.Uint32(k[5:])
}

// logKey is where the stream record with that sequence number is kept.
func logKey(stream, number uint32, sequence uint64) []byte {
	dst := append(make([]byte, 0, logKeyBytes), familyLog)
	dst = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, stream), number)
	return binary.BigEndian.AppendUint64(dst, sequence)
}

// logKeyBytes is the length of a logKey.
const logKeyBytes = 1 + 4 + 4 + 8

// logSequence is the sequence number in a logKey.
func logSequence(k []byte) uint64 { return binary.BigEndian.Uint64(k[logKeyBytes-8:]) }

// logRange bounds the records of a shard with from <= sequence number < below.
func logRange(stream, number uint32, from, below uint64) (lower, upper []byte) {
	return logKey(stream, number, from), logKey(stream, number, below)
}

// logEnd is greater than every sequence number.
const logEnd = math.MaxUint64

// lastRecord is the newest record of a shard below the given sequence number.
func (s *snapshot) lastRecord(stream, number uint32, below uint64) (sequence uint64, found bool, err error) {
	it, err := s.iterate(logRange(stream, number, 0, below))
	if err != nil {
		return 0, false, err
	}
	if found = it.Last(); found {
		sequence = logSequence(it.Key())
	}
	return sequence, found, it.Close()
}
