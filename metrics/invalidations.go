package metrics

import (
	"sync/atomic"
	"time"
)

// Source says who made the caches forget.
type Source uint8

// The sources.
const (
	// FromWrite: a write through this process.
	FromWrite Source = iota
	// FromCommit: a commit that the embedded engine announced.
	FromCommit
	// FromStream: a record of a table's stream.
	FromStream
	// FromBus: another millrace.
	FromBus
	// FromTable: a table was made, changed, deleted, or its schema was found to be another.
	FromTable
	// FromAdmin: somebody asked for it.
	FromAdmin
	// FromReload: a table's settings changed.
	FromReload
	numSources
)

// sourceNames are the values of label "source".
var sourceNames = [numSources]string{"write", "commit", "stream", "bus", "table", "admin", "reload"}

// Invalidations counts by source. A nil one counts nothing.
type Invalidations struct{ counts [numSources]atomic.Uint64 }

// Add counts n items or tables.
func (i *Invalidations) Add(s Source, n int) {
	if i != nil {
		i.counts[s].Add(uint64(n))
	}
}

// Reloads tells how reading the configuration anew went.
type Reloads struct {
	failed atomic.Bool
	at     atomic.Int64 // of the last success, in Unix nanoseconds
}

// init counts the start as the first success.
func (r *Reloads) init(now time.Time) { r.at.Store(now.UnixNano()) }

// Done notes a reload.
func (r *Reloads) Done(ok bool, now time.Time) {
	r.failed.Store(!ok)
	if ok {
		r.at.Store(now.UnixNano())
	}
}
