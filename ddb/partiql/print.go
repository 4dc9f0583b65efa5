package partiql

import (
	"strconv"
	"strings"
)

// String is the statement in one spelling: reserved words in capitals, names in quotes, no more blanks and parentheses
// than it needs. Parse reads it as the same statement.
func (s *Statement) String() string {
	var dst []byte
	if s.Verb == Exists {
		dst = append(dst, "EXISTS("...)
	}
	table := appendName(nil, s.Table)
	if s.Index != "" {
		table = appendName(append(table, '.'), s.Index)
	}
	switch s.Verb {
	case Select, Exists:
		dst = append(appendColumns(append(dst, "SELECT "...), s.columns), " FROM "...)
		dst = append(dst, table...)
	case Insert:
		dst = append(append(append(dst, "INSERT INTO "...), table...), " VALUE "...)
		dst = appendNode(dst, s.value)
	case Update:
		dst = append(append(dst, "UPDATE "...), table...)
		for _, a := range s.actions {
			if a.value == nil {
				dst = appendNode(append(dst, " REMOVE "...), a.target)
				continue
			}
			dst = append(appendNode(append(dst, " SET "...), a.target), " = "...)
			dst = appendNode(dst, a.value)
		}
	case Delete:
		dst = append(append(dst, "DELETE FROM "...), table...)
	}
	if s.where != nil {
		dst = appendNode(append(dst, " WHERE "...), s.where)
	}
	for i, t := range s.order {
		dst = append(dst, []string{" ORDER BY ", ", "}[min(i, 1)]...)
		if dst = appendNode(dst, t.value); t.descending {
			dst = append(dst, " DESC"...)
		}
	}
	if s.Returning != "" {
		dst = append(append(dst, " RETURNING "...), s.Returning...)
	}
	if s.Verb == Exists {
		dst = append(dst, ')')
	}
	return string(dst)
}

// appendColumns writes the list of a SELECT.
func appendColumns(dst []byte, columns []*column) []byte {
	if columns == nil {
		return append(dst, '*')
	}
	for i, c := range columns {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendNode(dst, c.value)
	}
	return dst
}

// appendName writes a name in quotes.
func appendName(dst []byte, name string) []byte {
	return append(append(append(dst, '"'), strings.ReplaceAll(name, `"`, `""`)...), '"')
}

// isWord reports whether name needs no quotes but for being reserved.
func isWord(name string) bool {
	for i := 0; i < len(name); i++ {
		if !isLetter(name[i]) && (i == 0 || !isDigit(name[i])) {
			return false
		}
	}
	return name != ""
}

// appendNode writes an expression. Operators are in parentheses, which mean nothing where they are not needed.
func appendNode(dst []byte, n *node) []byte {
	switch n.kind {
	case nodeName:
		return appendName(dst, n.text)
	case nodePath:
		if n.kids[0].kind == nodeLiteral {
			// A number would take the dot.
			dst = append(appendNode(append(dst, '('), n.kids[0]), ')')
		} else {
			dst = appendNode(dst, n.kids[0])
		}
		for _, k := range n.kids[1:] {
			if k.kind != nodeIndex {
				dst = append(dst, '.')
			}
			dst = appendNode(dst, k)
		}
		return dst
	case nodeIndex:
		return append(appendNode(append(dst, '['), n.kids[0]), ']')
	case nodeStar:
		return append(dst, '*')
	case nodeParameter:
		return append(dst, '?')
	case nodeLiteral:
		return appendLiteral(dst, n)
	case nodeList:
		return append(appendNodes(append(dst, '['), n.kids), ']')
	case nodeBag:
		return append(appendNodes(append(dst, "<<"...), n.kids), ">>"...)
	case nodeStruct:
		dst = append(dst, '{')
		for i, k := range n.kids {
			if i > 0 {
				dst = append(dst, []string{", ", ": "}[i%2]...)
			}
			dst = appendNode(dst, k)
		}
		return append(dst, '}')
	case nodeCall:
		if kind, _ := classify(n.text); isWord(n.text) && (kind == tokenName || functions[n.text]) {
			dst = append(dst, n.text...)
		} else {
			dst = appendName(dst, n.text)
		}
		return append(appendNodes(append(dst, '('), n.kids), ')')
	}
	return append(appendOperator(append(dst, '('), n), ')')
}

// appendOperator writes an operator with what it is applied to.
func appendOperator(dst []byte, n *node) []byte {
	op := strings.ToUpper(n.text)
	if n.kind == nodeUnary {
		return appendNode(append(append(dst, op...), ' '), n.kids[0])
	}
	dst = append(appendNode(dst, n.kids[0]), ' ')
	switch {
	case n.kind == nodeIs && n.not:
		return append(append(dst, "IS NOT "...), op...)
	case n.kind == nodeIs:
		return append(append(dst, "IS "...), op...)
	case n.not:
		dst = append(dst, "NOT "...)
	}
	dst = appendNode(append(append(dst, op...), ' '), n.kids[1])
	if n.kind == nodeBetween {
		dst = appendNode(append(dst, " AND "...), n.kids[2])
	}
	return dst
}

// appendLiteral writes a string, number or word.
func appendLiteral(dst []byte, n *node) []byte {
	switch n.tok.kind {
	case tokenString:
		return append(append(append(dst, '\''), strings.ReplaceAll(n.text, "'", "''")...), '\'')
	case tokenNumber:
		return append(dst, n.text...)
	}
	return append(dst, strings.ToUpper(n.text)...)
}

// appendNodes writes expressions with commas.
func appendNodes(dst []byte, nodes []*node) []byte {
	for i, n := range nodes {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendNode(dst, n)
	}
	return dst
}

// columnName is what the value at the path n is called in an answer: the last name with the indexes behind it.
func columnName(n *node) string {
	name := ""
	for _, s := range flatten(n) {
		switch {
		case s.kind == nodeName:
			name = s.text
		case s.kids[0].tok.kind == tokenString:
			name = s.kids[0].text
		default:
			i, _ := strconv.Atoi(s.kids[0].text)
			name += "[" + strconv.Itoa(i) + "]"
		}
	}
	return name
}
