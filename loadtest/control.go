package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"millrace/ddb"
)

// controlTimeout bounds one call that makes, fills or drops tables.
const controlTimeout = time.Minute

// control makes calls that are not measured, one at a time.
type control struct{ conn *rawConn }

// newControl makes one for a target.
func newControl(t *rawTarget) *control {
	own := *t
	own.timeout = controlTimeout
	return &control{newRawConn(&own)}
}

// close hangs up.
func (c *control) close() { c.conn.close() }

// exception is a service's refusal.
type exception struct{ operation, code, message string }

// Error is part of error.
func (e *exception) Error() string { return fmt.Sprintf("%s: %s: %s", e.operation, e.code, e.message) }

// isException tells whether err is an exception of that name.
func isException(err error, code string) bool {
	e, ok := errors.AsType[*exception](err)
	return ok && e.code == code
}

// passing are exceptions after which the same call may succeed a moment later.
var passing = map[string]bool{
	"ProvisionedThroughputExceededException": true, "ThrottlingException": true, "RequestLimitExceeded": true,
	"InternalServerError": true, "ServiceUnavailable": true, "LimitExceededException": true,
}

// tries is how often a call is made that the service throttles or fails at.
const tries = 8

// call makes a call and gives its answer's body, which is valid until the next. What is throttled is tried again.
func (c *control) call(ctx context.Context, op ddb.Operation, body []byte) ([]byte, error) {
	defer context.AfterFunc(ctx, c.conn.abort)()
	for try := 1; ; try++ {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		err := c.conn.prepare(op, body)
		if err != nil {
			return nil, err
		}
		c.conn.release()
		a, err := c.conn.await()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", op, err)
		}
		if a.status == 200 {
			return c.conn.body, nil
		}
		// The decoder takes "message" for it too. A body that is no JSON has no message.
		var message struct{ Message string }
		_ = json.Unmarshal(c.conn.body, &message)
		refusal := &exception{op.String(), a.code, message.Message}
		if !passing[a.code] || try == tries {
			return nil, refusal
		}
		if err := pause(ctx, backoff(try)); err != nil {
			return nil, err
		}
	}
}

// backoff is how long to wait after a failed try.
func backoff(try int) time.Duration { return 50 * time.Millisecond << min(try, 6) }

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// makeTable makes a table and waits until it can be used. made is false if it was there.
func (c *control) makeTable(ctx context.Context, t *tableDef) (made bool, err error) {
	_, err = c.call(ctx, ddb.CreateTable, t.createBody())
	if isException(err, "ResourceInUseException") {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for {
		body, err := c.call(ctx, ddb.DescribeTable, fmt.Appendf(nil, `{"TableName":"%s"}`, t.name))
		if err != nil {
			return true, err
		}
		if bytes.Contains(body, []byte(`"TableStatus":"ACTIVE"`)) {
			break
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return true, err
		}
	}
	if t.ttl != "" {
		_, err = c.call(ctx, ddb.UpdateTimeToLive, fmt.Appendf(nil,
			`{"TableName":"%s","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"%s"}}`, t.name, t.ttl))
	}
	return true, err
}

// dropTable drops a table; one that is gone is fine.
func (c *control) dropTable(ctx context.Context, name string) error {
	_, err := c.call(ctx, ddb.DeleteTable, fmt.Appendf(nil, `{"TableName":"%s"}`, name))
	if isException(err, "ResourceNotFoundException") {
		return nil
	}
	return err
}

// createBody is CreateTable's body.
func (t *tableDef) createBody() []byte {
	types := map[string]byte{}
	schema := func(partition, sort attribute) []map[string]string {
		types[partition.name] = partition.typ
		keys := []map[string]string{{"AttributeName": partition.name, "KeyType": "HASH"}}
		if sort.name != "" {
			types[sort.name] = sort.typ
			keys = append(keys, map[string]string{"AttributeName": sort.name, "KeyType": "RANGE"})
		}
		return keys
	}
	body := map[string]any{"TableName": t.name, "BillingMode": "PAY_PER_REQUEST", "KeySchema": schema(t.partition, t.sort)}
	for _, x := range t.indexes {
		projection := "ALL"
		if x.keysOnly {
			projection = "KEYS_ONLY"
		}
		member := "GlobalSecondaryIndexes"
		if x.local {
			member = "LocalSecondaryIndexes"
		}
		list, _ := body[member].([]any)
		body[member] = append(list, map[string]any{"IndexName": x.name, "KeySchema": schema(x.partition, x.sort), "Projection": map[string]string{"ProjectionType": projection}})
	}
	var attributes []map[string]string
	for _, name := range sortedKeys(types) {
		attributes = append(attributes, map[string]string{"AttributeName": name, "AttributeType": string(types[name])})
	}
	body["AttributeDefinitions"] = attributes
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return b
}
