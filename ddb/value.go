package ddb

// Kind says which of DynamoDB's data types an AttributeValue holds.
// (API Reference, AttributeValue.)
type Kind uint8

// The kinds. KindInvalid is what decoding leaves where a client sent something that is JSON of the right
// shape but no legal value; Err then says what DynamoDB would answer.
const (
	KindInvalid Kind = iota
	KindS
	KindN
	KindB
	KindBOOL
	KindNULL
	KindSS
	KindNS
	KindBS
	KindL
	KindM
)

// kindNames are the wire names, indexed by Kind.
var kindNames = [...]string{"", "S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"}

// String is the wire name of k, such as "SS"; empty for KindInvalid.
func (k Kind) String() string { return kindNames[k] }

// IsSet reports whether k is SS, NS or BS.
func (k Kind) IsSet() bool { return k == KindSS || k == KindNS || k == KindBS }

// IsKey reports whether a key attribute may be of kind k.
func (k Kind) IsKey() bool { return k == KindS || k == KindN || k == KindB }

// AttributeValue is one attribute's value. The zero value is KindInvalid. Values are immutable once made:
// share them freely, build a new one to change one.
//
// Everything inside is canonical, so that equal values are equal piece by piece: numbers are in DynamoDB's
// own output form, sets are sorted (SS and BS by bytes, NS by value) and maps are sorted by name.
type AttributeValue struct {
	kind Kind
	b    bool             // BOOL
	s    string           // S: text; N: canonical decimal; B: raw bytes; KindInvalid: the message
	set  []string         // SS, NS (canonical decimals) or BS (raw bytes), sorted, no duplicates
	list []AttributeValue // L
	m    Item             // M
}

// Kind is the value's data type.
func (v AttributeValue) Kind() Kind { return v.kind }

// StringValue makes an S.
func StringValue(s string) AttributeValue { return AttributeValue{kind: KindS, s: s} }

// BinaryValue makes a B of the raw bytes in s.
func BinaryValue(s string) AttributeValue { return AttributeValue{kind: KindB, s: s} }

// BoolValue makes a BOOL.
func BoolValue(b bool) AttributeValue { return AttributeValue{kind: KindBOOL, b: b} }

// NullValue makes a NULL.
func NullValue() AttributeValue { return AttributeValue{kind: KindNULL} }

// ListValue makes an L; it takes over elems.
func ListValue(elems []AttributeValue) AttributeValue {
	return AttributeValue{kind: KindL, list: elems}
}

// MapValue makes an M; it takes over m, which must be sorted as every Item is.
func MapValue(m Item) AttributeValue { return AttributeValue{kind: KindM, m: m} }

// InvalidValue carries message, the text DynamoDB gives for a value it refuses.
func InvalidValue(message string) AttributeValue { return AttributeValue{s: message} }

// Str is the text of an S.
func (v AttributeValue) Str() string { return v.s }

// Num is the canonical decimal of an N.
func (v AttributeValue) Num() string { return v.s }

// Bin is the raw bytes of a B.
func (v AttributeValue) Bin() string { return v.s }

// Bool is the value of a BOOL.
func (v AttributeValue) Bool() bool { return v.b }

// Set is the sorted members of an SS, NS or BS. Read only.
func (v AttributeValue) Set() []string { return v.set }

// List is the elements of an L. Read only.
func (v AttributeValue) List() []AttributeValue { return v.list }

// Map is the attributes of an M. Read only.
func (v AttributeValue) Map() Item { return v.m }

// InvalidMessage is what is wrong with a KindInvalid value.
func (v AttributeValue) InvalidMessage() string { return v.s }
