package partiql

import (
	"strings"

	"millrace/ddb"
)

// statement is what reads the statement at the current token; nil if there is none.
func (p *parser) statement() func() (*rawStatement, *ddb.Error) {
	switch p.tok().text {
	case "select":
		return p.selectStatement
	case "insert":
		if p.after(1).is("into") {
			return p.insertStatement
		}
	case "update":
		return p.updateStatement
	case "delete":
		return p.deleteStatement
	case "from":
		return p.fromStatement
	case "set", "remove":
		return func() (*rawStatement, *ddb.Error) {
			s := &rawStatement{}
			return s, p.actions(s)
		}
	}
	return nil
}

// selectStatement reads SELECT … FROM ….
func (p *parser) selectStatement() (*rawStatement, *ddb.Error) {
	p.i++
	s := &rawStatement{verb: Select}
	switch t := p.tok(); {
	case p.accept("distinct"):
		s.unsupported("DISTINCT", t)
	case p.accept("all"):
	}
	if t := p.tok(); p.accept("value") {
		s.unsupported("SELECT VALUE", t)
		if _, err := p.expression(lowest); err != nil {
			return nil, err
		}
	} else if err := p.columns(s); err != nil {
		return nil, err
	}
	if !p.accept("from") {
		return nil, malformed("Expected FROM after SELECT list")
	}
	if err := p.sources(s, clause); err != nil {
		return nil, err
	}
	if err := p.where(s, clause); err != nil {
		return nil, err
	}
	if p.accept("order") {
		if err := p.orderBy(s); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"group", "having", "limit"} {
		if !p.accept(name) {
			continue
		}
		if name == "group" {
			p.accept("partial")
			if err := p.expect("by", "BY"); err != nil {
				return nil, err
			}
		}
		s.unsupported(strings.ToUpper(name), p.tok())
		for {
			if _, err := p.expression(clause); err != nil {
				return nil, err
			}
			if name != "group" || !p.accept(",") {
				break
			}
		}
	}
	return s, nil
}

// unsupported notes a clause that DynamoDB does not have; t is where what it says begins.
func (s *rawStatement) unsupported(name string, t token) {
	if s.clause == "" {
		at := t.at
		at.length = max(at.length, 1)
		s.clause = name + at.String()
	}
}

// columns reads the list of a SELECT; * is none.
func (p *parser) columns(s *rawStatement) *ddb.Error {
	star := false
	for {
		if p.accept("*") {
			star = true
			s.columns = append(s.columns, nil)
		} else {
			n, err := p.expression(lowest)
			if err != nil {
				return err
			}
			c := &column{value: n}
			if p.accept("as") {
				if !p.tok().isName() {
					return malformed("Expected identifier for alias")
				}
				c.alias = p.take().text
			} else if p.tok().isName() {
				c.alias = p.take().text
			}
			s.columns = append(s.columns, c)
		}
		if !p.accept(",") {
			break
		}
	}
	switch {
	case star && len(s.columns) > 1:
		return malformed("Other expressions may not be present in the select list when '*' is used without dot notation.")
	case star:
		s.columns = nil
	}
	return nil
}

// sources reads what a statement works on: tables with their aliases, joined by commas or in words.
func (p *parser) sources(s *rawStatement, above int) *ddb.Error {
	for {
		n, err := p.expression(above)
		if err != nil {
			return err
		}
		s.from = append(s.from, n)
		if err := p.alias(s); err != nil {
			return err
		}
		switch {
		case p.accept(","):
		case p.tok().is("join"), p.tok().is("inner"), p.tok().is("left"), p.tok().is("right"), p.tok().is("full"),
			p.tok().is("outer"), p.tok().is("cross"):
			for p.tok().kind == tokenKeyword && !p.accept("join") {
				p.i++
			}
		default:
			return nil
		}
	}
}

// alias reads the alias of a table, if it has one.
func (p *parser) alias(s *rawStatement) *ddb.Error {
	for _, word := range []string{"as", "at", "by"} {
		switch {
		case p.accept(word):
			if !p.tok().isName() {
				return malformed("Expected identifier for " + strings.ToUpper(word) + "-alias")
			}
			fallthrough
		case word == "as" && p.tok().isName():
			p.i++
			s.aliased = true
		}
	}
	return nil
}

// where reads the WHERE clause, if there is one.
func (p *parser) where(s *rawStatement, above int) (err *ddb.Error) {
	if p.accept("where") {
		s.where, err = p.expression(above)
	}
	return err
}

// orderBy reads what follows ORDER.
func (p *parser) orderBy(s *rawStatement) *ddb.Error {
	if err := p.expect("by", "BY"); err != nil {
		return err
	}
	for {
		n, err := p.expression(lowest)
		if err != nil {
			return err
		}
		t := orderTerm{value: n, descending: p.accept("desc")}
		if !t.descending {
			p.accept("asc")
		}
		s.order = append(s.order, t)
		if !p.accept(",") {
			return nil
		}
	}
}

// insertStatement reads INSERT INTO table VALUE …. Without VALUE the item is not one, which DynamoDB does not take.
func (p *parser) insertStatement() (*rawStatement, *ddb.Error) {
	p.i += 2
	table, err := p.simplePath()
	if err != nil {
		return nil, err
	}
	s := &rawStatement{from: []*node{table}}
	if !p.accept("value") {
		if p.accept("values") {
			if !p.tok().is("(") {
				return nil, malformed("Expected LEFT_PAREN for row value constructor")
			}
		}
		_, err := p.expression(lowest)
		return s, err
	}
	s.verb = Insert
	if s.value, err = p.expression(lowest); err != nil {
		return nil, err
	}
	if t := p.tok(); t.is("at") || t.is("on") && p.after(1).is("conflict") {
		p.i++
		s.unsupported(strings.ToUpper(t.text), p.tok())
		if p.accept("conflict") {
			if err := p.where(s, lowest); err != nil {
				return nil, err
			}
			if !p.accept("do") || !p.accept("nothing") {
				return nil, malformed("invalid ON CONFLICT syntax")
			}
		} else if _, err := p.expression(lowest); err != nil {
			return nil, err
		}
	}
	return s, p.returning(s)
}

// updateStatement reads UPDATE table SET … REMOVE … WHERE ….
func (p *parser) updateStatement() (*rawStatement, *ddb.Error) {
	p.i++
	s := &rawStatement{verb: Update}
	if err := p.target(s); err != nil {
		return nil, err
	}
	if err := p.actions(s); err != nil {
		return nil, err
	}
	if err := p.where(s, lowest); err != nil {
		return nil, err
	}
	return s, p.returning(s)
}

// fromStatement reads FROM table WHERE … SET … REMOVE …: an UPDATE with its clauses in another order.
func (p *parser) fromStatement() (*rawStatement, *ddb.Error) {
	p.i++
	s := &rawStatement{verb: Update}
	if err := p.sources(s, lowest); err != nil {
		return nil, err
	}
	if err := p.where(s, lowest); err != nil {
		return nil, err
	}
	if err := p.actions(s); err != nil {
		return nil, err
	}
	return s, p.returning(s)
}

// deleteStatement reads DELETE FROM table WHERE ….
func (p *parser) deleteStatement() (*rawStatement, *ddb.Error) {
	p.i++
	if !p.accept("from") {
		return nil, malformed("Expected FROM after DELETE")
	}
	s := &rawStatement{verb: Delete}
	if err := p.target(s); err != nil {
		return nil, err
	}
	if err := p.where(s, lowest); err != nil {
		return nil, err
	}
	return s, p.returning(s)
}

// target reads the table that an UPDATE or DELETE names.
func (p *parser) target(s *rawStatement) *ddb.Error {
	table, err := p.simplePath()
	if err != nil {
		return err
	}
	s.from = []*node{table}
	return p.alias(s)
}

// actions reads one or more SET and REMOVE.
func (p *parser) actions(s *rawStatement) *ddb.Error {
	for n := 0; ; n++ {
		switch {
		case p.accept("set"):
			if err := p.assignments(s); err != nil {
				return err
			}
		case p.accept("remove"):
			target, err := p.simplePath()
			if err != nil {
				return err
			}
			s.actions = append(s.actions, action{target: target})
		case n == 0:
			return malformed("Expected data manipulation")
		default:
			return nil
		}
	}
}

// assignments reads what follows SET.
func (p *parser) assignments(s *rawStatement) *ddb.Error {
	for {
		target, err := p.simplePath()
		if err != nil {
			return err
		}
		if !p.accept("=") {
			return malformed("Expected '='")
		}
		value, err := p.expression(lowest)
		if err != nil {
			return err
		}
		s.actions = append(s.actions, action{target, value})
		if !p.accept(",") {
			return nil
		}
	}
}

// returning reads the RETURNING clause, if there is one.
func (p *parser) returning(s *rawStatement) *ddb.Error {
	if !p.accept("returning") {
		return nil
	}
	for {
		which, when := p.tok(), p.after(1)
		if !which.is("modified") && !which.is("all") || !when.is("old") && !when.is("new") {
			return malformed("Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element.")
		}
		p.i += 2
		element := strings.ToUpper(which.text + " " + when.text + " ")
		if p.accept("*") {
			element += "*"
		} else {
			n, err := p.expression(lowest)
			if err != nil {
				return err
			}
			if n.kind != nodeName && n.kind != nodePath {
				return malformed("Unsupported syntax in RETURNING columns.")
			}
			element = string(appendNode([]byte(element), n))
		}
		s.returning = append(s.returning, element)
		if !p.accept(",") {
			return nil
		}
	}
}
