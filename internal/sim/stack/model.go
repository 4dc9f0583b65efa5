package stack

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"millrace/ddb"
)

// What the model promises, beside what millrace assumes of it.
const (
	replicaLag = 1800 * time.Millisecond // of eventual reads; Tq is assumed
	tq         = 2 * time.Second
	indexLag   = 900 * time.Millisecond // of global indexes; Tgsi is assumed
	tgsi       = time.Second
	indexWatch = 6 * time.Second         // how long after a write an index may lack it, at most, in a slow world too
	spell      = 3 * time.Second         // how long an index lags alike there
	late       = 3500 * time.Millisecond // a write of unknown outcome may be applied until then; Tamb is assumed
	tamb       = 4 * time.Second
)

// commit is one entry of the log: a write, or a transaction's.
type commit struct {
	at      time.Duration
	changes []change
	state   state
}

// change is what a commit did to one item.
type change struct {
	key      int
	old, new ddb.Item // nil where there is none
}

// model is a small DynamoDB: one table, all of its past, and its streams.
type model struct {
	w *world

	mu sync.Mutex

	log        []commit
	generation int // of the table; moves when it is made anew
	born       int // the commit that made it
	gone       bool
	tokens     map[string]bool // ClientRequestTokens that have succeeded
	stream     *tableStream    // nil without one
	streams    map[string]*tableStream
	sequence   int
	cut        time.Duration // until then streams cannot be reached
	rough      time.Duration // until then much fails
	calls      int
	operations [ddb.NumOperations]operation
}

// record is what the model tells the harness of one request of a client's, beside its answer.
type record struct {
	commits []int // those that it made and that were acknowledged
	seen    []int // keys whose conditions were looked at, as of commit at
	at      int
	old     ddb.Item // of a write of one item, before and after
	new     ddb.Item
	replay  bool
}

// recordKey is where a context carries its request's record.
type recordKey struct{}

// recordOf is the record of a request, made for one that has none.
func recordOf(ctx context.Context) *record {
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		return r
	}
	return &record{}
}

// last is the number of the latest commit.
func (m *model) last() int { return len(m.log) - 1 }

// current is the state now.
func (m *model) current() *state { return &m.log[m.last()].state }

// at is the number of the latest commit at or before a time.
func (m *model) at(t time.Duration) int {
	n := m.last()
	for n > 0 && m.log[n].at > t {
		n--
	}
	return n
}

// until is the time at which a commit ceased to be the latest.
func (m *model) until(n int) time.Duration {
	if n == m.last() {
		return 1 << 62
	}
	return m.log[n+1].at
}

// commit applies changes as one and tells the stream. m.mu is held.
func (m *model) commit(changes []change, service bool) int {
	c := commit{at: m.w.now(), changes: changes, state: *m.current()}
	for _, ch := range changes {
		c.state[ch.key] = ch.new
	}
	m.log = append(m.log, c)
	for _, ch := range changes {
		m.w.note("commit %d: %s was %s", m.last(), itemText(ch.key, ch.new), itemText(ch.key, ch.old))
		m.publish(ch, service)
	}
	return m.last()
}

// itemText prints an item.
func itemText(k int, it ddb.Item) string {
	if it == nil {
		return fmt.Sprintf("key %d absent", k)
	}
	return fmt.Sprintf("key %d %s", k, ddb.AppendItemJSON(nil, it))
}

// The failures that a caller may see.
var (
	errReset   = errors.New("connection reset by peer")
	errTimeout = errors.New("attempt timed out")
)

// throttled is a refusal of anything but the streams' operations.
func throttled() error {
	return &ddb.Error{Code: "ThrottlingException", Message: "Rate of requests exceeds the allowed throughput."}
}

// fate is what goes wrong with one request.
type fate struct {
	before, after error         // instead of doing it; instead of the answer
	hang          time.Duration // before the error
	late          time.Duration // after the error it is done all the same
}

// fate draws what goes wrong with a request that writes, or only reads.
func (m *model) fate(writes bool) (f fate) {
	w := m.w
	odds := w.sc.Faults
	if w.now() < m.rough {
		odds = 3
	}
	if w.sc.Calm || w.healed || !w.one(11, odds) {
		return f
	}
	drawn := w.draw(12) % 4
	err := []error{throttled(), m.broken(writes), errReset, errTimeout}[drawn]
	if errors.Is(err, errTimeout) {
		f.hang = 400*time.Millisecond + w.span(13, time.Second)
	}
	if kind := w.draw(14) % 3; !writes || kind == 0 || drawn == 0 {
		f.before = err
	} else if kind == 1 {
		f.after = err
	} else {
		f.before, f.late = err, 1+w.span(15, late-f.hang-50*time.Millisecond)
	}
	return f
}

// broken is an internal error. One of a write has any of the statuses that say so: what stands before DynamoDB answers with others
// than 500 when it has lost sight of what it has passed on, and the outcome is as unknown.
func (m *model) broken(writes bool) error {
	e := ddb.InternalServerError("Internal server error")
	if writes {
		e.Status = []int{500, 502, 503, 504}[m.w.draw(16)%4]
	}
	return e
}

// serve does one request: it travels, is done at one moment, and its answer travels back.
func (m *model) serve(ctx context.Context, req *ddb.Request, who int) (*ddb.Response, error) {
	w, which := m.w, identity(who, req)
	if err := sleep(ctx, w.latency(which)); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.calls++
	row := m.operations[req.Op]
	if row.do == nil {
		m.mu.Unlock()
		return nil, ddb.UnknownOperationError()
	}
	var f fate
	if row.stream {
		f.before = m.streamFault()
	} else {
		f = m.fate(row.writes)
	}
	var out any
	err := f.before
	if err == nil {
		out, err = row.do(m, ctx, req)
		if f.after != nil && err == nil {
			*recordOf(ctx) = record{} // nobody hears of it
			err = f.after
		}
	}
	if f.late > 0 && row.late {
		m.w.aside(f.hang+f.late, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			if !m.gone {
				_, _ = row.do(m, context.Background(), req) //nolint:errcheck // nobody is there to hear
			}
		})
	}
	if !row.stream || err != nil || m.w.sc.Loud {
		w.note("node %d %v: %v", who, req.Op, err)
	}
	m.mu.Unlock()
	if row.stream && w.sc.Tardy && !w.healed && w.one(which+13, 2) {
		f.hang += w.span(which+14, 900*time.Millisecond)
	}
	if serr := sleep(ctx, w.latency(which+10)+f.hang); serr != nil {
		return nil, serr
	}
	if err != nil {
		return nil, err
	}
	return ddb.NewTypedResponse(out), nil
}

// identity is a number that tells requests apart that set out at one instant.
func identity(who int, req *ddb.Request) int {
	h := uint32(2166136261)
	if body, err := req.JSON(); err == nil {
		for _, x := range body {
			h = (h ^ uint32(x)) * 16777619
		}
	}
	return int(h)<<10 + int(req.Op)<<4 + who<<20
}

// operation is how the model does one of DynamoDB's operations. do is called with the model locked.
type operation struct {
	do     func(m *model, ctx context.Context, req *ddb.Request) (any, error)
	writes bool
	late   bool // may be applied late
	stream bool // of the streams' endpoint
}

// operations are those that the model has.
func operations() [ddb.NumOperations]operation {
	return [ddb.NumOperations]operation{
		ddb.GetItem:            {do: typed((*model).getItem)},
		ddb.BatchGetItem:       {do: typed((*model).batchGet)},
		ddb.Query:              {do: typed((*model).query)},
		ddb.Scan:               {do: typed((*model).scan)},
		ddb.TransactGetItems:   {do: typed((*model).transactGet)},
		ddb.PutItem:            {do: typed((*model).putItem), writes: true, late: true},
		ddb.UpdateItem:         {do: typed((*model).updateItem), writes: true, late: true},
		ddb.DeleteItem:         {do: typed((*model).deleteItem), writes: true, late: true},
		ddb.BatchWriteItem:     {do: typed((*model).batchWrite), writes: true, late: true},
		ddb.TransactWriteItems: {do: typed((*model).transactWrite), writes: true, late: true},
		ddb.DescribeTable:      {do: typed((*model).describeTable)},
		ddb.DeleteTable:        {do: typed((*model).deleteTable), writes: true},
		ddb.CreateTable:        {do: typed((*model).createTable), writes: true},
		ddb.DescribeStream:     {do: typed((*model).describeStream), stream: true},
		ddb.GetShardIterator:   {do: typed((*model).shardIterator), stream: true},
		ddb.GetRecords:         {do: typed((*model).getRecords), stream: true},
	}
}

// typed makes an operation of a method with typed input and output.
func typed[In, Out any](f func(*model, context.Context, *In) (*Out, error)) func(*model, context.Context, *ddb.Request) (any, error) {
	return func(m *model, ctx context.Context, req *ddb.Request) (any, error) {
		in, err := ddb.InputAs[In](req)
		if err != nil {
			return nil, err
		}
		out, err := f(m, ctx, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// absentTable is the refusal of what concerns a table that does not exist.
func (m *model) absentTable() error {
	if m.gone {
		return ddb.ResourceNotFound("Requested resource not found")
	}
	return nil
}
