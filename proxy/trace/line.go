package trace

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"millrace/ddb"
)

// describeTimeout bounds the question for a table's keys.
const describeTimeout = 5 * time.Second

// header is the first line.
type header struct {
	Format  int    `json:"millrace_trace"`
	Started string `json:"started"`
	Keys    string `json:"keys"`
}

// table is a line about a table; it comes before the first request that names the table, and again when its keys change.
type table struct {
	Table     string `json:"table"`
	Partition string `json:"partition"`
	Sort      string `json:"sort,omitempty"`
	// Indexes have no keys here that are made of several attributes.
	Indexes []index `json:"indexes,omitempty"`

	description *ddb.TableDescription
}

// index is a secondary index of a table.
type index struct {
	Name      string `json:"name"`
	Partition string `json:"partition"`
	Sort      string `json:"sort,omitempty"`
	Local     bool   `json:"local,omitempty"`
}

// request is a line about a request.
type request struct {
	// At is when it came, since the header's time, and Took how long its answer did, in microseconds.
	At   int64  `json:"at"`
	Took int64  `json:"took"`
	Op   string `json:"op"`
	On   []part `json:"on,omitempty"`
	// Range is a Query's condition on the sort key: an operator and one or two values.
	Range      []string `json:"range,omitempty"`
	Limit      int      `json:"limit,omitempty"`
	Descending bool     `json:"descending,omitempty"`
	Consistent bool     `json:"consistent,omitempty"`
	// Found is how many items came back, for operations that read one or a page.
	Found *int `json:"found,omitempty"`
	// Out is the answer's length.
	Out   int    `json:"out"`
	Cache string `json:"cache"`
	Error string `json:"error,omitempty"`
}

// part is one item that a request is about, or one page.
type part struct {
	Table string `json:"table"`
	Index string `json:"index,omitempty"`
	// Do is what is done to the item: get, put, update, delete or check.
	Do string `json:"do,omitempty"`
	// Key is the partition key's value and, for an item, the sort key's.
	Key []string `json:"key,omitempty"`
	// Bytes is the size of an item that is put, and about that of a change.
	Bytes int `json:"bytes,omitempty"`
}

// line writes one.
func (r *Recorder) line(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = r.out.Write(append(b, '\n'))
	return err
}

// writeHeader begins the file.
func (r *Recorder) writeHeader() error {
	h := header{Format: Format, Started: r.started.UTC().Format(time.RFC3339Nano), Keys: "hashed"}
	if r.config.Plain {
		h.Keys = "plain"
	}
	return r.line(h)
}

// write writes a request, and before it what is new of its tables. A request that cannot be read, which was refused, is
// written without keys.
func (r *Recorder) write(e *event) error {
	req := request{At: e.at.Microseconds(), Took: e.took.Microseconds(), Op: e.op.String(), Out: e.out, Cache: e.cache, Error: e.code}
	if e.found >= 0 {
		req.Found = &e.found
	}
	if read := readers[e.op]; read != nil && e.body != nil {
		in := reading{recorder: r, scope: e.scope, line: &req}
		read(&in, ddb.NewRequest(e.op, e.body))
		if in.err != nil {
			return in.err
		}
	}
	return r.line(&req)
}

// table gives a table's keys, nil for one of which nothing is known. Its line has been written.
func (r *Recorder) table(scope, name string) (*table, error) {
	ctx, cancel := context.WithTimeout(context.Background(), describeTimeout)
	defer cancel()
	d, err := r.config.Describe(ctx, scope, name)
	shown := name
	if scope != "" {
		shown = fmt.Sprintf("%s-%s", name, r.mask.scope(scope))
	}
	if err != nil || d == nil {
		// The table may have been dropped since the request was served; then it is as it was. Not knowing a table's keys
		// costs a line its keys, and nothing else.
		return r.tables[shown], nil
	}
	if t := r.tables[shown]; t != nil && t.description == d {
		return t, nil
	}
	t := &table{Table: shown, description: d}
	t.Partition, t.Sort, _ = keysOf(d, d.KeySchema)
	add := func(name string, schema ddb.KeySchema, local bool) {
		if partition, sort, ok := keysOf(d, schema); ok {
			t.Indexes = append(t.Indexes, index{name, partition, sort, local})
		}
	}
	for _, x := range d.GlobalSecondaryIndexes {
		add(x.IndexName, x.KeySchema, false)
	}
	for _, x := range d.LocalSecondaryIndexes {
		add(x.IndexName, x.KeySchema, true)
	}
	r.tables[shown] = t
	return t, r.line(t)
}

// keysOf gives a schema's attributes as "name type"; false if there are more than one of each.
func keysOf(d *ddb.TableDescription, s ddb.KeySchema) (partition, sort string, ok bool) {
	named := func(name string) string {
		if name == "" {
			return ""
		}
		return name + " " + d.AttributeKind(name).String()
	}
	return named(s.Hash()), named(s.Range()), len(s.HashAll()) == 1 && len(s.RangeAll()) <= 1
}
