package loadtest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// numbers are what the placeholders of a template stand for.
type numbers struct {
	// partition and sort number an item within its kind.
	partition, sort uint64
	// now is the request's time in seconds since 1970.
	now int64
	// random gives {r:n}.
	random *rand.Rand
}

// template makes keys and attributes: text with placeholders {p} for the partition's number, {s} for the item's number in
// it, {t} for the time in seconds and {r} for a random number. {p%5} is taken modulo, {t+60} added to, {p:8} filled with
// zeros to a width; {r%100} is below 100. It is immutable.
type template []templatePart

// templatePart is literal text, or a placeholder where name is set.
type templatePart struct {
	literal string
	name    byte
	modulo  uint64
	plus    int64
	width   int
}

// parseTemplate reads a template.
func parseTemplate(text string) (template, error) {
	var t template
	for rest := text; rest != ""; {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			open = len(rest)
		}
		if open > 0 {
			t, rest = append(t, templatePart{literal: rest[:open]}), rest[open:]
			continue
		}
		inside, after, ok := strings.Cut(rest[1:], "}")
		if !ok {
			return nil, fmt.Errorf("%q has no } for its {", text)
		}
		part, err := parsePlaceholder(inside)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		t, rest = append(t, part), after
	}
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return nil, fmt.Errorf("%q has a character that is not plain text", text)
		}
	}
	return t, nil
}

// parsePlaceholder reads what stands between braces.
func parsePlaceholder(text string) (p templatePart, err error) {
	bad := fmt.Errorf("{%s} is no placeholder; there are {p}, {s}, {t} and {r}, with %%modulo, +addend and :width", text)
	if text == "" || !strings.Contains("pstr", text[:1]) {
		return p, bad
	}
	p.name = text[0]
	rest, width, ok := strings.Cut(text[1:], ":")
	if ok {
		if p.width, err = strconv.Atoi(width); err != nil || p.width < 1 || p.width > 40 {
			return p, bad
		}
	}
	if rest, width, ok = strings.Cut(rest, "+"); ok {
		if p.plus, err = strconv.ParseInt(width, 10, 64); err != nil {
			return p, bad
		}
	}
	if rest != "" {
		if p.modulo, err = strconv.ParseUint(strings.TrimPrefix(rest, "%"), 10, 63); err != nil || p.modulo == 0 || rest[0] != '%' {
			return p, bad
		}
	}
	return p, nil
}

// append writes the template's text for n.
func (t template) append(dst []byte, n *numbers) []byte {
	for i := range t {
		p := &t[i]
		var v uint64
		switch p.name {
		case 0:
			dst = append(dst, p.literal...)
			continue
		case 'p':
			v = n.partition
		case 's':
			v = n.sort
		case 't':
			v = uint64(n.now)
		case 'r':
			v = n.random.Uint64() >> 1
		}
		if p.modulo > 0 {
			v %= p.modulo
		}
		v += uint64(p.plus)
		start := len(dst)
		dst = strconv.AppendUint(dst, v, 10)
		for len(dst)-start < p.width {
			dst = append(dst, 0)
			copy(dst[start+1:], dst[start:])
			dst[start] = '0'
		}
	}
	return dst
}

// prefix is the text before the first placeholder.
func (t template) prefix() string {
	if len(t) == 0 || t[0].name != 0 {
		return ""
	}
	return t[0].literal
}

// varies tells whether the placeholder is in t.
func (t template) varies(name byte) bool {
	for _, p := range t {
		if p.name == name {
			return true
		}
	}
	return false
}
