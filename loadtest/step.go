package loadtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace/ddb"
)

// step is a Step ready to be asked.
type step struct {
	verb       *verb
	kind       *kind
	also       []*kind
	weight     float64
	keys       *distribution
	consistent bool
	count      int
	index      *indexDef
	// from, prefix and between are what a Query says of the sort key; between is a number of items.
	from, prefix bool
	between      int
	limit        size
	descending   bool
	project      string
	// change is an update's expression with its names, as JSON members; set is how many texts it wants.
	change    string
	set, add  int
	condition string
}

// occasion is what a request is made for: when it is due and how many items of its kind have been inserted before.
type occasion struct {
	at    time.Duration
	grown int
	// now is the time that {t} stands for.
	now int64
}

// request is one call, ready to be sent.
type request struct {
	op   ddb.Operation
	body []byte
	// then is sent when the first was answered; without one thenOp is ddb.UnknownOperation.
	thenOp ddb.Operation
	then   []byte
	// reads counts the answer's cache result; finds tells an answer without an item from one with.
	reads, finds bool
}

// compile prepares a step.
func (t Step) compile(kinds map[string]*kind) (s *step, err error) {
	s = &step{weight: t.Weight, consistent: t.Consistent, count: max(1, t.Count), descending: t.Descending, project: t.Project, condition: t.Condition}
	if s.verb = verbs[t.Do]; s.verb == nil {
		return nil, fmt.Errorf("do is %q, must be one of %s", t.Do, strings.Join(verbNames(), ", "))
	}
	for i, name := range append([]string{t.Item}, t.Also...) {
		k := kinds[name]
		switch {
		case k == nil:
			return nil, fmt.Errorf("item %q is not among the items", name)
		case i == 0:
			s.kind = k
		default:
			s.also = append(s.also, k)
		}
	}
	if t.Weight <= 0 {
		return nil, fmt.Errorf("weight is %v, must be above zero", t.Weight)
	}
	if s.count+len(s.also) > s.verb.most {
		return nil, fmt.Errorf("%s is about %d items, at most %d go into one", t.Do, s.count+len(s.also), s.verb.most)
	}
	if s.keys, err = parseDistribution(t.Keys, s.kind.partitions); err != nil {
		return nil, err
	}
	if t.Index != "" {
		i := slices.IndexFunc(s.kind.table.indexes, func(x indexDef) bool { return x.name == t.Index })
		if i < 0 {
			return nil, fmt.Errorf("index %q is not one of table %s", t.Index, s.kind.table.name)
		}
		s.index = &s.kind.table.indexes[i]
		if _, ok := s.kind.keyOf(s.index.partition); !ok {
			return nil, fmt.Errorf("index %s has the key %s, which the item has not", t.Index, s.index.partition.name)
		}
	}
	if err := s.compileRange(t); err != nil {
		return nil, err
	}
	if t.Limit != "" {
		if s.limit, err = parseSize(t.Limit, 0); err != nil {
			return nil, err
		}
	}
	s.compileChange(t)
	return s, nil
}

// compileRange reads the condition on the sort key.
func (s *step) compileRange(t Step) error {
	switch words := strings.Fields(t.Range); {
	case len(words) == 0:
		return nil
	case s.index != nil || s.kind.table.sort.name == "":
		return fmt.Errorf("range is %q, but only the sort key of a table without an index has one", t.Range)
	case t.Range == "from":
		s.from = true
	case t.Range == "prefix" && s.kind.sort.prefix() != "":
		s.prefix = true
	case len(words) == 2 && words[0] == "between":
		if _, err := fmt.Sscan(words[1], &s.between); err != nil || s.between < 1 {
			return fmt.Errorf("range is %q: %q must be a number above zero", t.Range, words[1])
		}
	default:
		return fmt.Errorf("range is %q, must be from, between N, or, for sort keys that begin with a text, prefix", t.Range)
	}
	return nil
}

// compileChange writes an update's expression: every item has field0, so that is set unless something else was asked for.
func (s *step) compileChange(t Step) {
	set := t.Set
	if len(set)+len(t.Add) == 0 {
		set = []string{"field0"}
	}
	var text, names []string
	clauses := func(word string, attributes []string, sep, prefix string) {
		var parts []string
		for i, a := range attributes {
			id := fmt.Sprintf("%s%d", prefix, i)
			value := ":" + id
			if prefix == "a" {
				value = ":one"
			}
			parts = append(parts, "#"+id+sep+value)
			names = append(names, fmt.Sprintf(`"#%s":"%s"`, id, a))
		}
		if len(parts) > 0 {
			text = append(text, word+" "+strings.Join(parts, ", "))
		}
	}
	clauses("SET", set, " = ", "s")
	clauses("ADD", t.Add, " ", "a")
	s.set, s.add = len(set), len(t.Add)
	s.change = fmt.Sprintf(`"UpdateExpression":"%s","ExpressionAttributeNames":{%s}`, strings.Join(text, " "), strings.Join(names, ","))
}

// keyOf finds the template of an attribute that is a key of something.
func (k *kind) keyOf(a attribute) (template, bool) {
	if a == k.table.partition {
		return k.partition, true
	}
	if a == k.table.sort {
		return k.sort, true
	}
	for _, d := range k.attributes {
		if d.attribute == a {
			return d.value, true
		}
	}
	return nil, false
}

// choose draws an item that is there, or may be, and numbers it in w.
func (s *step) choose(w *writer, o occasion) {
	partitions := s.kind.partitions
	if s.keys.kind == latestKeys && !s.kind.growsSort {
		partitions += o.grown
	}
	w.n.partition = uint64(s.keys.pick(w.random, partitions, o.at))
	w.n.sort = 0
	if s.kind.each > 1 {
		w.n.sort = uint64(w.random.IntN(s.kind.each))
	}
}

// fresh numbers the next item of the kind that was not there yet; i counts those of one request.
func (s *step) fresh(w *writer, o occasion, i int) {
	if s.kind.growsSort {
		w.n.partition = uint64(s.keys.pick(w.random, s.kind.partitions, o.at))
		w.n.sort = uint64(s.kind.each + o.grown + i)
		return
	}
	w.n.partition, w.n.sort = uint64(s.kind.partitions+o.grown+i), 0
}

// distinct calls add for up to s.count items of different keys: DynamoDB refuses a key that comes twice. Fewer are given
// where the popular ones are too few.
func (s *step) distinct(w *writer, o occasion, add func(i int)) {
	var seen [maxBatch]struct{ p, s uint64 }
	n := 0
	for range 4 * s.count {
		s.choose(w, o)
		key := struct{ p, s uint64 }{w.n.partition, w.n.sort}
		if slices.Contains(seen[:n], key) {
			continue
		}
		seen[n] = key
		add(n)
		if n++; n == s.count {
			return
		}
	}
}

// maxBatch is the most items in any request. (API Reference, BatchGetItem, TransactWriteItems.)
const maxBatch = 100
