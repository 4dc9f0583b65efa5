package expr

import (
	"slices"
	"testing"

	"millrace/ddb"
)

// evalItem is what the condition tests look at. Numbers are written oddly to show that values are compared, not texts.
var evalItem = mustItem(`{"pk":{"S":"k"},"s":{"S":"hello"},"u":{"S":"abÿ"},"e":{"S":""},"n":{"N":"5.0"},"neg":{"N":"-3"},"bin":{"B":"gAEC"},
	"t":{"BOOL":true},"nul":{"NULL":true},"ss":{"SS":["b","a"]},"ns":{"NS":["2","1e1"]},"bs":{"BS":["YQ==","gA=="]},
	"l":{"L":[{"S":"x"},{"N":"7"},{"SS":["q","p"]},{"L":[{"N":"1"}]}]},
	"m":{"M":{"k":{"S":"v"},"deep":{"M":{"z":{"NS":["3","2"]}}},"l":{"L":[{"M":{"d":{"N":"9"}}}]}}},"x.y":{"S":"dot"}}`)

// evalValues are the literals of the condition tests.
const evalValues = `{"hello":{"S":"hello"},"hell":{"S":"hell"},"ell":{"S":"ell"},"z":{"S":"z"},"empty":{"S":""},"five":{"N":"5"},"ten":{"N":"10"},
	"two":{"N":"2"},"three":{"N":"3"},"seven":{"N":"7"},"one":{"N":"1"},"fourbin":{"B":"fwEC"},"bin":{"B":"gAEC"},"bpre":{"B":"gAE="},"bmid":{"B":"AQ=="},"ba":{"B":"YQ=="},
	"t":{"BOOL":true},"f":{"BOOL":false},"nul":{"NULL":true},"ssab":{"SS":["a","b"]},"ssa":{"SS":["a"]},"nsab":{"NS":["10","2"]},"sspq":{"SS":["p","q"]},
	"lone":{"L":[{"N":"1.0"}]},"l":{"L":[{"S":"x"},{"N":"7"},{"SS":["p","q"]},{"L":[{"N":"1"}]}]},"lswap":{"L":[{"N":"7"},{"S":"x"}]},
	"m":{"M":{"z":{"NS":["2","3"]}}},"typS":{"S":"S"},"typSS":{"S":"SS"},"typNULL":{"S":"NULL"},"typL":{"S":"L"},"typM":{"S":"M"},"typB":{"S":"B"},"typBS":{"S":"BS"},
	"typNS":{"S":"NS"},"typN":{"S":"N"},"typBOOL":{"S":"BOOL"}}`

// matches parses text and matches it against item.
func matches(t *testing.T, text string, item ddb.Item) bool {
	t.Helper()
	values := ddb.Values{}
	for _, a := range mustItem(evalValues) {
		values[":"+a.Name] = a.Value
	}
	c, err := ParseCondition(FilterExpression, text, NewEnv(ddb.Names{"#dot": "x.y", "#t": "t"}, values))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return c.Match(item)
}

// Conditions that hold for evalItem and conditions that do not.
func TestConditionSemantics(t *testing.T) {
	yes := func(texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !matches(t, text, evalItem) {
				t.Errorf("%q is false, want true", text)
			}
		}
	}
	no := func(texts ...string) {
		t.Helper()
		for _, text := range texts {
			if matches(t, text, evalItem) {
				t.Errorf("%q is true, want false", text)
			}
		}
	}
	// #100: paths, values and size() on either side
	yes("s = :hello", ":hello = s", "n = :five", "m.l[0].d > n", "size(s) = n", "n = size(s)", "#dot <> s", ":five < :ten", "l[1] = :seven")
	// #101: missing attributes
	yes("nope <> :one", "nope <> nothing", "attribute_not_exists(nope)", "NOT nope = :one", "NOT nope < :one", "nope <> s", ":one <> nope")
	no("nope = :one", "nope = nothing", "nope < :one", "nope <= nothing", "nope > :one", "nope >= :one", "nope BETWEEN :one AND :ten",
		"n BETWEEN :one AND nope", "n BETWEEN nope AND :ten", "nope IN (:one, :two)", "nope IN (nothing)", "begins_with(nope, :hell)", "begins_with(s, nope)",
		"contains(nope, :one)", "contains(s, nope)", "size(nope) > :one", "attribute_type(nope, :typS)", "m.nope = :one", "l[9] = :one", "s.k = :one", "m[0] = :one", "l.k = :one")
	// #102: different types
	yes("s <> :five", "t <> :hello", "n <> :hello")
	no("s = :five", "s < :five", "s >= :five", "n < :hello", "t < n", "l < s", "s BETWEEN :one AND :ten", "ss = :nsab", "s IN (:five)", "bin = s")
	// #105: order: text and bytes by bytes, numbers by value
	yes("s < :z", "neg < n", "n < :ten", "n <= :five", "n >= :five", "bin > :fourbin", "bin <= :bin", "s BETWEEN :hell AND :z", "n BETWEEN :five AND :five", "e < s")
	no("s > :z", "n > :five", "n < :five", "n BETWEEN :seven AND :ten", "bin < :fourbin")
	// #106: sets without order, also deep inside; maps by content, lists in order
	yes("ss = :ssab", "ns = :nsab", "m.deep = :m", "l = :l", "t = :t", "nul = :nul", "l[3] = :lone")
	no("ss = :ssa", "l = :lswap", "t = :f", "ss <> :ssab", "m.deep <> :m")
	// #107: IN
	yes("n IN (:one, :five)", "s IN (n, :hello)", "ss IN (:ssab)", ":five IN (neg, n)")
	no("n IN (:one, :two)", "s IN (n)")
	// #108: existence
	yes("attribute_exists(pk)", "attribute_exists(m.l[0].d)", "attribute_exists(nul)", "attribute_not_exists(m.l[1])", "attribute_exists(#dot)")
	no("attribute_exists(x)", "attribute_not_exists(nul)", "attribute_exists(m.l[0].e)")
	// #109: types
	yes("attribute_type(s, :typS)", "attribute_type(ss, :typSS)", "attribute_type(nul, :typNULL)", "attribute_type(l, :typL)", "attribute_type(m, :typM)",
		"attribute_type(bin, :typB)", "attribute_type(bs, :typBS)", "attribute_type(ns, :typNS)", "attribute_type(n, :typN)", "attribute_type(#t, :typBOOL)",
		"attribute_type(:five, :typN)")
	no("attribute_type(s, :typSS)", "attribute_type(ss, :typS)")
	// #110: begins_with
	yes("begins_with(s, :hell)", "begins_with(s, :empty)", "begins_with(bin, :bpre)", "begins_with(:hello, s)", "begins_with(s, e)")
	no("begins_with(s, :ell)", "begins_with(n, :hell)", "begins_with(s, :bpre)", "begins_with(l, :hell)", "begins_with(s, n)", "begins_with(n, neg)", "begins_with(ss, bs)")
	// #111: contains
	yes("contains(s, :ell)", "contains(bin, :bmid)", "contains(ss, e) OR contains(ss, :empty) OR contains(s, :empty)", "contains(ns, :ten)", "contains(bs, :ba)",
		"contains(l, :seven)", "contains(l, :sspq)", "contains(l, :lone)", "contains(:hello, :ell)")
	no("contains(s, :five)", "contains(s, :z)", "contains(m, :hello)", "contains(n, :five)", "contains(ss, :five)", "contains(ns, :hello)", "contains(l, :ten)", "contains(bs, :z)", "contains(bin, :z)")
	// #112: size counts characters, bytes or members; other types have none
	yes("size(u) = :three", "size(e) < :one", "size(bin) = :three", "size(ss) = :two", "size(ns) = :two", "size(bs) = :two", "size(m) = :three", "size(l) > :three", "size(:hello) = :five",
		"size(n) <> :one")
	no("size(n) = :one", "size(n) >= :one", "size(t) > :one", "size(nul) < :one", "size(s) = :hello")
	// #99: the logic
	yes("NOT s = :z AND (n = :one OR n = :five)", "n = :one AND n = :two OR s = :hello", "NOT (n = :one AND s = :hello)")
	no("s = :hello AND n = :one", "NOT s = :hello", "n = :one OR s = :z")
}

// #113: on an item that does not exist everything is missing, the key too.
func TestConditionOnMissingItem(t *testing.T) {
	for _, text := range []string{"pk <> :hello", "attribute_not_exists(pk)", "NOT pk = :hello"} {
		if !matches(t, text, nil) {
			t.Errorf("%q is false on a missing item, want true", text)
		}
	}
	for _, text := range []string{"pk = :hello", "attribute_exists(pk)", "pk < :hello"} {
		if matches(t, text, nil) {
			t.Errorf("%q is true on a missing item, want false", text)
		}
	}
	var none *Condition
	if !none.Match(nil) || none.TopLevelNames() != nil || none.NestedNames() != nil || none.AppendCanonical(nil) != nil {
		t.Errorf("the nil Condition does not match, or looks at something")
	}
}

// #114: which attributes a filter looks at, for the rule that it may not look at keys.
func TestConditionNames(t *testing.T) {
	c := mustCondition(t, "size(c.d) > :n AND (#a = b OR a IN (:s, d[1], #dot)) AND NOT attribute_exists(a.x)")
	if got, want := c.TopLevelNames(), []string{"c", "a", "b", "d", "x.y"}; !slices.Equal(got, want) {
		t.Errorf("TopLevelNames() = %q, want %q", got, want)
	}
	if got, want := c.NestedNames(), []string{"c", "d", "a"}; !slices.Equal(got, want) {
		t.Errorf("NestedNames() = %q, want %q", got, want)
	}
}

// Matching is the hot path of filters: it must not allocate.
func TestMatchDoesNotAllocate(t *testing.T) {
	c := mustCondition(t, "s = :s2 OR n BETWEEN :n2 AND :n2 OR contains(ss, :s) OR size(l) > :n OR m.k IN (:n, :s, :l) OR (NOT begins_with(s, :s) AND attribute_exists(m.deep.z))")
	item := evalItem
	if !c.Match(item) {
		t.Fatal("the condition does not hold")
	}
	if got := testing.AllocsPerRun(100, func() { c.Match(item) }); got != 0 {
		t.Errorf("Match allocates %v times, want 0", got)
	}
}
