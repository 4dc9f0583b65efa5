package ddb

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// The generators are shared, and rapid's are not made for concurrent use: tests that draw from them are not parallel.

// genNumberText draws legal numbers, in all the spellings a client may choose.
var genNumberText = rapid.Custom(func(t *rapid.T) string {
	digits := rapid.StringMatching(`[0-9]{1,38}`).Draw(t, "digits")
	point := rapid.IntRange(0, len(digits)).Draw(t, "point")
	text := rapid.SampledFrom([]string{"", "-", "+"}).Draw(t, "sign") + strings.Repeat("0", rapid.IntRange(0, 3).Draw(t, "zeros"))
	text += digits[:point]
	if point < len(digits) || rapid.Bool().Draw(t, "bare point") {
		text += "." + digits[point:]
	}
	// What is left of the range for the first digit, wherever it stands.
	leading := point - 1 - (len(digits) - len(strings.TrimLeft(digits, "0")))
	exponent := rapid.IntRange(minExponent-leading, maxExponent-leading).Draw(t, "exponent")
	if exponent != 0 || rapid.Bool().Draw(t, "show exponent") {
		text += rapid.SampledFrom([]string{"e", "E"}).Draw(t, "e")
		if exponent >= 0 && rapid.Bool().Draw(t, "plus") {
			text += "+"
		}
		text += fmt.Sprint(exponent)
	}
	return text
})

// genNumber draws canonical numbers, often ones of a few digits.
var genNumber = rapid.Custom(func(t *rapid.T) string {
	text := genNumberText
	if rapid.Bool().Draw(t, "small") {
		text = rapid.StringMatching(`-?(0|[1-9][0-9]{0,2})(\.[0-9]{0,2}[1-9])?`)
	}
	canonical, err := ParseNumber(text.Draw(t, "number"))
	if err != nil {
		t.Fatalf("a legal number is refused: %v", err)
	}
	return canonical
})

// genText draws strings, among them NUL, quotes, and characters of every length in UTF-8.
var genText = rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("\x00\x01ab\"\\/\n\t\x7f\u00e9\u2028\uFFFD\U0001F600"))))

// genBytes draws binary values as the strings they are kept in, often with NULs.
var genBytes = rapid.Map(rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{0, 1, 0xFF}))),
	func(b []byte) string { return string(b) })

// genValue draws values with at most depth containers inside each other.
func genValue(depth int) *rapid.Generator[AttributeValue] {
	return rapid.Custom(func(t *rapid.T) AttributeValue {
		last := KindBS
		if depth > 0 {
			last = KindM
		}
		set := func(kind Kind, members *rapid.Generator[string]) AttributeValue {
			drawn := rapid.SliceOfNDistinct(members, 1, 4, rapid.ID[string]).Draw(t, "set")
			v, err := SetValue(kind, drawn)
			if err != nil {
				t.Fatalf("SetValue(%v, %q): %v", kind, drawn, err)
			}
			return v
		}
		switch kind := Kind(rapid.IntRange(int(KindS), int(last)).Draw(t, "kind")); kind {
		case KindS:
			return StringValue(genText.Draw(t, "S"))
		case KindN:
			return AttributeValue{kind: KindN, s: genNumber.Draw(t, "N")}
		case KindB:
			return BinaryValue(genBytes.Draw(t, "B"))
		case KindBOOL:
			return BoolValue(rapid.Bool().Draw(t, "BOOL"))
		case KindNULL:
			return NullValue()
		case KindSS:
			return set(KindSS, genText)
		case KindNS:
			return set(KindNS, genNumber)
		case KindBS:
			return set(KindBS, genBytes)
		case KindL:
			return ListValue(rapid.SliceOfN(genValue(depth-1), 0, 4).Draw(t, "L"))
		default:
			return MapValue(genItem(depth-1).Draw(t, "M"))
		}
	})
}

// genItem draws items of which no value has more than depth containers inside each other.
func genItem(depth int) *rapid.Generator[Item] {
	return rapid.Custom(func(t *rapid.T) Item {
		names := rapid.SliceOfN(genText.Filter(func(s string) bool { return s != "" }), 0, 5).Draw(t, "names")
		attrs := make([]Attribute, len(names))
		for i, name := range names {
			attrs[i] = Attribute{name, genValue(depth).Draw(t, "value")}
		}
		return ItemOf(attrs...)
	})
}
