package expr

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"millrace/ddb"
)

// An application has few key conditions, which come again and again with other values. Those of the commonest form, one or two
// comparisons of a name with a value, are remembered by their text once they were found to be right, and are not parsed again.

const (
	// keyForms is how many are remembered at most, each in the one place that its hash gives it: some 50 kB in all.
	keyForms = 256
	// longestKeyForm is the longest text.
	longestKeyForm = 128
	// mostComparisons is how many a remembered one has at most.
	mostComparisons = 2
)

// keyForm is a key condition without what its placeholders stand for. It never changes.
type keyForm struct {
	text        string
	comparisons [mostComparisons]keyComparison
	n           int
}

// keyComparison is one comparison, as written: a name or its placeholder, and the placeholder of a value.
type keyComparison struct {
	name, value string
	op          RangeOp
}

// keyFormsSeen are those that are remembered, in places by a hash with keyFormSeed.
var keyFormsSeen [keyForms]atomic.Pointer[keyForm]

// keyFormSeed is the process's own.
var keyFormSeed = maphash.MakeSeed()

// keyFormPlace is where the key condition with a text is remembered; nil if it would not be.
func keyFormPlace(text string) *atomic.Pointer[keyForm] {
	if len(text) > longestKeyForm {
		return nil
	}
	return &keyFormsSeen[maphash.String(keyFormSeed, text)%keyForms]
}

// keyFormOf reads the form off a text that is known to be a right key condition; nil where it is of another form.
func keyFormOf(text string) *keyForm {
	f := &keyForm{text: strings.Clone(text)}
	lex := lexer{text: f.text}
	next := func() (token, string) {
		t := lex.next()
		return t, f.text[t.start:t.end]
	}
	for {
		name, nameText := next()
		_, opText := next()
		value, valueText := next()
		at := -1
		for op := opEQ; op <= opGE; op++ {
			if opText == operatorNames[op] {
				at = int(op - opEQ)
			}
		}
		if name.kind != tokenID && name.kind != tokenName || at < 0 || comparisons[at] == RangeNone || value.kind != tokenValue || f.n == mostComparisons {
			return nil
		}
		f.comparisons[f.n] = keyComparison{nameText, valueText, comparisons[at]}
		f.n++
		switch and, text := next(); {
		case and.kind == tokenEOF:
			return f
		case and.kind != tokenID || !strings.EqualFold(text, "AND"):
			return nil
		}
	}
}

// keyMemory is what a remembered key condition is made of.
type keyMemory struct {
	condition KeyCondition
	conds     [mostComparisons]keyCond
	values    [mostComparisons]ddb.AttributeValue
	hash      [1]ddb.AttributeValue
}

// remembered is the key condition with a text that was parsed before, with env's names and values. It is nil, and nothing was noted in
// env, for one that was not, and for one that may be wrong with these: parsing tells.
func remembered(text string, env *Env) *KeyCondition {
	place := keyFormPlace(text)
	if place == nil {
		return nil
	}
	f := place.Load()
	if f == nil || f.text != text {
		return nil
	}
	if env.key == nil {
		env.key = new(keyMemory)
	}
	k, values := &env.key.condition, env.key.values[:f.n]
	*k = KeyCondition{conds: env.key.conds[:f.n], hash: env.key.hash[:0]}
	for i, c := range f.comparisons[:f.n] {
		name, known := c.name, true
		if name[0] == '#' {
			name, known = env.names[name]
		}
		v, given := env.values[c.value]
		if !known || !given || v.Kind() != ddb.KindS && v.Kind() != ddb.KindN && v.Kind() != ddb.KindB {
			return nil
		}
		if i > 0 && k.conds[0].name == name {
			return nil
		}
		values[i] = v
		k.conds[i] = keyCond{name: name, op: c.op, values: values[i : i+1 : i+1]}
	}
	for _, c := range f.comparisons[:f.n] {
		if c.name[0] == '#' {
			env.use(c.name)
		}
		env.use(c.value)
	}
	return k
}
