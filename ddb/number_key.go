package ddb

import "errors"

// A number as part of a key is a sign byte, a byte for the power of ten of the first digit, and the digits two to a
// byte: twice the pair, plus one if more pairs follow. So a byte sequence tells its own end, and a number that
// continues sorts after one that stops, which is the greater magnitude. For negative numbers everything after the sign
// byte is inverted. (The idea of the low bit is SQLite 4's, https://sqlite.org/src4/doc/trunk/www/key_encoding.wiki.)
const (
	signNegative = 1
	signZero     = 2
	signPositive = 3
)

// errNumberKey is an encoding that AppendNumberKey does not make.
var errNumberKey = errors.New("malformed number in key")

// AppendNumberKey writes a canonical number so that bytes order as numbers do. The encoding has from 1 to 21 bytes and
// none is a prefix of another.
func AppendNumberKey(dst []byte, canonical string) []byte {
	var d decimal
	if message := d.parse(canonical); message != "" {
		panic("ddb: number key of " + canonical + ": " + message)
	}
	if d.n == 0 {
		return append(dst, signZero)
	}
	invert := byte(0)
	if d.neg {
		dst = append(dst, signNegative)
		invert = 0xFF
	} else {
		dst = append(dst, signPositive)
	}
	dst = append(dst, byte(d.exp-minExponent)^invert)
	for i := 0; i < d.n; i += 2 {
		pair := (d.digits[i] - '0') * 10
		if i+1 < d.n {
			pair += d.digits[i+1] - '0'
		}
		pair *= 2
		if i+2 < d.n {
			pair++
		}
		dst = append(dst, pair^invert)
	}
	return dst
}

// decodeNumberKey reads what AppendNumberKey wrote.
func decodeNumberKey(b []byte) (canonical string, rest []byte, err error) {
	if len(b) > 0 && b[0] == signZero {
		return "0", b[1:], nil
	}
	if len(b) < 3 || (b[0] != signNegative && b[0] != signPositive) {
		return "", nil, errNumberKey
	}
	d := decimal{neg: b[0] == signNegative}
	invert := byte(0)
	if d.neg {
		invert = 0xFF
	}
	d.exp = int(b[1]^invert) + minExponent
	for i := 2; i < len(b); i++ {
		pair := b[i] ^ invert
		if pair > 199 || d.n+2 > maxDigits {
			return "", nil, errNumberKey
		}
		d.digits[d.n] = pair/2/10 + '0'
		d.digits[d.n+1] = pair/2%10 + '0'
		d.n += 2
		if pair%2 != 0 {
			continue
		}
		if d.digits[d.n-1] == '0' {
			d.n--
		}
		if d.digits[0] == '0' || d.digits[d.n-1] == '0' {
			return "", nil, errNumberKey
		}
		return string(d.append(nil)), b[i+1:], nil
	}
	return "", nil, errNumberKey
}
