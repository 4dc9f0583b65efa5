package awsjson

import (
	"bytes"
	"hash/crc32"
	"net"
	"time"

	"millrace/proxy"
)

// spliced are the pieces of a body that stands in out behind headRoom bytes but for what is spliced into it. The first one is
// of out, where a head can be put before it.
func spliced(out []byte, splices []proxy.Splice) net.Buffers {
	pieces, from := make(net.Buffers, 0, 2*len(splices)+1), headRoom
	for _, s := range splices {
		pieces = append(pieces, out[from:s.At], s.Bytes)
		from = s.At
	}
	return append(pieces, out[from:])
}

// crcOf is the checksum of an answer's pieces.
func crcOf(pieces net.Buffers) (sum uint32) {
	for _, piece := range pieces {
		sum = crc32.Update(sum, crc32.IEEETable, piece)
	}
	return sum
}

// joined are the pieces in one, behind headRoom bytes.
func joined(pieces net.Buffers) []byte {
	return bytes.Join(append(net.Buffers{make([]byte, headRoom)}, pieces...), nil)
}

// sendPieces is send for an answer in pieces, which is large and so seldom taken at once.
func (c *conn) sendPieces(pieces net.Buffers, now time.Time, d time.Duration) error {
	c.pause()
	if err := c.allowWrite(now, d); err != nil {
		return err
	}
	_, err := pieces.WriteTo(c.Conn)
	c.now = time.Now()
	return err
}
