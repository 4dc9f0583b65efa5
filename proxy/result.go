package proxy

// Result says what became of a request, in the words of the header X-Millrace-Cache, of metrics, logs and spans.
type Result uint8

// The results.
const (
	// Forward: requests of this kind, or of this table, are never cached; nor was this answer, see weak.go.
	Forward Result = iota
	// Hit: answered from the cache.
	Hit
	// Negative: the cache knew that there is no such item.
	Negative
	// Miss: nothing was cached; the backend was read.
	Miss
	// Refill: an entry stood there but might not be served; the backend was read.
	Refill
	// Shared: answered by a backend read that was already under way for someone else.
	Shared
	// Partial: a batch, some of whose items came from the cache.
	Partial
	// Bypass: the request told not to look.
	Bypass
	// Stale: answered from an entry past its time because the backend failed.
	Stale

	// NumResults is the number of results.
	NumResults
)

// resultNames are the words, indexed by Result.
var resultNames = [NumResults]string{"forward", "hit", "negative", "miss", "refill", "shared", "partial", "bypass", "stale"}

// String is the word for r.
func (r Result) String() string { return resultNames[r] }
