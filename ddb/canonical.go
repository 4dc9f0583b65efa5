package ddb

// CanonicalNumber makes an N of text that a Num() gave before, without looking at it. It is for decoding what this
// program stored; anything a client sent goes through NumberValue.
func CanonicalNumber(text string) AttributeValue { return AttributeValue{kind: KindN, s: text} }

// CanonicalSet makes an SS, NS or BS of members that a Set() gave before; it takes them over without looking at them.
// Anything a client sent goes through SetValue.
func CanonicalSet(kind Kind, members []string) AttributeValue {
	return AttributeValue{kind: kind, set: members}
}
