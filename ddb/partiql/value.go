package partiql

import (
	"slices"
	"strconv"
	"strings"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// binder gives a statement's expressions their meaning, with the values that were sent for its question marks.
type binder struct {
	parameters []ddb.AttributeValue
	operators  int // comparisons and functions so far
}

// CheckParameters refuses values that are none. DynamoDB does so before it reads the statement.
func CheckParameters(parameters []ddb.AttributeValue) *ddb.Error {
	for _, v := range parameters {
		if v.Kind() == ddb.KindInvalid {
			return ddb.Validation("%s", v.InvalidMessage())
		}
	}
	return nil
}

// root is what messages call a literal itself; what is within it has ".name" and "[1]" behind that.
const root = "root"

// parameter is the value that was sent for n. More values than question marks are taken.
func (b *binder) parameter(n *node) (ddb.AttributeValue, *ddb.Error) {
	if n.number >= len(b.parameters) {
		return ddb.AttributeValue{}, ddb.Validation("Number of parameters in request and statement don't match.")
	}
	return b.parameters[n.number], nil
}

// value is a literal or parameter.
func (b *binder) value(n *node) (ddb.AttributeValue, *ddb.Error) {
	if n.kind == nodeParameter {
		return b.parameter(n)
	}
	return literal(n, root, 0)
}

// isValue reports whether n has a value without an item.
func isValue(n *node) bool {
	switch n.kind {
	case nodeLiteral, nodeParameter, nodeList, nodeBag, nodeStruct:
		return true
	}
	return false
}

// literal is the value written as n, which is under at in a literal, below so many lists and maps. Parameters cannot
// stand within a literal.
func literal(n *node, at string, depth int) (ddb.AttributeValue, *ddb.Error) {
	if depth >= ddb.MaxNestingLevels {
		return ddb.AttributeValue{}, ddb.Validation("%s", "Nesting Levels have exceeded supported limits under "+at)
	}
	switch n.kind {
	case nodeLiteral:
		return scalar(n, at)
	case nodeList:
		elems := make([]ddb.AttributeValue, len(n.kids))
		for i, kid := range n.kids {
			var err *ddb.Error
			if elems[i], err = literal(kid, at+"["+strconv.Itoa(i)+"]", depth+1); err != nil {
				return ddb.AttributeValue{}, err
			}
		}
		return ddb.ListValue(elems), nil
	case nodeBag:
		return set(n, at)
	case nodeStruct:
		m, err := members(n, func(name string, kid *node) (ddb.AttributeValue, *ddb.Error) {
			if name == "" {
				return ddb.AttributeValue{}, ddb.Validation("Empty attribute name")
			}
			return literal(kid, at+"."+name, depth+1)
		})
		return ddb.MapValue(m), err
	}
	return ddb.AttributeValue{}, unsupportedType(n, at)
}

// unsupportedType is the refusal of an expression where a literal must be.
func unsupportedType(n *node, at string) *ddb.Error {
	what := n.className()
	if n.kind == nodeCall || n.kind == nodeName {
		what = n.tok.text
	}
	return ddb.Validation("%s", "Unsupported data type: "+what+" under key "+at+n.tok.at.String())
}

// members are the attributes of a map literal; of two with one name the last stays, which is assumed, as is that names
// are strings.
func members(n *node, value func(name string, kid *node) (ddb.AttributeValue, *ddb.Error)) (ddb.Item, *ddb.Error) {
	attrs := make([]ddb.Attribute, 0, len(n.kids)/2)
	for i := 0; i < len(n.kids); i += 2 {
		key := n.kids[i]
		if key.kind != nodeLiteral || key.tok.kind != tokenString {
			return nil, unsupportedType(key, root)
		}
		v, err := value(key.text, n.kids[i+1])
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, ddb.Attribute{Name: key.text, Value: v})
	}
	return ddb.ItemOf(attrs...), nil
}

// scalar is a string, number, truth value or NULL.
func scalar(n *node, at string) (ddb.AttributeValue, *ddb.Error) {
	switch n.tok.kind {
	case tokenString:
		return ddb.StringValue(n.text), nil
	case tokenNumber:
		v, err := ddb.NumberValue(n.text)
		if err != nil {
			return v, ddb.Validation("%s", err.Message+" under "+at)
		}
		return v, nil
	case tokenTrue, tokenFalse:
		return ddb.BoolValue(n.tok.kind == tokenTrue), nil
	case tokenNull:
		return ddb.NullValue(), nil
	}
	return ddb.AttributeValue{}, unsupportedType(n, at)
}

// set is a bag of strings or of numbers.
func set(n *node, at string) (ddb.AttributeValue, *ddb.Error) {
	if len(n.kids) == 0 {
		return ddb.AttributeValue{}, ddb.Validation("Empty bags are not supported")
	}
	texts := make([]string, len(n.kids))
	kind := n.kids[0].tok.kind
	for i, kid := range n.kids {
		if kid.kind != nodeLiteral || kid.tok.kind != kind || kind != tokenString && kind != tokenNumber {
			return ddb.AttributeValue{}, ddb.Validation("Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags")
		}
		if _, err := scalar(kid, at); err != nil {
			return ddb.AttributeValue{}, err
		}
		texts[i] = kid.text
	}
	if kind == tokenString {
		return ddb.SetValue(ddb.KindSS, texts)
	}
	v, err := ddb.SetValue(ddb.KindNS, texts)
	if err != nil {
		return v, ddb.Validation("%s", "One or more parameter values were invalid: Input collection ["+
			strings.Join(texts, ", ")+"] contains duplicates! under "+at)
	}
	return v, nil
}

// path is the document path that n is.
func path(n *node) (expr.Path, *ddb.Error) {
	steps := flatten(n)
	if steps[0].kind != nodeName {
		return expr.Path{}, unexpectedComponent(steps[0])
	}
	p := expr.NewPath(steps[0].text)
	for _, s := range steps[1:] {
		switch {
		case s.kind == nodeName:
			p = p.Key(s.text)
			continue
		case s.kind != nodeIndex || s.kids[0].kind != nodeLiteral:
			return expr.Path{}, unexpectedComponent(s)
		}
		index := s.kids[0]
		switch index.tok.kind {
		case tokenString:
			// PartiQL's a['b'] is a.b.
			p = p.Key(index.text)
		case tokenNumber:
			i, err := strconv.ParseInt(index.text, 10, 32)
			if err != nil || i < 0 {
				return expr.Path{}, ddb.Validation("%s", "List index is not within the allowable range; index: ["+index.text+"]"+index.tok.at.String())
			}
			p = p.Index(int(i))
		default:
			return expr.Path{}, unexpectedComponent(index)
		}
	}
	return p, p.Check()
}

// flatten is n's steps, where a path may begin with a path in parentheses.
func flatten(n *node) []*node {
	if n.kind != nodePath {
		return []*node{n}
	}
	return slices.Concat(flatten(n.kids[0]), n.kids[1:])
}

// unexpectedComponent is the refusal of what is no part of a document path.
func unexpectedComponent(n *node) *ddb.Error {
	return ddb.Validation("%s", "Unexpected path component"+n.tok.at.String())
}

// Item is what an INSERT puts.
func (s *Statement) Item(parameters []ddb.AttributeValue) (ddb.Item, *ddb.Error) {
	b := &binder{parameters: parameters}
	switch s.value.kind {
	case nodeStruct:
		return members(s.value, func(_ string, kid *node) (ddb.AttributeValue, *ddb.Error) { return b.value(kid) })
	case nodeParameter:
		v, err := b.parameter(s.value)
		if err != nil {
			return nil, err
		}
		if v.Kind() == ddb.KindM {
			return v.Map(), nil
		}
	}
	// The words are ours: DynamoDB's are not known.
	return nil, ddb.Validation("The value of an INSERT must be a map, {'name': value, ...}, or a parameter that is one")
}
