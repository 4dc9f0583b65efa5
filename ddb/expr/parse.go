package expr

import (
	"strconv"
	"strings"

	"millrace/ddb"
)

// parser reads one expression. It builds the tree without a look at the placeholders; the checks that follow
// resolve them, because DynamoDB reports a syntax error before anything else.
type parser struct {
	kind            Kind
	lex             lexer
	prev, tok, peek token
	// keywords are the identifiers, in upper case, that end a path here instead of being one.
	keywords []string

	redundantParens bool
	operators       int // operators and functions read so far
}

// newParser is a parser that stands at the first token of text.
func newParser(kind Kind, text string, keywords []string) *parser {
	p := &parser{kind: kind, lex: lexer{text: text}, keywords: keywords}
	p.tok = p.lex.next()
	p.peek = p.lex.next()
	return p
}

// advance moves to the next token.
func (p *parser) advance() {
	p.prev, p.tok, p.peek = p.tok, p.peek, p.lex.next()
}

// text is t as written.
func (p *parser) text(t token) string { return p.lex.text[t.start:t.end] }

// at reports whether the parser stands at the punctuation s.
func (p *parser) at(s string) bool { return p.tok.kind == tokenPunct && p.text(p.tok) == s }

// accept moves past the punctuation s if the parser stands at it.
func (p *parser) accept(s string) bool {
	if p.at(s) {
		p.advance()
		return true
	}
	return false
}

// expect moves past the punctuation s or fails.
func (p *parser) expect(s string) *ddb.Error {
	if p.accept(s) {
		return nil
	}
	return p.syntaxError()
}

// keyword is the keyword that the parser stands at, in upper case; empty at anything else.
func (p *parser) keyword() string {
	if p.tok.kind != tokenID {
		return ""
	}
	t := p.text(p.tok)
	for _, k := range p.keywords {
		if len(k) == len(t) && strings.EqualFold(k, t) {
			return k
		}
	}
	return ""
}

// syntaxError refuses the current token. "near" is the text from the token before it to the one after it, with
// whatever blanks stand between them, as in: token: "-", near: "#m_2021-0".
func (p *parser) syntaxError() *ddb.Error {
	bad := "<EOF>"
	if p.tok.kind != tokenEOF {
		bad = p.text(p.tok)
	}
	from, to := p.tok.start, p.tok.end
	if p.prev.end > 0 {
		from = p.prev.start
	}
	switch {
	case p.tok.kind == tokenEOF:
		to = p.prev.end
	case p.peek.kind != tokenEOF:
		to = p.peek.end
	}
	return p.kind.invalid(`Syntax error; token: "` + bad + `", near: "` + p.lex.text[from:to] + `"`)
}

// end fails if there is more text.
func (p *parser) end() *ddb.Error {
	if p.tok.kind != tokenEOF {
		return p.syntaxError()
	}
	return nil
}

// parsePath reads a document path: names joined by dots, with indexes in brackets.
func (p *parser) parsePath() (path, *ddb.Error) {
	e, err := p.parseName()
	if err != nil {
		return nil, err
	}
	return p.parseSteps(path{e})
}

// parseName reads one map key.
func (p *parser) parseName() (element, *ddb.Error) {
	if p.tok.kind != tokenName && (p.tok.kind != tokenID || p.keyword() != "") {
		return element{}, p.syntaxError()
	}
	e := element{name: p.text(p.tok), index: -1}
	p.advance()
	return e, nil
}

// parseSteps reads what may follow the beginning of a path and adds it.
func (p *parser) parseSteps(to path) (path, *ddb.Error) {
	for {
		switch {
		case p.accept("."):
			e, err := p.parseName()
			if err != nil {
				return nil, err
			}
			to = append(to, e)
		case p.accept("["):
			if p.tok.kind != tokenInt {
				return nil, p.syntaxError()
			}
			to = append(to, indexElement(p.text(p.tok)))
			p.advance()
			if err := p.expect("]"); err != nil {
				return nil, err
			}
		default:
			return to, nil
		}
	}
}

// indexElement makes the element of a list index. One that does not fit 32 bits is bad, not wrong syntax.
func indexElement(digits string) element {
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return element{name: digits, index: badIndex}
	}
	return element{index: int(n)}
}

// parseCall reads a function call, standing at its name.
func (p *parser) parseCall() (*operand, *ddb.Error) {
	name := p.text(p.tok)
	o := &operand{kind: operandCall, text: name, call: functionNamed(name)}
	p.operators++
	p.advance()
	p.advance()
	for {
		arg, err := p.parseOperand()
		if err != nil {
			return nil, err
		}
		o.args = append(o.args, arg)
		if p.accept(",") {
			continue
		}
		return o, p.expect(")")
	}
}

// atCall reports whether a function call begins here.
func (p *parser) atCall() bool {
	return p.tok.kind == tokenID && p.peek.kind == tokenPunct && p.text(p.peek) == "(" && p.keyword() == ""
}

// parseOperand reads a path, a :value or a function call, which may stand in parentheses. Only in conditions may
// a parenthesised path go on, as in "(a.b).c".
func (p *parser) parseOperand() (*operand, *ddb.Error) {
	o, _, err := p.parseOperandParens()
	return o, err
}

// parseOperandParens is parseOperand that also tells whether the whole operand stood in parentheses.
func (p *parser) parseOperandParens() (o *operand, parens bool, err *ddb.Error) {
	if !p.accept("(") {
		o, err = p.parseBareOperand()
		return o, false, err
	}
	o, inner, err := p.parseOperandParens()
	if err == nil {
		err = p.expect(")")
	}
	if err != nil {
		return nil, false, err
	}
	p.redundantParens = p.redundantParens || inner
	if more, err := p.parsePathRest(o); more || err != nil {
		return o, false, err
	}
	return o, true, nil
}

// parsePathRest reads on after a closing parenthesis, if o is a path and the expression is a condition.
func (p *parser) parsePathRest(o *operand) (more bool, err *ddb.Error) {
	if o.kind != operandPath || p.kind == UpdateExpression || (!p.at(".") && !p.at("[")) {
		return false, nil
	}
	o.path, err = p.parseSteps(o.path)
	return true, err
}

// parseBareOperand reads an operand that does not begin with a parenthesis.
func (p *parser) parseBareOperand() (*operand, *ddb.Error) {
	if p.tok.kind == tokenValue {
		o := &operand{kind: operandValue, text: p.text(p.tok)}
		p.advance()
		return o, nil
	}
	if p.atCall() {
		return p.parseCall()
	}
	q, err := p.parsePath()
	if err != nil {
		return nil, err
	}
	return &operand{kind: operandPath, path: q}, nil
}
