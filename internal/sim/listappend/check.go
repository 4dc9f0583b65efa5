package listappend

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Tx is one transaction of a history.
type Tx struct {
	// Name is for messages.
	Name string
	// Appends are the elements that it appended to each item, Reads what it found in an item, nil for none.
	Appends, Reads map[string][]int
	// Failed is whether it was refused, and must have done nothing.
	Failed bool
	// Start and End are when it was sent and answered, by a clock that never stands still.
	Start, End int64
}

// Anomaly is what a history shows that must not be.
type Anomaly struct{ Kind, Text string }

// String is for messages; a nil anomaly is none.
func (a *Anomaly) String() string {
	if a == nil {
		return "none"
	}
	return a.Kind + ": " + a.Text
}

// The kinds of dependencies, as bits.
const (
	realTime  = 1 << iota // the first was answered before the second was sent
	writeNext             // the second's append to an item follows the first's
	writeRead             // the second read what the first appended last
	readWrite             // the second appended next to what the first read
)

// dependencyNames are for messages.
var dependencyNames = map[int]string{realTime: "before", writeNext: "ww", writeRead: "wr", readWrite: "rw"}

// dependencies is a graph: by transaction, whom it must come before, and why.
type dependencies []map[int]int

// add adds an edge; a transaction does not depend on itself.
func (d dependencies) add(from, to, why int) {
	if from == to {
		return
	}
	if d[from] == nil {
		d[from] = make(map[int]int)
	}
	d[from][to] |= why
}

// Check finds the worst anomaly of a history. Its last transaction must have read every item after all others
// were over.
func Check(txs []Tx) *Anomaly {
	order, bad := appendOrder(txs)
	if bad != nil {
		return bad
	}
	d := make(dependencies, len(txs))
	for item, o := range order {
		for i := 1; i < len(o.elements); i++ {
			d.add(o.writers[i-1], o.writers[i], writeNext)
		}
		for i := range txs {
			read, ok := txs[i].Reads[item]
			if !ok || txs[i].Failed {
				continue
			}
			n := len(read)
			if n > 0 {
				if n < len(o.elements) && o.writers[n-1] == o.writers[n] && o.writers[n] != i {
					return &Anomaly{"G1b", fmt.Sprintf("%s read %s as %v, in the middle of what %s appended", txs[i].Name, item, read, txs[o.writers[n]].Name)}
				}
				d.add(o.writers[n-1], i, writeRead)
			}
			if n < len(o.elements) {
				d.add(i, o.writers[n], readWrite)
			}
		}
	}
	d.addRealTime(txs)
	for _, level := range []struct {
		kind string
		mask int
	}{{"G0", realTime | writeNext}, {"G1c", realTime | writeNext | writeRead}} {
		if cycle := d.cycle(level.mask); cycle != nil {
			return &Anomaly{level.kind, d.tell(txs, cycle)}
		}
	}
	for from := range d {
		for to, why := range d[from] {
			if why&readWrite == 0 {
				continue
			}
			if path := d.path(to, from, realTime|writeNext|writeRead); path != nil {
				return &Anomaly{"G-single", d.tell(txs, append([]int{from}, path...))}
			}
		}
	}
	if cycle := d.cycle(realTime | writeNext | writeRead | readWrite); cycle != nil {
		return &Anomaly{"G2", d.tell(txs, cycle)}
	}
	return nil
}

// itemOrder is the elements of one item in their final order, and the transaction that appended each.
type itemOrder struct {
	elements, writers []int
}

// appendOrder is the order of every item's elements. It checks what needs no graph.
func appendOrder(txs []Tx) (map[string]itemOrder, *Anomaly) {
	writer := make(map[int]int)
	for i := range txs {
		for _, elements := range txs[i].Appends {
			for _, e := range elements {
				writer[e] = i
			}
		}
	}
	last := &txs[len(txs)-1]
	order := make(map[string]itemOrder)
	for item, elements := range last.Reads {
		o := itemOrder{elements: elements}
		seen := make(map[int]bool)
		for _, e := range elements {
			w, ok := writer[e]
			switch {
			case !ok || seen[e]:
				return nil, &Anomaly{"garbage", fmt.Sprintf("%s has %d, which nobody appended, or twice", item, e)}
			case txs[w].Failed:
				return nil, &Anomaly{"G1a", fmt.Sprintf("%s has %d of %s, which failed", item, e, txs[w].Name)}
			}
			seen[e] = true
			o.writers = append(o.writers, w)
		}
		order[item] = o
	}
	for i := range txs {
		tx := &txs[i]
		if tx.Failed {
			continue
		}
		for item, elements := range tx.Appends {
			for _, e := range elements {
				if !slices.Contains(order[item].elements, e) {
					return nil, &Anomaly{"lost", fmt.Sprintf("%d of %s is not in %s", e, tx.Name, item)}
				}
			}
		}
		for item, read := range tx.Reads {
			final := order[item].elements
			if len(read) > len(final) || !slices.Equal(read, final[:len(read)]) {
				for _, e := range read {
					if w, ok := writer[e]; ok && txs[w].Failed {
						return nil, &Anomaly{"G1a", fmt.Sprintf("%s read %d of %s, which failed", tx.Name, e, txs[w].Name)}
					}
				}
				return nil, &Anomaly{"order", fmt.Sprintf("%s read %s as %v, which is no beginning of %v", tx.Name, item, read, final)}
			}
		}
	}
	return order, nil
}

// addRealTime adds who was over before whom: enough of it that the rest follows.
func (d dependencies) addRealTime(txs []Tx) {
	byStart := make([]int, 0, len(txs))
	for i := range txs {
		if !txs[i].Failed {
			byStart = append(byStart, i)
		}
	}
	slices.SortFunc(byStart, func(a, b int) int { return int(txs[a].Start - txs[b].Start) })
	for _, i := range byStart {
		from := sort.Search(len(byStart), func(k int) bool { return txs[byStart[k]].Start > txs[i].End })
		// Who was sent after one of these was over is after i through that one.
		over := int64(1) << 62
		for _, k := range byStart[from:] {
			if txs[k].Start > over {
				break
			}
			d.add(i, k, realTime)
			over = min(over, txs[k].End)
		}
	}
}

// path finds a shortest way along edges of the kinds in mask; nil if there is none. It begins with from and ends with to.
func (d dependencies) path(from, to, mask int) []int {
	came := map[int]int{from: from}
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for next, why := range d[at] {
			if _, seen := came[next]; why&mask == 0 || seen && next != to {
				continue
			}
			if next == to {
				path := []int{to}
				for ; at != from; at = came[at] {
					path = append(path, at)
				}
				path = append(path, from)
				slices.Reverse(path)
				return path
			}
			came[next] = at
			queue = append(queue, next)
		}
	}
	return nil
}

// cycle finds a cycle of edges of the kinds in mask; nil if there is none. Its last is its first.
func (d dependencies) cycle(mask int) []int {
	// Who has nothing before it is on no cycle; what is left when all these are gone has one.
	before := make([]int, len(d))
	for from := range d {
		for to, why := range d[from] {
			if why&mask != 0 {
				before[to]++
			}
		}
	}
	var free []int
	for i, n := range before {
		if n == 0 {
			free = append(free, i)
		}
	}
	gone := 0
	for ; len(free) > 0; gone++ {
		at := free[len(free)-1]
		free = free[:len(free)-1]
		for to, why := range d[at] {
			if why&mask == 0 {
				continue
			}
			if before[to]--; before[to] == 0 {
				free = append(free, to)
			}
		}
	}
	if gone == len(d) {
		return nil
	}
	for i, n := range before {
		if n > 0 {
			if path := d.path(i, i, mask); path != nil {
				return path
			}
		}
	}
	return nil
}

// tell describes a cycle.
func (d dependencies) tell(txs []Tx, cycle []int) string {
	var text strings.Builder
	for i, at := range cycle {
		if i > 0 {
			var why []string
			for bit := realTime; bit <= readWrite; bit <<= 1 {
				if d[cycle[i-1]][at]&bit != 0 {
					why = append(why, dependencyNames[bit])
				}
			}
			fmt.Fprintf(&text, " -%s-> ", strings.Join(why, "+"))
		}
		text.WriteString(txs[at].Name)
	}
	return text.String()
}
