package ddb

import (
	"bytes"
	"math/big"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseNumberNormalises(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		if got, err := ParseNumber(in); err != nil || got != want {
			t.Errorf("ParseNumber(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	// #65, #66: the accepted spellings and what DynamoDB answers for them.
	f("0", "0")
	f("-0", "0")
	f("0.0", "0")
	f("-0.00e-7", "0")
	f("0e1000", "0")
	f("+3", "3")
	f("0001.23", "1.23")
	f(".5", "0.5")
	f("5.", "5")
	f("-.5", "-0.5")
	f("1e3", "1000")
	f("1.5E2", "150")
	f("1e-3", "0.001")
	f("1e+5", "100000")
	f("-17.4E37", "-174"+strings.Repeat("0", 36))
	f("100.500", "100.5")
	f("1200e-2", "12")
	f("0.00120e3", "1.2")
	// #66: plain decimal over the whole range.
	f("1e125", "1"+strings.Repeat("0", 125))
	f("1e-130", "0."+strings.Repeat("0", 129)+"1")
	// #62: zeros on either side do not count.
	digits := strings.Repeat("1234567890", 4)[:38]
	f("000"+digits+"000", digits+"000")
	f("0.000"+digits+"000", "0.000"+digits)
	// #63: the greatest and the smallest.
	f("9."+strings.Repeat("9", 37)+"e125", strings.Repeat("9", 38)+strings.Repeat("0", 88))
	f("-1e-130", "-0."+strings.Repeat("0", 129)+"1")
	// Much text may mean a small number.
	f(strings.Repeat("0", 5000)+"7", "7")
	f("0."+strings.Repeat("0", 400)+"1e400", "0.1")
	f("1"+strings.Repeat("0", 400)+"e-400", "1")
}

func TestParseNumberRefuses(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		got, err := ParseNumber(in)
		if err == nil {
			t.Errorf("ParseNumber(%q) = %q, want an error", in, got)
		} else if err.Code != "ValidationException" || err.Message != want {
			t.Errorf("ParseNumber(%q): %v, want %s", in, err, want)
		}
	}
	// #64
	const notNumeric = "The parameter cannot be converted to a numeric value"
	f("", notNumeric)
	for _, text := range []string{
		"NaN", "Infinity", "-Infinity", "dog", "-dog", " 1", "1 ", "0x1", "1e", "1e+", "+-1", "--1", "-", "+", ".", "e5", "1.2.3",
		"1,5", "1e5.5", "1_000", "\u0661", "1\x00", ".e1",
	} {
		f(text, notNumeric+": "+text)
	}
	// #62
	const tooPrecise = "Attempting to store more than 38 significant digits in a Number"
	f(strings.Repeat("1", 39), tooPrecise)
	f("1."+strings.Repeat("1", 38), tooPrecise)
	f("1"+strings.Repeat("0", 37)+".1", tooPrecise)
	f(strings.Repeat("3", 5000)+"e-4990", tooPrecise)
	// #63
	const overflow = "Number overflow. Attempting to store a number with magnitude larger than supported range"
	const underflow = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
	f("1e126", overflow)
	f("-1e126", overflow)
	f("11e125", overflow)
	f("1e-131", underflow)
	f("-0.9e-130", underflow)
	// #72: answered without the work that the exponent asks for.
	f("1e1000000000", overflow)
	f("1e99999999999999999999999999", overflow)
	f("-1e-99999999999999999999999999", underflow)
}

func TestParseNumberOfHugeExponentAllocatesLittle(t *testing.T) {
	// #72
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ParseNumber("1e1000000000")
	ParseNumber("-1e-1000000000")
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<10 {
		t.Errorf("two huge exponents allocate %d bytes", allocated)
	}
}

func TestParseNumberKeepsTheValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := genNumberText.Draw(t, "text")
		got, err := ParseNumber(text)
		if err != nil {
			t.Fatalf("ParseNumber(%q): %v", text, err)
		}
		if want := oracle(ratOf(t, text)); got != want {
			t.Fatalf("ParseNumber(%q) = %q, want %q", text, got, want)
		}
		if again, err := ParseNumber(got); err != nil || again != got {
			t.Fatalf("ParseNumber(%q) = %q, %v: not canonical", got, again, err)
		}
	})
}

func TestArithmeticIsExact(t *testing.T) {
	t.Parallel()
	f := func(a, b, sum, difference string) {
		t.Helper()
		if got, err := AddNumbers(a, b); err != nil || got != sum {
			t.Errorf("AddNumbers(%q, %q) = %q, %v, want %q", a, b, got, err, sum)
		}
		if got, err := SubNumbers(a, b); err != nil || got != difference {
			t.Errorf("SubNumbers(%q, %q) = %q, %v, want %q", a, b, got, err, difference)
		}
	}
	// #70
	f("1", "10000000000000000000000", "10000000000000000000001", "-9999999999999999999999")
	f("0.1", "0.2", "0.3", "-0.1")
	f("5", "5", "10", "0")
	f("-5", "5", "0", "-10")
	f("0", "0", "0", "0")
	f("0", "7.5", "7.5", "-7.5")
	f("999", "1", "1000", "998")
	f("1000", "0.001", "1000.001", "999.999")
}

func TestArithmeticRefusesWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	f := func(op func(a, b string) (string, *Error), a, b, want string) {
		t.Helper()
		x, _ := ParseNumber(a)
		y, _ := ParseNumber(b)
		got, err := op(x, y)
		if err == nil || err.Code != "ValidationException" || err.Message != want {
			t.Errorf("%s and %s make %q, %v, want %s", a, b, got, err, want)
		}
	}
	// #70: results beyond the range, and ones that need more than 38 digits.
	f(AddNumbers, "9e125", "9e125", overflowText)
	f(SubNumbers, "9e125", "-9e125", overflowText)
	f(AddNumbers, "1e50", "1", overflowText)
	f(SubNumbers, "1e50", "1", overflowText)
	f(AddNumbers, "1e125", "1e-130", overflowText)
	f(SubNumbers, "1.1e-130", "1e-130", underflowText)
}

func TestArithmeticAgreesWithBigRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genNumber.Draw(t, "a"), genNumber.Draw(t, "b")
		check := func(name string, got string, err *Error, exact *big.Rat) {
			want := oracle(exact)
			switch {
			case err != nil && (err.Message != want):
				t.Fatalf("%s of %s and %s: %v, want %s", name, a, b, err, want)
			case err == nil && got != want:
				t.Fatalf("%s of %s and %s = %s, want %s", name, a, b, got, want)
			}
		}
		x, y := ratOf(t, a), ratOf(t, b)
		sum, err := AddNumbers(a, b)
		check("sum", sum, err, new(big.Rat).Add(x, y))
		difference, err := SubNumbers(a, b)
		check("difference", difference, err, new(big.Rat).Sub(x, y))
	})
}

func TestNumbersOrderByValueAndSoDoTheirKeys(t *testing.T) {
	// #71
	rapid.Check(t, func(t *rapid.T) {
		a, b := genNumber.Draw(t, "a"), genNumber.Draw(t, "b")
		want := ratOf(t, a).Cmp(ratOf(t, b))
		if got := sign(CompareNumbers(a, b)); got != want {
			t.Fatalf("CompareNumbers(%s, %s) = %d, want %d", a, b, got, want)
		}
		if got := bytes.Compare(AppendNumberKey(nil, a), AppendNumberKey(nil, b)); got != want {
			t.Fatalf("keys of %s and %s compare as %d, want %d", a, b, got, want)
		}
	})
}

func TestNumberOrderAtTheEdges(t *testing.T) {
	t.Parallel()
	// #71: in order, with neighbours at the limits of precision and magnitude.
	texts := []string{
		"-9.9999999999999999999999999999999999999e125", "-1e125", "-100.1", "-100", "-99.9", "-1.0000000000000000000000000000000000001",
		"-1", "-0.1", "-1.1e-130", "-1e-130", "0", "1e-130", "1.1e-130", "0.09", "0.1", "0.11", "0.12", "1",
		"1.0000000000000000000000000000000000001", "2", "10", "10.5", "11", "99", "100", "1e125",
		"9.9999999999999999999999999999999999998e125", "9.9999999999999999999999999999999999999e125",
	}
	for i, a := range texts {
		for j, b := range texts {
			x, _ := ParseNumber(a)
			y, _ := ParseNumber(b)
			want := sign(i - j)
			if got := sign(CompareNumbers(x, y)); got != want {
				t.Errorf("CompareNumbers(%s, %s) = %d, want %d", a, b, got, want)
			}
			if got := bytes.Compare(AppendNumberKey(nil, x), AppendNumberKey(nil, y)); got != want {
				t.Errorf("keys of %s and %s compare as %d, want %d", a, b, got, want)
			}
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"0", "-1.5e3", "1e1000000000", ".5", "5.", "+0.0", "1e-130", "99999999999999999999999999999999999999", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		canonical, err := ParseNumber(text)
		if err != nil {
			return
		}
		if again, err := ParseNumber(canonical); err != nil || again != canonical {
			t.Fatalf("ParseNumber(%q) = %q, which parses to %q, %v", text, canonical, again, err)
		}
		key := AppendNumberKey(nil, canonical)
		back, rest, keyErr := decodeNumberKey(key)
		if keyErr != nil || back != canonical || len(rest) != 0 {
			t.Fatalf("key %x of %q decodes to %q, %x, %v", key, canonical, back, rest, keyErr)
		}
	})
}

// ratOf is the exact value of a number's text.
func ratOf(t interface{ Fatalf(string, ...any) }, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number to math/big", text)
	}
	return r
}

// oracle is the canonical text of r, or the message for what DynamoDB cannot hold, found without this package's code.
func oracle(r *big.Rat) string {
	if r.Sign() == 0 {
		return "0"
	}
	// In units of 10^-400, which is below anything that two numbers can come to.
	scaled := new(big.Int).Exp(big.NewInt(10), big.NewInt(400), nil)
	scaled.Mul(scaled, r.Num()).Quo(scaled, r.Denom())
	text := new(big.Int).Abs(scaled).String()
	switch exponent := len(text) - 1 - 400; {
	case exponent > 125, len(strings.TrimRight(text, "0")) > 38:
		return overflowText
	case exponent < -130:
		return underflowText
	}
	if len(text) <= 400 {
		text = strings.Repeat("0", 401-len(text)) + text
	}
	whole, fraction := text[:len(text)-400], strings.TrimRight(text[len(text)-400:], "0")
	if fraction != "" {
		whole += "." + fraction
	}
	if r.Sign() < 0 {
		whole = "-" + whole
	}
	return whole
}

// sign is -1, 0 or 1.
func sign(n int) int { return min(max(n, -1), 1) }
