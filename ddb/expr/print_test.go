package expr

import (
	"strconv"
	"testing"

	"millrace/ddb"
)

// placeholders writes an expression back as DynamoDB reads it, with a placeholder for every name and value.
type placeholders struct {
	names  ddb.Names
	values ddb.Values
	known  map[string]string
}

// print runs write on a printer that makes placeholders, and gives what it wrote.
func (ph *placeholders) print(write func(*printer)) string {
	ph.names, ph.values, ph.known = ddb.Names{}, ddb.Values{}, map[string]string{}
	p := &printer{
		name: func(dst []byte, name string) []byte {
			k, ok := ph.known[name]
			if !ok {
				k = "#" + strconv.Itoa(len(ph.known))
				ph.known[name], ph.names[k] = k, name
			}
			return append(dst, k...)
		},
		value: func(dst []byte, v ddb.AttributeValue) []byte {
			k := ":" + strconv.Itoa(len(ph.values))
			ph.values[k] = v
			return append(dst, k...)
		},
	}
	write(p)
	return string(p.dst)
}

// reprint parses text, writes it back with placeholders of its own, parses that, and gives both canonical texts. ok is
// false if text is refused, or too long when written back.
func reprint(kind Kind, text string, env *Env) (first, second, back string, ok bool) {
	var ph placeholders
	switch kind {
	case ProjectionExpression:
		pr, err := ParseProjection(text, env)
		if err != nil {
			return
		}
		first = string(pr.AppendCanonical(nil))
		back = ph.print(func(p *printer) { p.tree(pr.tree) })
	case UpdateExpression:
		u, err := ParseUpdate(text, env)
		if err != nil {
			return
		}
		first = string(u.AppendCanonical(nil))
		back = ph.print(func(p *printer) { p.update(u) })
	case KeyConditionExpression:
		k, err := ParseKeyCondition(text, env)
		if err != nil || k.Check() != nil {
			return
		}
		first = string(k.AppendCanonical(nil))
		back = ph.print(func(p *printer) { p.keyCondition(k) })
	default:
		c, err := ParseCondition(kind, text, env)
		if err != nil {
			return
		}
		first = string(c.AppendCanonical(nil))
		back = ph.print(func(p *printer) { p.node(c.root, opOr) })
	}
	if len(back) > ddb.MaxExpressionBytes {
		return
	}
	return first, parse(kind, back, NewEnv(ph.names, ph.values)), back, true
}

// One meaning has one canonical text, and different meanings have different ones.
func TestCanonicalText(t *testing.T) {
	same := func(kind Kind, texts ...string) string {
		t.Helper()
		first := parse(kind, texts[0], testEnv())
		for _, text := range texts[1:] {
			if got := parse(kind, text, testEnv()); got != first {
				t.Errorf("%q has canonical text %s\n but %q has %s", text, got, texts[0], first)
			}
		}
		return first
	}
	apart := func(kind Kind, texts ...string) {
		t.Helper()
		seen := map[string]string{}
		for _, text := range texts {
			got := parse(kind, text, testEnv())
			if other, ok := seen[got]; ok {
				t.Errorf("%q and %q both have canonical text %s", text, other, got)
			}
			seen[got] = text
		}
	}
	same(FilterExpression, "a = :s AND (b = :n AND c = :n)", "(#a=:s)and b = :n  AND #c = :n", "(a = :s AND b = :n) AND (c = :n)")
	apart(FilterExpression, "a = :s AND b = :n OR c = :n", "a = :s AND (b = :n OR c = :n)", "NOT a = :s AND b = :n", "NOT (a = :s AND b = :n)",
		"#dot = :s", "x.y = :s", "x = :s", "a = :s", "a = :s2", "a = b", "#ix = :s", "a[3] = :s", "a.#ix = :s", "contains(a, :s)", "begins_with(a, :s)", "a IN (:s, :n)", "a IN (:n, :s)")
	same(ProjectionExpression, "a, b.c, b[1]"[:6], "b.c, #a", "#b.#c,a")
	apart(ProjectionExpression, "#dot", "x.y", "x, y", "a[3]", "a.#ix")
	same(KeyConditionExpression, "a = :s AND b < :n", ":n > b AND :s = #a", "((b < :n) AND a = :s)")
	apart(KeyConditionExpression, "a = :s AND b < :n", "a = :s AND b <= :n", "a = :s", "a = :s AND begins_with(b, :s)", "a = :s AND b BETWEEN :s AND :s2")
	same(UpdateExpression, "SET a = :s, b = :n REMOVE c", "REMOVE #c SET #b = :n, a = (:s)")
	apart(UpdateExpression, "SET a = b + c", "SET a = c + b", "SET a = b - c", "SET a = b", "SET b = a", "REMOVE a", "ADD a :n", "DELETE a :ss", "ADD a :ss", "SET a = if_not_exists(a, b)")
}

// What is written back with placeholders reads as what was written.
func TestPrintedTextParsesToItself(t *testing.T) {
	f := func(kind Kind, text string) {
		t.Helper()
		first, second, back, ok := reprint(kind, text, testEnv())
		if !ok || first != second {
			t.Errorf("%q is written back as %q (%v):\n  %s\n  %s", text, back, ok, first, second)
		}
	}
	for _, s := range conditionSeeds {
		f(FilterExpression, s)
	}
	for _, s := range projectionSeeds {
		f(ProjectionExpression, s)
	}
	for _, s := range keyConditionSeeds {
		f(KeyConditionExpression, s)
	}
	for _, s := range updateSeeds {
		f(UpdateExpression, s)
	}
}

// The seeds of the fuzz targets: expressions that are accepted.
var (
	conditionSeeds = []string{
		"a = :s", "NOT (a = :s OR b < :n AND c <> d)", "(a.b[1].#dot) BETWEEN (:n) AND size(c)", "a IN (:s, :n, b, size(d))",
		"attribute_exists(a) AND NOT attribute_not_exists(b.c) OR attribute_type(a, :typ)", "begins_with(a, :s) AND (contains(b, :l))",
		"not not not a>=b", "((a = b) OR (c = d)) AND e = f", "size(a) <= size(b) AND :bin > a", "(a.b).c = :m",
	}
	projectionSeeds   = []string{"a", "a.b, a.c[0], a.c[1].d, #dot", "a[0][1][2]", "z, y, x"}
	keyConditionSeeds = []string{"a = :s", "a = :s AND b > :n", ":s = a AND (begins_with(b, :s2))", "(b BETWEEN :n AND :n2) and a = :s"}
	updateSeeds       = []string{
		"SET a = :s", "SET a = b + :n, c.d[1] = if_not_exists(e, :l) REMOVE f, g[0] ADD h :n, i :ss DELETE j :bs",
		"set a = (list_append(:l, (if_not_exists(b, :l0))))", "remove a.b.c, a.b.d", "SET a = ((:n) - (b))",
	}
)

// fuzz checks that no text makes a parser panic, and that accepted text reads the same when written back.
func fuzz(f *testing.F, kind Kind, seeds []string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Add("((a))")
	f.Add("a.b.[")
	f.Add("SET a = b c")
	f.Fuzz(func(t *testing.T, text string) {
		first, second, back, ok := reprint(kind, text, testEnv())
		if ok && first != second {
			t.Errorf("%q is written back as %q:\n  %s\n  %s", text, back, first, second)
		}
	})
}

func FuzzCondition(f *testing.F)    { fuzz(f, ConditionExpression, conditionSeeds) }
func FuzzFilter(f *testing.F)       { fuzz(f, FilterExpression, conditionSeeds) }
func FuzzKeyCondition(f *testing.F) { fuzz(f, KeyConditionExpression, keyConditionSeeds) }
func FuzzProjection(f *testing.F)   { fuzz(f, ProjectionExpression, projectionSeeds) }
func FuzzUpdate(f *testing.F) {
	for _, s := range updateSeeds {
		f.Add(s)
	}
	key := mustItem(`{"pk":{"S":"k"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		first, second, back, ok := reprint(UpdateExpression, text, testEnv())
		if ok && first != second {
			t.Errorf("%q is written back as %q:\n  %s\n  %s", text, back, first, second)
		}
		u, err := ParseUpdate(text, testEnv())
		if err != nil {
			return
		}
		old := mustItem(updateItem)
		before := jsonOf(old)
		out, touched, err := u.Apply(key, old, true)
		if after := jsonOf(old); after != before {
			t.Errorf("%q changes the old image to %s", text, after)
		}
		if err == nil {
			touched.Select(out)
			if back, err := ddb.ParseItemJSON([]byte(jsonOf(out))); err != nil || !ddb.EqualItems(back, out) {
				t.Errorf("%q makes an image that does not read back: %s", text, jsonOf(out))
			}
		}
	})
}
