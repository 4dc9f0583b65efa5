package invalidation

// Rules has a switch for every rule of the Guard and the Invalidator that can be broken on its own. Production runs
// AllRules; the simulator of whole nodes turns single ones off and must notice. R numbers are those of the races in
// docs/COHERENCE.md.
type Rules struct {
	Settle      bool // R65: a write is settled by its outcome before it is acknowledged
	Condition   bool // R16: a failed condition is told as one
	Unknown     bool // R17: an internal error, and whatever is no answer, leaves the outcome unknown
	Unprocessed bool // R18: what a batch did not write is not taken for written
	Members     bool // R19: every item of a transaction is settled
	Replay      bool // R20: a transaction installs nothing, for its token may have been used before
	Old         bool // R43: a record concerns the place that the item had before
	Stays       bool // R43: an update that changes an index's key may move the item there
	Whole       bool // R43: where a local index's old place is not certain, the partition is told
	Observe     bool // R6: what a read outside any flight has shown is told
	Shown       bool // R58: a page of an index is complete only if it shows every write that is known
	Forget      bool // R25: a table that was made, changed or deleted here is forgotten
}

// AllRules has every rule on.
func AllRules() Rules {
	return Rules{
		Settle: true, Condition: true, Unknown: true, Unprocessed: true, Members: true, Replay: true, Old: true, Stays: true,
		Whole: true, Observe: true, Shown: true, Forget: true,
	}
}
