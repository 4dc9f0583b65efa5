package stream

import (
	"time"

	"millrace/cache/coherence"
)

// Tailer is the step machine that follows one stream of one table: what happened goes in, what is to be done comes out. It
// does no I/O, starts nothing and reads no clock, so that the simulator and the model drive the very thing that runs. It
// is not safe for concurrent use.
//
// Whoever drives it does each Action after its delay and gives back an Event with what came of it; one that was
// superseded may be left out. The records of an answer must have been applied before its Event goes in, and those of one
// shard in order, one answer at a time.
type Tailer struct {
	config TailerConfig
	rules  Rules
	lag    *Lag

	gen     uint64 // of the positions; moves with every gap
	shards  map[string]*shard
	began   bool // every commit from now on is seen
	begunAt coherence.Time
	why     string // what the next beginning follows
	// confirmed says that a listing showed nothing new some time after the last that did.
	confirmed bool
	listedNew coherence.Time // when that was sent; 0 before any came

	listing  coherence.Time // when the listing under way is due, 0 without one
	looks    uint64         // number of the listing under way
	walked   coherence.Time // when the last complete listing was sent
	noFilter bool           // the upstream does not know ShardFilter
	fails    int            // failures of listings in a row
	gaps     int            // in a row, each soon after the last
	gapAt    coherence.Time
	checked  coherence.Time // when the table was last asked to be described

	watermark coherence.Time
	dates     dates
	actions   []Action
}

// TailerConfig fixes a tailer.
type TailerConfig struct {
	// Lag is L; it outlives the tailer.
	Lag *Lag
	// Poll is the time between two reads of a shard that has records now and then; one without comes down to
	// Idle. Reads of a table are at most Reads a second.
	Poll, Idle time.Duration
	// Reads bounds the reads a second of all shards together; 0 does not.
	Reads int
	// Walk is the time between complete listings of the shards.
	Walk time.Duration
	// Settle is how long after the first child of a shard another one may still be missing from listings. (Assumed: the
	// API says nothing of it.) It is added to how long a watermark stands still when a shard ends.
	Settle time.Duration
	// Orphan is when a closed shard without children is taken to have none; 0 is never. DynamoDB follows every closed
	// shard of an enabled stream by another; where the topology is another's, ranges can merge.
	Orphan time.Duration
	// Kept is how long records are kept at least.
	Kept time.Duration
	// Retry is the first delay after a failure, and doubles up to RetryMax.
	Retry, RetryMax time.Duration
	// Jitter draws from [0,1) what of a delay's second half is waited; nil waits it whole.
	Jitter func() float64
	// Rules are for tests; the zero value means AllRules.
	Rules Rules
}

// Kind says what an Action is.
type Kind uint8

// The kinds of actions. Those up to Read are requests, and each is answered by one Event.
const (
	// List lists the shards of the stream: all, or the children of Shard. It supersedes a List that was not begun.
	List Kind = iota + 1
	// Iterate gets an iterator of Shard at From.
	Iterate
	// Read gets records by Iterator.
	Read
	// Begin says that every commit from now on will be seen, and none before: the table is covered, and what was cached
	// of it is lost. A later Begin follows a gap.
	Begin
	// Advance raises the table's Watermark.
	Advance
	// Check asks for the table to be described at once: its stream may be another one.
	Check
	// Denied says that a permission is missing and the tailer has stopped.
	Denied
)

// Start is where an iterator begins.
type Start uint8

// The places.
const (
	// Latest is behind the newest record.
	Latest Start = iota
	// Horizon is at the oldest record kept.
	Horizon
	// After is behind the record Action.Sequence.
	After
)

// Action is something to be done.
type Action struct {
	Kind Kind
	// Gen tells actions before a gap from those after. A driver may drop those before.
	Gen uint64
	// Delay is how long to wait before.
	Delay time.Duration
	// Shard is whom it concerns; see Kind.
	Shard string
	// From, Sequence and Iterator are the position.
	From               Start
	Sequence, Iterator string
	// Watermark is Advance's.
	Watermark coherence.Time
	// Why is Begin's gap, empty for the first, and which request Denied was answered to.
	Why string

	look uint64
}

// Event is what came of a request.
type Event struct {
	// Of is the request.
	Of Action
	// Sent is the moment before it was sent, Now that after its answer.
	Sent, Now coherence.Time
	// Failure is why there is no answer.
	Failure Failure
	// Shards and Enabled are List's answer.
	Shards  []Shard
	Enabled bool
	// Iterator is Iterate's answer.
	Iterator string
	// Page is Read's answer.
	Page Page
}

// Shard is a shard as it is listed.
type Shard struct {
	ID, Parent string
	Closed     bool
}

// Page is what one GetRecords brought; its records are applied.
type Page struct {
	// Records is how many there were; Last is the sequence number of the last, Created its date in nanoseconds since the
	// Unix epoch, Wall the local time of day, in the same unit, at Event.Now.
	Records       int
	Last          string
	Created, Wall int64
	// Full is true when there were so many that more must be expected.
	Full bool
	// Next is the next iterator; empty when the shard is closed and read to its end.
	Next string
	// Echoes are, of own writes among the records, the times from acknowledgement to now.
	Echoes []time.Duration
}

// Failure says what an error means for the tailer.
type Failure uint8

// The failures.
const (
	// None is success.
	None Failure = iota
	// Transient may go away: an outage, a timeout, an internal error.
	Transient
	// Throttled is too many requests.
	Throttled
	// ExpiredIterator is an iterator that was kept too long, or is not understood.
	ExpiredIterator
	// Trimmed is a position whose records are gone.
	Trimmed
	// Gone is a stream or shard that is not there.
	Gone
	// Forbidden is a missing permission.
	Forbidden
	// Unsupported is a request that the upstream does not understand.
	Unsupported
)

// NewTailer makes a tailer that has not begun.
func NewTailer(config TailerConfig) *Tailer {
	if config.Rules == (Rules{}) {
		config.Rules = AllRules()
	}
	return &Tailer{config: config, rules: config.Rules, lag: config.Lag, shards: map[string]*shard{}}
}

// Start says what is to be done first.
func (t *Tailer) Start(now coherence.Time) []Action {
	t.reset(now, "", 0)
	return t.take()
}

// Watermark is up to when every commit is applied, as far as Begin and Advance have told.
func (t *Tailer) Watermark() coherence.Time { return t.watermark }

// Step takes what happened and says what is to be done. The slice is the caller's until the next call.
func (t *Tailer) Step(e Event) []Action {
	if e.Of.Gen != t.gen && t.rules.Stale {
		return nil
	}
	switch e.Of.Kind {
	case List:
		t.listed(e)
	case Iterate:
		t.positioned(e)
	case Read:
		t.read(e)
	}
	t.begin(e.Now)
	t.advance()
	return t.take()
}

// take hands out the actions.
func (t *Tailer) take() []Action {
	out := t.actions
	t.actions = nil
	return out
}

// do adds an action.
func (t *Tailer) do(a Action) {
	a.Gen = t.gen
	t.actions = append(t.actions, a)
}

// gap gives up all positions: records were missed, or may have been. What is cached stays as true as the watermark
// says, which stands still until new positions are held.
func (t *Tailer) gap(now coherence.Time, why string) {
	if now-t.gapAt > coherence.Time(8*t.config.RetryMax) {
		t.gaps = 0
	}
	t.gapAt = now
	delay := time.Duration(0)
	if t.gaps > 0 {
		delay = t.backoff(t.gaps)
	}
	t.gaps++
	t.reset(now, why, delay)
}

// reset begins with new positions.
func (t *Tailer) reset(now coherence.Time, why string, delay time.Duration) {
	t.gen++
	clear(t.shards)
	t.began, t.why, t.confirmed, t.listedNew, t.listing, t.walked = false, why, false, 0, 0, 0
	t.actions = nil
	t.list(now, "", delay)
}

// begin says that coverage begins when it does: the positions in all shards are held, so whatever is committed from
// now on will be read, and what was cached until now is not vouched for by anybody. Nothing is read before: a position
// that a read finds to be lost takes those of all other shards with it, and where reads fail as soon as they are made
// some shard's would always be missing, so that the loss were never told.
func (t *Tailer) begin(now coherence.Time) {
	if t.began || t.listedNew == 0 || len(t.shards) == 0 || !t.confirmed && t.rules.Whole {
		return
	}
	for _, s := range t.shards {
		if s.phase == reading && s.iterator == "" && t.rules.Whole {
			return
		}
	}
	t.began, t.begunAt, t.watermark = true, now, 0
	if t.rules.Begin || t.why == "" {
		t.do(Action{Kind: Begin, Why: t.why})
	}
	for _, s := range t.shards {
		if s.phase == reading && s.iterator != "" {
			t.poll(s, 0)
		}
	}
}

// backoff is the delay before attempt n+1.
func (t *Tailer) backoff(n int) time.Duration {
	d := min(t.config.Retry<<min(n-1, 20), t.config.RetryMax)
	if t.config.Jitter == nil {
		return d
	}
	return d/2 + time.Duration(t.config.Jitter()*float64(d/2))
}

// fail decides about failures that are alike for all requests, and reports whether it has. retry is the request again.
func (t *Tailer) fail(e Event, fails *int) bool {
	*fails++
	retry := e.Of
	retry.Delay = t.backoff(*fails)
	switch e.Failure {
	case Throttled:
		retry.Delay = t.backoff(*fails + 2) // R34: whoever else reads is there to stay
		t.do(retry)
	case Transient:
		t.do(retry)
	case Forbidden:
		t.do(Action{Kind: Denied, Why: requestNames[e.Of.Kind]})
	default:
		return false
	}
	return true
}

// requestNames are the operations behind the requests.
var requestNames = map[Kind]string{List: "DescribeStream", Iterate: "GetShardIterator", Read: "GetRecords"}

// check asks for the table to be described, at most once in a while.
func (t *Tailer) check(now coherence.Time) {
	if t.checked == 0 || now-t.checked >= coherence.Time(checkEvery) {
		t.checked = now
		t.do(Action{Kind: Check})
	}
}

// checkEvery is how often a stream that looks as if it had ended has its table described.
const checkEvery = 10 * time.Second

// Shards is how many shards are read, and how many were read to their ends and wait for their children.
func (t *Tailer) Shards() (read, wait int) {
	for _, s := range t.shards {
		switch s.phase {
		case reading:
			read++
		case ended:
			wait++
		}
	}
	return read, wait
}
