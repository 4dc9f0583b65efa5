package loadtest

import (
	"math"
	"slices"
	"strconv"

	"millrace/ddb"
)

// verb is what a step can do: the operation, the most items in one, and how its body is made.
type verb struct {
	op   ddb.Operation
	most int
	// reads and finds are as in request.
	reads, finds bool
	// inserts tells that the items are new ones.
	inserts bool
	// body makes the request's body in r.
	body func(w *writer, s *step, o occasion, r *request)
	// units are the read and write units of capacity that one request takes at Amazon, about. (Developer Guide, "Read/write
	// capacity mode": a read unit is 4 KB, half of one when eventually consistent and two in a transaction; a write unit is
	// 1 KB, two in a transaction.)
	units func(s *step) (read, write float64)
}

// verbs are the words for Step.Do.
var verbs = map[string]*verb{
	"get":               {op: ddb.GetItem, most: 1, reads: true, finds: true, body: (*writer).get, units: readUnits},
	"put":               {op: ddb.PutItem, most: 1, body: (*writer).put, units: writeUnits},
	"insert":            {op: ddb.PutItem, most: 1, inserts: true, body: (*writer).insert, units: writeUnits},
	"update":            {op: ddb.UpdateItem, most: 1, body: (*writer).update, units: writeUnits},
	"delete":            {op: ddb.DeleteItem, most: 1, body: (*writer).remove, units: writeUnits},
	"query":             {op: ddb.Query, most: 1, reads: true, body: (*writer).query, units: pageUnits},
	"scan":              {op: ddb.Scan, most: 1, reads: true, body: (*writer).scan, units: pageUnits},
	"batch-get":         {op: ddb.BatchGetItem, most: 100, reads: true, body: (*writer).batchGet, units: readUnits},
	"batch-write":       {op: ddb.BatchWriteItem, most: 25, inserts: true, body: (*writer).batchWrite, units: writeUnits},
	"transact-get":      {op: ddb.TransactGetItems, most: 100, reads: true, body: (*writer).transactGet, units: transactReadUnits},
	"transact-write":    {op: ddb.TransactWriteItems, most: 100, inserts: true, body: (*writer).transactWrite, units: transactWriteUnits},
	"read-modify-write": {op: ddb.GetItem, most: 1, reads: true, finds: true, body: (*writer).readModifyWrite, units: readWriteUnits},
}

// verbNames are the verbs in order.
func verbNames() []string {
	names := make([]string, 0, len(verbs))
	for name := range verbs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// open begins a body with its table.
func open(r *request, table string) []byte {
	return append(append(append(r.body[:0], `{"TableName":"`...), table...), '"')
}

// get makes a GetItem.
func (w *writer) get(s *step, o occasion, r *request) {
	s.choose(w, o)
	b := open(r, s.kind.table.name)
	b = append(w.key(append(b, `,"Key":{`...), s.kind), '}')
	b = s.appendProjection(b)
	if s.consistent {
		b = append(b, `,"ConsistentRead":true`...)
	}
	r.body = append(b, '}')
}

// appendProjection asks for some attributes only.
func (s *step) appendProjection(b []byte) []byte {
	if s.project == "" {
		return b
	}
	return append(append(append(b, `,"ProjectionExpression":"`...), s.project...), '"')
}

// appendCondition makes a write conditional.
func (s *step) appendCondition(b []byte) []byte {
	if s.condition == "" {
		return b
	}
	return append(append(append(b, `,"ConditionExpression":"`...), s.condition...), '"')
}

// put makes a PutItem that replaces an item.
func (w *writer) put(s *step, o occasion, r *request) {
	s.choose(w, o)
	w.putChosen(s, r)
}

// insert makes a PutItem of a new item.
func (w *writer) insert(s *step, o occasion, r *request) {
	s.fresh(w, o, 0)
	w.putChosen(s, r)
}

// putChosen makes a PutItem of the numbered item.
func (w *writer) putChosen(s *step, r *request) {
	b := w.item(append(open(r, s.kind.table.name), `,"Item":`...), s.kind)
	r.body = append(s.appendCondition(b), '}')
}

// update makes an UpdateItem.
func (w *writer) update(s *step, o occasion, r *request) {
	s.choose(w, o)
	b := append(open(r, s.kind.table.name), ',')
	b = s.appendCondition(w.changeChosen(b, s, s.kind))
	r.body = append(b, '}')
}

// changeChosen appends key and change of the numbered item, k's.
func (w *writer) changeChosen(b []byte, s *step, k *kind) []byte {
	b = append(w.key(append(b, `"Key":{`...), k), `},`...)
	b = append(b, s.change...)
	b = append(b, `,"ExpressionAttributeValues":{`...)
	for i := range s.set {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendInt(append(b, `":s`...), int64(i), 10), `":{"S":"`...)
		b = append(w.text(b, max(1, k.size.draw(w.random, maxItemBytes)/k.fields-10)), `"}`...)
	}
	if s.add > 0 {
		if s.set > 0 {
			b = append(b, ',')
		}
		b = append(b, `":one":{"N":"1"}`...)
	}
	return append(b, '}')
}

// remove makes a DeleteItem.
func (w *writer) remove(s *step, o occasion, r *request) {
	s.choose(w, o)
	b := append(open(r, s.kind.table.name), `,"Key":{`...)
	r.body = append(s.appendCondition(append(w.key(b, s.kind), '}')), '}')
}

// query makes a Query of the partition of an item, or of an index's.
func (w *writer) query(s *step, o occasion, r *request) {
	s.choose(w, o)
	t := s.kind.table
	b := open(r, t.name)
	partition, value := t.partition, s.kind.partition
	if s.index != nil {
		partition = s.index.partition
		value, _ = s.kind.keyOf(partition)
		b = append(append(append(b, `,"IndexName":"`...), s.index.name...), '"')
	}
	condition, names := "#p = :p", ""
	switch {
	case s.from:
		condition += " AND #s >= :s"
	case s.prefix:
		condition += " AND begins_with(#s, :s)"
	case s.between > 0:
		condition += " AND #s BETWEEN :s AND :e"
	}
	if s.from || s.prefix || s.between > 0 {
		names = `","#s":"` + t.sort.name
	}
	b = append(append(append(b, `,"KeyConditionExpression":"`...), condition...), `","ExpressionAttributeNames":{"#p":"`...)
	b = append(append(append(b, partition.name...), names...), `"},"ExpressionAttributeValues":{":p":`...)
	b = w.value(b, partition.typ, value)
	switch {
	case s.prefix:
		b = append(append(append(b, `,":s":{"S":"`...), s.kind.sort.prefix()...), `"}`...)
	case s.from || s.between > 0:
		b = w.value(append(b, `,":s":`...), t.sort.typ, s.kind.sort)
		if s.between > 0 {
			w.n.sort += uint64(s.between - 1)
			b = w.value(append(b, `,":e":`...), t.sort.typ, s.kind.sort)
		}
	}
	b = append(b, '}')
	if s.descending {
		b = append(b, `,"ScanIndexForward":false`...)
	}
	r.body = s.page(w, b)
}

// scan makes a Scan of the table's beginning.
func (w *writer) scan(s *step, _ occasion, r *request) {
	b := open(r, s.kind.table.name)
	if s.index != nil {
		b = append(append(append(b, `,"IndexName":"`...), s.index.name...), '"')
	}
	r.body = s.page(w, b)
}

// page ends the body of a Query or Scan.
func (s *step) page(w *writer, b []byte) []byte {
	if s.limit.low > 0 {
		b = strconv.AppendInt(append(b, `,"Limit":`...), int64(s.limit.draw(w.random, 1_000_000)), 10)
	}
	if s.consistent {
		b = append(b, `,"ConsistentRead":true`...)
	}
	return append(s.appendProjection(b), '}')
}

// batchGet makes a BatchGetItem.
func (w *writer) batchGet(s *step, o occasion, r *request) {
	b := append(append(append(r.body[:0], `{"RequestItems":{"`...), s.kind.table.name...), `":{"Keys":[`...)
	s.distinct(w, o, func(i int) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(w.key(append(b, '{'), s.kind), '}')
	})
	b = append(b, ']')
	if s.consistent {
		b = append(b, `,"ConsistentRead":true`...)
	}
	r.body = append(b, `}}}`...)
}

// batchWrite makes a BatchWriteItem of new items.
func (w *writer) batchWrite(s *step, o occasion, r *request) {
	b := append(append(append(r.body[:0], `{"RequestItems":{"`...), s.kind.table.name...), `":[`...)
	for i := range s.count {
		s.fresh(w, o, i)
		if i > 0 {
			b = append(b, ',')
		}
		b = append(w.item(append(b, `{"PutRequest":{"Item":`...), s.kind), `}}`...)
	}
	r.body = append(b, `]}}`...)
}

// transactGet makes a TransactGetItems of items of the step's kind, and of one of each further kind in the last one's
// partition.
func (w *writer) transactGet(s *step, o occasion, r *request) {
	b := append(r.body[:0], `{"TransactItems":[`...)
	one := func(k *kind) {
		if b[len(b)-1] != '[' {
			b = append(b, ',')
		}
		b = append(append(append(b, `{"Get":{"TableName":"`...), k.table.name...), `","Key":{`...)
		b = append(w.key(b, k), `}}}`...)
	}
	s.distinct(w, o, func(int) { one(s.kind) })
	for _, k := range s.also {
		one(k)
	}
	r.body = append(b, `]}`...)
}

// transactWrite makes a TransactWriteItems that puts new items and updates one of each further kind in the last one's
// partition.
func (w *writer) transactWrite(s *step, o occasion, r *request) {
	b := append(r.body[:0], `{"TransactItems":[`...)
	for i := range s.count {
		if i > 0 {
			b = append(b, ',')
		}
		s.fresh(w, o, i)
		b = append(append(append(b, `{"Put":{"TableName":"`...), s.kind.table.name...), `","Item":`...)
		b = append(s.appendCondition(w.item(b, s.kind)), `}}`...)
	}
	for _, k := range s.also {
		// New partitions have no such items yet.
		w.n.partition %= uint64(k.partitions)
		w.n.sort = 0
		b = append(append(append(b, `,{"Update":{"TableName":"`...), k.table.name...), `",`...)
		b = append(w.changeChosen(b, s, k), `}}`...)
	}
	r.body = append(b, `]}`...)
}

// readModifyWrite makes a GetItem and, for when it was answered, an UpdateItem of the same item.
func (w *writer) readModifyWrite(s *step, o occasion, r *request) {
	w.get(s, o, r)
	r.thenOp = ddb.UpdateItem
	b := append(append(append(r.then[:0], `{"TableName":"`...), s.kind.table.name...), `",`...)
	r.then = append(w.changeChosen(b, s, s.kind), '}')
}

// readUnits are for whole items read one by one.
func readUnits(s *step) (read, write float64) {
	read = float64(s.count) * math.Ceil(s.kind.size.mean()/4096)
	if !s.consistent {
		read /= 2
	}
	return read, 0
}

// writeUnits are for items written one by one, indexes included.
func writeUnits(s *step) (read, write float64) {
	return 0, float64(s.count) * itemWriteUnits(s.kind)
}

// itemWriteUnits are for one item in its table and all indexes.
func itemWriteUnits(k *kind) float64 {
	return math.Ceil(k.size.mean()/1024) * float64(1+len(k.table.indexes))
}

// pageUnits are for a page: its limit, or all of a partition.
func pageUnits(s *step) (read, write float64) {
	n := s.limit.mean()
	if n == 0 {
		n = float64(s.kind.each)
	}
	read = math.Ceil(n * s.kind.size.mean() / 4096)
	if !s.consistent {
		read /= 2
	}
	return read, 0
}

// transactReadUnits are double those of strong reads.
func transactReadUnits(s *step) (read, write float64) {
	read = 2 * float64(s.count) * math.Ceil(s.kind.size.mean()/4096)
	for _, k := range s.also {
		read += 2 * math.Ceil(k.size.mean()/4096)
	}
	return read, 0
}

// transactWriteUnits are double those of other writes.
func transactWriteUnits(s *step) (read, write float64) {
	write = 2 * float64(s.count) * itemWriteUnits(s.kind)
	for _, k := range s.also {
		write += 2 * itemWriteUnits(k)
	}
	return 0, write
}

// readWriteUnits are a read's and a write's.
func readWriteUnits(s *step) (read, write float64) {
	read, _ = readUnits(s)
	_, write = writeUnits(s)
	return read, write
}
