package ddb

import (
	"encoding/base64"
	"slices"
	"strings"
)

// The texts of refused values.
const (
	emptyValueText   = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
	manyValuesText   = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
	invalidPrefix    = "One or more parameter values were invalid: "
	nullNotTrueText  = invalidPrefix + "Null attribute value types must have the value of true"
	emptyStringsText = invalidPrefix + "An string set  may not be empty"
	emptyNumbersText = invalidPrefix + "An number set  may not be empty"
	emptyBytesText   = invalidPrefix + "Binary sets should not be empty"
	nullStringText   = invalidPrefix + "An string set may not have a null string as a member"
	nullNumberText   = invalidPrefix + "An number set may not have a null string as a member"
	nullBytesText    = invalidPrefix + "Binary sets may not contain null values"
	twiceNumberText  = "Input collection contains duplicates"

	// NestingText is the message for a value with more levels than MaxNestingLevels.
	NestingText = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)

// SetValue makes a set of kind SS, NS or BS; BS members are raw bytes and NS members a client's numbers. It refuses an
// empty set, a number that is none and members that are equal. It does not keep members.
func SetValue(kind Kind, members []string) (AttributeValue, *Error) {
	v := setOf(kind, slices.Clone(members))
	if v.kind == KindInvalid {
		return AttributeValue{}, Validation("%s", v.s)
	}
	return v, nil
}

// setOf is SetValue for a slice to take over, with the refusal as a KindInvalid value.
func setOf(kind Kind, members []string) AttributeValue {
	if len(members) == 0 {
		return InvalidValue(map[Kind]string{KindSS: emptyStringsText, KindNS: emptyNumbersText, KindBS: emptyBytesText}[kind])
	}
	compare := strings.Compare
	if kind == KindNS {
		compare = CompareNumbers
		for i, m := range members {
			canonical, err := ParseNumber(m)
			if err != nil {
				return InvalidValue(err.Message)
			}
			members[i] = canonical
		}
	}
	if slices.IsSortedFunc(members, compare) {
		if !hasNeighbours(members) {
			return AttributeValue{kind: kind, set: members}
		}
		return InvalidValue(duplicateText(kind, members))
	}
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, compare)
	if hasNeighbours(sorted) {
		return InvalidValue(duplicateText(kind, members))
	}
	return AttributeValue{kind: kind, set: sorted}
}

// hasNeighbours reports whether two members beside each other are equal.
func hasNeighbours(sorted []string) bool {
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return true
		}
	}
	return false
}

// duplicateText is the message for a set with equal members, which it shows in the client's order.
func duplicateText(kind Kind, members []string) string {
	switch kind {
	case KindNS:
		return twiceNumberText
	case KindBS:
		shown := make([]string, len(members))
		for i, m := range members {
			shown[i] = base64.StdEncoding.EncodeToString([]byte(m))
		}
		return invalidPrefix + "Input collection [" + strings.Join(shown, ", ") + "]of type BS contains duplicates."
	}
	return invalidPrefix + "Input collection [" + strings.Join(members, ", ") + "] contains duplicates."
}
