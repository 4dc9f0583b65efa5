package expr

import "unicode/utf8"

// tokenKind says what a token is. Keywords are tokenID: which identifiers are keywords depends on the expression.
type tokenKind uint8

// The kinds of token. tokenOther is one character that no expression may hold, such as "!" or a lone "#".
const (
	tokenEOF tokenKind = iota
	tokenID
	tokenName  // #name
	tokenValue // :value
	tokenInt
	tokenPunct // ( ) [ ] , . = <> < <= > >= + -
	tokenOther
)

// token is a piece of the text: text[start:end].
type token struct {
	kind       tokenKind
	start, end int
}

// lexer cuts an expression into tokens, one at a time.
//
// The cuts are DynamoDB's, as its syntax errors show them: an identifier begins with a letter, so "_123" is "_" and
// "123"; a number has no leading zero, so the 03 of "#m_2021-03" is "0" and "3"; "#" and ":" begin a placeholder
// only if a letter, digit or underscore follows. (Developer Guide, "Expression attribute names".)
type lexer struct {
	text string
	pos  int
}

// next is the token after the one that next returned before. At the end it is tokenEOF, for ever.
func (l *lexer) next() token {
	for l.pos < len(l.text) && isSpace(l.text[l.pos]) {
		l.pos++
	}
	start := l.pos
	if start == len(l.text) {
		return token{tokenEOF, start, start}
	}
	c := l.text[start]
	switch {
	case isLetter(c):
		return l.take(tokenID, wordEnd(l.text, start))
	case c == '0':
		return l.take(tokenInt, start+1)
	case isDigit(c):
		end := start
		for end < len(l.text) && isDigit(l.text[end]) {
			end++
		}
		return l.take(tokenInt, end)
	case c == '#' || c == ':':
		if end := wordEnd(l.text, start+1); end > start+1 {
			if c == '#' {
				return l.take(tokenName, end)
			}
			return l.take(tokenValue, end)
		}
		return l.take(tokenOther, start+1)
	case c == '<':
		if start+1 < len(l.text) && (l.text[start+1] == '=' || l.text[start+1] == '>') {
			return l.take(tokenPunct, start+2)
		}
		return l.take(tokenPunct, start+1)
	case c == '>':
		if start+1 < len(l.text) && l.text[start+1] == '=' {
			return l.take(tokenPunct, start+2)
		}
		return l.take(tokenPunct, start+1)
	case c == '(' || c == ')' || c == '[' || c == ']' || c == ',' || c == '.' || c == '=' || c == '+' || c == '-':
		return l.take(tokenPunct, start+1)
	}
	_, size := utf8.DecodeRuneInString(l.text[start:])
	return l.take(tokenOther, start+size)
}

// take makes the token that ends before end and moves on.
func (l *lexer) take(kind tokenKind, end int) token {
	start := l.pos
	l.pos = end
	return token{kind, start, end}
}

// wordEnd is where the letters, digits and underscores that begin at i end.
func wordEnd(text string, i int) int {
	for i < len(text) && (isLetter(text[i]) || isDigit(text[i]) || text[i] == '_') {
		i++
	}
	return i
}

// isPlaceholder reports whether key is sigil followed by one or more letters, digits and underscores.
func isPlaceholder(key string, sigil byte) bool {
	return len(key) > 1 && key[0] == sigil && wordEnd(key, 1) == len(key)
}

// isLetter reports whether c is an ASCII letter.
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isDigit reports whether c is an ASCII digit.
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isSpace reports whether c separates tokens.
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
