package loadtest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"millrace/ddb"
)

// traceFormat is the version of traces that can be read. docs/LOADTEST.md describes it.
const traceFormat = 1

// Trace is what `millrace serve --record` wrote, read and ready to be played.
type Trace struct {
	// Name is the file's.
	Name string
	// Unplayed counts requests that cannot be replayed: of other operations, or refused before they named an item. Lost
	// are those that the recorder left out; Whole tells that the recording was ended in order.
	Unplayed, Lost int
	Whole          bool

	plain    bool
	tables   []*tableDef
	requests []recorded
	// names are the kinds of requests.
	names  []string
	byName map[string]*tableDef
}

// recorded is one request of a trace.
type recorded struct {
	at                     time.Duration
	op                     ddb.Operation
	parts                  []recordedPart
	rangeOp                string
	rangeA, rangeB         string
	limit, found, out      int
	descending, consistent bool
	label                  uint8
}

// recordedPart is an item, or a page, of a request.
type recordedPart struct {
	table *tableDef
	index *indexDef
	do    string
	// partition and sort are values as they stand in JSON, such as {"S":"x"}; sort is empty where there is none.
	partition, sort string
	bytes           int
}

// traceLine is any line of a trace; which kind it is shows in what it has.
type traceLine struct {
	Format *int   `json:"millrace_trace"`
	Keys   string `json:"keys"`

	Table     string `json:"table"`
	Partition string `json:"partition"`
	Sort      string `json:"sort"`
	Indexes   []struct {
		Name      string `json:"name"`
		Partition string `json:"partition"`
		Sort      string `json:"sort"`
		Local     bool   `json:"local"`
	} `json:"indexes"`

	At         int64       `json:"at"`
	Op         string      `json:"op"`
	On         []tracePart `json:"on"`
	Range      []string    `json:"range"`
	Limit      int         `json:"limit"`
	Descending bool        `json:"descending"`
	Consistent bool        `json:"consistent"`
	Found      *int        `json:"found"`
	Out        int         `json:"out"`

	Lost int  `json:"lost"`
	End  *int `json:"end"`
}

// tracePart is an element of a line's "on".
type tracePart struct {
	Table string   `json:"table"`
	Index string   `json:"index"`
	Do    string   `json:"do"`
	Key   []string `json:"key"`
	Bytes int      `json:"bytes"`
}

// maxTraceLine bounds a line: a hundred items with keys of the longest kind.
const maxTraceLine = 1 << 20

// ReadTrace reads a trace from a file.
func ReadTrace(name string) (*Trace, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read trace: %w", err)
	}
	defer f.Close()
	t, err := readTrace(f)
	if err != nil {
		return nil, fmt.Errorf("trace %s: %w", name, err)
	}
	t.Name = filepath.Base(name)
	return t, nil
}

// readTrace reads a trace. A last line that was cut off, as by a crash, is left out.
func readTrace(r io.Reader) (*Trace, error) {
	t := &Trace{byName: map[string]*tableDef{}}
	labels := map[string]int{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxTraceLine)
	var cut error
	for n := 1; lines.Scan(); n++ {
		if cut != nil {
			return nil, cut
		}
		var l traceLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			cut = fmt.Errorf("line %d: %w", n, err)
			continue
		}
		switch {
		case n == 1 && l.Format == nil:
			return nil, errors.New("it does not begin with a line like {\"millrace_trace\":1}")
		case n == 1 && *l.Format != traceFormat:
			return nil, fmt.Errorf("its format is %d, this version reads %d", *l.Format, traceFormat)
		case n == 1:
			t.plain = l.Keys == "plain"
		case l.Op != "":
			if len(t.requests) == maxArrivals {
				return nil, fmt.Errorf("it has more than %d requests", maxArrivals)
			}
			t.request(&l, labels)
		case l.Table != "":
			if err := t.table(&l); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		case l.End != nil:
			t.Whole = true
		default:
			t.Lost += l.Lost
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	// Requests are written when they have been answered, and may have come in another order.
	slices.SortStableFunc(t.requests, func(a, b recorded) int { return cmp.Compare(a.at, b.at) })
	if len(t.requests) == 0 {
		return nil, errors.New("it has no request that can be replayed")
	}
	return t, nil
}

// table takes a line about a table. The last one of a name counts.
func (t *Trace) table(l *traceLine) (err error) {
	d := &tableDef{name: l.Table}
	if d.partition, err = parseAttribute(l.Partition); err == nil {
		d.sort, err = parseAttribute(l.Sort)
	}
	for _, x := range l.Indexes {
		def := indexDef{name: x.Name, local: x.Local}
		if err == nil {
			def.partition, err = parseAttribute(x.Partition)
		}
		if err == nil {
			def.sort, err = parseAttribute(x.Sort)
		}
		d.indexes = append(d.indexes, def)
	}
	if err != nil {
		return fmt.Errorf("table %s: %w", l.Table, err)
	}
	if d.partition.name == "" {
		return fmt.Errorf("table %s has no partition key", l.Table)
	}
	if old := t.byName[l.Table]; old != nil {
		*old = *d
		return nil
	}
	t.byName[l.Table] = d
	t.tables = append(t.tables, d)
	return nil
}

// request takes a line about a request, or counts it as one that cannot be played.
func (t *Trace) request(l *traceLine, labels map[string]int) {
	op, _, ok := ddb.ParseTarget(ddb.DynamoDBService + "." + l.Op)
	r := recorded{at: time.Duration(l.At) * time.Microsecond, op: op, limit: l.Limit, found: -1, out: l.Out, descending: l.Descending, consistent: l.Consistent}
	if l.Found != nil {
		r.found = *l.Found
	}
	ok = ok && playbacks[op] != nil && len(l.On) > 0
	for i := range l.On {
		p, known := t.part(&l.On[i], op)
		r.parts = append(r.parts, p)
		ok = ok && known
	}
	if !ok {
		t.Unplayed++
		return
	}
	if len(l.Range) >= 2 {
		sort := r.parts[0].table.sort
		if x := r.parts[0].index; x != nil {
			sort = x.sort
		}
		r.rangeOp, r.rangeA = l.Range[0], valueJSON(sort.typ, l.Range[1])
		if len(l.Range) == 3 {
			r.rangeB = valueJSON(sort.typ, l.Range[2])
		}
	}
	r.label = t.label(l.Op+" "+l.On[0].Table, l.Op, labels)
	t.requests = append(t.requests, r)
}

// doings are what can be done to an item of a request that is about several.
var doings = map[ddb.Operation][]string{
	ddb.BatchWriteItem: {"put", "delete"}, ddb.TransactGetItems: {"get"}, ddb.TransactWriteItems: {"put", "update", "delete", "check"},
}

// part takes one element of a request's "on"; false if it names no item or page, or does to it what the request cannot.
func (t *Trace) part(l *tracePart, op ddb.Operation) (p recordedPart, ok bool) {
	p = recordedPart{table: t.byName[l.Table], do: l.Do, bytes: l.Bytes}
	if p.table == nil {
		return p, false
	}
	partition := p.table.partition
	for i := range p.table.indexes {
		if p.table.indexes[i].name == l.Index {
			p.index = &p.table.indexes[i]
			partition = p.index.partition
		}
	}
	if op == ddb.Scan {
		return p, l.Index == "" || p.index != nil
	}
	if len(l.Key) == 0 || l.Index != "" && p.index == nil {
		return p, false
	}
	if does := doings[op]; does != nil && !slices.Contains(does, l.Do) {
		return p, false
	}
	p.partition = valueJSON(partition.typ, l.Key[0])
	if len(l.Key) > 1 {
		p.sort = valueJSON(p.table.sort.typ, l.Key[1])
	}
	return p, op == ddb.Query || (p.sort != "") == (p.table.sort.name != "")
}

// valueJSON is a key value as it stands in a request.
func valueJSON(typ byte, text string) string {
	b, err := json.Marshal(map[string]string{string(typ): text})
	if err != nil {
		panic(err)
	}
	return string(b)
}
