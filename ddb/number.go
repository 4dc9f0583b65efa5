package ddb

import (
	"bytes"
	"strings"
)

// DynamoDB's numbers are decimals of up to 38 significant digits with magnitudes from 1E-130 to 9.99…E+125.
// (API Reference, AttributeValue; Developer Guide, "Data types": Number.) They travel as text. The canonical text,
// which is also DynamoDB's output form, is plain: an optional minus, digits without superfluous zeros on either side,
// a point only before a fraction, "0" for zero.
const (
	// maxDigits is the most significant digits.
	maxDigits = 38
	// minExponent and maxExponent bound the power of ten of the first significant digit.
	minExponent = -130
	maxExponent = 125
)

// The texts of refused numbers.
const (
	notNumericText = "The parameter cannot be converted to a numeric value"
	overflowText   = "Number overflow. Attempting to store a number with magnitude larger than supported range"
	underflowText  = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
	tooPreciseText = "Attempting to store more than 38 significant digits in a Number"
)

// decimal is a number taken apart: the digits d₁d₂…, of which neither the first nor the last is zero, stand for
// d₁.d₂… × 10^exp. No digits is zero. The digits are ASCII.
type decimal struct {
	neg    bool
	exp    int
	n      int
	digits [maxDigits]byte
}

// NumberValue makes an N of a client's text.
func NumberValue(text string) (AttributeValue, *Error) {
	canonical, err := ParseNumber(text)
	if err != nil {
		return AttributeValue{}, err
	}
	return AttributeValue{kind: KindN, s: canonical}, nil
}

// ParseNumber checks a client's text and puts it in canonical form; text that is canonical already is returned as it
// is. An exponent may be of any length: nothing is allocated in its measure.
func ParseNumber(text string) (canonical string, err *Error) {
	if isCanonical(text) {
		return text, nil
	}
	var d decimal
	if message := d.parse(text); message != "" {
		return "", Validation("%s", message)
	}
	return string(d.append(nil)), nil
}

// isCanonical reports whether text is a canonical number. It may say no to one: it gives up on what is longer than 38
// digits, which is rare and left to parse.
func isCanonical(text string) bool {
	s := strings.TrimPrefix(text, "-")
	if len(s) == 0 || len(s) > maxDigits {
		return false
	}
	point := -1
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < '0' || c > '9' {
			if c != '.' || point >= 0 {
				return false
			}
			point = i
		}
	}
	if point < 0 {
		return s[0] != '0' || text == "0"
	}
	return point > 0 && (s[0] != '0' || point == 1) && s[len(s)-1] != '0' && point < len(s)-1
}

// parse reads text into d and returns the message of what is wrong with it, if anything is.
func (d *decimal) parse(text string) string {
	if text == "" {
		return notNumericText
	}
	*d = decimal{}
	i := 0
	if text[i] == '-' || text[i] == '+' {
		d.neg = text[i] == '-'
		i++
	}
	// integral counts the digits before the point from the first that is not zero on, and negatively the zeros
	// between the point and it: the place of the first significant digit.
	integral, digits, zeros, seen, point, tooMany := 0, 0, 0, false, false, false
	for ; i < len(text); i++ {
		c := text[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		seen = true
		switch {
		case c == '0' && digits == 0:
			if point {
				integral--
			}
			continue
		case c == '0':
			zeros++
		default:
			for ; zeros > 0; zeros-- {
				digits++
				if digits <= maxDigits {
					d.digits[digits-1] = '0'
				}
			}
			digits++
			if digits <= maxDigits {
				d.digits[digits-1] = c
			} else {
				tooMany = true
			}
		}
		if !point {
			integral++
		}
	}
	exponent, ok := parseExponent(text[i:])
	if !seen || !ok {
		return notNumericText + ": " + text
	}
	if digits == 0 {
		*d = decimal{}
		return ""
	}
	d.exp = integral - 1 + exponent
	switch {
	case d.exp > maxExponent:
		return overflowText
	case d.exp < minExponent:
		return underflowText
	case tooMany:
		return tooPreciseText
	}
	d.n = digits
	return ""
}

// parseExponent reads "", "e5", "E+5" or "e-5". Beyond ±2^30 it answers the bound: more digits than that do not fit
// into a request, so that the sum with their number is out of range all the same.
func parseExponent(s string) (int, bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	neg := false
	if s != "" && (s[0] == '+' || s[0] == '-') {
		neg = s[0] == '-'
		s = s[1:]
	}
	if s == "" {
		return 0, false
	}
	e := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		if e < 1<<30 {
			e = e*10 + int(s[i]-'0')
		}
	}
	e = min(e, 1<<30)
	if neg {
		e = -e
	}
	return e, true
}

// append writes d's canonical text.
func (d *decimal) append(dst []byte) []byte {
	if d.n == 0 {
		return append(dst, '0')
	}
	if d.neg {
		dst = append(dst, '-')
	}
	if d.exp < 0 {
		dst = append(dst, '0', '.')
		for i := -1; i > d.exp; i-- {
			dst = append(dst, '0')
		}
		return append(dst, d.digits[:d.n]...)
	}
	if d.n <= d.exp+1 {
		dst = append(dst, d.digits[:d.n]...)
		for i := d.n; i <= d.exp; i++ {
			dst = append(dst, '0')
		}
		return dst
	}
	dst = append(dst, d.digits[:d.exp+1]...)
	dst = append(dst, '.')
	return append(dst, d.digits[d.exp+1:d.n]...)
}

// CompareNumbers orders two canonical numbers by value: negative, zero or positive.
func CompareNumbers(a, b string) int {
	aNeg, bNeg := strings.HasPrefix(a, "-"), strings.HasPrefix(b, "-")
	switch {
	case aNeg && bNeg:
		return compareMagnitudes(b[1:], a[1:])
	case aNeg:
		return -1
	case bNeg:
		return 1
	}
	return compareMagnitudes(a, b)
}

// compareMagnitudes compares canonical numbers without a sign. Without leading zeros the longer integral part is the
// greater one, and digits of equally long ones compare as text; so do fractions, which have no trailing zeros.
func compareMagnitudes(a, b string) int {
	aInt, aFrac, _ := strings.Cut(a, ".")
	bInt, bFrac, _ := strings.Cut(b, ".")
	if len(aInt) != len(bInt) {
		return len(aInt) - len(bInt)
	}
	if c := strings.Compare(aInt, bInt); c != 0 {
		return c
	}
	return strings.Compare(aFrac, bFrac)
}

// AddNumbers is the exact sum of two canonical numbers. A sum that needs more than 38 digits is refused as an overflow
// just as one out of range is: that is the text DynamoDB gives for 1E50 + 1 (Alternator's test_number.py, checked
// against DynamoDB).
func AddNumbers(a, b string) (string, *Error) { return sumNumbers(a, b, false) }

// SubNumbers is the exact difference of two canonical numbers; see AddNumbers.
func SubNumbers(a, b string) (string, *Error) { return sumNumbers(a, b, true) }

// places is how many decimal places a sum can touch: one more than the greatest number has before the point, and those
// after it of the smallest number with 38 digits.
const places = (maxExponent + 2) - (minExponent - maxDigits)

// sumNumbers adds b, or subtracts it, digit by digit over all places a number can have.
func sumNumbers(a, b string, negate bool) (string, *Error) {
	var x, y decimal
	if message := x.parse(a); message != "" {
		return "", Validation("%s", message)
	}
	if message := y.parse(b); message != "" {
		return "", Validation("%s", message)
	}
	y.neg = y.neg != negate
	// The greater magnitude comes first, so that a difference never borrows past the end.
	if x.compareMagnitude(&y) < 0 {
		x, y = y, x
	}
	var sum [places]int8
	x.spread(&sum, 1)
	if x.neg == y.neg {
		y.spread(&sum, 1)
	} else {
		y.spread(&sum, -1)
	}
	for i := places - 1; i > 0; i-- {
		switch {
		case sum[i] > 9:
			sum[i] -= 10
			sum[i-1]++
		case sum[i] < 0:
			sum[i] += 10
			sum[i-1]--
		}
	}
	return collect(&sum, x.neg)
}

// compareMagnitude compares without regard to signs.
func (d *decimal) compareMagnitude(o *decimal) int {
	switch {
	case d.n == 0 || o.n == 0:
		return d.n - o.n
	case d.exp != o.exp:
		return d.exp - o.exp
	}
	return bytes.Compare(d.digits[:d.n], o.digits[:o.n])
}

// spread adds d's digits, times sign, to the places they belong to. Place 0 is that of 10^(maxExponent+1).
func (d *decimal) spread(sum *[places]int8, sign int8) {
	first := maxExponent + 1 - d.exp
	for i := range d.n {
		sum[first+i] += sign * int8(d.digits[i]-'0')
	}
}

// collect makes a canonical number of digits at their places.
func collect(sum *[places]int8, neg bool) (string, *Error) {
	first := 0
	for first < places && sum[first] == 0 {
		first++
	}
	if first == places {
		return "0", nil
	}
	last := places - 1
	for sum[last] == 0 {
		last--
	}
	d := decimal{neg: neg, exp: maxExponent + 1 - first, n: last - first + 1}
	switch {
	case d.exp > maxExponent, d.n > maxDigits:
		return "", Validation(overflowText)
	case d.exp < minExponent:
		return "", Validation(underflowText)
	}
	for i := range d.n {
		d.digits[i] = byte(sum[first+i]) + '0'
	}
	return string(d.append(nil)), nil
}
