package loadtest

import (
	"math"
	"slices"
	"strconv"
	"time"

	"millrace/ddb"
)

// maxLabels bounds how many kinds of requests are told apart.
const maxLabels = 200

// label numbers a kind of request; when there are too many tables, operations alone.
func (t *Trace) label(full, short string, known map[string]int) uint8 {
	for _, name := range []string{full, short} {
		if i, ok := known[name]; ok {
			return uint8(i)
		}
		if len(known) < maxLabels || name == short {
			known[name] = len(t.names)
			t.names = append(t.names, name)
			return uint8(known[name])
		}
	}
	return 0
}

// span is how long a trace takes at a speed, rate how many requests a second that is on average.
func (t *Trace) span(speed float64) time.Duration {
	last := t.requests[len(t.requests)-1].at - t.requests[0].at
	return time.Duration(float64(last)/speed) + time.Millisecond
}

// rate is about span.
func (t *Trace) rate(speed float64) float64 {
	return float64(len(t.requests)) / t.span(speed).Seconds()
}

// playback is a trace as a schedule.
type playback struct {
	trace *Trace
	times []time.Duration
}

// schedule prepares a trace to be played. Its tables have the prefix already.
func (t *Trace) schedule(speed float64) schedule {
	p := &playback{trace: t, times: make([]time.Duration, len(t.requests))}
	for i := range t.requests {
		p.times[i] = time.Duration(float64(t.requests[i].at-t.requests[0].at) / speed)
	}
	return p
}

// due is part of schedule.
func (p *playback) due() []time.Duration { return p.times }

// labels is part of schedule.
func (p *playback) labels() []string { return p.trace.names }

// label is part of schedule.
func (p *playback) label(k int) int { return int(p.trace.requests[k].label) }

// build is part of schedule.
func (p *playback) build(w *writer, k int, r *request) {
	from := &p.trace.requests[k]
	w.seed(uint64(k), streamRequests)
	play := playbacks[from.op]
	r.op, r.thenOp, r.reads, r.finds = from.op, 0, play.reads, from.op == ddb.GetItem && from.found == 1
	r.body = play.body(w, p.trace, from, r.body[:0])
}

// played is how an operation is replayed.
type played struct {
	reads bool
	body  func(w *writer, t *Trace, r *recorded, b []byte) []byte
	// readUnits and writeUnits are what each item takes at Amazon, by its size in units of 4 KB and 1 KB.
	readUnits, writeUnits float64
}

// playbacks are the operations that can be replayed.
var playbacks = map[ddb.Operation]*played{
	ddb.GetItem:            {reads: true, readUnits: 1, body: playOne(`,"Key":`, (*writer).playKey, true)},
	ddb.PutItem:            {writeUnits: 1, body: playOne(`,"Item":`, (*writer).playItem, false)},
	ddb.UpdateItem:         {writeUnits: 1, body: playOne(`,"Key":`, (*writer).playChange, false)},
	ddb.DeleteItem:         {writeUnits: 1, body: playOne(`,"Key":`, (*writer).playKey, false)},
	ddb.Query:              {reads: true, readUnits: 1, body: (*writer).playQuery},
	ddb.Scan:               {reads: true, readUnits: 1, body: (*writer).playScan},
	ddb.BatchGetItem:       {reads: true, readUnits: 1, body: (*writer).playBatchGet},
	ddb.BatchWriteItem:     {writeUnits: 1, body: (*writer).playBatchWrite},
	ddb.TransactGetItems:   {reads: true, readUnits: 2, body: (*writer).playTransaction},
	ddb.TransactWriteItems: {writeUnits: 2, body: (*writer).playTransaction},
}

// cost is about what a trace takes at Amazon, loading included.
func (t *Trace) cost() (c cost) {
	for i := range t.requests {
		r := &t.requests[i]
		play := playbacks[r.op]
		consistency := 0.5
		if r.consistent {
			consistency = 1
		}
		c.reads += play.readUnits * consistency * math.Max(float64(len(r.parts)), math.Ceil(float64(r.out)/4096))
		for _, p := range r.parts {
			c.writes += play.writeUnits * math.Max(1, math.Ceil(float64(p.bytes)/1024))
		}
	}
	for _, item := range t.initial() {
		c.writes += math.Max(1, math.Ceil(float64(item.bytes)/1024))
	}
	return c
}

// playOne makes the body of a request about one item.
func playOne(member string, item func(*writer, []byte, *recordedPart) []byte, reads bool) func(*writer, *Trace, *recorded, []byte) []byte {
	return func(w *writer, _ *Trace, r *recorded, b []byte) []byte {
		p := &r.parts[0]
		b = quoted(append(b, `{"TableName":`...), p.table.name)
		b = item(w, append(b, member...), p)
		if reads && r.consistent {
			b = append(b, `,"ConsistentRead":true`...)
		}
		return append(b, '}')
	}
}

// playKey appends an item's key.
func (w *writer) playKey(b []byte, p *recordedPart) []byte {
	b = append(name(append(b, '{'), p.table.partition.name), p.partition...)
	if p.sort != "" {
		b = append(name(append(b, ','), p.table.sort.name), p.sort...)
	}
	return append(b, '}')
}

// fieldName is the attribute that replayed items hold beside their keys.
const fieldName = "loadtest_data"

// playItem appends an item of the recorded size.
func (w *writer) playItem(b []byte, p *recordedPart) []byte {
	start := len(b)
	b = w.playKey(b, p)
	b = name(append(b[:len(b)-1], ','), fieldName)
	n := max(1, min(p.bytes, maxItemBytes)-(len(b)-start))
	return append(w.text(append(b, `{"S":"`...), n), `"}}`...)
}

// playChange appends a key and an update of the recorded size.
func (w *writer) playChange(b []byte, p *recordedPart) []byte {
	b = w.playKey(b, p)
	b = append(b, `,"UpdateExpression":"SET `+fieldName+` = :v","ExpressionAttributeValues":{":v":{"S":"`...)
	return append(w.text(b, max(1, min(p.bytes, maxItemBytes))), `"}}`...)
}

// playQuery appends a Query. Where hashes have no order a range is replaced by a limit to as many items as it had given.
func (w *writer) playQuery(t *Trace, r *recorded, b []byte) []byte {
	p := &r.parts[0]
	partition, sort := p.table.partition.name, p.table.sort.name
	b = quoted(append(b, `{"TableName":`...), p.table.name)
	if p.index != nil {
		partition, sort = p.index.partition.name, p.index.sort.name
		b = quoted(append(b, `,"IndexName":`...), p.index.name)
	}
	condition := ranges[r.rangeOp]
	limit := r.limit
	if condition != "" && !t.plain && r.rangeOp != "=" {
		condition = ""
		if limit == 0 {
			limit = max(1, r.found)
		}
	}
	b = append(append(append(b, `,"KeyConditionExpression":"#p = :p`...), condition...), `","ExpressionAttributeNames":{"#p":`...)
	b = quoted(b, partition)
	if condition != "" {
		b = quoted(append(b, `,"#s":`...), sort)
	}
	b = append(append(b, `},"ExpressionAttributeValues":{":p":`...), p.partition...)
	if condition != "" {
		b = append(append(b, `,":a":`...), r.rangeA...)
		if r.rangeB != "" {
			b = append(append(b, `,":b":`...), r.rangeB...)
		}
	}
	b = append(b, '}')
	if r.descending {
		b = append(b, `,"ScanIndexForward":false`...)
	}
	return r.page(b, limit)
}

// ranges are conditions on a sort key, by the operator in a trace.
var ranges = map[string]string{
	"=": " AND #s = :a", "<": " AND #s < :a", "<=": " AND #s <= :a", ">": " AND #s > :a", ">=": " AND #s >= :a",
	"BETWEEN": " AND #s BETWEEN :a AND :b", "begins_with": " AND begins_with(#s, :a)",
}

// page ends the body of a Query or Scan.
func (r *recorded) page(b []byte, limit int) []byte {
	if limit > 0 {
		b = strconv.AppendInt(append(b, `,"Limit":`...), int64(limit), 10)
	}
	if r.consistent {
		b = append(b, `,"ConsistentRead":true`...)
	}
	return append(b, '}')
}

// playScan appends a Scan.
func (w *writer) playScan(_ *Trace, r *recorded, b []byte) []byte {
	p := &r.parts[0]
	b = quoted(append(b, `{"TableName":`...), p.table.name)
	if p.index != nil {
		b = quoted(append(b, `,"IndexName":`...), p.index.name)
	}
	return r.page(b, r.limit)
}

// byTable calls each for every table of a request with the parts that are about it.
func (r *recorded) byTable(each func(table *tableDef, parts []*recordedPart)) {
	var done []*tableDef
	for i := range r.parts {
		t := r.parts[i].table
		if slices.Contains(done, t) {
			continue
		}
		done = append(done, t)
		var parts []*recordedPart
		for j := range r.parts {
			if r.parts[j].table == t {
				parts = append(parts, &r.parts[j])
			}
		}
		each(t, parts)
	}
}

// comma separates what is added to a list or an object.
func comma(b []byte) []byte {
	if last := b[len(b)-1]; last != '[' && last != '{' {
		b = append(b, ',')
	}
	return b
}

// playBatchGet appends a BatchGetItem.
func (w *writer) playBatchGet(_ *Trace, r *recorded, b []byte) []byte {
	b = append(b, `{"RequestItems":{`...)
	r.byTable(func(t *tableDef, parts []*recordedPart) {
		b = append(name(comma(b), t.name), `{"Keys":[`...)
		for _, p := range parts {
			b = w.playKey(comma(b), p)
		}
		b = append(b, ']')
		if r.consistent {
			b = append(b, `,"ConsistentRead":true`...)
		}
		b = append(b, '}')
	})
	return append(b, `}}`...)
}

// playBatchWrite appends a BatchWriteItem.
func (w *writer) playBatchWrite(_ *Trace, r *recorded, b []byte) []byte {
	b = append(b, `{"RequestItems":{`...)
	r.byTable(func(t *tableDef, parts []*recordedPart) {
		b = append(name(comma(b), t.name), '[')
		for _, p := range parts {
			b = comma(b)
			if p.do == "delete" {
				b = append(w.playKey(append(b, `{"DeleteRequest":{"Key":`...), p), `}}`...)
			} else {
				b = append(w.playItem(append(b, `{"PutRequest":{"Item":`...), p), `}}`...)
			}
		}
		b = append(b, ']')
	})
	return append(b, `}}`...)
}

// transactionParts are the members of a transaction, by what is done. A check is that of an item's presence, or absence:
// its own condition is not recorded, so it asks nothing that could fail.
var transactionParts = map[string]struct {
	member, item string
	body         func(*writer, []byte, *recordedPart) []byte
	end          string
}{
	"get":    {"Get", "Key", (*writer).playKey, ""},
	"put":    {"Put", "Item", (*writer).playItem, ""},
	"update": {"Update", "Key", (*writer).playChange, ""},
	"delete": {"Delete", "Key", (*writer).playKey, ""},
	"check":  {"ConditionCheck", "Key", (*writer).playKey, `,"ConditionExpression":"attribute_not_exists(loadtest_never)"`},
}

// playTransaction appends a TransactGetItems or TransactWriteItems.
func (w *writer) playTransaction(_ *Trace, r *recorded, b []byte) []byte {
	b = append(b, `{"TransactItems":[`...)
	for i := range r.parts {
		p := &r.parts[i]
		t := transactionParts[p.do]
		b = quoted(append(append(append(comma(b), `{"`...), t.member...), `":{"TableName":`...), p.table.name)
		b = append(append(append(b, `,"`...), t.item...), `":`...)
		b = append(append(t.body(w, b, p), t.end...), `}}`...)
	}
	return append(b, `]}`...)
}
