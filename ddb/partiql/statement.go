package partiql

import (
	"strings"

	"millrace/ddb"
)

// newStatement makes a statement of a whole text's tree and refuses what DynamoDB does not have.
func newStatement(n *node) (*Statement, *ddb.Error) {
	if n.kind == nodeCall && n.text == "exists" && len(n.kids) == 1 && n.kids[0].kind == nodeStatement &&
		n.kids[0].statement.verb == Select {
		s, err := n.kids[0].statement.finish()
		if err == nil {
			s.Verb = Exists
		}
		return s, err
	}
	if n.kind != nodeStatement || n.statement.verb == 0 {
		return nil, ddb.Validation("%s", "Unsupported operation: "+n.className())
	}
	return n.statement.finish()
}

// finish checks what a statement works on.
func (s *rawStatement) finish() (*Statement, *ddb.Error) {
	out := &Statement{Verb: s.verb, columns: s.columns, where: s.where, order: s.order, value: s.value, actions: s.actions}
	switch {
	case s.aliased:
		return nil, ddb.Validation("Aliasing is not supported")
	case len(s.from) != 1:
		return nil, ddb.Validation("Only select from a single table or index is supported.")
	}
	parts, err := components(s.from[0])
	if err != nil {
		return nil, err
	}
	if out.Table = parts[0]; len(parts) > 1 {
		out.Index = parts[1]
	}
	switch {
	case s.clause != "":
		return nil, ddb.Validation("%s", "Unsupported clause: "+s.clause)
	case out.Index != "" && s.verb == Insert:
		return nil, ddb.Validation("FROM clause may only contain a single table name")
	case out.Index != "" && s.verb != Select:
		return nil, ddb.Validation("This operation is not supported on an index")
	}
	if inner := s.subquery(); inner != nil {
		// Assumed: that there are no subqueries is documented, what is said of one is not.
		return nil, ddb.Validation("%s", "Unsupported operation: "+inner.className())
	}
	for _, c := range s.columns {
		if c.alias != "" {
			// Assumed: the text is that for tables.
			return nil, ddb.Validation("Aliasing is not supported")
		}
	}
	out.Returning, err = s.checkReturning()
	return out, err
}

// subquery is a statement within s, if there is one.
func (s *rawStatement) subquery() *node {
	nodes := []*node{s.where, s.value}
	for _, c := range s.columns {
		nodes = append(nodes, c.value)
	}
	for _, t := range s.order {
		nodes = append(nodes, t.value)
	}
	for _, a := range s.actions {
		nodes = append(nodes, a.target, a.value)
	}
	return statementIn(nodes)
}

// statementIn is the first statement among nodes, of which some may be nil, and within them.
func statementIn(nodes []*node) *node {
	for _, n := range nodes {
		switch {
		case n == nil:
		case n.kind == nodeStatement:
			return n
		default:
			if inner := statementIn(n.kids); inner != nil {
				return inner
			}
		}
	}
	return nil
}

// checkReturning is the one thing to return, or empty. That an INSERT returns nothing, that only * can be returned and
// that once, is documented; how DynamoDB says so is known for DELETE and assumed for the others.
func (s *rawStatement) checkReturning() (string, *ddb.Error) {
	if s.returning == nil {
		return "", nil
	}
	r := strings.Join(s.returning, ", ")
	invalid := func(rule string) (string, *ddb.Error) {
		return "", ddb.Validation("%s", "Invalid returning clause: RETURNING "+r+". "+rule)
	}
	switch {
	case s.verb == Insert:
		return invalid("RETURNING is not allowed in INSERT statements.")
	case s.verb == Delete && r != "ALL OLD *":
		return invalid("Only RETURNING ALL OLD * is allowed in DELETE statements.")
	case len(s.returning) > 1 || !strings.HasSuffix(r, " *"):
		return invalid("Only one RETURNING [ALL|MODIFIED] [OLD|NEW] * is allowed in UPDATE statements.")
	}
	return r, nil
}

// components are the names of a table and, behind a dot, of an index.
func components(from *node) ([]string, *ddb.Error) {
	names := []*node{from}
	if from.kind == nodePath {
		names = from.kids
	}
	parts := make([]string, len(names))
	for i, n := range names {
		if n.kind != nodeName {
			return nil, ddb.Validation("Only select from a single table or index is supported.")
		}
		parts[i] = n.text
	}
	if len(parts) > 2 {
		return nil, ddb.Validation("A path may contain at most 2 components in the FROM clause")
	}
	for _, name := range parts {
		if name == "" {
			return nil, ddb.Validation("Path component cannot be an empty string")
		}
	}
	return parts, nil
}
