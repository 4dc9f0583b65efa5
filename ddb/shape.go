package ddb

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A shape is the plan for reading and writing one Go type as DynamoDB's JSON. It is made once for each type from its
// fields and their `ddb` tags. The words of a tag are separated by commas:
//
//	required      the member must be there: "Member must not be null"
//	param         likewise, with the text "The parameter 'X' is required but was not present in the request", which
//	              stands alone and before all constraints
//	min=N max=N   length of a string, list or map, or value of a number
//	pattern=name  [a-zA-Z0-9_.-]+
//	enum=A|B      the legal values, in the order in which DynamoDB lists them
//	table         a table's name or ARN
//	keys=table    the map's keys are names or ARNs of tables
//	valuemin=N valuemax=N
//	              length of the map's values, reported for the map as a whole
//	terse         violations are reported as "Value at 'Limit'" rather than "Value '0' at 'limit'"
//	always        written even when it is empty
//	telling       that it is not there says something, of which null is no other word (see WholeOutputAs)
//	name=X        the wire name, where it is not the field's
//
// The tag "-" keeps a field off the wire.
type shape struct {
	kind shapeKind
	typ  reflect.Type
	// class is the type's name in SerializationExceptions.
	class string
	// elem is the shape of a list's elements or a map's values, elemPointer whether they are pointers to it.
	elem        *shape
	elemPointer bool
	// members are a structure's, in declared order; byName finds them.
	members []member
	byName  map[string]int
	// required is the set of members, by index, that must be there.
	required uint64
	// always is the set of those that are always written; open says that members come and go, and nobody is told by them.
	// (See WholeOutputAs.)
	always uint64
	open   bool
	// telling is the set of those whose absence says something.
	telling uint64
}

// member is one field of a structure.
type member struct {
	name    string
	label   string // the name as constraint messages spell it
	field   int
	shape   *shape
	pointer bool
	always  bool
	telling bool
	// required members of a plain type are written even when they are empty: absence would change their meaning.
	required bool
	rules    *rules // nil if there are none to check on a value that is there
	param    bool
}

// shapeKind says how a shape is read and written.
type shapeKind uint8

const (
	shapeString shapeKind = iota
	shapeBool
	shapeInteger // Go int, Java's Integer: 32 bits
	shapeLong    // Go int64, Java's Long
	shapeDouble
	shapeTimestamp
	shapeValue
	shapeItem
	shapeNames
	shapeValues
	shapeList
	shapeMap
	shapeStruct
)

// modelPackage is the package of the service's own Java classes.
const modelPackage = "com.amazonaws.dynamodb.v20120810."

// shapes holds the plans made so far, by reflect.Type.
var shapes sync.Map

// shapeOf returns the plan for t, a structure type.
func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s, _ := shapes.LoadOrStore(t, newShape(t))
	return s.(*shape)
}

// newShape makes the plan for t. It panics at types that have none.
func newShape(t reflect.Type) *shape {
	s := &shape{typ: t}
	switch t {
	case reflect.TypeFor[AttributeValue]():
		s.kind, s.class = shapeValue, modelPackage+"AttributeValue"
		return s
	case reflect.TypeFor[Item]():
		s.kind, s.class = shapeItem, mapClass(modelPackage+"AttributeValue")
		return s
	case reflect.TypeFor[Names]():
		s.kind, s.class = shapeNames, mapClass("java.lang.String")
		return s
	case reflect.TypeFor[Values]():
		s.kind, s.class = shapeValues, mapClass(modelPackage+"AttributeValue")
		return s
	case reflect.TypeFor[Timestamp]():
		s.kind, s.class = shapeTimestamp, "java.util.Date"
		return s
	}
	switch t.Kind() {
	case reflect.String:
		s.kind, s.class = shapeString, "java.lang.String"
	case reflect.Bool:
		s.kind, s.class = shapeBool, "java.lang.Boolean"
	case reflect.Int:
		s.kind, s.class = shapeInteger, "java.lang.Integer"
	case reflect.Int64:
		s.kind, s.class = shapeLong, "java.lang.Long"
	case reflect.Float64:
		s.kind, s.class = shapeDouble, "java.lang.Double"
	case reflect.Slice:
		s.kind = shapeList
		s.setElem(t.Elem())
		s.class = "java.util.List<" + s.elem.class + ">"
	case reflect.Map:
		s.kind = shapeMap
		s.setElem(t.Elem())
		s.class = mapClass(s.elem.class)
	case reflect.Struct:
		s.kind, s.class = shapeStruct, modelPackage+t.Name()
		s.addMembers()
	default:
		panic(fmt.Sprintf("ddb: no shape for %v", t))
	}
	return s
}

// mapClass is the Java type of a map with values of the given class.
func mapClass(value string) string { return "java.util.Map<java.lang.String, " + value + ">" }

// setElem makes the plan for the elements.
func (s *shape) setElem(t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		s.elemPointer, t = true, t.Elem()
	}
	s.elem = newShape(t)
}

// addMembers makes the plan for each field.
func (s *shape) addMembers() {
	if s.typ.NumField() > 64 {
		panic(fmt.Sprintf("ddb: %v has more than 64 members", s.typ))
	}
	s.byName = make(map[string]int, s.typ.NumField())
	s.open = s.typ == reflect.TypeFor[ConsumedCapacity]() || s.typ == reflect.TypeFor[Capacity]()
	for i := range s.typ.NumField() {
		f := s.typ.Field(i)
		if f.Tag.Get("ddb") == "-" {
			continue
		}
		m := member{name: f.Name, field: i}
		t := f.Type
		if t.Kind() == reflect.Pointer {
			m.pointer, t = true, t.Elem()
		}
		m.shape = newShape(t)
		m.read(f)
		r, size := utf8.DecodeRuneInString(m.name)
		m.label = string(unicode.ToLower(r)) + m.name[size:]
		n := len(s.members)
		if m.required || m.param {
			s.required |= 1 << n
		}
		if m.always && !s.open {
			s.always |= 1 << n
		}
		if m.telling {
			s.telling |= 1 << n
		}
		s.byName[m.name] = n
		s.members = append(s.members, m)
	}
}

// read takes the member's properties from its tag.
func (m *member) read(f reflect.StructField) {
	tag := f.Tag.Get("ddb")
	if tag == "" {
		return
	}
	var rest []string
	for word := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "required":
			m.required = true
		case "param":
			m.param = true
		case "always":
			m.always = true
		case "telling":
			m.telling = true
		case "name":
			m.name = value
		default:
			rest = append(rest, word)
		}
	}
	if len(rest) > 0 {
		m.rules = newRules(rest)
	}
}

// DecodeShape reads a JSON body into a pointer to one of the structures of this package, which should be empty. The
// error is nil or an *Error: a SerializationException for what is no JSON (then without a message) or has a value of
// the wrong JSON type, or a ValidationException that lists broken constraints. Unknown members are ignored, null is
// absence, and of members given twice the last counts. A value of an attribute that is no legal value becomes
// KindInvalid: that is for the operation to report.
//
// body is not kept, but the strings in into share one copy of it: to keep one of them for long, clone it. Names of
// tables are clones already.
func DecodeShape(body []byte, into any) error {
	_, _, err := decodeInput(body, into)
	return err
}

// decodeInput is DecodeShape, and reports whether into does not hold all that body says, and whether body says anything more than once.
func decodeInput(body []byte, into any) (partial, repeated bool, _ error) {
	v := reflect.ValueOf(into).Elem()
	d := acquireDecoder(body)
	defer d.release()
	if err := d.document(shapeOf(v.Type()), v); err != nil {
		return d.partial, d.repeated, err
	}
	return d.partial, d.repeated, nil
}

// decodeOutput reads a response as DecodeShape reads a request, but leaves constraints aside: they bind clients. Its
// errors are not of type *Error, since a response that cannot be read leaves open what was done. It reports whether into
// does not hold all that body says.
func decodeOutput(body []byte, into any) (partial bool, _ error) {
	v := reflect.ValueOf(into).Elem()
	d := acquireDecoder(body)
	defer d.release()
	d.lenient = true
	if err := d.document(shapeOf(v.Type()), v); err != nil {
		return d.partial, fmt.Errorf("decode response into %T: %s", into, err.Error())
	}
	return d.partial, nil
}

// AppendShape writes a pointer to one of the structures of this package as JSON. Members come in declared order and maps
// sorted, so that equal structures give equal bytes.
func AppendShape(dst []byte, v any) []byte {
	rv := reflect.ValueOf(v).Elem()
	return appendStruct(dst, shapeOf(rv.Type()), rv)
}
