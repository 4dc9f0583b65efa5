package stack

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"millrace/cache/coherence"
	"millrace/invalidation"
	"millrace/invalidation/stream"
	"millrace/proxy"
)

var (
	tableFlag  = flag.Int("table", 0, "print which of so many seeds kills each mutant first, as a table")
	mutantFlag = flag.String("mutant", "", "only this rule, as guard.Settle")
)

// mutants calls fn with every rule of the guard, the proxy and the stream reader switched off alone.
func mutants(fn func(name string, m Mutant)) {
	for _, level := range []struct {
		name string
		all  func(m *Mutant) reflect.Value
	}{
		{"guard", func(m *Mutant) reflect.Value {
			m.Guard = invalidation.AllRules()
			return reflect.ValueOf(&m.Guard).Elem()
		}},
		{"proxy", func(m *Mutant) reflect.Value { m.Proxy = proxy.AllRules(); return reflect.ValueOf(&m.Proxy).Elem() }},
		{"stream", func(m *Mutant) reflect.Value { m.Stream = stream.AllRules(); return reflect.ValueOf(&m.Stream).Elem() }},
		{"core", func(m *Mutant) reflect.Value { m.Core = coherence.AllRules(); return reflect.ValueOf(&m.Core).Elem() }},
	} {
		var m Mutant
		for i := range level.all(&m).NumField() {
			var m Mutant
			v := level.all(&m)
			v.Field(i).SetBool(false)
			fn(level.name+"."+v.Type().Field(i).Name, m)
		}
	}
}

// killed is the number of seeds that it takes to notice a mutant, 0 if so many do not, and what was noticed.
func killed(t *testing.T, m Mutant, from uint64, seeds int) (int, string) {
	t.Helper()
	for n := range seeds {
		if v := run(t, Generate(from+uint64(n)), m, false).Violations; len(v) > 0 {
			_, what, _ := strings.Cut(v[0], ": ")
			what, _, _ = strings.Cut(what, ":")
			return n + 1, what
		}
	}
	return 0, ""
}

// TestPrintMutants prints, if asked to, a row for each rule: how many seeds it takes to notice that it is off, and by what.
func TestPrintMutants(t *testing.T) {
	if *tableFlag == 0 {
		return
	}
	began := time.Now()
	mutants(func(name string, m Mutant) {
		if !strings.HasPrefix(name, *mutantFlag) || time.Since(began) > *forFlag {
			return
		}
		n, what := killed(t, m, *fromFlag, *tableFlag)
		if _, err := fmt.Fprintf(os.Stdout, "| %s | %d | %s |\n", name, n, what); err != nil {
			t.Error(err)
		}
	})
}

// These are noticed soon. A simulator that lets them live judges nothing.
func TestMutantsAreCaught(t *testing.T) {
	for _, name := range []string{
		"guard.Settle", "guard.Condition", "guard.Unprocessed", "guard.Replay", "guard.Whole", "proxy.Last", "stream.Trim", "stream.Begin",
	} {
		mutants(func(rule string, m Mutant) {
			if rule != name {
				return
			}
			if n, _ := killed(t, m, 0, 12); n == 0 {
				t.Errorf("without rule %s 12 seeds pass", name)
			}
		})
	}
}
