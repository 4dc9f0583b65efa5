package units

import (
	"strings"
	"testing"
	"time"
)

func TestBytesText(t *testing.T) {
	t.Parallel()
	f := func(in string, want Bytes, text string) {
		t.Helper()
		got, err := ParseBytes(in)
		if err != nil || got != want {
			t.Errorf("ParseBytes(%q) = %d, %v, want %d", in, got, err, want)
		}
		if got.String() != text {
			t.Errorf("Bytes(%d).String() = %q, want %q", got, got.String(), text)
		}
		var back Bytes
		if err := back.UnmarshalText([]byte(text)); err != nil || back != want {
			t.Errorf("reading %q back = %d, %v, want %d", text, back, err, want)
		}
	}
	f("0", 0, "0B")
	f("512MiB", 512<<20, "512MiB")
	f("1.5 gib", 3<<29, "1536MiB")
	f("64kb", 64000, "64000B")
	f("1TB", 1e12, "976562500KiB")
	f("17B", 17, "17B")
}

func TestBytesRefusesWhatHasNoUnit(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "512", "MiB", "-1MiB", "1e3KB", "infB", "nanB", "0x10B", "9999999TiB", "1 MiBs", "1..5MiB"} {
		if got, err := ParseBytes(in); err == nil {
			t.Errorf("ParseBytes(%q) = %d, want an error", in, got)
		} else if !strings.Contains(err.Error(), in) {
			t.Errorf("ParseBytes(%q) error %q does not quote the text", in, err)
		}
	}
	b := Bytes(7)
	if err := b.UnmarshalText([]byte("x")); err == nil || b != 7 {
		t.Errorf("a refused text changed the value to %d (err %v)", b, err)
	}
}

func TestDurationText(t *testing.T) {
	t.Parallel()
	f := func(in string, want time.Duration, text string) {
		t.Helper()
		var d Duration
		if err := d.UnmarshalText([]byte(in)); err != nil || d.Of() != want {
			t.Errorf("reading %q = %v, %v, want %v", in, d, err, want)
		}
		if got, _ := d.MarshalText(); string(got) != text {
			t.Errorf("writing %q = %q, want %q", in, got, text)
		}
	}
	f("90s", 90*time.Second, "1m30s")
	f("5m", 5*time.Minute, "5m")
	f("2h", 2*time.Hour, "2h")
	f("0", 0, "0s")
	f(" 10ms ", 10*time.Millisecond, "10ms")
}

func TestDurationRefusesWhatHasNoUnit(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "30", "-1s", "5 minutes"} {
		d := Duration(7)
		if err := d.UnmarshalText([]byte(in)); err == nil || d != 7 {
			t.Errorf("reading %q = %v, %v, want an error and no change", in, d, err)
		}
	}
}
