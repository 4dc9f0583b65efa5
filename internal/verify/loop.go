package verify

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// swap sets an item to version+1 if it is at version, by way of e, and records what that tells: a success is a write, a
// failed condition is evidence that the item is past version, and neither says nothing.
func (d *driver) swap(ctx context.Context, client string, e *endpoint, g *group, sk, version int) outcome {
	if d.writes.Add(-1) < 0 {
		d.stop()
		return unknown
	}
	start := d.p.now()
	_, err := e.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &d.table, Key: keyOf(g.pk, sk),
		UpdateExpression:          aws.String("SET version = :next"),
		ConditionExpression:       aws.String("version = :seen"),
		ExpressionAttributeValues: attributes{":next": num(version + 1), ":seen": num(version)},
	})
	op := Op{Client: client, Name: "UpdateItem with a condition", Write: true, Swap: true, Version: version + 1, Start: start, End: d.p.now()}
	o := outcomeOf(err)
	switch o {
	case succeeded:
		d.made.Add(1)
		g.regs[sk].record(op)
	case conditionFailed:
		op.Write, op.Swap, op.Origin, op.Name = false, false, true, "condition failed"
		g.regs[sk].record(op)
	case throttled:
	case unknown:
		op.End = never
		g.regs[sk].record(op)
		g.retired.Store(true)
		d.failed(ctx, op.Name, err)
	default:
		d.failed(ctx, op.Name, err)
	}
	return o
}

// optimisticLoop is read, change if unchanged, and again if it was changed: how applications lock optimistically. It
// repeats until a change succeeds, and counts how often it failed on a version that had failed before.
func (d *driver) optimisticLoop(ctx context.Context, client string, g *group, sk int, deadline time.Time) {
	failedOn, times := -1, int64(0)
	for ctx.Err() == nil && time.Now().Before(deadline) && !g.retired.Load() {
		shown, ok := d.read(ctx, client, d.target, g, d.row.reads[0], sk)
		if !ok {
			continue
		}
		version, there := shown[sk]
		if !there {
			d.breakOff(Failed, fmt.Errorf("the item of the loop is not there"))
			return
		}
		switch d.swap(ctx, client, d.target, g, sk, version) {
		case succeeded:
			d.mustFail(ctx, client, g, sk, version)
			return
		case conditionFailed:
			if version != failedOn {
				failedOn, times = version, 0
			}
			times++
			for most := d.repeats.Load(); times > most && !d.repeats.CompareAndSwap(most, times); most = d.repeats.Load() {
			}
			pause(ctx, min(time.Duration(times-1)*time.Millisecond, d.p.slowest()))
		default:
			pause(ctx, time.Millisecond)
		}
	}
}

// mustFail repeats a swap that was acknowledged, whose condition can no longer hold. Clients that meet by chance may never
// show that conditions are not looked at; this does. If it succeeds, judgeSwaps sees two from one version.
func (d *driver) mustFail(ctx context.Context, client string, g *group, sk, version int) {
	if d.swap(ctx, client, d.target, g, sk, version) == conditionFailed {
		d.refusals.Add(1)
	}
}

// contend lets all clients run the loop on one item.
func contend(ctx context.Context, d *driver) {
	var current atomic.Pointer[group]
	current.Store(d.begin(ctx, "client 1", 0))
	var clients sync.WaitGroup
	var mu sync.Mutex
	for n := range d.p.cfg.Concurrency {
		clients.Go(func() {
			client := fmt.Sprintf("client %d", n+1)
			for range d.row.rounds(d.p.cfg) {
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				if current.Load().retired.Load() {
					current.Store(d.begin(ctx, client, n))
				}
				mu.Unlock()
				d.optimisticLoop(ctx, client, current.Load(), 0, time.Now().Add(d.p.patience(d.row)))
			}
		})
	}
	clients.Wait()
}

// overtake changes an item at the writer after the target was read, and runs the loop at the target.
func overtake(ctx context.Context, d *driver) {
	var lanes sync.WaitGroup
	for n := range d.p.cfg.Concurrency {
		lanes.Go(func() {
			client, writer := fmt.Sprintf("client %d", n+1), fmt.Sprintf("writer %d", n+1)
			g := d.begin(ctx, writer, n)
			for range d.row.rounds(d.p.cfg) {
				if ctx.Err() != nil {
					return
				}
				if g.retired.Load() {
					g = d.begin(ctx, writer, n)
				}
				strong, ok := d.read(ctx, client, d.target, g, getShape(true), 0)
				if !ok {
					continue
				}
				for range 2 {
					d.read(ctx, client, d.target, g, d.row.reads[0], 0)
				}
				if d.swap(ctx, writer, d.p.writer, g, 0, strong[0]) != succeeded {
					continue
				}
				d.optimisticLoop(ctx, client, g, 0, time.Now().Add(d.p.patience(d.row)))
			}
		})
	}
	lanes.Wait()
}
