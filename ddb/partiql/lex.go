package partiql

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"millrace/ddb"
)

// tokenKind says what a token is.
type tokenKind uint8

// The kinds of token. A word is tokenKeyword or tokenOperator when PartiQL has reserved it, in any case; only others
// can be names without quotes.
const (
	tokenEnd tokenKind = iota
	tokenName
	tokenQuoted // "name"
	tokenKeyword
	tokenOperator
	tokenString // 'text'
	tokenNumber
	tokenTrue
	tokenFalse
	tokenNull
	tokenMissing
	tokenParameter // ?
	tokenPunct     // ( ) [ ] { } << >> , . : ; *
)

// position is where a token stands, as messages tell it: line and column, in characters from 1, and its length.
type position struct{ line, column, length int }

// String is the end of a message: " at 1:8:16".
func (p position) String() string {
	return " at " + strconv.Itoa(p.line) + ":" + strconv.Itoa(p.column) + ":" + strconv.Itoa(p.length)
}

// token is a piece of a statement. text is a name as written, without quotes; a keyword or word operator in lower
// case; a string's value; a number as written.
type token struct {
	kind tokenKind
	text string
	at   position
}

// is reports whether t is the keyword, operator or punctuation called text.
func (t token) is(text string) bool {
	return t.text == text && (t.kind == tokenKeyword || t.kind == tokenOperator || t.kind == tokenPunct)
}

// isName reports whether t can be a name.
func (t token) isName() bool { return t.kind == tokenName || t.kind == tokenQuoted }

// malformed is the refusal of a statement that is none; detail is empty where there is no token to talk about.
func malformed(detail string) *ddb.Error {
	return ddb.Validation("%s", "Statement wasn't well formed, can't be processed: "+detail)
}

// lexer cuts a statement into tokens.
type lexer struct {
	text         string
	pos          int
	line, column int // of pos
}

// lex cuts text into tokens, of which the last is tokenEnd.
func lex(text string) ([]token, *ddb.Error) {
	l := &lexer{text: text, line: 1, column: 1}
	var tokens []token
	for {
		if !l.skip() {
			return nil, malformed("")
		}
		t, ok := l.next()
		if !ok {
			return nil, malformed("")
		}
		tokens = append(tokens, t)
		if t.kind == tokenEnd {
			return tokens, nil
		}
	}
}

// peek is the byte n after pos; 0 behind the end.
func (l *lexer) peek(n int) byte {
	if l.pos+n < len(l.text) {
		return l.text[l.pos+n]
	}
	return 0
}

// move goes on to byte end and returns what it passed.
func (l *lexer) move(end int) string {
	passed := l.text[l.pos:end]
	for _, r := range passed {
		if l.column++; r == '\n' {
			l.line, l.column = l.line+1, 1
		}
	}
	l.pos = end
	return passed
}

// skip passes over blanks and comments; false if a comment does not end.
func (l *lexer) skip() bool {
	for {
		switch c := l.peek(0); {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			l.move(l.pos + 1)
		case c == '-' && l.peek(1) == '-':
			end := strings.IndexByte(l.text[l.pos:], '\n')
			if end < 0 {
				end = len(l.text) - l.pos
			}
			l.move(l.pos + end)
		case c == '/' && l.peek(1) == '*':
			end := strings.Index(l.text[l.pos+2:], "*/")
			if end < 0 {
				return false
			}
			l.move(l.pos + 2 + end + 2)
		default:
			return true
		}
	}
}

// next is the token at pos; false if there is none that can be.
func (l *lexer) next() (token, bool) {
	t := token{at: position{line: l.line, column: l.column}}
	c := l.peek(0)
	switch {
	case l.pos == len(l.text):
		return t, true
	case isLetter(c):
		end := l.pos
		for end < len(l.text) && (isLetter(l.text[end]) || isDigit(l.text[end])) {
			end++
		}
		t.kind, t.text = classify(l.move(end))
		t.at.length = len(t.text)
		return t, true
	case isDigit(c) || c == '.' && isDigit(l.peek(1)):
		return l.number(t)
	case c == '\'':
		return l.quoted(t, tokenString, c)
	case c == '"':
		return l.quoted(t, tokenQuoted, c)
	}
	for _, s := range symbols {
		if strings.HasPrefix(l.text[l.pos:], s.text) {
			l.move(l.pos + len(s.text))
			t.kind, t.text, t.at.length = s.kind, s.text, len(s.text)
			if s.text == "!=" {
				t.text = "<>"
			}
			return t, true
		}
	}
	return t, false
}

// symbols are the tokens that are not made of letters; a longer one stands before those that it begins with.
var symbols = []struct {
	text string
	kind tokenKind
}{
	{"<<", tokenPunct}, {">>", tokenPunct}, {"<=", tokenOperator}, {">=", tokenOperator}, {"<>", tokenOperator}, {"!=", tokenOperator},
	{"||", tokenOperator}, {"<", tokenOperator}, {">", tokenOperator}, {"=", tokenOperator}, {"+", tokenOperator}, {"-", tokenOperator},
	{"/", tokenOperator}, {"%", tokenOperator}, {"@", tokenOperator}, {"~", tokenOperator}, {"?", tokenParameter},
	{"(", tokenPunct}, {")", tokenPunct}, {"[", tokenPunct}, {"]", tokenPunct}, {"{", tokenPunct}, {"}", tokenPunct},
	{",", tokenPunct}, {".", tokenPunct}, {":", tokenPunct}, {";", tokenPunct}, {"*", tokenPunct},
}

// quoted is the token between quotes, in which a doubled quote is one.
func (l *lexer) quoted(t token, kind tokenKind, quote byte) (token, bool) {
	end := l.pos + 1
	for {
		i := strings.IndexByte(l.text[end:], quote)
		if i < 0 {
			return t, false
		}
		end += i + 1
		if end == len(l.text) || l.text[end] != quote {
			break
		}
		end++
	}
	written := l.move(end)
	q := string(quote)
	t.kind, t.text = kind, strings.ReplaceAll(written[1:len(written)-1], q+q, q)
	t.at.length = utf8.RuneCountInString(written)
	return t, true
}

// number is a number without a sign. Neither its exponent nor the number of digits behind the point less the exponent
// may need more than 32 bits; that a letter may not follow at once is assumed.
func (l *lexer) number(t token) (token, bool) {
	end := l.digits(l.pos)
	fraction := 0
	if end < len(l.text) && l.text[end] == '.' {
		point := end
		end = l.digits(end + 1)
		fraction = end - point - 1
	}
	var exponent int64
	if end < len(l.text) && l.text[end]|0x20 == 'e' {
		start := end + 1
		if start < len(l.text) && (l.text[start] == '+' || l.text[start] == '-') {
			start++
		}
		if end = l.digits(start); end == start {
			return t, false
		}
		var err error
		if exponent, err = strconv.ParseInt(l.text[start:end], 10, 32); err != nil {
			return t, false
		}
		if l.text[start-1] == '-' {
			exponent = -exponent
		}
	}
	if scale := int64(fraction) - exponent; scale > math.MaxInt32 || scale < math.MinInt32 {
		return t, false
	}
	if end < len(l.text) && isLetter(l.text[end]) {
		return t, false
	}
	t.kind, t.text = tokenNumber, l.move(end)
	t.at.length = len(t.text)
	return t, true
}

// digits is the end of the digits at byte i.
func (l *lexer) digits(i int) int {
	for i < len(l.text) && isDigit(l.text[i]) {
		i++
	}
	return i
}

// isLetter reports whether a name may begin with c.
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '$' }

// isDigit reports whether c is a decimal digit.
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
