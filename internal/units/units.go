// Package units holds the settings' types that carry their unit in the text: sizes such as "512MiB" and times
// such as "90s". Both read and write the same text in YAML, in environment variables and on the command line,
// and both refuse a bare number other than 0, because nobody remembers whether 30 meant seconds.
package units

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bytes is a size in bytes. Its text is a whole or decimal number with B, KB, MB, GB, TB (powers of 1000) or
// KiB, MiB, GiB, TiB (powers of 1024); letter case and a space before the unit do not matter.
type Bytes int64

// byteUnits are the accepted units; the binary ones come first because String picks from them.
var byteUnits = []struct {
	name string
	size int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// String is the shortest exact text in binary units, such as "64MiB" or "1500B".
func (b Bytes) String() string {
	if b == 0 {
		return "0B"
	}
	for _, u := range byteUnits[:4] {
		if int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// MarshalText writes String.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads the text described at Bytes; on an error b is as it was.
func (b *Bytes) UnmarshalText(text []byte) error {
	v, err := ParseBytes(string(text))
	if err != nil {
		return err
	}
	*b = v
	return nil
}

// ParseBytes reads a size that is not negative.
func ParseBytes(text string) (Bytes, error) {
	s := strings.TrimSpace(text)
	if s == "0" {
		return 0, nil
	}
	for _, u := range byteUnits {
		number, ok := cutSuffixFold(s, u.name)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		// ParseFloat also takes "inf", "nan" and hexadecimal; a size is plain digits.
		if err != nil || strings.Trim(strings.TrimSpace(number), "0123456789.") != "" {
			break
		}
		f *= float64(u.size)
		if f > math.MaxInt64/2 {
			return 0, fmt.Errorf("size %q is too large", text)
		}
		return Bytes(f), nil
	}
	return 0, fmt.Errorf("size %q is not a number with a unit, such as 512MiB", text)
}

// cutSuffixFold cuts suffix from s without regard to ASCII case.
func cutSuffixFold(s, suffix string) (string, bool) {
	i := len(s) - len(suffix)
	if i < 0 || !strings.EqualFold(s[i:], suffix) {
		return s, false
	}
	return s[:i], true
}

// Duration is a span of time in Go's notation, such as "90s" or "5m".
type Duration time.Duration

// Of is d as a time.Duration.
func (d Duration) Of() time.Duration { return time.Duration(d) }

// String is Go's text without empty trailing units: "5m", not "5m0s".
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalText writes String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a span that is not negative; on an error d is as it was.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("time %q is not a number with a unit, such as 90s or 5m", text)
	}
	if v < 0 {
		return fmt.Errorf("time %q is negative", text)
	}
	*d = Duration(v)
	return nil
}
