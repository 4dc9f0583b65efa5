package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// object is a decoded JSON object.
type object = map[string]any

// op is one operation of a list. The names of tables in its body begin with "$", which stands for what makes them names
// of one play.
type op struct {
	operation string
	body      object
}

// line is the operation as -replay reads it.
func (o op) line() string { return o.operation + " " + encode(o.body) }

// parseOp is line's inverse.
func parseOp(line string) (op, error) {
	operation, text, _ := strings.Cut(line, " ")
	body, err := decode([]byte(text))
	if err != nil {
		return op{}, fmt.Errorf("%w in %.100q", err, line)
	}
	return op{operation, body}, nil
}

// encode writes v as JSON, the members of objects in order.
func encode(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("encode %v: %v", v, err))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// pair is both sides.
type pair struct {
	reference, other *endpoint
	// run makes names of tables unique to this process, plays to each play of a list.
	run     string
	plays   int
	options *options
}

// divergence is the first answer of a play in which the two sides differ.
type divergence struct {
	at               int // index in the list
	op               op
	where            string // what differs
	reference, other answer
}

// line tells it in one line, as -ignore sees it.
func (d *divergence) line() string {
	return fmt.Sprintf("%s: %s: %s | %s", d.op.operation, d.where, d.reference.short(), d.other.short())
}

// kind is what divergences of one cause have in common, mostly: the operation and the outcomes.
func (d *divergence) kind() string {
	return fmt.Sprintf("%s: %s | %s", d.op.operation, d.reference.outcome(), d.other.outcome())
}

// play plays a list on both sides, from nothing, and gives the first divergence, or nil when there is none.
func (p *pair) play(ctx context.Context, list []op) (*divergence, error) {
	p.plays++
	prefix := fmt.Sprintf("oracle-%s-%d-", p.run, p.plays)
	a, b := &player{endpoint: p.reference, prefix: prefix}, &player{endpoint: p.other, prefix: prefix}
	defer a.clear(context.WithoutCancel(ctx))
	defer b.clear(context.WithoutCancel(ctx))
	for i, o := range list {
		x, err := a.do(ctx, o)
		if err != nil {
			return nil, err
		}
		y, err := b.do(ctx, o)
		if err != nil {
			return nil, err
		}
		where := differ(x, y, p.options.texts)
		if where == "" {
			continue
		}
		d := &divergence{at: i, op: o, where: where, reference: x, other: y}
		if p.options.ignore == nil || !p.options.ignore.MatchString(d.line()) {
			return d, nil
		}
	}
	return nil, nil
}

// player plays a list on one side.
type player struct {
	endpoint *endpoint
	prefix   string
	// made are tables to delete in the end.
	made []string
}

// maxPages ends the paging of a side that never does.
const maxPages = 200

// do plays one operation. An operation on tables is waited for. Pages of a scan, and of a query of an index, are read to
// the last, since which items are on which page is nothing that DynamoDB promises.
func (p *player) do(ctx context.Context, o op) (answer, error) {
	first, err := p.send(ctx, o.operation, o.body)
	if err != nil {
		return answer{}, err
	}
	switch {
	case first.status != 200:
	case o.operation == "CreateTable":
		name, _ := o.body["TableName"].(string)
		p.made = append(p.made, name)
		err = p.settle(ctx, name)
	case o.operation == "UpdateTable":
		name, _ := o.body["TableName"].(string)
		err = p.settle(ctx, name)
	case unordered(o):
		err = p.readOn(ctx, o, first)
	}
	return normalise(o, first, p.prefix), err
}

// unordered tells operations whose items come in an order that DynamoDB does not promise.
func unordered(o op) bool {
	return o.operation == "Scan" || o.operation == "Query" && o.body["IndexName"] != nil
}

// readOn reads the pages after the first and adds them to it.
func (p *player) readOn(ctx context.Context, o op, first reply) error {
	last := first.body["LastEvaluatedKey"]
	for range maxPages {
		if last == nil {
			break
		}
		body := object{"ExclusiveStartKey": last}
		for name, member := range o.body {
			if name != "ExclusiveStartKey" {
				body[name] = member
			}
		}
		next, err := p.send(ctx, o.operation, body)
		if err != nil {
			return err
		}
		if next.status != 200 {
			// The answer tells that paging failed, in place of where it stands.
			first.body["LastEvaluatedKey"] = next.body
			return nil
		}
		items, _ := first.body["Items"].([]any)
		more, _ := next.body["Items"].([]any)
		if first.body["Items"] != nil {
			first.body["Items"] = append(items, more...)
		}
		for _, count := range []string{"Count", "ScannedCount"} {
			first.body[count] = json.Number(fmt.Sprint(number(first.body[count]) + number(next.body[count])))
		}
		last = next.body["LastEvaluatedKey"]
	}
	delete(first.body, "LastEvaluatedKey")
	if last != nil {
		first.body["LastEvaluatedKey"] = "there is always another page"
	}
	return nil
}

// number is a decoded count.
func number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

// send sends one request of this play.
func (p *player) send(ctx context.Context, operation string, body object) (reply, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	return p.endpoint.do(ctx, operation, []byte(strings.ReplaceAll(string(text), `"$`, `"`+p.prefix)))
}

// settling is how long a table may take to become active; on DynamoDB an index may take minutes.
const settling = 15 * time.Minute

// settle waits until a table and its indexes are active, or the table is gone.
func (p *player) settle(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	pause := 5 * time.Millisecond
	for {
		r, err := p.send(ctx, "DescribeTable", object{"TableName": name})
		if err != nil {
			return err
		}
		if r.status != 200 || settled(r.body["Table"]) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("table %s is not active after %v: %w", name, settling, ctx.Err())
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// settled tells whether a description's statuses all say ACTIVE.
func settled(v any) bool {
	switch v := v.(type) {
	case object:
		for name, member := range v {
			if status, ok := member.(string); ok && (name == "TableStatus" || name == "IndexStatus") && status != "ACTIVE" || !settled(member) {
				return false
			}
		}
	case []any:
		for _, element := range v {
			if !settled(element) {
				return false
			}
		}
	}
	return true
}

// clear deletes the tables that the play made. What fails there fails for nobody: the names are not used again.
func (p *player) clear(ctx context.Context) {
	for _, name := range p.made {
		_, _ = p.send(ctx, "DeleteTable", object{"TableName": name})
	}
}
