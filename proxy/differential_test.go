package proxy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"millrace/backend/engine"
	"millrace/cache"
	"millrace/ddb"
)

// TestCachedAnswersEqualTheEngines runs a random list of operations, one after the other, so that every read stands at a
// quiescent point: each answer of the proxy, errors and ConsumedCapacity included, must be the engine's byte for byte.
// At least 30 % of the item reads and, apart, of the page reads must have been hits, or the test shows nothing.
func TestCachedAnswersEqualTheEngines(t *testing.T) {
	f := func(name string, steps, writes int, floor float64, o rigOptions) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := newRand(t)
			r := newRig(t, o)
			g := newGenerator(rng)
			g.writes = writes
			r.must(ddb.CreateTable, bookTable)
			r.must(ddb.CreateTable, hashTable)
			var items, itemHits, pages, pageHits, errors int
			for range steps {
				if g.one(400) {
					r.forget()
				}
				op, body := g.next()
				if routes[op].serve == nil || effectsWrite(op) {
					r.do(op, body)
					continue
				}
				var asked Options
				if g.one(50) {
					asked.NoCache = true
				}
				a := r.same(op, body, asked)
				g.learn(op, body, a)
				if a.err != nil {
					errors++
					continue // an error is never cached
				}
				switch op {
				case ddb.GetItem, ddb.BatchGetItem:
					items++
					if a.result == Hit || a.result == Negative {
						itemHits++
					}
				case ddb.Query, ddb.Scan:
					pages++
					if a.result == Hit {
						pageHits++
					}
				}
			}
			ratio := func(hits, of int) float64 { return float64(hits) / float64(of) }
			t.Logf("items %d, hits %.2f; pages %d, hits %.2f; errors %d", items, ratio(itemHits, items), pages, ratio(pageHits, pages), errors)
			if ratio(itemHits, items) < floor || ratio(pageHits, pages) < floor {
				t.Errorf("hit ratios %.2f of items and %.2f of pages, want %.2f", ratio(itemHits, items), ratio(pageHits, pages), floor)
			}
		})
	}
	f("everything cached", 12000, 12, 0.3, rigOptions{})
	// Evictions and refused admissions all the time.
	f("tiny memory", 6000, 12, 0, rigOptions{store: cache.Config{Memory: 20 << 10}})
	// The guard alone, before a backend that announces nothing: there a write kills every page of an index, so pages need
	// more time between two writes to be read again.
	f("remote", 12000, 30, 0.1, rigOptions{remote: true})
	f("remote, in bytes", 12000, 30, 0.1, rigOptions{remote: true, lend: true, wrap: func(e *engine.Engine) backendLike {
		rng := newRand(t)
		return &remoteLike{Engine: e, own: true, spell: func(op ddb.Operation, body []byte) []byte {
			if op == ddb.BatchGetItem || op == ddb.GetItem {
				return respelled(rng, body)
			}
			return body
		}}
	}})
	f("items only", 3000, 12, 0, rigOptions{store: cache.Config{Tables: map[string]cache.TableConfig{"*": {Cache: cache.ItemsOnly}}}})
}

// effectsWrite reports whether op writes.
func effectsWrite(op ddb.Operation) bool { return op.Facts().Kind == ddb.WriteOperation }

// generator makes random requests over few values, so that they meet.
type generator struct {
	*rand.Rand
	writes int       // one request in so many is a write
	recent []request // that were right
}

// request is an operation and its body.
type request struct {
	op   ddb.Operation
	body string
}

// newGenerator makes a generator.
func newGenerator(rng *rand.Rand) *generator { return &generator{Rand: rng, writes: 12} }

// pick returns one of the words.
func (g *generator) pick(words ...string) string { return words[g.IntN(len(words))] }

// one reports true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

// next makes a request: mostly one that was made before, sometimes a new one or a write.
func (g *generator) next() (ddb.Operation, string) {
	if g.one(g.writes) {
		return g.write()
	}
	if len(g.recent) > 20 && !g.one(8) {
		q := g.recent[g.IntN(len(g.recent))]
		return q.op, q.body
	}
	var q request
	switch g.IntN(10) {
	case 0, 1, 2:
		q = request{ddb.GetItem, g.getItem()}
	case 3:
		q = request{ddb.BatchGetItem, g.batchGet()}
	case 4:
		q = request{ddb.Scan, g.page(false)}
	default:
		q = request{ddb.Query, g.page(true)}
	}
	return q.op, q.body
}

// learn keeps a request that was right, to be made again, and, when its page has a LastEvaluatedKey, sometimes the
// request for the page after it.
func (g *generator) learn(op ddb.Operation, body string, a answer) {
	if a.err != nil {
		return
	}
	g.keep(request{op, body})
	if op != ddb.Query && op != ddb.Scan || strings.Contains(body, "ExclusiveStartKey") {
		return
	}
	var page struct{ LastEvaluatedKey json.RawMessage }
	if json.Unmarshal([]byte(a.body), &page) == nil && page.LastEvaluatedKey != nil && g.one(3) {
		g.keep(request{op, strings.TrimSuffix(body, "}") + `,"ExclusiveStartKey":` + string(page.LastEvaluatedKey) + "}"})
	}
}

// keep keeps q in a random place.
func (g *generator) keep(q request) {
	if slices.Contains(g.recent, q) {
		return
	}
	if len(g.recent) < 60 {
		g.recent = append(g.recent, q)
		return
	}
	g.recent[g.IntN(len(g.recent))] = q
}

// The values of attributes. Some titles begin with others, and hold what key bytes must escape.
var (
	authors = []string{"ann", "bob", "cy"}
	titles  = []string{"a", "ab", "abc", "b", "b\x00", "b\x00c", "c", "\u00ffz"}
	genres  = []string{"x", "y"}
	notes   = []string{"", "one", "two"}
)

// quote is s as JSON.
func quote(s string) string { return string(ddb.AppendJSONString(nil, s)) }

// S is a value of type S.
func attrS(s string) string { return `{"S":` + quote(s) + `}` }

// attrN is a value of type N, sometimes spelled in another way.
func (g *generator) attrN(n int) string {
	return fmt.Sprintf(g.pick(`{"N":"%d"}`, `{"N":"%d"}`, `{"N":"%d.0"}`, `{"N":"0%de0"}`), n)
}

// key is a key of books.
func (g *generator) key() string {
	return `{"author":` + attrS(g.pick(authors...)) + `,"title":` + attrS(g.pick(titles...)) + `}`
}

// item is an item of books.
func (g *generator) item() string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(g.key(), "}"))
	if !g.one(4) {
		b.WriteString(`,"genre":` + attrS(g.pick(genres...)))
	}
	if !g.one(4) {
		b.WriteString(`,"year":` + g.attrN(1+g.IntN(6)))
	}
	if note := g.pick(notes...); note != "" {
		b.WriteString(`,"note":` + attrS(note))
	}
	if g.one(3) {
		fmt.Fprintf(&b, `,"stock":{"M":{"n":{"N":"%d"},"l":{"L":[{"S":"%s"},{"BOOL":true}]}}}`, g.IntN(3), strings.Repeat("x", g.IntN(3000)))
	}
	return b.String() + "}"
}

// write makes a write.
func (g *generator) write() (ddb.Operation, string) {
	if g.one(6) {
		if g.one(3) {
			return ddb.DeleteItem, `{"TableName":"counters","Key":{"id":` + g.attrN(g.IntN(4)) + `}}`
		}
		return ddb.UpdateItem, `{"TableName":"counters","Key":{"id":` + g.attrN(g.IntN(4)) +
			`},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`
	}
	switch g.IntN(8) {
	case 0, 1, 2:
		return ddb.PutItem, `{"TableName":"books","Item":` + g.item() + `}`
	case 3:
		return ddb.DeleteItem, `{"TableName":"books","Key":` + g.key() + `}`
	case 4:
		return ddb.UpdateItem, `{"TableName":"books","Key":` + g.key() +
			`,"UpdateExpression":"` + g.pick("SET note = :v", "SET genre = :v", "SET genre = :v REMOVE #y", "REMOVE #y SET extra = :v") + `"` +
			`,"ExpressionAttributeValues":{":v":` + attrS(g.pick(genres...)) + `},"ExpressionAttributeNames":{"#y":"year"}}`
	case 5:
		return ddb.UpdateItem, `{"TableName":"books","Key":` + g.key() +
			`,"UpdateExpression":"SET #y = :v","ConditionExpression":"attribute_exists(genre)","ExpressionAttributeValues":{":v":` +
			g.attrN(1+g.IntN(6)) + `},"ExpressionAttributeNames":{"#y":"year"}}`
	default:
		return ddb.BatchWriteItem, `{"RequestItems":{"books":[{"PutRequest":{"Item":` + g.item() + `}},{"DeleteRequest":{"Key":` + g.key() + `}}]}}`
	}
}

// projection is the members for a projection, one that is refused now and then.
func (g *generator) projection() string {
	return g.pick("", "", "",
		`,"ProjectionExpression":"note"`,
		`,"ProjectionExpression":"title, author, note"`,
		`,"ProjectionExpression":"#y,stock.n","ExpressionAttributeNames":{"#y":"year"}`,
		`,"ProjectionExpression":"stock.l[1], note"`,
		`,"ProjectionExpression":"title.x"`,
		`,"ProjectionExpression":"note","ExpressionAttributeNames":{"#unused":"x"}`,
		`,"AttributesToGet":["note"]`,
	)
}

// capacity is the member ReturnConsumedCapacity, or none.
func (g *generator) capacity() string {
	return g.pick("", "", `,"ReturnConsumedCapacity":"TOTAL"`, `,"ReturnConsumedCapacity":"INDEXES"`, `,"ReturnConsumedCapacity":"NONE"`)
}

// consistent is the member ConsistentRead, or none.
func (g *generator) consistent() string {
	return g.pick("", "", `,"ConsistentRead":true`, `,"ConsistentRead":false`)
}

// getItem makes a GetItem.
func (g *generator) getItem() string {
	if g.one(5) {
		return `{"TableName":"counters","Key":{"id":` + g.attrN(g.IntN(4)) + `}` + g.consistent() + g.capacity() + `}`
	}
	if g.one(20) {
		return `{"TableName":"books","Key":` + g.pick(`{"author":{"S":"ann"}}`, `{"author":{"S":""},"title":{"S":"a"}}`,
			`{"author":{"N":"1"},"title":{"S":"a"}}`, `{"author":{"S":"ann"},"title":{"S":"a"},"year":{"N":"1"}}`) + `}`
	}
	return `{"TableName":"books","Key":` + g.key() + g.consistent() + g.capacity() + g.projection() + `}`
}

// batchGet makes a BatchGetItem, with duplicates now and then.
func (g *generator) batchGet() string {
	var keys []string
	for range 1 + g.IntN(4) {
		keys = append(keys, g.key())
	}
	part := `{"Keys":[` + strings.Join(keys, ",") + `]` + g.consistent() + g.projection() + `}`
	counters := ""
	if g.one(2) {
		counters = `,"counters":{"Keys":[{"id":` + g.attrN(g.IntN(4)) + `}]` + g.consistent() + `}`
	}
	return `{"RequestItems":{"books":` + part + counters + `}` + g.capacity() + `}`
}

// page makes a Query or a Scan.
func (g *generator) page(query bool) string {
	index := g.pick("", "", "genre-year", "genre-keys", "year-only", "by-year", "by-genre")
	names, values := map[string]string{}, map[string]string{}
	name := func(attribute string) string {
		if attribute != "year" && g.one(2) {
			return attribute
		}
		p := fmt.Sprintf("#%s%d", attribute, g.IntN(3))
		names[p] = attribute
		return p
	}
	value := func(v string) string {
		p := fmt.Sprintf(":v%d", len(values)+g.IntN(2)*10)
		values[p] = v
		return p
	}
	var b strings.Builder
	b.WriteString(`{"TableName":"books"`)
	if index != "" {
		b.WriteString(`,"IndexName":"` + index + `"`)
	}
	if query {
		hash, sort := "author", "title"
		switch index {
		case "genre-year":
			hash, sort = "genre", "year"
		case "genre-keys":
			hash = "genre"
		case "year-only":
			hash, sort = "year", ""
		case "by-year":
			sort = "year"
		case "by-genre":
			sort = "genre"
		}
		word := func(attribute string) string {
			switch attribute {
			case "author":
				return value(attrS(g.pick(authors...)))
			case "genre":
				return value(attrS(g.pick(genres...)))
			case "year":
				return value(g.attrN(1 + g.IntN(6)))
			}
			return value(attrS(g.pick(titles...)))
		}
		conditions := []string{name(hash) + " = " + word(hash)}
		if sort != "" && !g.one(3) {
			n := name(sort)
			switch k := g.IntN(7); {
			case k == 0:
				conditions = append(conditions, n+" BETWEEN "+word(sort)+" AND "+word(sort))
			case k == 1 && sort != "year":
				conditions = append(conditions, "begins_with("+n+", "+word(sort)+")")
			default:
				conditions = append(conditions, n+g.pick(" = ", " < ", " <= ", " > ", " >= ")+word(sort))
			}
		}
		if len(conditions) == 2 && g.one(2) {
			conditions[0], conditions[1] = conditions[1], conditions[0]
		}
		b.WriteString(`,"KeyConditionExpression":` + quote(strings.Join(conditions, " AND ")))
		b.WriteString(g.pick("", "", `,"ScanIndexForward":false`, `,"ScanIndexForward":true`))
	} else if g.one(4) {
		fmt.Fprintf(&b, `,"Segment":%d,"TotalSegments":2`, g.IntN(3))
	}
	if g.one(3) {
		b.WriteString(`,"FilterExpression":` + quote(g.pick(
			name("note")+" = "+value(attrS("one")),
			"attribute_exists("+name("note")+") OR NOT "+name("note")+"<>"+value(attrS("two")),
			"size("+name("note")+") > "+value(g.attrN(1)),
		)))
	}
	if g.one(2) {
		fmt.Fprintf(&b, `,"Limit":%d`, g.IntN(4))
	}
	b.WriteString(g.pick("", "", "", "", `,"Select":"COUNT"`, `,"Select":"ALL_ATTRIBUTES"`, `,"Select":"ALL_PROJECTED_ATTRIBUTES"`, `,"Select":"SPECIFIC_ATTRIBUTES"`))
	if g.one(3) {
		b.WriteString(`,"ProjectionExpression":` + quote(g.pick("title, "+name("author"), name("note"), name("genre")+","+name("year"), "stock")))
	}
	b.WriteString(g.consistent() + g.capacity())
	// Random choices above may have left names and values without use: what was sent is then refused, on both sides.
	if len(names) > 0 {
		j, _ := json.Marshal(names)
		b.WriteString(`,"ExpressionAttributeNames":` + string(j))
	}
	if len(values) > 0 {
		b.WriteString(`,"ExpressionAttributeValues":{`)
		first := true
		for _, p := range slices.Sorted(maps.Keys(values)) {
			if !first {
				b.WriteByte(',')
			}
			first = false
			b.WriteString(quote(p) + ":" + values[p])
		}
		b.WriteByte('}')
	}
	return b.String() + "}"
}
