package partiql

import (
	"slices"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// Read is what a SELECT reads: some ranges of keys, or, when Keyed is false, all of a table or index.
type Read struct {
	// Columns are what is returned of each item; nil is all of it.
	Columns []Column
	// Filter is the whole WHERE clause, keys included; nil if there is none.
	Filter *expr.Condition
	// Keyed reports whether every item that can meet Filter is in one of Ranges. There may be none.
	Keyed  bool
	Ranges []Range
	// KeyFault is what DynamoDB says of a key value that is not of the key's type, in a read by key.
	KeyFault *ddb.Error
	// Key is the primary key if the WHERE clause gives that and nothing else, as transactions and batches want it;
	// its values are of any kind.
	Key ddb.Item
	// Ordered is true with an ORDER BY; then HashDescending and SortDescending say how. Otherwise ranges come in the
	// order of their hashes, and each from its first key on.
	Ordered, HashDescending, SortDescending bool
}

// Column is one value that a SELECT asks for, and what it is called in the answer.
type Column struct {
	Name string
	Path expr.Path
}

// Range is a part of one partition: what meets all of Sort.
type Range struct {
	Hash ddb.AttributeValue
	Sort []SortCondition
	// Negated is true where a condition on the sort key is not one of Sort because it excludes keys. Such a range may
	// overlap with others.
	Negated bool
	// Names are the attributes that the other conditions on items of this range mention.
	Names []string
}

// SortCondition is a condition on the sort key; B is the upper bound of BETWEEN.
type SortCondition struct {
	Op   expr.RangeOp
	A, B ddb.AttributeValue
}

// maxRanges is how many ranges of keys one SELECT may read. (Developer Guide, "PartiQL operators": IN.)
const maxRanges = 50

// textTooManyReads is the refusal of more.
const textTooManyReads = "Too many decomposed read operations for a given query."

// Read translates a SELECT on a table or index whose key is schema, which has one HASH and at most one RANGE attribute;
// kindOf gives the types of these.
func (s *Statement) Read(parameters []ddb.AttributeValue, schema ddb.KeySchema, kindOf func(string) ddb.Kind) (*Read, *ddb.Error) {
	b := &binder{parameters: parameters}
	r := &Read{}
	for _, c := range s.columns {
		p, err := columnPath(c)
		if err != nil {
			return nil, err
		}
		name := columnName(c.value)
		if slices.ContainsFunc(r.Columns, func(o Column) bool { return o.Name == name }) {
			// Assumed: the text is not known.
			return nil, ddb.Validation("%s", "Duplicate attribute in the select list: "+name)
		}
		r.Columns = append(r.Columns, Column{name, p})
	}
	var err *ddb.Error
	if r.Filter, err = b.condition(s.where); err != nil {
		return nil, err
	}
	d := decomposer{binder: b, schema: schema, hash: schema.Hash(), sort: schema.Range()}
	found, err := d.decompose(s.where)
	if err != nil {
		return nil, err
	}
	if r.Keyed = s.where != nil && found.keyed; r.Keyed {
		if found.count > maxRanges {
			return nil, ddb.Validation(textTooManyReads)
		}
		for _, c := range found.choices {
			if r.KeyFault == nil {
				r.KeyFault = c.checkTypes(&d, kindOf)
			}
			if !c.empty {
				r.Ranges = append(r.Ranges, Range{*c.hash, c.sort, c.negated, c.names})
			}
		}
	}
	r.Key = d.exactKey(s.where)
	return r, d.order(s, r, found)
}

// columnPath is what a column is the value of.
func columnPath(c *column) (expr.Path, *ddb.Error) {
	if c.value.kind != nodeName && c.value.kind != nodePath {
		return expr.Path{}, unexpectedComponent(c.value)
	}
	return path(c.value)
}

// order checks and translates the ORDER BY. When it leaves out the sort key, that is descending.
func (d *decomposer) order(s *Statement, r *Read, found choices) *ddb.Error {
	if s.order == nil {
		return nil
	}
	if s.where == nil {
		return ddb.Validation("Must have WHERE clause in the statement when using ORDER BY clause.")
	}
	r.Ordered, r.SortDescending = true, true
	byHash := false
	for _, t := range s.order {
		if t.value.kind != nodeName || !d.schema.Has(t.value.text) {
			return ddb.Validation("%s", "Attribute "+string(orderName(t.value))+" in ORDER BY clause must be part of the primary key")
		}
		if t.value.text == d.hash {
			byHash, r.HashDescending = true, t.descending
		} else {
			r.SortDescending = t.descending
		}
	}
	switch {
	case !r.Keyed:
		return ddb.Validation("Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.")
	case !byHash && found.hashes() > 1:
		return ddb.Validation("Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.")
	}
	return nil
}

// orderName is how messages call what a SELECT is ordered by.
func orderName(n *node) []byte {
	if n.kind == nodeName {
		return []byte(n.text)
	}
	return appendNode(nil, n)
}

// decomposer finds the ranges of keys that a WHERE clause asks for: it multiplies out the conditions on keys, and takes
// everything else as it is.
type decomposer struct {
	binder     *binder
	schema     ddb.KeySchema
	hash, sort string
}

// choice is one way to meet a condition.
type choice struct {
	hash    *ddb.AttributeValue // nil is any
	sort    []SortCondition
	negated bool
	empty   bool // no hash is equal to two values
	names   []string
}

// choices are all ways to meet a condition: count of them, of which more than maxRanges are not kept. keyed reports
// whether every one has a hash.
type choices struct {
	choices []choice
	count   int
	keyed   bool
}

// hashes is the number of different hashes.
func (c choices) hashes() int {
	var seen []ddb.AttributeValue
	for _, x := range c.choices {
		if x.hash != nil && !slices.ContainsFunc(seen, func(v ddb.AttributeValue) bool { return ddb.Equal(v, *x.hash) }) {
			seen = append(seen, *x.hash)
		}
	}
	return len(seen)
}

// decompose finds the choices of n; of nil there is one, anything.
func (d *decomposer) decompose(n *node) (choices, *ddb.Error) {
	switch {
	case n == nil:
		return choices{choices: []choice{{}}, count: 1}, nil
	case n.kind == nodeBinary && n.text == "and":
		return d.both(n, product)
	case n.kind == nodeBinary && n.text == "or" && d.hasKey(n):
		return d.both(n, union)
	}
	attribute, conditions, err := d.keyConditions(n)
	if err != nil {
		return choices{}, err
	}
	if attribute == "" {
		return d.other(n), nil
	}
	out := choices{count: len(conditions), keyed: attribute == d.hash}
	for _, c := range conditions[:min(len(conditions), maxRanges+1)] {
		if attribute == d.hash {
			out.choices = append(out.choices, choice{hash: &c.A})
		} else {
			out.choices = append(out.choices, choice{sort: []SortCondition{c}})
		}
	}
	return out, nil
}

// both decomposes n's two sides and puts them together.
func (d *decomposer) both(n *node, join func(a, b choices) choices) (choices, *ddb.Error) {
	left, err := d.decompose(n.kids[0])
	if err != nil {
		return choices{}, err
	}
	right, err := d.decompose(n.kids[1])
	if err != nil {
		return choices{}, err
	}
	return join(left, right), nil
}

// maxCount keeps counts from overflowing.
const maxCount = 1 << 20

// union has the choices of a and of b.
func union(a, b choices) choices {
	all := slices.Concat(a.choices, b.choices)
	return choices{all[:min(len(all), maxRanges+1)], min(a.count+b.count, maxCount), a.keyed && b.keyed}
}

// product has every choice of a together with every choice of b.
func product(a, b choices) choices {
	out := choices{count: min(a.count*b.count, maxCount), keyed: a.keyed || b.keyed}
	for _, x := range a.choices {
		for _, y := range b.choices {
			if len(out.choices) > maxRanges {
				return out
			}
			out.choices = append(out.choices, x.and(y))
		}
	}
	return out
}

// and is meeting both x and y.
func (x choice) and(y choice) choice {
	out := choice{
		hash: x.hash, sort: slices.Concat(x.sort, y.sort), negated: x.negated || y.negated, empty: x.empty || y.empty,
		names: slices.Concat(x.names, y.names),
	}
	switch {
	case x.hash == nil:
		out.hash = y.hash
	case y.hash != nil && !ddb.Equal(*x.hash, *y.hash):
		out.empty = true
	}
	return out
}

// other is the one choice of a condition that says nothing about where in a table its items are.
func (d *decomposer) other(n *node) choices {
	mentioned := make(map[string]bool)
	n.names(mentioned)
	c := choice{negated: d.sort != "" && mentioned[d.sort] && excludes(n)}
	for name := range mentioned {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	return choices{choices: []choice{c}, count: 1}
}

// excludes reports whether n is a condition that says what is not: NOT, <>, NOT IN and so on.
func excludes(n *node) bool {
	return n.not || n.text == "<>" && n.kind == nodeBinary || n.text == "not" && n.kind == nodeUnary
}

// hasKey reports whether n, through AND and OR, has a condition on a key attribute.
func (d *decomposer) hasKey(n *node) bool {
	if n.kind == nodeBinary && (n.text == "and" || n.text == "or") {
		return d.hasKey(n.kids[0]) || d.hasKey(n.kids[1])
	}
	attribute, _, err := d.keyConditions(n)
	return err == nil && attribute != ""
}

// sortOps are the conditions on a sort key, and what each is with its sides exchanged.
var sortOps = map[string][2]expr.RangeOp{
	"=": {expr.RangeEQ, expr.RangeEQ}, "<": {expr.RangeLT, expr.RangeGT}, "<=": {expr.RangeLE, expr.RangeGE},
	">": {expr.RangeGT, expr.RangeLT}, ">=": {expr.RangeGE, expr.RangeLE},
}

// keyConditions are the conditions, one of which must hold, that n puts on a key attribute; attribute is empty if n is
// not of that kind. On the partition key only equality is.
func (d *decomposer) keyConditions(n *node) (attribute string, conditions []SortCondition, err *ddb.Error) {
	name, op, values := d.keyTerm(n)
	if values == nil || name != d.hash && name != d.sort || name == "" || name == d.hash && op != expr.RangeEQ {
		return "", nil, nil
	}
	bound := make([]ddb.AttributeValue, len(values))
	for i, v := range values {
		if bound[i], err = d.binder.value(v); err != nil {
			return "", nil, err
		}
	}
	if op != expr.RangeEQ {
		c := SortCondition{Op: op, A: bound[0]}
		if op == expr.RangeBetween {
			c.B = bound[1]
		}
		return name, []SortCondition{c}, nil
	}
	for _, v := range bound {
		conditions = append(conditions, SortCondition{Op: op, A: v})
	}
	return name, conditions, nil
}

// keyTerm takes apart a condition that compares a top-level attribute with values; values is nil if n is not of that
// kind. Of RangeEQ there may be several values, of which one must be equal.
func (d *decomposer) keyTerm(n *node) (name string, op expr.RangeOp, values []*node) {
	switch {
	case n.not || len(n.kids) == 0:
		return "", 0, nil
	case isComparison(n) && n.text != "<>":
		left, right := n.kids[0], n.kids[1]
		if left.kind == nodeName && isValue(right) {
			return left.text, sortOps[n.text][0], []*node{right}
		}
		if right.kind == nodeName && isValue(left) {
			return right.text, sortOps[n.text][1], []*node{left}
		}
		return "", 0, nil
	case n.kids[0].kind != nodeName:
		return "", 0, nil
	}
	name, values = n.kids[0].text, n.kids[1:]
	switch {
	case n.kind == nodeBetween:
		op = expr.RangeBetween
	case n.kind == nodeCall && n.text == "begins_with" && len(n.kids) == 2:
		op = expr.RangeBeginsWith
	case n.kind == nodeBinary && n.text == "in" && (n.kids[1].kind == nodeList || n.kids[1].kind == nodeBag):
		op, values = expr.RangeEQ, n.kids[1].kids
	default:
		return "", 0, nil
	}
	if slices.ContainsFunc(values, func(v *node) bool { return !isValue(v) }) {
		return "", 0, nil
	}
	return name, op, values
}

// checkTypes refuses key values that no key can be.
func (x choice) checkTypes(d *decomposer, kindOf func(string) ddb.Kind) *ddb.Error {
	wrong := func(name string, v ddb.AttributeValue) *ddb.Error {
		if v.Kind() == kindOf(name) {
			return nil
		}
		return ddb.Validation("%s", "Key attribute's data type should match its data type in table's schema: Key "+name)
	}
	if err := wrong(d.hash, *x.hash); err != nil {
		return err
	}
	for _, c := range x.sort {
		if err := wrong(d.sort, c.A); err != nil {
			return err
		}
		if c.Op == expr.RangeBetween {
			if err := wrong(d.sort, c.B); err != nil {
				return err
			}
		}
	}
	return nil
}

// exactKey is the key that where gives with nothing else beside it; nil if it does not.
func (d *decomposer) exactKey(where *node) ddb.Item {
	var key ddb.Item
	for _, n := range conjuncts(where) {
		name, conditions, err := d.keyConditions(n)
		if err != nil || name == "" || len(conditions) != 1 || conditions[0].Op != expr.RangeEQ {
			return nil
		}
		if old, again := key.Get(name); again && !ddb.Equal(old, conditions[0].A) {
			return nil
		}
		key = key.With(name, conditions[0].A)
	}
	if len(key) != len(d.schema) {
		return nil
	}
	return key
}
