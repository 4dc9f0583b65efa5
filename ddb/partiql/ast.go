// Package partiql is the language of DynamoDB's statements: a subset of PartiQL, which is SQL for documents.
//
// Parse reads a statement into a tree and refuses what is no statement with DynamoDB's own text. What the statement
// means for a table follows once the table's keys are known: Item of an INSERT, Change of an UPDATE or DELETE, Read of
// a SELECT. These come out as items, expr.Conditions and expr.Updates: there is no second evaluator. Classify tells a
// cache what a statement may change.
//
// The package never touches a table. (Developer Guide, "PartiQL - a SQL-compatible query language for DynamoDB".)
package partiql

// Verb is what a statement does.
type Verb uint8

// The verbs. An Exists stands in transactions only: it checks a condition on an item, as a ConditionCheck does.
const (
	Select Verb = iota + 1
	Insert
	Update
	Delete
	Exists
)

// Writes reports whether a statement of this verb is a write, or stands among writes.
func (v Verb) Writes() bool { return v != Select }

// Statement is a parsed statement. It is immutable.
type Statement struct {
	Verb Verb
	// Table is the table's name or ARN, Index that of the index after it, or empty.
	Table, Index string
	// Returning is what the RETURNING clause asks for, such as "MODIFIED OLD *", or empty.
	Returning string

	columns []*column   // Select; nil is *
	where   *node       // nil is none
	order   []orderTerm // Select
	value   *node       // Insert
	actions []action    // Update
}

// column is one of the expressions that a SELECT asks for.
type column struct {
	value *node
	alias string
}

// orderTerm is one of the expressions that a SELECT orders by.
type orderTerm struct {
	value      *node
	descending bool
}

// action is one change of an UPDATE: "SET target = value", or "REMOVE target" where value is nil.
type action struct{ target, value *node }

// nodeKind says what a node is.
type nodeKind uint8

// The kinds of node.
const (
	nodeName  nodeKind = iota
	nodePath           // kids: what it begins with, then the steps: names, indexes in brackets, stars
	nodeIndex          // a step in brackets; one kid
	nodeStar
	nodeLiteral
	nodeParameter
	nodeList
	nodeBag
	nodeStruct // kids: key, value, key, value, …
	nodeCall
	nodeUnary
	nodeBinary
	nodeBetween
	nodeIs
	nodeStatement
)

// node is an expression as it was written.
type node struct {
	kind nodeKind
	// tok is the token that the expression is known by: the first, or the operator.
	tok token
	// text is a name, an operator, a function or type in lower case, or a number with its sign.
	text string
	// not is true of NOT IN, NOT BETWEEN, NOT LIKE and IS NOT.
	not  bool
	kids []*node
	// number is a parameter's place, from 0.
	number int
	// statement is that of a nodeStatement.
	statement *rawStatement
}

// className is what DynamoDB calls the kind of n in messages: the class that PartiQL's reference implementation has
// for it. IsType is known, the others are assumed.
func (n *node) className() string {
	switch n.kind {
	case nodeName:
		return "VariableReference"
	case nodePath, nodeIndex, nodeStar:
		return "Path"
	case nodeLiteral:
		if n.tok.kind == tokenMissing {
			return "LiteralMissing"
		}
		return "Literal"
	case nodeParameter:
		return "Parameter"
	case nodeList, nodeBag:
		return "Seq"
	case nodeStruct:
		return "Struct"
	case nodeIs:
		return "IsType"
	case nodeStatement:
		return n.statement.className()
	}
	return "NAry"
}

// rawStatement is a statement that stands somewhere in a tree: anything the grammar takes, sense or not.
type rawStatement struct {
	verb      Verb // 0 for SET and REMOVE without a table, and for an INSERT that is not of one VALUE
	columns   []*column
	from      []*node // several are a join
	aliased   bool
	where     *node
	order     []orderTerm
	value     *node
	actions   []action
	returning []string
	// clause is the first clause that DynamoDB does not have, with its place.
	clause string
}

// className is what DynamoDB calls the kind of s; assumed.
func (s *rawStatement) className() string {
	switch s.verb {
	case Select:
		return "Select"
	case Insert:
		return "InsertValueOp"
	case Update:
		return "AssignmentOp"
	case Delete:
		return "DeleteOp"
	}
	return "InsertOp"
}
