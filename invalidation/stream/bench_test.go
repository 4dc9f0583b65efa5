package stream

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"millrace/backend/engine"
	"millrace/ddb"
)

// BenchmarkForeignWrite measures, over loopback sockets, the time from the acknowledgement of a foreign write to the moment
// at which what was cached of its item is dead, with reads every 10 ms. The ceiling beside it is a bare loop that reads the
// same shard as often and only looks whether the record is there.
func BenchmarkForeignWrite(b *testing.B) {
	const poll = 10 * time.Millisecond
	streams := engine.StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: 4 * time.Hour}
	b.Run("tailer", func(b *testing.B) {
		r := newRig(b, options{view: "NEW_AND_OLD_IMAGES", sockets: true, streams: streams,
			config: func(c *Config) {
				c.Poll, c.Idle, c.Describe, c.Walk = poll, poll, 30*time.Second, time.Minute
			}})
		r.covered()
		s := r.learn("ttt")
		b.ResetTimer()
		took := make([]time.Duration, b.N)
		for i := range took {
			h, v := fmt.Sprint("k", i%100), fmt.Sprint(i)
			r.foreign(h, v+" before")
			r.await("the write before is applied", func() bool { return r.record.has(v + " before") })
			r.hold(s, h)
			r.foreign(h, v)
			start := time.Now()
			for r.held(s, h) {
				<-r.record.changed
			}
			took[i] = time.Since(start)
		}
		report(b, took)
	})
	b.Run("ceiling", func(b *testing.B) {
		r := newRig(b, options{view: "NEW_AND_OLD_IMAGES", sockets: true, streams: streams,
			config: func(c *Config) { c.Poll, c.Idle = time.Hour, time.Hour }})
		r.await("the stream is followed", func() bool { return r.state().ARN != "" })
		seen := make(chan string, 1000)
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		reading := make(chan bool)
		go func() { done <- r.bare(ctx, r.state().ARN, poll, seen, reading) }()
		<-reading
		b.ResetTimer()
		took := make([]time.Duration, b.N)
		for i := range took {
			v := fmt.Sprint(i)
			r.foreign(fmt.Sprint("k", i%100), v)
			start := time.Now()
			for <-seen != v {
			}
			took[i] = time.Since(start)
		}
		report(b, took)
		stop()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	})
}

// bare reads the stream's one shard every poll until ctx ends, and sends the values of v to seen.
func (r *rig) bare(ctx context.Context, arn string, poll time.Duration, seen chan<- string, reading chan<- bool) error {
	id := r.describeStream().Shards[0].ShardId
	it, err := do[ddb.GetShardIteratorOutput](ctx, &r.manager.config, r.guard, "", &ddb.GetShardIteratorInput{StreamArn: arn, ShardId: id, ShardIteratorType: "LATEST"})
	if err != nil {
		return err
	}
	next := *it.ShardIterator
	close(reading)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		out, err := do[ddb.GetRecordsOutput](ctx, &r.manager.config, r.guard, "", &ddb.GetRecordsInput{ShardIterator: next})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		next = *out.NextShardIterator
		for i := range out.Records {
			v, _ := out.Records[i].DynamoDB.NewImage.Get("v")
			seen <- v.Str()
		}
	}
}

// report adds the 50th, 99th and highest of took to a benchmark's results.
func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[min(len(took)*99/100, len(took)-1)]), "p99-ms")
	b.ReportMetric(ms(took[len(took)-1]), "max-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkApply measures what a record costs from the bytes of a GetRecords answer until the caches are right, by one
// goroutine: 1000 records of 300 bytes with both images to a page, one item in ten of them cached. The other row is of
// decoding alone.
func BenchmarkApply(b *testing.B) {
	r := newRig(b, options{view: "NEW_AND_OLD_IMAGES", streams: engine.StreamConfig{Shards: 1, MaxShards: 1, ShardLifetime: 4 * time.Hour}})
	r.covered()
	f := &follower{table: newTable(r.manager, r.learn("ttt")), config: &r.manager.config}
	page := ddb.GetRecordsOutput{}
	for i := range 1000 {
		image := func(v string) ddb.Item {
			return ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue(fmt.Sprint("k", i))}, ddb.Attribute{Name: "v", Value: ddb.StringValue(v)},
				ddb.Attribute{Name: "text", Value: ddb.StringValue(fmt.Sprintf("%0100d", i))})
		}
		page.Records = append(page.Records, ddb.Record{EventID: fmt.Sprint(i), EventName: "MODIFY", EventSource: "aws:dynamodb", DynamoDB: &ddb.StreamRecord{
			Keys: image("")[:1], OldImage: image("1"), NewImage: image("2"), SequenceNumber: fmt.Sprintf("%021d", i), SizeBytes: 300, StreamViewType: "NEW_AND_OLD_IMAGES",
		}})
	}
	body, err := ddb.NewTypedResponse(&page).JSON()
	if err != nil {
		b.Fatal(err)
	}
	s := r.learn("ttt")
	for i := range 100 {
		r.hold(s, fmt.Sprint("k", i*10))
	}
	for name, apply := range map[string]bool{"decode": false, "decode and apply": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			start := time.Now()
			for b.Loop() {
				out, err := ddb.OutputAs[ddb.GetRecordsOutput](ddb.NewResponse(body))
				if err != nil {
					b.Fatal(err)
				}
				if apply {
					changes := f.changes(out.Records)
					f.echoes(changes)
					r.record.Invalidator.Apply(changes)
				}
			}
			b.ReportMetric(1000*float64(b.N)/time.Since(start).Seconds(), "records/s")
			b.ReportMetric(float64(len(body))*float64(b.N)/1e6/time.Since(start).Seconds(), "MB/s")
		})
	}
}
