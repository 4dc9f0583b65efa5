package loadtest

import (
	"fmt"
	"math"

	"millrace/ddb"
)

// initialItem is an item that must be there before a trace is played: a request found it.
type initialItem struct {
	recordedPart
	// indexPartition and indexSort are keys of the index that a query found it by, if one did.
	indexPartition, indexSort string
}

// pageKey names what a query reads.
type pageKey struct {
	table     *tableDef
	index     *indexDef
	partition string
}

// itemKey names an item.
type itemKey struct {
	table           *tableDef
	partition, sort string
}

// usualBytes is the size of an item of which nothing says how large it is.
const usualBytes = 400

// initial are the items that the trace's requests found without having put them before. What a query found is made up to
// the number that it found, with sort keys of our own where hashing has left no order.
func (t *Trace) initial() []initialItem {
	var items []initialItem
	seen := map[itemKey]bool{}
	inPartition := map[pageKey]int{}
	note := func(p recordedPart, bytes int, there bool) {
		key := itemKey{p.table, p.partition, p.sort}
		if seen[key] {
			return
		}
		seen[key] = true
		if there {
			p.bytes = bytes
			items = append(items, initialItem{recordedPart: p})
		}
		inPartition[pageKey{p.table, nil, p.partition}]++
	}
	asked := map[pageKey]bool{}
	for i := range t.requests {
		r := &t.requests[i]
		if r.op == ddb.Query {
			p := &r.parts[0]
			key := pageKey{p.table, p.index, p.partition}
			if asked[key] || r.found <= 0 {
				continue
			}
			asked[key] = true
			for n := inPartition[key]; n < r.found; n++ {
				items = append(items, t.madeUp(r, len(items)))
			}
			continue
		}
		for _, p := range r.parts {
			switch p.do {
			case "put":
				note(p, 0, false)
			case "get":
				// Of a batch it is not known which were there.
				note(p, int(math.Max(1, float64(r.out)/float64(len(r.parts)))), r.found != 0)
			case "":
			default:
				note(p, max(p.bytes, usualBytes), true)
			}
		}
	}
	return items
}

// madeUp is an item that the query r finds; n makes its key its own.
func (t *Trace) madeUp(r *recorded, n int) initialItem {
	p := r.parts[0]
	own := func(a attribute) string {
		switch {
		case a.name == "":
			return ""
		case a.typ == 'N':
			// Hashed numbers are below 10^15.
			return valueJSON('N', fmt.Sprintf("%d", int64(1e15)+int64(n)))
		case a.typ == 'B':
			return valueJSON('B', fmt.Sprintf("bG9hZHRlc3Qt%08d", n))
		}
		return valueJSON('S', fmt.Sprintf("loadtest-%08d", n))
	}
	within := func(a attribute) string {
		// A plain range must have its items in it; the first bound is, but for < and >.
		if t.plain && r.rangeOp != "" && r.rangeOp != "<" && r.rangeOp != ">" {
			if r.rangeOp == "begins_with" && a.typ == 'S' {
				return r.rangeA[:len(r.rangeA)-2] + fmt.Sprintf("%08d", n) + `"}`
			}
			return r.rangeA
		}
		if r.rangeOp == "=" {
			return r.rangeA
		}
		return own(a)
	}
	item := initialItem{recordedPart: recordedPart{table: p.table, index: p.index, partition: p.partition, bytes: max(1, r.out/max(1, r.found))}}
	if p.index == nil {
		item.sort = within(p.table.sort)
		return item
	}
	item.sort = own(p.table.sort)
	item.indexPartition, item.indexSort = p.partition, within(p.index.sort)
	if !p.index.local {
		item.partition = own(p.table.partition)
	}
	return item
}

// stock is what a trace needs to be there.
func (t *Trace) stock() stock {
	items := t.unique(t.initial())
	return stock{tables: t.tables, items: len(items), put: func(w *writer, dst []byte, i int) ([]byte, string) {
		w.seed(uint64(i), streamItems)
		item := &items[i]
		dst = w.playItem(dst, &item.recordedPart)
		if x := item.index; x != nil {
			add := func(a attribute, value string) {
				if a.name != "" && a != item.table.partition && a != item.table.sort {
					dst = append(name(append(dst[:len(dst)-1], ','), a.name), value+"}"...)
				}
			}
			add(x.partition, item.indexPartition)
			add(x.sort, item.indexSort)
		}
		return dst, item.table.name
	}}
}

// unique leaves one of several items with the same key: a batch may not have two.
func (t *Trace) unique(items []initialItem) []initialItem {
	seen := map[itemKey]bool{}
	out := items[:0]
	for _, item := range items {
		key := itemKey{item.table, item.partition, item.sort}
		if !seen[key] {
			seen[key] = true
			out = append(out, item)
		}
	}
	return out
}

// prefixTables gives the trace's tables the run's names.
func (t *Trace) prefixTables(prefix string) {
	for _, d := range t.tables {
		d.name = prefix + d.name
	}
}
