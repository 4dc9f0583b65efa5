package engine

import (
	"millrace/ddb"
	"millrace/ddb/expr"
)

// pageRead is one page of a Query or Scan, after all checks.
type pageRead struct {
	table *table
	// index is the one read, nil for the table.
	index *index
	// lower (inclusive) and upper (exclusive) bound the store keys still to read.
	lower, upper []byte
	reverse      bool
	// limit is the most items to examine, most the most to return; 0 for no limit.
	limit, most int
	// filter drops items after they are counted; nil drops none.
	filter *expr.Condition
	// projection is what is returned of each item; nil is all of it.
	projection *expr.Projection
	// fetch reads every item whole from the table: a local index was asked for attributes that it does not have.
	fetch bool
	// count asks for no items, only their number.
	count bool
	// consistent is what the read is charged as.
	consistent bool
	// pace is whom the read gives way to; nil is nobody.
	pace *pace
	// copies asks for the items as they are stored, where nothing needs to look into them.
	copies bool
}

// page is the outcome of a pageRead.
type page struct {
	// items is nil if only the count was asked for, or stored has the items instead, which then is not nil.
	items  []ddb.Item
	stored *storedItems
	// count is the number of items that passed the filter, scanned the number before it.
	count, scanned int
	// last is the LastEvaluatedKey, nil when the page reached the end.
	last ddb.Item
	cost cost
	// read is what the cost was made from; see ddb.ReadCost.
	read ddb.ReadCost

	// readBytes is the size of what was read in order, fetchHalves what the fetches cost, pageBytes the size that
	// counts towards the page's limit.
	readBytes, pageBytes int
	fetchHalves          int64
}

// readPage reads p as of v, or of what an eventually consistent read sees instead, if the table's throughput allows it.
func (e *Engine) readPage(v *view, p *pageRead) (*page, error) {
	seen := e.replica(v, p.table, p.index, p.consistent)
	defer seen.releaseUnless(v)
	p.pace = e.newPace()
	got, err := p.run(seen)
	if err != nil {
		return nil, err
	}
	if bad := e.admitRead(p.table, got.cost); bad != nil {
		return nil, bad
	}
	return got, nil
}

// run reads the page from v. It stops once limit items or 1 MB have been read, before the filter, and then gives
// a LastEvaluatedKey without looking whether anything follows. (API Reference, Query: LastEvaluatedKey.)
func (p *pageRead) run(v *view) (*page, error) {
	out := &page{}
	switch {
	case p.count:
	case p.copies && !p.fetch && p.filter == nil && p.projection == nil:
		out.stored = pages.Get().(*storedItems)
	default:
		out.items = []ddb.Item{}
	}
	c, err := v.scan(p.table, p.index, p.lower, p.upper, p.reverse)
	if err != nil {
		return nil, err
	}
	for yielded := 0; c.next(); {
		var stop bool
		if stop, err = out.take(p, v, c); stop || err != nil {
			break
		}
		if p.pace != nil && out.readBytes-yielded >= yieldBytes {
			yielded = out.readBytes
			p.pace.yield()
		}
	}
	if closeErr := c.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	out.charge(p)
	return out, nil
}

// take adds what c stands on to the page; stop is true when the page is full.
func (out *page) take(p *pageRead, v *view, c *cursor) (stop bool, err error) {
	size := c.size()
	out.scanned++
	out.readBytes += size
	var item ddb.Item
	if p.fetch {
		if item, err = p.whole(v, c); err != nil {
			return false, err
		}
		size = item.Size()
		out.fetchHalves += readHalves(size, false)
	}
	out.pageBytes += size
	stop = out.scanned == p.limit || out.pageBytes >= ddb.MaxPageBytes
	if out.stored != nil {
		stored, err := c.stored()
		if err != nil {
			return false, err
		}
		out.stored.add(stored)
		out.count++
		if stop = stop || out.count == p.most; !stop {
			return false, nil
		}
	}
	// Counting without a filter needs no look at the items, nor does copying them, but for where the page ends.
	if !p.fetch && (stop || !p.count || p.filter != nil) {
		if item, err = c.item(); err != nil {
			return false, err
		}
	}
	if out.stored == nil && (p.filter == nil || p.filter.Match(item)) {
		out.count++
		if !p.count {
			out.items = append(out.items, p.project(item))
			stop = stop || len(out.items) == p.most
		}
	}
	if stop {
		out.last = lastKey(p.table, p.index, item)
	}
	return stop, nil
}

// whole is the item of the index entry that c stands on.
func (p *pageRead) whole(v *view, c *cursor) (ddb.Item, error) {
	entry, err := c.item()
	if err != nil {
		return nil, err
	}
	key, bad := p.table.itemKey(entry)
	if bad != nil {
		return nil, bad
	}
	item, _, err := v.get(p.table, key)
	return item, err
}

// project is what the page returns of item.
func (p *pageRead) project(item ddb.Item) ddb.Item {
	if p.projection == nil {
		return item
	}
	if item = p.projection.Apply(item); item == nil {
		return ddb.Item{}
	}
	return item
}

// charge fills in what the page cost. The sum of all that was read is rounded once; fetches from the table are
// rounded one by one. (Developer Guide, "Local secondary indexes", Read capacity units.)
func (out *page) charge(p *pageRead) {
	out.read = ddb.ReadCost{Table: readHalves(out.readBytes, false)}
	if p.index != nil {
		out.read = ddb.ReadCost{Table: out.fetchHalves, Index: readHalves(out.readBytes, false)}
	}
	factor := int64(1)
	if p.consistent {
		factor = 2
	}
	out.cost.table = factor * out.read.Table
	if p.index != nil {
		out.cost.addIndex(p.index, factor*out.read.Index)
	}
}

// checkSelect checks Select against the other parameters that say what to return; step 4. sent is the one of
// ProjectionExpression and AttributesToGet that the request has, or empty.
func checkSelect(choice *string, sent string, indexed bool) *ddb.Error {
	if choice == nil {
		return nil
	}
	what := *choice
	switch {
	case what == "SPECIFIC_ATTRIBUTES" && sent == "":
		return ddb.Validation("Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case what != "SPECIFIC_ATTRIBUTES" && sent != "":
		if what == "COUNT" {
			what = "only the Count"
		}
		return ddb.Validation("Cannot specify the %s when choosing to get %s", sent, what)
	case what == "ALL_PROJECTED_ATTRIBUTES" && !indexed:
		return ddb.Validation("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	}
	return nil
}
