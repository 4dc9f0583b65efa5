package engine

import (
	"bytes"
	"context"
	"hash/maphash"
	"slices"
	"sync"
)

// lockKey names an item for locking: its store key, from table.itemKey.
type lockKey []byte

// lockShards is the number of maps that held locks are spread over, to keep writers out of each other's way.
const lockShards = 64

// lockTable holds the locks of items that are being written. A lock exists only while somebody holds or awaits it.
type lockTable struct {
	seed   maphash.Seed
	shards [lockShards]lockShard
}

// lockShard is the part of the table whose keys hash to one number.
type lockShard struct {
	mu sync.Mutex

	held map[string]*keyLock
}

// keyLock is one item's lock. Its fields are guarded by the shard's mu.
type keyLock struct {
	key string
	// users counts the holder and those who wait.
	users int
	// turn carries one token when the holder leaves and others wait; nil until somebody waits.
	turn chan struct{}
	// transaction is where the one transaction that may be among the users stands.
	transaction standing
}

// standing is how far a transaction has come with a lock.
type standing uint8

const (
	// absent: no transaction has to do with the lock.
	absent standing = iota
	// waiting: it is behind others who are none.
	waiting
	// holding: it has the lock.
	holding
)

// claim is how somebody who asks for locks gets along with transactions. Those who have nothing to do with one wait for
// each other, in the order of their coming, whatever their claims.
type claim uint8

const (
	// patient waits for transactions too.
	patient claim = iota
	// single, the claim of a request to write one item, is refused a lock that a transaction holds or waits for.
	single
	// transactional is a transaction's. It is refused such a lock as well.
	transactional
)

// conflict is the refusal of a lock, of key, for the sake of a transaction.
type conflict struct{ key string }

// Error is for logs: callers tell their clients in DynamoDB's words.
func (*conflict) Error() string { return "a transaction is ongoing for the item" }

// newLockTable makes a table without locks.
func newLockTable() *lockTable {
	l := &lockTable{seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].held = make(map[string]*keyLock)
	}
	return l
}

// lock takes the locks of all keys, each once, and returns them for unlock. Taking them in byte order is what keeps
// two writers from waiting for each other. It sorts keys in place. On ctx's end it holds nothing and returns its error.
func (l *lockTable) lock(ctx context.Context, keys []lockKey) ([]*keyLock, error) {
	return l.lockAs(ctx, patient, keys)
}

// lockAs is lock for any claim. A *conflict means that nothing is held.
func (l *lockTable) lockAs(ctx context.Context, as claim, keys []lockKey) ([]*keyLock, error) {
	if len(keys) > 1 {
		slices.SortFunc(keys, func(a, b lockKey) int { return bytes.Compare(a, b) })
		keys = slices.CompactFunc(keys, func(a, b lockKey) bool { return bytes.Equal(a, b) })
	}
	held := make([]*keyLock, 0, len(keys))
	for _, k := range keys {
		kl, err := l.lockOne(ctx, as, k)
		if err != nil {
			l.unlock(held)
			return nil, err
		}
		held = append(held, kl)
	}
	return held, nil
}

// lockOne takes one lock; those who wait get it in the order of their coming.
func (l *lockTable) lockOne(ctx context.Context, as claim, key lockKey) (*keyLock, error) {
	sh := l.shard(key)
	sh.mu.Lock()
	kl, taken := sh.held[string(key)]
	if !taken {
		kl = &keyLock{key: string(key), users: 1}
		if as == transactional {
			kl.transaction = holding
		}
		sh.held[kl.key] = kl
		sh.mu.Unlock()
		return kl, nil
	}
	if as != patient && kl.transaction != absent {
		sh.mu.Unlock()
		return nil, &conflict{kl.key}
	}
	kl.users++
	if as == transactional {
		kl.transaction = waiting
	}
	if kl.turn == nil {
		kl.turn = make(chan struct{}, 1)
	}
	turn := kl.turn
	sh.mu.Unlock()
	select {
	case <-turn:
		if as == transactional {
			sh.mu.Lock()
			kl.transaction = holding
			sh.mu.Unlock()
		}
		return kl, nil
	case <-ctx.Done():
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if as == transactional {
		kl.transaction = absent
	}
	// The holder may have left the token between the two: then it lies in turn for the next one who waits, and if
	// there is none the lock goes.
	if kl.users--; kl.users == 0 {
		delete(sh.held, kl.key)
	}
	return nil, ctx.Err()
}

// ongoing reports whether a transaction holds key's lock or waits for it.
func (l *lockTable) ongoing(key lockKey) bool {
	sh := l.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	kl, taken := sh.held[string(key)]
	return taken && kl.transaction != absent
}

// unlock gives up locks that lock returned.
func (l *lockTable) unlock(held []*keyLock) {
	for _, kl := range held {
		sh := l.shard(lockKey(kl.key))
		sh.mu.Lock()
		if kl.transaction == holding {
			kl.transaction = absent
		}
		if kl.users--; kl.users == 0 {
			delete(sh.held, kl.key)
		} else {
			kl.turn <- struct{}{}
		}
		sh.mu.Unlock()
	}
}

// shard is where key's lock lives.
func (l *lockTable) shard(key lockKey) *lockShard {
	return &l.shards[maphash.Bytes(l.seed, key)%lockShards]
}
