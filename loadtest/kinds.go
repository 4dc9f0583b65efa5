package loadtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// attribute is a name and a scalar type, S, N or B.
type attribute struct {
	name string
	typ  byte
}

// parseAttribute reads "id S"; an empty text is none.
func parseAttribute(text string) (attribute, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return attribute{}, nil
	}
	at := strings.LastIndexFunc(text, unicode.IsSpace)
	if at < 0 || !slices.Contains([]string{"S", "N", "B"}, text[at+1:]) {
		return attribute{}, fmt.Errorf("%q must be a name and a type, such as \"id S\"", text)
	}
	return attribute{strings.TrimSpace(text[:at]), text[at+1]}, nil
}

// tableDef is a table ready to be made and used.
type tableDef struct {
	// name has the run's prefix.
	name            string
	partition, sort attribute
	indexes         []indexDef
	ttl             string
}

// indexDef is an index of a table; local ones have the table's partition key.
type indexDef struct {
	name            string
	partition, sort attribute
	local, keysOnly bool
}

// size is how large something is: always low, or drawn between low and high, or log-normal by median and 99th percentile.
type size struct {
	low, high int
	logNormal bool
}

// parseSize reads a size; fallback is what an empty text means.
func parseSize(text string, fallback int) (s size, err error) {
	words := strings.Fields(text)
	number := func(i int) int {
		v, parseErr := strconv.Atoi(words[i])
		if parseErr != nil || v < 1 {
			err = fmt.Errorf("size %q: %q must be a number above zero", text, words[i])
		}
		return v
	}
	switch {
	case len(words) == 0:
		s.low, s.high = fallback, fallback
	case len(words) == 1:
		s.low = number(0)
		s.high = s.low
	case len(words) == 3 && (words[0] == "uniform" || words[0] == "lognormal"):
		s = size{number(1), number(2), words[0] == "lognormal"}
		if err == nil && s.high <= s.low {
			err = fmt.Errorf("size %q: the second number must be above the first", text)
		}
	default:
		err = fmt.Errorf("size %q, must be a number, \"uniform LOW HIGH\" or \"lognormal MEDIAN P99\"", text)
	}
	return s, err
}

// z99 is the standard normal distribution's 99th percentile.
const z99 = 2.3263478740408408

// draw gives a size, at most limit.
func (s size) draw(random *rand.Rand, limit int) int {
	v := s.low
	switch {
	case s.logNormal:
		sigma := math.Log(float64(s.high)/float64(s.low)) / z99
		v = int(math.Min(float64(limit), float64(s.low)*math.Exp(sigma*random.NormFloat64())))
	case s.high > s.low:
		v = s.low + random.IntN(s.high-s.low+1)
	}
	return max(1, min(v, limit))
}

// mean is the expected size.
func (s size) mean() float64 {
	if s.logNormal {
		sigma := math.Log(float64(s.high)/float64(s.low)) / z99
		return float64(s.low) * math.Exp(sigma*sigma/2)
	}
	return float64(s.low+s.high) / 2
}

// kind is one kind of items, ready to be written.
type kind struct {
	name             string
	table            *tableDef
	partition, sort  template
	partitions, each int
	// growsSort tells that inserts go to existing partitions.
	growsSort  bool
	size       size
	fields     int
	attributes []attributeDef
	// number tells kinds apart where random numbers are drawn.
	number uint64
}

// attributeDef is an attribute beside the keys.
type attributeDef struct {
	attribute
	value template
}

// count is how many items there are at first.
func (k *kind) count() int { return k.partitions * k.each }

// maxItemBytes bounds drawn sizes: DynamoDB's limit of 400 KB, less what names and keys may take. (Developer Guide,
// "Quotas": Items.)
const maxItemBytes = 390_000

// compileTables prepares the tables and their names.
func (w *Workload) compileTables(prefix string) (map[string]*tableDef, error) {
	tables := map[string]*tableDef{}
	for name, t := range w.Tables {
		d := &tableDef{name: prefix + name, ttl: t.TTL}
		var err error
		if d.partition, err = parseAttribute(t.Partition); err == nil {
			d.sort, err = parseAttribute(t.Sort)
		}
		if err == nil && d.partition.name == "" {
			err = fmt.Errorf("partition is missing")
		}
		for index, x := range t.Indexes {
			def := indexDef{name: index, keysOnly: x.KeysOnly, local: x.Partition == ""}
			if err == nil {
				def.partition, err = parseAttribute(x.Partition)
			}
			if err == nil {
				def.sort, err = parseAttribute(x.Sort)
			}
			if def.local {
				def.partition = d.partition
			}
			d.indexes = append(d.indexes, def)
		}
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		slices.SortFunc(d.indexes, func(a, b indexDef) int { return strings.Compare(a.name, b.name) })
		tables[name] = d
	}
	return tables, nil
}

// compileKinds prepares the items. scale multiplies how many partitions each kind has.
func (w *Workload) compileKinds(tables map[string]*tableDef, scale float64) (map[string]*kind, error) {
	kinds := map[string]*kind{}
	names := make([]string, 0, len(w.Items))
	for name := range w.Items {
		names = append(names, name)
	}
	sort.Strings(names)
	for i, name := range names {
		k, err := w.Items[name].compile(tables, scale)
		if err != nil {
			return nil, fmt.Errorf("items %s: %w", name, err)
		}
		k.name, k.number = name, uint64(i)
		kinds[name] = k
	}
	return kinds, nil
}

// compile prepares one kind of items.
func (t Items) compile(tables map[string]*tableDef, scale float64) (*kind, error) {
	k := &kind{table: tables[t.Table], each: max(1, t.Each), fields: max(1, t.Fields)}
	if k.table == nil {
		return nil, fmt.Errorf("table %q is not among the tables", t.Table)
	}
	if t.Partitions < 1 {
		return nil, fmt.Errorf("partitions is %d, must be above zero", t.Partitions)
	}
	k.partitions = max(1, int(float64(t.Partitions)*scale))
	var err error
	if k.partition, err = parseTemplate(t.Partition); err != nil {
		return nil, err
	}
	if k.sort, err = parseTemplate(t.Sort); err != nil {
		return nil, err
	}
	if k.size, err = parseSize(t.Size, 400); err != nil {
		return nil, err
	}
	switch t.Grows {
	case "sort":
		k.growsSort = true
	case "", "partition":
	default:
		return nil, fmt.Errorf("grows is %q, must be partition or sort", t.Grows)
	}
	switch {
	case len(k.partition) == 0:
		return nil, fmt.Errorf("partition is missing")
	case (len(k.sort) > 0) != (k.table.sort.name != ""):
		return nil, fmt.Errorf("sort is given for the items or for their table, but not for both")
	case !k.partition.varies('p') && k.partitions > 1:
		return nil, fmt.Errorf("partition %q has no {p}, so that all %d partitions are one", t.Partition, k.partitions)
	case (k.each > 1 || k.growsSort) && !k.sort.varies('s'):
		return nil, fmt.Errorf("sort %q has no {s}, so that all items of a partition are one", t.Sort)
	case k.partition.varies('r') || k.sort.varies('r') || k.partition.varies('t') || k.sort.varies('t'):
		return nil, fmt.Errorf("keys cannot be random or depend on time")
	}
	names := make([]string, 0, len(t.Attributes))
	for name := range t.Attributes {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		typ, value, ok := strings.Cut(t.Attributes[name], " ")
		if !ok || typ != "S" && typ != "N" {
			return nil, fmt.Errorf("attribute %s is %q, must be S or N and a value", name, t.Attributes[name])
		}
		d := attributeDef{attribute: attribute{name, typ[0]}}
		if d.value, err = parseTemplate(value); err != nil {
			return nil, err
		}
		k.attributes = append(k.attributes, d)
	}
	return k, nil
}
