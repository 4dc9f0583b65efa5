package loadtest

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"millrace/ddb"
)

// connection is a way to ask one request at a time. A request is readied, let go when it is due, and waited for; the three
// are apart so that readying costs no latency. One goroutine prepares and awaits; another may release and interrupt.
type connection interface {
	// prepare readies a request, and connects if need be. body is borrowed until the await has returned.
	prepare(op ddb.Operation, body []byte) error
	// release sends what was prepared, once, and notes the time.
	release()
	// released is when that was, since the clock's start; 0 if it has not been.
	released() time.Duration
	// await waits for the answer, in body until the next prepare. errInterrupted and errIdle come without a release.
	await() (answer, error)
	// interrupt ends an await of a request that will not be released.
	interrupt()
	// abort ends any await.
	abort()
	// close hangs up.
	close()
}

// What await says beside an answer: the time was over, the request was taken back, the connection was closed by the other
// side while it was waiting for something to send.
var (
	errTimeout     = errors.New("no answer in time")
	errInterrupted = errors.New("taken back")
	errIdle        = errors.New("connection was closed while idle")
)

// clock is the time since a run began, from the monotonic clock.
type clock struct{ start time.Time }

// now is the time since the start.
func (c clock) now() time.Duration { return time.Since(c.start) }

// answer is what came back.
type answer struct {
	status int
	// code is the exception's name; empty for a success.
	code string
	// cache is what X-Millrace-Cache said, of how many keys how many were hits.
	cache      cacheResult
	hits, keys int
	// found is false when a GetItem had no item; unprocessed when a batch was not done in full.
	found, unprocessed bool
	bytes              int
}

// cacheResult is a word of X-Millrace-Cache.
type cacheResult uint8

// The results; noCache is an answer without the header.
const (
	noCache cacheResult = iota
	cacheHit
	cacheNegative
	cacheMiss
	cacheRefill
	cacheShared
	cachePartial
	cacheBypass
	cacheForward
	cacheStale
	cacheOther

	numCacheResults
)

// cacheWords are the words, indexed by cacheResult.
var cacheWords = [numCacheResults]string{"no header", "hit", "negative", "miss", "refill", "shared", "partial", "bypass", "forward", "stale", "other"}

// parseCache reads the header's value: a word, and for a batch "; hits=2/3".
func (a *answer) parseCache(value string) {
	word, rest, _ := strings.Cut(value, ";")
	word = strings.TrimSpace(word)
	a.cache = cacheOther
	for i := cacheHit; i < cacheOther; i++ {
		if cacheWords[i] == word {
			a.cache = i
		}
	}
	a.hits, a.keys = 0, 1
	if a.cache == cacheHit || a.cache == cacheNegative || a.cache == cacheStale {
		a.hits = 1
	}
	if part, ok := strings.CutPrefix(strings.TrimSpace(rest), "hits="); ok {
		hits, keys, _ := strings.Cut(part, "/")
		if n, err := strconv.Atoi(keys); err == nil && n > 0 {
			a.keys = n
			a.hits, _ = strconv.Atoi(hits)
		}
	}
}
