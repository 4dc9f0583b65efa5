package ddb

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// notNullText is the constraint of a required member.
const notNullText = "Member must not be null"

// maxViolations is the most broken constraints one answer lists.
const maxViolations = 10

// rules are the constraints of one member.
type rules struct {
	min, max           int64
	hasMin, hasMax     bool
	valueMin, valueMax int64
	hasValueMax        bool
	name, table        bool
	keysTable          bool
	terse              bool
	enum               []string
}

// newRules reads a tag's words; see shape.
func newRules(words []string) *rules {
	r := new(rules)
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("ddb: tag: %v", err))
		}
		return n
	}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "min":
			r.min, r.hasMin = number(value), true
		case "max":
			r.max, r.hasMax = number(value), true
		case "valuemin":
			r.valueMin = number(value)
		case "valuemax":
			r.valueMax, r.hasValueMax = number(value), true
		case "enum":
			r.enum = strings.Split(value, "|")
		case "table":
			r.table = true
		case "terse":
			r.terse = true
		case "pattern":
			r.name = value == "name"
		case "keys":
			r.keysTable = value == "table"
		default:
			panic(fmt.Sprintf("ddb: tag: unknown word %q", word))
		}
	}
	return r
}

// step is one part of the path to a value: a member, or an element of a list or map. order is its rank among its
// siblings.
type step struct {
	member *member
	key    string // of a map's value; empty for a list's element
	order  int
}

// violation is one broken constraint.
type violation struct {
	text  string
	order []int // of the path's steps
}

// check notes which of m's rules v breaks. The path leads to v.
func (d *decoder) check(m *member, v reflect.Value) {
	if d.lenient || d.mismatch != "" {
		return
	}
	r := m.rules
	switch m.shape.kind {
	case shapeString:
		d.checkString(r, v)
	case shapeInteger, shapeLong:
		d.checkRange(r, v, v.Int(), "value")
	case shapeList, shapeMap, shapeItem, shapeNames, shapeValues:
		d.checkRange(r, v, int64(v.Len()), "length")
		if m.shape.kind == shapeMap {
			d.checkMap(r, v)
		}
	}
}

// checkString checks the rules of strings.
func (d *decoder) checkString(r *rules, v reflect.Value) {
	text := v.String()
	if r.table {
		for _, constraint := range tableFaults(text) {
			d.violate(v, constraint)
		}
		return
	}
	if r.enum != nil && !slices.Contains(r.enum, text) {
		d.violate(v, "Member must satisfy enum value set: ["+strings.Join(r.enum, ", ")+"]")
	}
	if r.name && !isName(text) {
		d.violate(v, patternText)
	}
	if r.hasMin || r.hasMax {
		d.checkRange(r, v, int64(utf8.RuneCountInString(text)), "length")
	}
}

// checkRange checks a length or a value against min and max.
func (d *decoder) checkRange(r *rules, v reflect.Value, n int64, what string) {
	if r.hasMin && n < r.min {
		d.violate(v, "Member must have "+what+" greater than or equal to "+strconv.FormatInt(r.min, 10))
	}
	if r.hasMax && n > r.max {
		d.violate(v, "Member must have "+what+" less than or equal to "+strconv.FormatInt(r.max, 10))
	}
}

// checkMap checks the rules about all keys and values, which are reported for the map as a whole.
func (d *decoder) checkMap(r *rules, v reflect.Value) {
	keysBroken, valuesBroken := false, false
	for entries := v.MapRange(); entries.Next(); {
		keysBroken = keysBroken || r.keysTable && len(tableFaults(entries.Key().String())) > 0
		if r.hasValueMax {
			n := int64(entries.Value().Len())
			valuesBroken = valuesBroken || n < r.valueMin || n > r.valueMax
		}
	}
	if keysBroken {
		d.violate(v, "Map keys must satisfy constraint: [Member must have length less than or equal to 255, "+
			"Member must have length greater than or equal to 1, "+patternText+"]")
	}
	if valuesBroken {
		d.violate(v, fmt.Sprintf("Map value must satisfy constraint: [Member must have length less than or equal to %d, "+
			"Member must have length greater than or equal to %d]", r.valueMax, r.valueMin))
	}
}

// patternText is the constraint of names of tables and indexes.
const patternText = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"

// isName reports whether s matches [a-zA-Z0-9_.-]+.
func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return s != ""
}

// tableFaults lists the constraints that s breaks as the name or ARN of a table. An ARN is known by its beginning and
// may have 1024 characters. (API Reference, GetItem: TableName. That a plain name keeps its own limit is assumed.)
func tableFaults(s string) []string {
	if strings.HasPrefix(s, "arn:") {
		if p, ok := ParseARN(s); ok && len(s) <= 1024 && isName(p.Table) {
			return nil
		}
		return []string{patternText}
	}
	if s == "" {
		// An empty name is told once, though it does not match the pattern either.
		return []string{"Member must have length greater than or equal to 1"}
	}
	var faults []string
	if !isName(s) {
		faults = append(faults, patternText)
	}
	if len(s) > 255 {
		faults = append(faults, "Member must have length less than or equal to 255")
	}
	return faults
}

// missing notes the members of s, given as a set of indexes, that are required and absent.
func (d *decoder) missing(s *shape, absent uint64) {
	if d.lenient {
		return
	}
	for i := range s.members {
		m := &s.members[i]
		if absent&(1<<i) == 0 {
			continue
		}
		if m.param {
			if d.param == "" {
				d.param = m.name
			}
			continue
		}
		d.path = append(d.path, step{member: m, order: i})
		d.violate(reflect.Value{}, notNullText)
		d.path = d.path[:len(d.path)-1]
	}
}

// violate notes that v, to which the path leads, breaks a constraint. The zero Value is null. Violations are kept in
// the order in which members are declared, whatever the order of the document, and no more than are reported.
func (d *decoder) violate(v reflect.Value, constraint string) {
	if d.lenient {
		return
	}
	order := make([]int, len(d.path))
	for i := range d.path {
		order[i] = d.path[i].order
	}
	at, _ := slices.BinarySearchFunc(d.broken, order, func(b violation, o []int) int {
		if slices.Compare(b.order, o) <= 0 {
			return -1
		}
		return 1
	})
	if at == maxViolations {
		return
	}
	if len(d.broken) == maxViolations {
		d.broken = d.broken[:maxViolations-1]
	}
	d.broken = slices.Insert(d.broken, at, violation{d.violationText(v, constraint), order})
}

// violationText is the message for one violation.
func (d *decoder) violationText(v reflect.Value, constraint string) string {
	last := d.path[len(d.path)-1]
	terse := last.member != nil && last.member.rules != nil && last.member.rules.terse && v.IsValid()
	text := []byte("Value ")
	switch {
	case terse:
		text = text[:len("Value ")-1]
	case !v.IsValid():
		text = append(text, "null"...)
	default:
		text = append(appendShown(append(text, '\''), v, 0), '\'')
	}
	text = append(text, " at '"...)
	for i, s := range d.path {
		if i > 0 {
			text = append(text, '.')
		}
		switch {
		case s.member == nil && s.key != "":
			text = append(append(text, s.key...), ".member"...)
		case s.member == nil:
			text = append(strconv.AppendInt(text, int64(s.order)+1, 10), ".member"...)
		case terse:
			text = append(text, s.member.name...)
		default:
			text = append(text, s.member.label...)
		}
	}
	return string(append(text, "' failed to satisfy constraint: "+constraint...))
}

// forget drops the violations at and under the path: a later occurrence of the member replaces the one they are of.
func (d *decoder) forget() {
	d.broken = slices.DeleteFunc(d.broken, func(b violation) bool {
		if len(b.order) < len(d.path) {
			return false
		}
		for i := range d.path {
			if b.order[i] != d.path[i].order {
				return false
			}
		}
		return true
	})
}

// violationError is the answer that lists broken.
func violationError(broken []violation) *Error {
	texts := make([]string, len(broken))
	for i := range broken {
		texts[i] = broken[i].text
	}
	plural := ""
	if len(broken) > 1 {
		plural = "s"
	}
	return Validation("%d validation error%s detected: %s", len(broken), plural, strings.Join(texts, "; "))
}

// maxShownBytes ends the showing of a composite value: it may be megabytes.
const maxShownBytes = 4096

// appendShown writes v as Java shows it: lists as [a, b], maps as {k=v}, structures by their members. What structures
// look like is assumed.
func appendShown(dst []byte, v reflect.Value, depth int) []byte {
	if depth > 0 && len(dst) > maxShownBytes {
		return dst
	}
	switch x := v.Interface().(type) {
	case AttributeValue:
		return AppendValueJSON(dst, x)
	case Item:
		return AppendItemJSON(dst, x)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(dst, "null"...)
		}
		return appendShown(dst, v.Elem(), depth)
	case reflect.String:
		return append(dst, v.String()...)
	case reflect.Slice:
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendShown(dst, v.Index(i), depth+1)
		}
		return append(dst, ']')
	case reflect.Map:
		dst = append(dst, '{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(append(dst, k.String()...), '=')
			dst = appendShown(dst, v.MapIndex(k), depth+1)
		}
		return append(dst, '}')
	case reflect.Struct:
		dst = append(append(dst, v.Type().Name()...), '(')
		for i, m := range shapeOf(v.Type()).members {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(append(dst, m.label...), '=')
			dst = appendShown(dst, v.Field(m.field), depth+1)
		}
		return append(dst, ')')
	}
	return fmt.Append(dst, v.Interface())
}
