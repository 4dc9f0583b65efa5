package engine

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/ddb"
)

// replica is a table rebuilt from its stream: by key, the item as bytes. Of items whose images the stream does not hold
// it has empty bytes.
type replica map[string]string

// apply does to the replica what a record says has happened. Its error is the first thing that cannot have happened to the
// table as the records before it made it.
func (m replica) apply(r ddb.Record) error {
	c := r.DynamoDB
	key := itemText(c.Keys)
	was, had := m[key]
	if exists := r.EventName != "INSERT"; exists != had {
		return fmt.Errorf("%s of the item %x, which was there: %v", r.EventName, key, had)
	}
	if old := itemText(c.OldImage); c.OldImage != nil && c.StreamViewType == "NEW_AND_OLD_IMAGES" && old != was {
		return fmt.Errorf("%s of the item %x changes %x, which was %x", r.EventName, key, old, was)
	}
	if r.EventName == "REMOVE" {
		delete(m, key)
	} else {
		m[key] = itemText(c.NewImage)
	}
	return nil
}

// itemText is an item as bytes, empty for nil.
func itemText(item ddb.Item) string {
	if item == nil {
		return ""
	}
	return string(appendItem(nil, item, item.Size()))
}

// tableNow is a table's items as they are, as a replica of a stream with that view has them.
func tableNow(e *Engine, name, view string) (replica, error) {
	v := e.acquireView()
	defer v.release()
	t, notFound := v.table("", name)
	if notFound != nil {
		return nil, notFound
	}
	now := make(replica)
	c, err := v.scan(t, nil, nil, nil, false)
	if err != nil {
		return nil, err
	}
	for c.next() {
		item, err := c.item()
		if err != nil {
			_ = c.close()
			return nil, err
		}
		key, _ := t.desc.KeySchema.KeyOf(item)
		if now[itemText(key)] = ""; strings.Contains(view, "NEW") {
			now[itemText(key)] = itemText(item)
		}
	}
	return now, c.close()
}

// TestReplayingAStreamRebuildsTheTable makes random changes by all kinds of writes while shards split and roll, and compares
// the stream with what has happened: of every item exactly its changes in order, with the images of the view. rapid prints
// the seed of a run that fails and takes it back as -rapid.seed.
func TestReplayingAStreamRebuildsTheTable(t *testing.T) {
	t.Parallel()
	// #236, #244, #245, #246, #247
	for view, images := range viewImages {
		t.Run(view, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) {
				h := &streamModel{t: rt, view: view, images: images, changes: make(map[string][]string)}
				h.open(t)
				defer h.e.Close()
				rt.Repeat(map[string]func(*rapid.T){
					"put": h.put, "update": h.update, "delete": h.delete, "batch": h.batch, "expire": h.expire, "wait": h.wait, "cycle": h.cycle,
				})
				h.compare()
			})
		})
	}
}

// streamModel is one run of the test.
type streamModel struct {
	t      *rapid.T
	e      *Engine
	view   string
	images byte
	// now is in milliseconds of the Unix epoch.
	now int64
	arn string
	// items is the table as it was after the last change that was looked at, changes what the stream must have, by key.
	items   map[string]ddb.Item
	changes map[string][]string
}

// open makes the table.
func (m *streamModel) open(t *testing.T) {
	m.now = streamStart
	cfg := DefaultConfig()
	cfg.InMemory = true
	cfg.Streams = StreamConfig{Shards: 2, MaxShards: 5, ShardLifetime: time.Hour, SplitRate: 1}
	cfg.Clock = func() time.Time { return time.UnixMilli(m.now) }
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.e = e
	m.do(ddb.CreateTable, streamTable("tbl", m.view))
	m.do(ddb.UpdateTimeToLive, `{"TableName":"tbl","TimeToLiveSpecification":{"AttributeName":"ttl","Enabled":true}}`)
	m.begin()
}

// begin forgets the old stream for the one that the table has now.
func (m *streamModel) begin() {
	resp := m.do(ddb.DescribeTable, `{"TableName":"tbl"}`)
	out, err := ddb.OutputAs[ddb.DescribeTableOutput](resp)
	if err != nil {
		m.t.Fatal(err)
	}
	m.arn = out.Table.LatestStreamArn
	m.changes = make(map[string][]string)
}

// do sends a request that must succeed.
func (m *streamModel) do(op ddb.Operation, body string) *ddb.Response {
	resp, err := m.e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
	if err != nil {
		m.t.Fatalf("%s %s: %v", op, body, err)
	}
	return resp
}

// change does something and notes what has become of the items.
func (m *streamModel) change(op ddb.Operation, body string) {
	m.do(op, body)
	m.look()
}

// look compares the table with what it was and notes the changes.
func (m *streamModel) look() {
	out, err := ddb.OutputAs[ddb.ScanOutput](m.do(ddb.Scan, `{"TableName":"tbl"}`))
	if err != nil {
		m.t.Fatal(err)
	}
	now := make(map[string]ddb.Item)
	for _, item := range out.Items {
		key, _ := ddb.KeySchema{{AttributeName: "p", KeyType: "HASH"}, {AttributeName: "s", KeyType: "RANGE"}}.KeyOf(item)
		now[itemText(key)] = item
	}
	for key := range m.items {
		if _, ok := now[key]; !ok {
			m.changes[key] = append(m.changes[key], m.changeText("REMOVE", m.items[key], nil))
		}
	}
	for key, item := range now {
		switch old, had := m.items[key]; {
		case !had:
			m.changes[key] = append(m.changes[key], m.changeText("INSERT", nil, item))
		case !ddb.EqualItems(old, item):
			m.changes[key] = append(m.changes[key], m.changeText("MODIFY", old, item))
		}
	}
	m.items = now
}

// changeText is an event with the images that the view holds.
func (m *streamModel) changeText(event string, old, new ddb.Item) string {
	if m.images&recordOldImage == 0 {
		old = nil
	}
	if m.images&recordNewImage == 0 {
		new = nil
	}
	return fmt.Sprintf("%s %x>%x", event, itemText(old), itemText(new))
}

// key draws a primary key.
func (m *streamModel) key(t *rapid.T) string {
	return fmt.Sprintf(`"p":{"S":"%d"},"s":{"N":"%d"}`, rapid.IntRange(0, 9).Draw(t, "p"), rapid.IntRange(0, 1).Draw(t, "s"))
}

// item draws an item.
func (m *streamModel) item(t *rapid.T) string {
	rest := rapid.SampledFrom([]string{``, `,"v":{"N":"1"}`, `,"v":{"N":"1.0"}`, `,"v":{"N":"2"}`, `,"v":{"SS":["a","b"]}`, `,"v":{"SS":["b","a"]}`,
		`,"ttl":{"N":"1999999999"}`, `,"m":{"M":{"a":{"L":[{"S":"x"}]}}}`}).Draw(t, "rest")
	return `{` + m.key(t) + rest + `}`
}

// put writes one item.
func (m *streamModel) put(t *rapid.T) {
	m.change(ddb.PutItem, `{"TableName":"tbl","Item":`+m.item(t)+`}`)
}

// update changes one item, or nothing of it.
func (m *streamModel) update(t *rapid.T) {
	what := rapid.SampledFrom([]string{
		``, `,"UpdateExpression":"REMOVE v, nothing"`,
		`,"UpdateExpression":"SET v = :v","ExpressionAttributeValues":{":v":{"N":"1"}}`,
		`,"UpdateExpression":"ADD n :v","ExpressionAttributeValues":{":v":{"N":"1"}}`,
	}).Draw(t, "update")
	m.change(ddb.UpdateItem, `{"TableName":"tbl","Key":{`+m.key(t)+`}`+what+`}`)
}

// delete deletes one item, which may be absent.
func (m *streamModel) delete(t *rapid.T) {
	m.change(ddb.DeleteItem, `{"TableName":"tbl","Key":{`+m.key(t)+`}}`)
}

// batch puts and deletes several items.
func (m *streamModel) batch(t *rapid.T) {
	var writes []string
	for p := range rapid.IntRange(1, 10).Draw(t, "size") {
		key := fmt.Sprintf(`"p":{"S":"%d"},"s":{"N":"0"}`, p)
		if rapid.Bool().Draw(t, "put") {
			writes = append(writes, fmt.Sprintf(`{"PutRequest":{"Item":{%s,"v":{"N":"%d"}}}}`, key, rapid.IntRange(0, 2).Draw(t, "v")))
		} else {
			writes = append(writes, `{"DeleteRequest":{"Key":{`+key+`}}}`)
		}
	}
	m.change(ddb.BatchWriteItem, `{"RequestItems":{"tbl":[`+strings.Join(writes, ",")+`]}}`)
}

// expire deletes what is past its time.
func (m *streamModel) expire(t *rapid.T) {
	if err := m.e.sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	m.look()
}

// wait lets time go by, but never so much that records of this test are trimmed, and rolls and splits what is due.
func (m *streamModel) wait(t *rapid.T) {
	if m.now < streamStart+(20*time.Hour).Milliseconds() {
		m.now += rapid.Int64Range(0, (2*time.Hour).Milliseconds()).Draw(t, "wait")
	}
	if err := m.e.tend(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := checkInvariants(m.e); err != nil {
		t.Fatal(err)
	}
}

// cycle checks the stream and replaces it by another. What is written in between is nobody's.
func (m *streamModel) cycle(t *rapid.T) {
	m.compare()
	m.do(ddb.UpdateTable, `{"TableName":"tbl","StreamSpecification":{"StreamEnabled":false}}`)
	m.put(t)
	m.compareWith(nil)
	m.do(ddb.UpdateTable, fmt.Sprintf(`{"TableName":"tbl","StreamSpecification":{"StreamEnabled":true,"StreamViewType":%q}}`, m.view))
	m.begin()
}

// compare reads the stream and compares it with what has happened.
func (m *streamModel) compare() { m.compareWith(m.changes) }

// compareWith does so with the given changes; nil is to check only that the stream can be read.
func (m *streamModel) compareWith(want map[string][]string) {
	got := make(map[string][]string)
	d, err := ddb.OutputAs[ddb.DescribeStreamOutput](m.do(ddb.DescribeStream, fmt.Sprintf(`{"StreamArn":%q}`, m.arn)))
	if err != nil {
		m.t.Fatal(err)
	}
	limit := rapid.IntRange(1, 20).Draw(m.t, "limit")
	for _, sh := range d.StreamDescription.Shards {
		out, err := ddb.OutputAs[ddb.GetShardIteratorOutput](m.do(ddb.GetShardIterator, iteratorBody(m.arn, sh.ShardId, "TRIM_HORIZON", "")))
		if err != nil {
			m.t.Fatal(err)
		}
		for it := out.ShardIterator; it != nil; {
			out, err := ddb.OutputAs[ddb.GetRecordsOutput](m.do(ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q,"Limit":%d}`, *it, limit)))
			if err != nil {
				m.t.Fatal(err)
			}
			for _, r := range out.Records {
				key := itemText(r.DynamoDB.Keys)
				got[key] = append(got[key], fmt.Sprintf("%s %x>%x", r.EventName, itemText(r.DynamoDB.OldImage), itemText(r.DynamoDB.NewImage)))
			}
			if it = out.NextShardIterator; len(out.Records) == 0 {
				break
			}
		}
	}
	if want != nil && !maps.EqualFunc(got, want, slices.Equal[[]string]) {
		m.t.Fatalf("stream %s has, by key\n%q\nwant\n%q", m.arn, got, want)
	}
}

// tailer follows a stream as a reader of changes does: shards after their parents, children found when a shard ends.
type tailer struct {
	e   *Engine
	arn string
	// iterators has the place in every shard that is being read, done those that were read to their end.
	iterators map[string]string
	done      map[string]bool
	table     replica
	records   int
	last      map[string]string
}

// request sends a request and decodes its answer into out's type.
func request[T any](e *Engine, op ddb.Operation, body string) (*T, error) {
	resp, err := e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", op, body, err)
	}
	return ddb.OutputAs[T](resp)
}

// follow begins to read shards.
func (r *tailer) follow(shards []ddb.Shard) error {
	for _, sh := range shards {
		out, err := request[ddb.GetShardIteratorOutput](r.e, ddb.GetShardIterator, iteratorBody(r.arn, sh.ShardId, "TRIM_HORIZON", ""))
		if err != nil {
			return err
		}
		if _, twice := r.iterators[sh.ShardId]; twice || r.done[sh.ShardId] {
			return fmt.Errorf("shard %s has two parents", sh.ShardId)
		}
		r.iterators[sh.ShardId] = *out.ShardIterator
	}
	return nil
}

// poll reads once from every shard and returns how many records there were and how many shards ended.
func (r *tailer) poll(limit int) (records, ended int, err error) {
	for id, it := range maps.Clone(r.iterators) {
		out, err := request[ddb.GetRecordsOutput](r.e, ddb.GetRecords, fmt.Sprintf(`{"ShardIterator":%q,"Limit":%d}`, it, limit))
		if err != nil {
			return records, ended, err
		}
		for _, rec := range out.Records {
			records++
			if err := r.table.apply(rec); err != nil {
				return records, ended, fmt.Errorf("shard %s: %w", id, err)
			}
			key := itemText(rec.DynamoDB.Keys)
			if rec.DynamoDB.SequenceNumber <= r.last[key] {
				return records, ended, fmt.Errorf("record %s after %s of one item", rec.DynamoDB.SequenceNumber, r.last[key])
			}
			r.last[key] = rec.DynamoDB.SequenceNumber
		}
		if out.NextShardIterator != nil {
			r.iterators[id] = *out.NextShardIterator
			continue
		}
		ended++
		delete(r.iterators, id)
		r.done[id] = true
		d, err := request[ddb.DescribeStreamOutput](r.e, ddb.DescribeStream,
			fmt.Sprintf(`{"StreamArn":%q,"ShardFilter":{"Type":"CHILD_SHARDS","ShardId":%q}}`, r.arn, id))
		if err != nil {
			return records, ended, err
		}
		if err := r.follow(d.StreamDescription.Shards); err != nil {
			return records, ended, err
		}
	}
	r.records += records
	return records, ended, nil
}

// streamSeed picks the seed of the writers in TestATailerSeesEveryChangeInOrder; 0 is a new one each time.
var streamSeed = flag.Uint64("stream-seed", 0, "seed of the writers that a tailer follows")

// TestATailerSeesEveryChangeInOrder has writers change the same few items while shards are split and rolled all the time
// and a tailer follows. What must hold at any moment: a record fits what the records before it have made of its item; and
// in the end: the replica is the table.
func TestATailerSeesEveryChangeInOrder(t *testing.T) {
	t.Parallel()
	seed := *streamSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, view := range []string{"NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"} {
		t.Run(view, func(t *testing.T) {
			t.Parallel()
			cfg := DefaultConfig()
			cfg.InMemory = true
			cfg.Streams = StreamConfig{Shards: 2, MaxShards: 7, ShardLifetime: 3 * time.Millisecond, SplitRate: 2}
			e, err := Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			h := &harness{t: t, e: e}
			r := &tailer{
				e: e, arn: h.createStream("tbl", view), iterators: make(map[string]string), done: make(map[string]bool),
				table: make(replica), last: make(map[string]string),
			}
			if err := r.follow(h.shards(r.arn)); err != nil {
				t.Fatal(err)
			}
			errs := make(chan error, 8)
			var writers, tender sync.WaitGroup
			var enough atomic.Bool
			for w := range 4 {
				random := rand.New(rand.NewPCG(seed, uint64(w)))
				writers.Go(func() { errs <- changeItems(e, random, &enough) })
			}
			stop := make(chan struct{})
			tender.Go(func() { errs <- tendUntil(e, stop) })
			written := make(chan struct{})
			go func() { writers.Wait(); close(stop); tender.Wait(); close(written) }()
			for quiet := false; ; {
				records, ended, err := r.poll(5)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				enough.Store(r.records > 1000 && len(r.done) > 30)
				if quiet && records+ended == 0 {
					break
				}
				select {
				case <-written:
					quiet = true
				default:
				}
			}
			for range 5 {
				if err := <-errs; err != nil {
					t.Fatal(err)
				}
			}
			want, err := tableNow(e, "tbl", view)
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(r.table, want) {
				t.Errorf("seed %d: replica has %d items, the table %d, or they differ", seed, len(r.table), len(want))
			}
			mustHold(t, e)
			t.Logf("%d records in %d shards", r.records, len(r.done)+len(r.iterators))
		})
	}
}

// tendUntil rolls and splits shards until stop is closed.
func tendUntil(e *Engine, stop chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := e.tend(context.Background()); err != nil {
			return err
		}
	}
}

// changeItems makes random changes to the items of table tbl until there are enough.
func changeItems(e *Engine, random *rand.Rand, enough *atomic.Bool) error {
	for i := 0; !enough.Load(); i++ {
		key := fmt.Sprintf(`"p":{"S":"%d"},"s":{"N":"%d"}`, random.IntN(8), random.IntN(2))
		op, body := ddb.PutItem, fmt.Sprintf(`{"TableName":"tbl","Item":{%s,"v":{"N":"%d"}}}`, key, random.IntN(3))
		switch random.IntN(5) {
		case 0:
			op, body = ddb.DeleteItem, `{"TableName":"tbl","Key":{`+key+`}}`
		case 1:
			op, body = ddb.UpdateItem, `{"TableName":"tbl","Key":{`+key+`},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`
		case 2:
			p := random.IntN(8)
			op, body = ddb.TransactWriteItems, fmt.Sprintf(`{"TransactItems":[{"Put":{"TableName":"tbl","Item":{"p":{"S":"%d"},"s":{"N":"0"},"v":{"N":"%d"}}}},
				{"Delete":{"TableName":"tbl","Key":{"p":{"S":"%d"},"s":{"N":"1"}}}}]}`, p, i, (p+3)%8)
		}
		_, err := e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
		// Who meets another's transaction is refused.
		if bad, refused := ddb.AsError(err); refused && strings.HasPrefix(bad.Code, "Transaction") {
			continue
		}
		if err != nil {
			return fmt.Errorf("change %d: %w", i, err)
		}
	}
	return nil
}

func TestWritesToTablesWithoutAStreamMakeNoRecords(t *testing.T) {
	h := newStreamHarness(t, oneShard())
	h.create(rangeTable)
	h.createStream("tbl", "NEW_AND_OLD_IMAGES")
	f := func(name string, want int) {
		t.Helper()
		v := h.e.acquireView()
		defer v.release()
		tab, _ := v.table("", name)
		item := ddb.ItemOf(ddb.Attribute{Name: "p", Value: ddb.StringValue("a")}, ddb.Attribute{Name: "s", Value: ddb.CanonicalNumber("1")})
		w, err := prepare(h.e.store, []mutation{{table: tab, key: item, new: item, hasNew: true}}, v.cat, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		defer w.batch.release()
		if len(w.events) != want || (want == 0 && w.events != nil) {
			t.Errorf("a write to %s prepares %d stream records, want %d", name, len(w.events), want)
		}
		if n := testing.AllocsPerRun(100, func() { h.e.committer.record(nil, v.cat, w.batch) }); n != 0 {
			t.Errorf("the committer allocates %v times for no records, want 0", n)
		}
	}
	f("range", 0)
	f("tbl", 1)
}
