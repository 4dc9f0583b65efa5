package loadtest

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
)

// writer makes the JSON of items and requests. It is one goroutine's.
type writer struct {
	fill []byte
	// source is reseeded for each request or item, so that what is drawn depends on which it is alone.
	source rand.PCG
	random *rand.Rand
	n      numbers
}

// fillBytes is the length of the text that values are cut from: more than an item can hold.
const fillBytes = 512 << 10

// newFill makes text that does not compress well and needs no escaping in JSON.
func newFill(seed uint64) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	random := rand.New(rand.NewPCG(seed, streamFill))
	b := make([]byte, 0, fillBytes)
	for len(b) < fillBytes {
		for word, i := random.Uint64(), 0; i < 10; i, word = i+1, word>>6 {
			b = append(b, letters[word&63])
		}
	}
	return b[:fillBytes]
}

// newWriter makes a writer over the run's fill.
func newWriter(fill []byte) *writer {
	w := &writer{fill: fill}
	w.random = rand.New(&w.source)
	w.n.random = w.random
	return w
}

// seed makes what is drawn next depend on a and b alone.
func (w *writer) seed(a, b uint64) { w.source.Seed(a, b) }

// text appends n bytes of text.
func (w *writer) text(dst []byte, n int) []byte {
	at := w.random.IntN(len(w.fill) - n + 1)
	return append(dst, w.fill[at:at+n]...)
}

// value appends {"S":"..."} for a template.
func (w *writer) value(dst []byte, typ byte, t template) []byte {
	dst = append(dst, '{', '"', typ, '"', ':', '"')
	dst = t.append(dst, &w.n)
	return append(dst, '"', '}')
}

// quoted appends a JSON string. Attributes may be called anything.
func quoted(dst []byte, text string) []byte {
	if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }) < 0 {
		return append(append(append(dst, '"'), text...), '"')
	}
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return append(dst, b...)
}

// name appends a JSON string and a colon.
func name(dst []byte, text string) []byte { return append(quoted(dst, text), ':') }

// key appends the key attributes of the item that w.n numbers, without braces.
func (w *writer) key(dst []byte, k *kind) []byte {
	dst = w.value(name(dst, k.table.partition.name), k.table.partition.typ, k.partition)
	if k.table.sort.name != "" {
		dst = w.value(name(append(dst, ','), k.table.sort.name), k.table.sort.typ, k.sort)
	}
	return dst
}

// item appends a whole item, braces included, of about the size that its kind draws.
func (w *writer) item(dst []byte, k *kind) []byte {
	start := len(dst)
	// What counts for DynamoDB is names and values; braces and quotes are some ten bytes an attribute beyond that.
	size := k.size.draw(w.random, maxItemBytes) + 10*(2+len(k.attributes)+k.fields)
	dst = w.key(append(dst, '{'), k)
	for i := range k.attributes {
		a := &k.attributes[i]
		dst = w.value(name(append(dst, ','), a.name), a.typ, a.value)
	}
	left := size - (len(dst) - start)
	for i := range k.fields {
		dst = append(dst, `,"field`...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, `":{"S":"`...)
		dst = w.text(dst, max(1, left/k.fields-16))
		dst = append(dst, '"', '}')
	}
	return append(dst, '}')
}

// initial appends the item with a number below k.count() as it is loaded. Every load with the seed gives the same.
func (w *writer) initial(dst []byte, k *kind, seed uint64, i int, now int64) []byte {
	w.seed(seed^k.number<<48, streamItems+uint64(i)<<20)
	w.n.partition, w.n.sort, w.n.now = uint64(i/k.each), uint64(i%k.each), now
	return w.item(dst, k)
}
