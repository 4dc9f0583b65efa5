package coherence

import "reflect"

// Rules has a switch per rule that can be broken on its own. Production runs AllRules; the simulator turns single ones
// off and must notice. R numbers are those of the races and rules in docs/COHERENCE.md; each line here begins with the one that
// the rule answers to, and the lines of the core where it is asked for cite it.
//
// Three have no switch, because no reader can tell: R8 (a refused entry goes at once; R6 would remove it if it ever
// differed), R14 (the old entry is served while an own write is under way, which is allowed and only useful) and R46 (items
// filtered out lie inside the scanned interval, which is what is registered).
type Rules struct {
	R1       bool // R1: a settled write or a purge voids the flights of its key
	R3       bool // R3: after it, and after any completed read, older flights are not joined
	R4       bool // R4: fills inside the quarantine are strong, and writes open it
	R5       bool // R5: installing an entry opens the quarantine, so that its eviction need not
	R6       bool // R6: an answer that is not stored removes a different entry
	R6q      bool // R6: and opens the quarantine
	R7       bool // R7: after another read completed, only an equal image is stored
	R9       bool // R9: negative entries have a TTL of their own
	R11      bool // R11: overlapping own writes install nothing
	R13      bool // R13: nor does a write that a backend read of the key overlapped
	R16      bool // R16: a failed condition removes the entry and the pages
	R17      bool // R17: an unknown outcome bars fills for Tamb
	R17own   bool // R17: and own images too
	R42      bool // R42: a settled write kills the pages that hold its positions
	Fills    bool // R42: and marks the fills under way
	R44      bool // R44: a page of a lagging index is stored provisionally inside the quarantine, or not at all
	Prov     bool // R44: a provisional page is served for a short time
	R45      bool // R45: fills and pages are judged by the scanned interval, not by the whole condition
	R48      bool // R48: scans carry the count of writes
	R2       bool // R2: a record lets flights of its key store only its image, or nothing
	R12      bool // R12: a record makes writes of its key install nothing
	R29      bool // R29: a record removes an entry that differs
	R41      bool // R41: a record opens the quarantine
	R43      bool // R43: a record kills the pages that hold its positions, and counts as a write
	Gate     bool // R53: nothing is served that is older than Delta and not vouched for by the watermark
	Watch    bool // R58: a page of an index that may lack a known write is served for Delta only
	Late     bool // R54: a flight older than a value may be is not joined
	Lost     bool // R32: a lost position moves the epoch
	LostQuar bool // R32: and opens the quarantine
	LostAmb  bool // R32: and, where coverage ends, the windows that it had made needless
	Weak     bool // R59: a fill is made eventual only outside the quarantine
	R51      bool // R51: keys are compared in full
	Epoch    bool // R25: everything carries the table's epoch
	Index    bool // R43: a write somewhere unknown in an index kills all its pages
	TTL      bool // R55: nothing outlives its TTL
	Bypass   bool // R56: strong reads are answered by the backend unless the table is authoritative
	Hide     bool // R57: entries are hidden between Pending and Settled
	Born     bool // R57: a fill begun in between is not stored and not joined
	Void     bool // R57: Pending voids the flights of its key
	Swap     bool // R57: Settled replaces or removes the entry
	Kill     bool // R57: Pending kills the pages that hold its positions
	Touch    bool // R57: and marks the fills under way
	Cross    bool // R57: of commits that met, Settled installs nothing
	Count    bool // R57: Pending moves the count of writes
}

// AllRules has every rule on.
func AllRules() (all Rules) {
	switches := reflect.ValueOf(&all).Elem()
	for i := range switches.NumField() {
		switches.Field(i).SetBool(true)
	}
	return all
}
