package metrics

import "sync/atomic"

// Sighting is what the caches would have done with a read that was forwarded.
type Sighting uint8

// The sightings.
const (
	// WouldHit: they would have answered as the backend did.
	WouldHit Sighting = iota
	// WouldDiffer: they would have answered otherwise; see Verdict.
	WouldDiffer
	// WouldMiss: they would have had to read.
	WouldMiss
	// WouldFill: likewise, strongly or for more than the client asked for, which mode observe does not do; so it does not know what they
	// would have answered from then on.
	WouldFill
	// WouldForward: they never serve such a read.
	WouldForward
	numSightings
)

// sightingNames are the values of label "result".
var sightingNames = [numSightings]string{"hit", "differing", "miss", "unfilled", "forward"}

// Verdict is what looking again says of an answer that would have differed.
type Verdict uint8

// The verdicts.
const (
	// BackendOlder: a strongly consistent read shows what the cache holds; what the client was given was older.
	BackendOlder Verdict = iota
	// WithinBound: the cache held something old, and let go of it in time.
	WithinBound
	// BeyondBound: it was still served after the bound of its table. That breaks a promise.
	BeyondBound
	// Unresolved: it could not be found out.
	Unresolved
	numVerdicts
)

// verdictNames are the values of label "verdict".
var verdictNames = [numVerdicts]string{"backend_older", "within_bound", "beyond_bound", "unresolved"}

// Observations counts what mode observe sees. A nil one counts nothing.
type Observations struct {
	sightings [numSightings]atomic.Uint64
	verdicts  [numVerdicts]atomic.Uint64
}

// Saw counts a read.
func (o *Observations) Saw(s Sighting) {
	if o != nil {
		o.sightings[s].Add(1)
	}
}

// Judged counts a verdict.
func (o *Observations) Judged(v Verdict) {
	if o != nil {
		o.verdicts[v].Add(1)
	}
}

// Reads is how many reads were seen so.
func (o *Observations) Reads(s Sighting) uint64 { return o.sightings[s].Load() }

// Verdicts is how often it was judged so.
func (o *Observations) Verdicts(v Verdict) uint64 { return o.verdicts[v].Load() }

// Each calls fn for every count: of kind "reads" by what the caches would have done, of kind "verdicts" by verdict.
func (o *Observations) Each(fn func(kind, name string, count uint64)) {
	for i, name := range sightingNames {
		fn("reads", name, o.Reads(Sighting(i)))
	}
	for i, name := range verdictNames {
		fn("verdicts", name, o.Verdicts(Verdict(i)))
	}
}
