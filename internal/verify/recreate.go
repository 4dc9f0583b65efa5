package verify

import (
	"context"
	"fmt"
)

// recreate reads items of a table until they are cached, deletes the table, makes it anew, reads again, and puts new
// items in the place of the old ones.
func recreate(ctx context.Context, d *driver) {
	client := "client"
	if d.row.foreign {
		client = "writer"
	}
	suffix := "again-own"
	if d.row.foreign {
		suffix = "again-foreign"
	}
	name, err := d.p.tables.create(ctx, d.out, d.target, suffix, tableShape{stream: d.p.shape.stream})
	if err != nil {
		d.tableFailed(err)
		return
	}
	d.table = name
	var groups []*group
	for n := range 2 {
		groups = append(groups, d.begin(ctx, client, n))
	}
	for range d.row.rounds(d.p.cfg) {
		for _, g := range groups {
			for i := range 2 * len(d.row.reads) {
				d.read(ctx, client, d.target, g, d.row.reads[i%len(d.row.reads)], 0)
			}
		}
		start := d.p.now()
		err := d.p.tables.remove(ctx, d.out, name)
		if err == nil {
			_, err = d.p.tables.create(ctx, d.out, d.target, suffix, tableShape{stream: d.p.shape.stream})
		}
		if err != nil {
			d.tableFailed(err)
			return
		}
		end := d.p.now()
		for _, g := range groups {
			for _, reg := range g.regs {
				reg.record(Op{Client: client, Name: "DeleteTable, CreateTable", Write: true, Absent: true, Version: reg.next(), Start: start, End: end})
			}
			d.await(ctx, client, g, writeShape{absent: true}, 0)
			for i := range 2 * len(d.row.reads) {
				d.read(ctx, client, d.target, g, d.row.reads[i%len(d.row.reads)], 1)
			}
		}
		for _, g := range groups {
			if d.write(ctx, client, g, putItem, []int{0}) {
				d.await(ctx, client, g, putItem, 0)
			}
		}
		d.p.say("%s: the table was made anew in %s", d.row.name, round(end-start))
	}
	if err := d.p.tables.remove(context.WithoutCancel(ctx), d.out, name); err != nil {
		d.breakOff(Failed, err)
	}
}

// tableFailed ends a row that could not make or delete its table.
func (d *driver) tableFailed(err error) {
	if outcomeOf(err) == unsupported {
		d.breakOff(NotSupported, err)
		return
	}
	d.breakOff(Failed, fmt.Errorf("make the table anew: %w", err))
}
