package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"millrace/ddb"
)

// shardIterator is a place in a shard. Clients hold it sealed: they can neither read it nor make one, and one of another
// engine, or of another scope's stream, is refused.
type shardIterator struct {
	stream, shard uint32
	// position is the lowest sequence number to be read.
	position uint64
	// issued is when the client got it, in milliseconds of the Unix epoch.
	issued int64
}

// iteratorLifetime is how long an iterator can be used. (API Reference, GetRecords: ExpiredIteratorException, "A shard
// iterator expires 15 minutes after it is retrieved".)
const iteratorLifetime = 15 * time.Minute

// The lengths of a sealed iterator's parts: what is in it and the seal.
const (
	iteratorBytes = 4 + 4 + 8 + 8
	sealBytes     = 16
)

// iteratorMark stands between the stream's ARN and the sealed part, in the form of DynamoDB's own iterators.
// (API Reference, GetShardIterator: Examples.)
const iteratorMark = "|1|"

// seal makes it into what a client gets.
func (e *Engine) seal(s *stream, it shardIterator) string {
	body := binary.BigEndian.AppendUint32(make([]byte, 0, iteratorBytes+sealBytes), it.stream)
	body = binary.BigEndian.AppendUint32(body, it.shard)
	body = binary.BigEndian.AppendUint64(body, it.position)
	body = binary.BigEndian.AppendUint64(body, uint64(it.issued))
	body = append(body, e.sealOf(s.record.Scope, s.record.ARN, body)...)
	return s.record.ARN + iteratorMark + base64.StdEncoding.EncodeToString(body)
}

// unseal is seal's inverse for a client of the given scope. The stream may have gone.
func (e *Engine) unseal(scope, text string) (it shardIterator, arn string, err *ddb.Error) {
	arn, sealed, _ := strings.Cut(text, iteratorMark)
	body, bad := base64.StdEncoding.Strict().DecodeString(sealed)
	if bad != nil || len(body) != iteratorBytes+sealBytes ||
		!hmac.Equal(body[iteratorBytes:], e.sealOf(scope, arn, body[:iteratorBytes])) {
		// Assumed.
		return shardIterator{}, "", ddb.Validation("Invalid ShardIterator")
	}
	return shardIterator{
		stream:   binary.BigEndian.Uint32(body),
		shard:    binary.BigEndian.Uint32(body[4:]),
		position: binary.BigEndian.Uint64(body[8:]),
		issued:   int64(binary.BigEndian.Uint64(body[16:])),
	}, arn, nil
}

// sealOf proves that this store made body for that stream and scope.
func (e *Engine) sealOf(scope, arn string, body []byte) []byte {
	mac := hmac.New(sha256.New, e.secret)
	for _, part := range []string{"shard iterator", scope, arn} {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		mac.Write([]byte(part))
	}
	mac.Write(body)
	return mac.Sum(nil)[:sealBytes]
}

// systemSecret is the store's own key for what clients are given to hand back. It is no secret from who reads the folder.
const systemSecret = string(familySystem) + "secret"

// loadSecret reads the store's secret, and makes it when there is none. The store has a format already.
func loadSecret(s *store, random io.Reader) ([]byte, error) {
	snap := s.snapshot()
	defer snap.close()
	value, done, found, err := snap.get([]byte(systemSecret))
	if err != nil {
		return nil, err
	}
	if found {
		defer done.Close()
		return append([]byte(nil), value...), nil
	}
	secret := make([]byte, sha256.Size)
	if _, err := io.ReadFull(random, secret); err != nil {
		return nil, fmt.Errorf("make secret: %w", err)
	}
	b := s.newBatch()
	defer b.release()
	b.set([]byte(systemSecret), secret)
	// Not synced: nothing that is sealed, and so no stream, can be durable before it.
	return secret, s.apply(b, false)
}
