package loadtest

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestArrivalsAreTheSeedsAndOfTheRate(t *testing.T) {
	t.Parallel()
	f := func(how string, seed uint64) []time.Duration {
		t.Helper()
		due, err := arrivals(how, 1000, 100*time.Second, seed)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(due) || due[len(due)-1] >= 100*time.Second {
			t.Errorf("%s arrivals are not in order or beyond their time", how)
		}
		return due
	}
	a, b, c := f(Poisson, 1), f(Poisson, 1), f(Poisson, 2)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("arrivals must follow from the seed")
	}
	// 100 000 are expected; four standard deviations are 1265.
	if n := len(a); math.Abs(float64(n)-100_000) > 1265 {
		t.Errorf("%d Poisson arrivals, want about 100000", n)
	}
	// The gaps' deviation is their mean.
	var squares float64
	for i := 1; i < len(a); i++ {
		d := (a[i]-a[i-1]).Seconds()*1000 - 1
		squares += d * d
	}
	if deviation := math.Sqrt(squares / float64(len(a))); math.Abs(deviation-1) > 0.03 {
		t.Errorf("Poisson gaps deviate by %v of their mean, want 1", deviation)
	}
	if n := len(f(Constant, 1)); n != 100_000 {
		t.Errorf("%d constant arrivals, want 100000", n)
	}
	if _, err := arrivals(Poisson, 1e6, time.Hour, 1); err == nil {
		t.Error("more arrivals than memory are allowed")
	}
}

func TestZetaIsTheSum(t *testing.T) {
	t.Parallel()
	// YCSB's constant for its scrambled zipfian. (YCSB, ScrambledZipfianGenerator.ZETAN.)
	if got := zeta(scrambledRanks, defaultTheta); math.Abs(got-26.46902820178302) > 1e-6 {
		t.Errorf("zeta(%d, %v) = %v, want 26.46902820178302", uint64(scrambledRanks), defaultTheta, got)
	}
	sum := 0.0
	for i := 1; i <= 50_000; i++ {
		sum += math.Pow(float64(i), -0.7)
	}
	if got := zeta(50_000, 0.7); math.Abs(got-sum) > 1e-6 {
		t.Errorf("zeta(50000, 0.7) = %v, want %v", got, sum)
	}
}

func TestDistributionsPickAsTheyAreCalled(t *testing.T) {
	t.Parallel()
	const n, draws = 1000, 200_000
	count := func(text string, at time.Duration) []int {
		t.Helper()
		d, err := parseDistribution(text, n)
		if err != nil {
			t.Fatal(err)
		}
		counts := make([]int, n)
		random := rand.New(rand.NewPCG(1, 2))
		for range draws {
			counts[d.pick(random, n, at)]++
		}
		return counts
	}
	most := func(counts []int) (which int) {
		for i, c := range counts {
			if c > counts[which] {
				which = i
			}
		}
		return which
	}
	near := func(what string, got int, share float64) {
		t.Helper()
		if want := share * draws; math.Abs(float64(got)-want) > 5*math.Sqrt(want)+1 {
			t.Errorf("%s has %d of %d draws, want %.0f", what, got, draws, want)
		}
	}
	for i, c := range count("uniform", 0) {
		if i%100 == 0 {
			near("a uniform key", c, 1.0/n)
		}
	}
	// The first rank's share is 1/zeta, and the keys that it is hashed to are all over the place.
	zipf := count("zipfian", 0)
	top := zipf[most(zipf)]
	if share := float64(top) / draws; share < 1/26.469 || share > 1/26.469+0.01 {
		t.Errorf("the most popular zipfian key has a share of %v, want 1/26.47 and a little from other ranks", share)
	}
	latest := count("latest", 0)
	if most(latest) != n-1 || latest[n-1] < 5*latest[n/2] {
		t.Errorf("latest favours %d", most(latest))
	}
	hot := 0
	for _, c := range count("hotspot 0.1 0.75", 0)[:n/10] {
		hot += c
	}
	near("the hotspot", hot, 0.75)
	if early, late := most(count("shifting 10s", 0)), most(count("shifting 10s", 15*time.Second)); early == late || early != most(count("shifting 10s", 9*time.Second)) {
		t.Errorf("the popular key is %d, then %d: it should change after 10 s and not before", early, late)
	}
	for _, bad := range []string{"zipf", "zipfian 1", "zipfian x", "hotspot 0.1", "hotspot 2 0.5", "shifting soon", "shifting -1s", "latest 1 2"} {
		if _, err := parseDistribution(bad, n); err == nil {
			t.Errorf("keys %q are accepted", bad)
		}
	}
}

func TestSizesAndTemplates(t *testing.T) {
	t.Parallel()
	w := newWriter(newFill(1))
	w.seed(1, 1)
	w.n.partition, w.n.sort, w.n.now = 17, 4, 1000
	f := func(text, want string) {
		t.Helper()
		p, err := parseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(p.append(nil, &w.n)); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	f("USER#{p}", "USER#17")
	f("{p:6}-{s:3}", "000017-004")
	f("{p%5}x{s+10}", "2x14")
	f("{t+60}", "1060")
	f("METADATA", "METADATA")
	for _, bad := range []string{"{", "{x}", "{p:}", "{p:0}", "{p%}", "{p%0}", "a\"b", "{p+x}", "ä"} {
		if _, err := parseTemplate(bad); err == nil {
			t.Errorf("template %q is accepted", bad)
		}
	}
	mean := func(text string, want float64) {
		t.Helper()
		s, err := parseSize(text, 400)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for range 20_000 {
			sum += s.draw(w.random, maxItemBytes)
		}
		if got := float64(sum) / 20_000; math.Abs(got-want) > want/20 || math.Abs(s.mean()-want) > want/20 {
			t.Errorf("size %q has a mean of %v and says %v, want %v", text, got, s.mean(), want)
		}
	}
	mean("", 400)
	mean("1000", 1000)
	mean("uniform 100 300", 200)
	mean("lognormal 400 4000", 400*math.Exp(math.Pow(math.Log(10)/z99, 2)/2))
	for _, bad := range []string{"0", "uniform 5", "uniform 5 5", "lognormal 5 4", "x", "normal 1 2"} {
		if _, err := parseSize(bad, 400); err == nil {
			t.Errorf("size %q is accepted", bad)
		}
	}
}

func TestRequestsAreTheSeedsAndTheSDKCanTakeThem(t *testing.T) {
	t.Parallel()
	for _, name := range WorkloadNames() {
		w, err := LoadWorkload(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := w.compile("p-", 0.1)
		if err != nil {
			t.Fatal(err)
		}
		times, err := arrivals(Poisson, 1000, time.Second, 5)
		if err != nil {
			t.Fatal(err)
		}
		fill := newFill(3)
		plans := []*plan{newPlan(m, times, 5, time.Unix(0, 0), map[*kind]int{}), newPlan(m, times, 5, time.Unix(0, 0), map[*kind]int{})}
		writers := []*writer{newWriter(fill), newWriter(fill)}
		var kinds [32]int
		for k := range times {
			var r [2]request
			// The second one is built in another order, as lanes do.
			plans[0].build(writers[0], k, &r[0])
			plans[1].build(writers[1], (k+7)%len(times), &r[1])
			plans[1].build(writers[1], k, &r[1])
			if !bytes.Equal(r[0].body, r[1].body) || r[0].thenOp != r[1].thenOp || r[0].thenOp != 0 && !bytes.Equal(r[0].then, r[1].then) {
				t.Fatalf("%s: request %d is %s and then %s", name, k, r[0].body, r[1].body)
			}
			if !json.Valid(r[0].body) {
				t.Fatalf("%s: request %d is no JSON: %s", name, k, r[0].body)
			}
			in := sdkOperations[r[0].op].newInput()
			if err := decodeInput(r[0].body, in); err != nil {
				t.Fatalf("%s: %v: %s", name, err, r[0].body)
			}
			kinds[plans[0].label(k)]++
		}
		for i, label := range m.names {
			if kinds[i] == 0 {
				t.Errorf("%s: of a thousand requests none is %q", name, label)
			}
		}
	}
}

func TestWorkloadFilesSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	good, err := WorkloadText("sessions")
	if err != nil {
		t.Fatal(err)
	}
	f := func(old, now, want string) {
		t.Helper()
		file := t.TempDir() + "/mine.yaml"
		text := strings.Replace(string(good), old, now, 1)
		if text == string(good) {
			t.Fatalf("%q is not in the workload", old)
		}
		write(t, file, text)
		w, err := LoadWorkload(file)
		if err == nil {
			_, err = w.compile("", 1)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %q: %v, want an error with %q", now, err, want)
		}
	}
	f("do: get", "do: fetch", `do is "fetch", must be one of batch-get`)
	f("item: session,", "item: sesion,", `item "sesion" is not among the items`)
	f("weight: 80", "weight: 0", "weight is 0")
	f("keys: zipfian", "keys: zipf", `keys "zipf"`)
	f("session_id S", "session_id", `"session_id" must be a name and a type`)
	f("session-{p:10}", "session", "has no {p}")
	f("size: lognormal 700 8000", "size: big", `size "big"`)
	f("ttl: expires_at", "lifetime: expires_at", "unknown field")
	f("table: sessions", "table: session", `table "session" is not among the tables`)
	f("do: delete,", "do: query, range: from,", "range")
	if _, err := LoadWorkload("nonsense"); err == nil || !strings.Contains(err.Error(), "ycsb-a") {
		t.Errorf("an unknown name: %v, want the list of names", err)
	}
}
