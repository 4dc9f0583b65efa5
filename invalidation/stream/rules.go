package stream

// Rules has a switch for every rule of the tailer that can be broken on its own. Production runs AllRules; the model of this
// package turns single ones off and must notice. R numbers are those of the races in docs/COHERENCE.md.
type Rules struct {
	Freeze    bool // R30: a shard read to its end holds the watermark until its children are read
	End       bool // R30: an empty answer that ends a shard claims nothing: commits have gone to its children for some time
	Inherit   bool // R30: a child begins with the watermark of its parent
	Siblings  bool // R30: children count as complete only when a later listing shows no more of them
	Late      bool // R30: a shard that turns up beside what is being read is a gap
	Childless bool // R30: nor is a stream covered past a closed shard whose children are not listed
	Horizon   bool // R30: a child is read from its beginning
	Walk      bool // R30: all shards are listed now and then, whatever else is known
	Resume    bool // R31: an expired iterator is replaced by one after the last record that was read
	Expired   bool // R31: where no record was read the position is lost
	Kept      bool // R32: nor may a child be read from its beginning when that may have been trimmed
	Trim      bool // R32: records that were trimmed before they were read are a gap
	Tip       bool // R33: in catching up one empty answer does not prove that there is no more
	Failed    bool // R33: nor does one after reads that failed: there may have come what must be caught up with
	Records   bool // R33: an answer with records claims only what they date
	Send      bool // R39: what is claimed goes by when a request was sent, not by when its answer came
	Wall      bool // R40: a date is no later than the time of day says
	Nearest   bool // R40: nor than it was when a record of a date so far ahead was read, whatever the time of day
	Lag       bool // R60: a commit shows in the stream only L later
	Seconds   bool // R33: dates are cut to the second, and prove no more than what was L before
	Min       bool // R61: the table's watermark is that of the shard which is furthest behind
	Whole     bool // R62: coverage begins when the positions in all shards are held
	More      bool // R62: and not before listings show nothing more, whatever shards they were of
	Begin     bool // R63: and what was cached before then is forgotten
	Stale     bool // R64: answers to requests from before a gap say nothing of the positions after it
}

// AllRules has every rule on.
func AllRules() Rules {
	return Rules{
		Freeze: true, End: true, Inherit: true, Siblings: true, Late: true, Childless: true, Horizon: true, Walk: true, Resume: true,
		Expired: true, Kept: true, Trim: true, Tip: true, Failed: true, Records: true, Send: true, Wall: true, Nearest: true, Lag: true, Seconds: true, Min: true, Whole: true, More: true,
		Begin: true, Stale: true,
	}
}
