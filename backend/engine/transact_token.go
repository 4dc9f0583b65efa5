package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A transaction with a ClientRequestToken leaves a record of it, in the batch of its items. Records are filed by the
// period in which they were made, so that those of a period that is long over are dropped by one range deletion, which
// costs the same for one and for a million: clients send a token with every transaction.

// familyToken is the family of these records; see keyspace.go.
const familyToken = 'c'

// tokenLife is how long a token stands for its request. (API Reference, TransactWriteItems: ClientRequestToken.)
const tokenLife = 10 * time.Minute

// tokenFormat is the first byte of every record.
const tokenFormat = 1

// tokenRecord is what is kept of a transaction.
type tokenRecord struct {
	// at is when it was committed, in milliseconds of the Unix epoch.
	at     int64
	digest [sha256.Size]byte
	// sizes are transacted's.
	sizes []int
}

// tokenPeriod is the period that now is in; periods are as long as a token lives.
func tokenPeriod(now time.Time) int64 { return max(now.UnixMilli(), 0) / tokenLife.Milliseconds() }

// tokenPrefix is what the keys of all records of a period begin with.
func tokenPrefix(period int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{familyToken}, uint64(max(period, 0)))
}

// tokenKey is where tx's record is kept if it was made in that period. Period 0 serves as the token's lock. Operations
// do not share tokens. (Captured from the service: github.com/nubo-db/dynoxide, pull request 125.)
func (tx *transaction) tokenKey(period int64) []byte {
	k := append(tokenPrefix(period), byte(tx.op))
	k = append(append(k, tx.scope...), 0)
	return append(k, tx.token...)
}

// remember adds tx's record to b, made now.
func (tx *transaction) remember(b *batch, sizes []int, now time.Time) {
	v := append(make([]byte, 0, 1+8+sha256.Size+3*len(sizes)), tokenFormat)
	v = binary.BigEndian.AppendUint64(v, uint64(now.UnixMilli()))
	v = append(v, tx.digest[:]...)
	for _, n := range sizes {
		v = binary.AppendUvarint(v, uint64(n))
	}
	b.set(tx.tokenKey(tokenPeriod(now)), v)
}

// decodeToken reads what remember wrote.
func decodeToken(stored []byte) (tokenRecord, error) {
	var r tokenRecord
	if len(stored) < 1+8+sha256.Size || stored[0] != tokenFormat {
		return r, fmt.Errorf("read token of a transaction: %w", errDamaged)
	}
	r.at = int64(binary.BigEndian.Uint64(stored[1:]))
	rest := stored[1+8+copy(r.digest[:], stored[1+8:]):]
	for len(rest) > 0 {
		n, used := binary.Uvarint(rest)
		if used <= 0 {
			return r, fmt.Errorf("read token of a transaction: %w", errDamaged)
		}
		r.sizes = append(r.sizes, int(n))
		rest = rest[used:]
	}
	return r, nil
}

// token looks for the record of a transaction with tx's token that succeeded less than tokenLife before now. A clock that
// was set back by up to tokenLife does not hide one: it would be done twice.
func (v *view) token(tx *transaction, now time.Time) (tokenRecord, bool, error) {
	period := tokenPeriod(now)
	for p := period + 1; p >= max(period-1, 0); p-- {
		value, done, found, err := v.snap.get(tx.tokenKey(p))
		if err != nil {
			return tokenRecord{}, false, fmt.Errorf("read token of a transaction: %w", err)
		}
		if !found {
			continue
		}
		r, err := decodeToken(value)
		_ = done.Close()
		if err != nil {
			return tokenRecord{}, false, err
		}
		if now.UnixMilli()-r.at < tokenLife.Milliseconds() {
			return r, true, nil
		}
	}
	return tokenRecord{}, false, nil
}

// forgetTokens drops records of tokens that stand for nothing any more, until ctx ends.
func (e *Engine) forgetTokens(ctx context.Context) error {
	tick := time.NewTicker(e.cfg.SweepInterval)
	defer tick.Stop()
	for {
		if err := e.dropTokens(ctx); err != nil {
			if ctx.Err() != nil || errors.Is(err, errClosed) || e.store.failure() != nil {
				return err
			}
			// Nobody asks for these records any more, they only take space; the next time tries again.
			e.cfg.Logger.Warn("forgetting tokens of transactions failed", "error", err)
		}
		select {
		case <-tick.C:
		case <-e.done:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// dropTokens drops the records of all periods before the last one, if there are any.
func (e *Engine) dropTokens(ctx context.Context) error {
	if !e.enter() {
		return errClosed
	}
	defer e.gate.RUnlock()
	lower, upper := []byte{familyToken}, tokenPrefix(tokenPeriod(e.cfg.Clock())-1)
	if any, err := e.holds(lower, upper); err != nil || !any {
		return err
	}
	return e.commit(ctx, nil, func(*view) (writeSet, error) {
		return writeSet{records: func(_ *catalog, b *batch) error {
			b.deleteRange(lower, upper)
			return nil
		}}, nil
	})
}

// holds reports whether the store has a key from lower up to upper.
func (e *Engine) holds(lower, upper []byte) (bool, error) {
	v := e.acquireView()
	defer v.release()
	it, err := v.snap.iterate(lower, upper)
	if err != nil {
		return false, err
	}
	found := it.First()
	return found, it.Close()
}
