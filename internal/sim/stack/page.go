package stack

import (
	"slices"
	"strings"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// pageRead is a Query or Scan as the model reads it.
type pageRead struct {
	index   string
	scan    bool
	hash    string
	inRange func(value string) bool
	start   string // positions up to here are passed over; "" is the beginning
	limit   int
	reverse bool
	filter  *expr.Condition
	strong  bool
}

// newQuery understands a Query.
func newQuery(in *ddb.QueryInput) (*pageRead, error) {
	q := &pageRead{index: text(in.IndexName), reverse: in.ScanIndexForward != nil && !*in.ScanIndexForward, strong: in.ConsistentRead != nil && *in.ConsistentRead}
	env := expr.NewEnv(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	cond, err := expr.ParseKeyCondition(text(in.KeyConditionExpression), env)
	if err != nil {
		return nil, err
	}
	r, err := cond.Bind(schemaOf(q.index), func(string) ddb.Kind { return ddb.KindS })
	if err != nil {
		return nil, err
	}
	q.hash = r.Hash[0].Str()
	a, b := r.A.Str(), r.B.Str()
	ranges := map[expr.RangeOp]func(v string) bool{
		expr.RangeNone: func(string) bool { return true }, expr.RangeEQ: func(v string) bool { return v == a },
		expr.RangeLT: func(v string) bool { return v < a }, expr.RangeLE: func(v string) bool { return v <= a },
		expr.RangeGT: func(v string) bool { return v > a }, expr.RangeGE: func(v string) bool { return v >= a },
		expr.RangeBetween:    func(v string) bool { return v >= a && v <= b },
		expr.RangeBeginsWith: func(v string) bool { return strings.HasPrefix(v, a) },
	}
	q.inRange = ranges[r.Op]
	return q, q.common(env, in.FilterExpression, in.Limit, in.ExclusiveStartKey)
}

// newScan understands a Scan.
func newScan(in *ddb.ScanInput) (*pageRead, error) {
	q := &pageRead{index: text(in.IndexName), scan: true, strong: in.ConsistentRead != nil && *in.ConsistentRead}
	q.inRange = func(string) bool { return true }
	env := expr.NewEnv(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	return q, q.common(env, in.FilterExpression, in.Limit, in.ExclusiveStartKey)
}

// common takes what both have.
func (q *pageRead) common(env *expr.Env, filter *string, limit *int, start ddb.Item) error {
	if filter != nil {
		var err *ddb.Error
		if q.filter, err = expr.ParseCondition(expr.FilterExpression, *filter, env); err != nil {
			return err
		}
	}
	if limit != nil {
		q.limit = *limit
	}
	if start != nil {
		partition, position, _ := place(q.index, start)
		q.start = position
		if q.scan {
			q.start = partition + "\x00" + position
		}
	}
	return nil
}

// text is an optional string.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// at is where q finds an item; not ok where it does not look at it at all.
func (q *pageRead) at(it ddb.Item) (position string, ok bool) {
	if it == nil {
		return "", false
	}
	partition, position, ok := place(q.index, it)
	if !ok || !q.scan && partition != q.hash {
		return "", false
	}
	if r, _ := it.Get(schemaOf(q.index).Range()); !q.inRange(r.Str()) {
		return "", false
	}
	if q.scan {
		position = partition + "\x00" + position
	}
	return position, q.start == "" || (position > q.start) != q.reverse && position != q.start
}

// page is what one read showed.
type page struct {
	items   []ddb.Item
	scanned int
	last    ddb.Item
	end     string // position of last
}

// read evaluates q on st.
func (q *pageRead) read(st *state) page {
	type found struct {
		position string
		item     ddb.Item
	}
	var list []found
	for _, it := range st {
		if pos, ok := q.at(it); ok {
			list = append(list, found{pos, it})
		}
	}
	slices.SortFunc(list, func(a, b found) int {
		if q.reverse {
			a, b = b, a
		}
		return strings.Compare(a.position, b.position)
	})
	p := page{items: []ddb.Item{}}
	for _, f := range list {
		p.scanned++
		if shown := asIndex(q.index, f.item); q.filter.Match(shown) {
			p.items = append(p.items, shown)
		}
		if p.scanned == q.limit {
			p.last, p.end = lastKey(q.index, f.item), f.position
			break
		}
	}
	return p
}

// lastKey is the LastEvaluatedKey at an item.
func lastKey(index string, it ddb.Item) ddb.Item {
	out := keyItem(keyOf(it))
	for _, name := range []string{schemaOf(index).Hash(), schemaOf(index).Range()} {
		v, _ := it.Get(name)
		out = out.With(name, v)
	}
	return out
}

// body is the answer's bytes.
func (q *pageRead) body(p page) []byte {
	if q.scan {
		return ddb.AppendShape(nil, &ddb.ScanOutput{Items: p.items, Count: len(p.items), ScannedCount: p.scanned, LastEvaluatedKey: p.last})
	}
	return ddb.AppendShape(nil, &ddb.QueryOutput{Items: p.items, Count: len(p.items), ScannedCount: p.scanned, LastEvaluatedKey: p.last})
}

// touches reports whether an item, as it was or is, lies in the interval that p was determined by.
func (q *pageRead) touches(p page, it ddb.Item) bool {
	pos, ok := q.at(it)
	return ok && (p.last == nil || pos == p.end || (pos < p.end) != q.reverse)
}
