package coherence

// Rules has a switch per rule that can be broken on its own. Production runs AllRules; the simulator turns single ones
// off and must notice. R numbers are those of the races in the coherence design,
// "precision n" is point n of the list that settles what it leaves open; P10 is the tenth, on authoritative tables.
//
// Two rules have no switch, because no reader can tell: R8 (a refused entry goes at once; R6 would remove it if it ever
// differed) and R14 (the old entry is served while an own write is under way, which is allowed and only useful).
type Rules struct {
	R1       bool // a settled write or a purge voids the flights of its key
	R3       bool // after it, and after any completed read, older flights are not joined
	R4       bool // fills inside the quarantine are strong, and writes open it
	R5       bool // installing an entry opens the quarantine, so that its eviction need not
	R6       bool // an answer that is not stored removes a different entry
	R6q      bool // and opens the quarantine
	R7       bool // after another read completed, only an equal image is stored
	R9       bool // negative entries have a TTL of their own
	R11      bool // overlapping own writes install nothing
	R13      bool // nor does a write that a backend read of the key overlapped
	R16      bool // a failed condition removes the entry and the pages
	R17      bool // an unknown outcome bars fills for Tamb
	R17own   bool // and own images too
	Retry    bool // R17: a retried write counts as an unknown outcome
	R42      bool // a settled write kills the pages that hold its positions
	Fills    bool // R42: and marks the fills under way
	R44      bool // a page of a lagging index is stored provisionally inside the quarantine, or not at all
	Prov     bool // R44: a provisional page is served for a short time
	R45      bool // fills and pages are judged by the scanned interval, not by the whole condition
	R48      bool // scans carry the count of writes
	R2       bool // a record lets flights of its key store only its image, or nothing
	R12      bool // a record makes writes of its key install nothing
	R29      bool // a record removes an entry that differs
	R41      bool // a record opens the quarantine
	R43      bool // a record kills the pages that hold its positions, and counts as a write
	Gate     bool // P3: nothing is served that is older than Delta and not vouched for by the watermark
	Late     bool // P3, P4: a flight older than a value may be is not joined
	Lost     bool // a lost position moves the epoch
	LostQuar bool // and opens the quarantine
	LostAmb  bool // and, where coverage ends, the windows that it had made needless
	R51      bool // keys are compared in full
	Epoch    bool // precision 6: everything carries the table's epoch
	Index    bool // precision 7: a write somewhere unknown in an index kills all its pages
	TTL      bool // P4: nothing outlives its TTL
	Bypass   bool // P9: strong reads are answered by the backend unless the table is authoritative
	Hide     bool // P10: entries are hidden between Pending and Settled
	Born     bool // P10: a fill begun in between is not stored and not joined
	Void     bool // P10: Pending voids the flights of its key
	Swap     bool // P10: Settled replaces or removes the entry
	Kill     bool // P10: Pending kills the pages that hold its positions
	Touch    bool // P10: and marks the fills under way
	Cross    bool // P10: of commits that met, Settled installs nothing
	Count    bool // P10: Pending moves the count of writes
}

// AllRules has every rule on.
func AllRules() Rules {
	return Rules{
		R1: true, R3: true, R4: true, R5: true, R6: true, R6q: true, R7: true, R9: true, R11: true, R13: true,
		R16: true, R17: true, R17own: true, Retry: true, R42: true, Fills: true, R44: true, Prov: true, R45: true, R48: true, R51: true,
		R2: true, R12: true, R29: true, R41: true, R43: true, Gate: true, Late: true, Lost: true, LostQuar: true, LostAmb: true,
		Epoch: true, Index: true, TTL: true, Bypass: true,
		Hide: true, Born: true, Void: true, Swap: true, Kill: true, Touch: true, Cross: true, Count: true,
	}
}
