package aws

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/ddb"
)

// The outcome classes, over real sockets: what is known not to have been applied is a *ddb.Error that says so, what
// nobody knows is any other error or a 5xx of upstream's own, and only what cannot do harm is sent again.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	throttle := reply(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow"}`)
	refusal := reply(400, `{"__type":"com.amazon.coral.validate#ValidationException","message":"no"}`)
	broken := reply(500, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"oops"}`)
	page := reply(503, `<html>gone</html>`)
	ok := reply(200, `{}`)
	f := func(name string, op ddb.Operation, steps []step, wantRequests int, check func(error) bool) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := script(t, steps...)
			c := testConfig(up.url)
			c.Timeout, c.AttemptTimeout = 6*time.Second, 2*time.Second
			_, err := do(open(t, c), op, `{"TableName":"t"}`)
			if !check(err) {
				t.Errorf("%s: error %#v", name, err)
			}
			if got := len(up.got()); got != wantRequests {
				t.Errorf("%s: %d requests arrived upstream, want %d", name, got, wantRequests)
			}
		})
	}
	fine := func(err error) bool { return err == nil }
	unknown := func(err error) bool {
		e, ok := err.(*ddb.Error)
		return err != nil && (!ok || e.Unsure())
	}
	definite := func(code string, status int, notSent bool) func(error) bool {
		return func(err error) bool {
			e, ok := err.(*ddb.Error)
			return ok && e.Code == code && e.HTTPStatus() == status && e.NotSent == notSent
		}
	}

	f("a write that is cut off is unknown and not sent again", ddb.PutItem, []step{cut, ok}, 1, unknown)
	f("a write whose answer is cut off is unknown", ddb.UpdateItem, []step{partly, ok}, 1, unknown)
	f("a write without an answer is unknown", ddb.DeleteItem, []step{mute, ok}, 1, unknown)
	f("a write with a 500 is unknown", ddb.BatchWriteItem, []step{broken, ok}, 1, unknown)
	f("a write with a page of a load balancer is unknown", ddb.PutItem, []step{page, ok}, 1, unknown)
	f("a statement may be a write", ddb.ExecuteStatement, []step{cut, ok}, 1, unknown)
	f("an operation nobody knows may be a write", ddb.UnknownOperation, []step{cut, ok}, 1, unknown)
	f("a change of a table is a write", ddb.UpdateTable, []step{cut, ok}, 1, unknown)
	f("a wrong checksum of a write's answer is unknown", ddb.PutItem, []step{reply(200, `{}`, headerCRC, "1"), ok}, 1, unknown)
	f("a page in place of a write's answer is unknown", ddb.PutItem, []step{reply(200, `<html>login</html>`), ok}, 1, unknown)
	f("no bytes in place of a write's answer are unknown", ddb.UpdateItem, []step{reply(200, ``), ok}, 1, unknown)
	f("a part in place of a write's answer is unknown", ddb.DeleteItem, []step{reply(200, `{`), ok}, 1, unknown)
	f("an operation on tables may answer nothing", ddb.TagResource, []step{reply(200, ``), ok}, 1, fine)
	f("a page in place of a read's answer is sent again", ddb.GetItem, []step{reply(200, `<html>login</html>`), ok}, 2, fine)

	f("a read that is cut off is sent again", ddb.GetItem, []step{cut, ok}, 2, fine)
	f("a read whose answer is cut off is sent again", ddb.Query, []step{partly, ok}, 2, fine)
	f("a read without an answer is sent again", ddb.Scan, []step{mute, ok}, 2, fine)
	f("a read with a 500 is sent again", ddb.BatchGetItem, []step{broken, ok}, 2, fine)
	f("a description is a read", ddb.DescribeTable, []step{cut, ok}, 2, fine)
	f("a wrong checksum of a read is sent again", ddb.GetItem, []step{reply(200, `{}`, headerCRC, "1"), ok}, 2, fine)
	f("a read that stays without an answer is unavailable", ddb.GetItem, []step{cut}, 3, definite("ServiceUnavailable", 503, true))
	f("a read with 500s keeps upstream's error", ddb.GetItem, []step{broken}, 3, definite("InternalServerError", 500, false))

	f("a throttled write is sent once more", ddb.PutItem, []step{throttle, ok}, 2, fine)
	f("a throttle that stays is the client's", ddb.PutItem, []step{throttle}, 2, definite("ProvisionedThroughputExceededException", 400, false))
	f("a 429 is a throttle by whatever name", ddb.PutItem, []step{reply(429, `{"__type":"com.example#SlowDown","message":"slow"}`), ok}, 2, fine)
	f("and without a name, as of what stands before upstream", ddb.UpdateItem, []step{reply(429, `<html>slow down</html>`), ok}, 2, fine)
	f("a 429 that stays is the client's as it came", ddb.PutItem, []step{reply(429, `{"__type":"com.example#SlowDown"}`)}, 2, definite("SlowDown", 429, false))
	f("a refusal is not sent again", ddb.PutItem, []step{refusal, ok}, 1, definite("ValidationException", 400, false))
	f("a redirect does not tell what became of a write", ddb.PutItem, []step{reply(302, ""), ok}, 1, unknown)
	f("and is the client's to follow", ddb.GetItem, []step{reply(301, "<html>moved</html>"), ok}, 1, definite("UnknownError", 301, false))
	f("a page does not either", ddb.PutItem, []step{reply(408, `<html>timed out</html>`), ok}, 1, unknown)
	f("but one that denies does", ddb.PutItem, []step{reply(403, `<html>no</html>`), ok}, 1, func(err error) bool { return !unknown(err) && definite("UnknownError", 403, false)(err) })
	f("a success that DynamoDB does not have is none", ddb.PutItem, []step{reply(202, `{}`), ok}, 1, unknown)
	f("too many readers of a stream is a throttle", ddb.GetRecords,
		[]step{reply(400, `{"__type":"com.amazonaws.dynamodb.v20120810#LimitExceededException"}`), ok}, 2, fine)
	f("too many changes of tables is none", ddb.CreateTable,
		[]step{reply(400, `{"__type":"com.amazonaws.dynamodb.v20120810#LimitExceededException"}`), ok}, 1, definite("LimitExceededException", 400, false))
}

// An answer whose lines end in LF alone is none, and that is known when it is there: nobody waits until an attempt's time is up.
func TestAnswersInBareLinesAreNoneAtOnce(t *testing.T) {
	t.Parallel()
	bare := func(c net.Conn) bool {
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\nContent-Length: 2\nX-Amzn-Requestid: A\n\n{}")
		return err == nil
	}
	for _, c := range []struct {
		op    ddb.Operation
		steps []step
		sent  int
		fails bool
	}{
		{ddb.GetItem, []step{bare, reply(200, `{}`)}, 2, false},
		{ddb.Query, []step{bare}, 3, true},
		{ddb.PutItem, []step{bare, reply(200, `{}`)}, 1, true},
		{ddb.UpdateTable, []step{bare, reply(200, `{}`)}, 1, true},
	} {
		up := script(t, c.steps...)
		config := testConfig(up.url)
		config.Timeout, config.AttemptTimeout = time.Minute, 30*time.Second
		start := time.Now()
		_, err := do(open(t, config), c.op, `{"TableName":"t"}`)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%v took %v, want it not to wait", c.op, took)
		}
		if e, ok := err.(*ddb.Error); (err != nil) != c.fails || c.sent == 1 && ok && !e.Unsure() {
			t.Errorf("%v: error %#v, want one: %v, and that a write's outcome is unknown", c.op, err, c.fails)
		}
		if got := len(up.got()); got != c.sent {
			t.Errorf("%v: %d requests arrived, want %d", c.op, got, c.sent)
		}
	}
}

func TestRefusedConnectionIsNotSent(t *testing.T) {
	t.Parallel()
	// No port that was free a moment ago: another test may have it by now.
	_, err := do(open(t, testConfig("http://127.0.0.1:1")), ddb.PutItem, `{}`)
	if e, ok := err.(*ddb.Error); !ok || e.Status != http.StatusServiceUnavailable || !e.NotSent {
		t.Errorf("PutItem to a closed port: %#v, want a 503 that says that nothing was sent", err)
	}
}

// A pooled connection that upstream has closed is noticed before a write goes into it, so that the write can go out on
// another one. Closing and writing race only where the two cross on the wire.
func TestClosedPooledConnectionsLoseNoWrite(t *testing.T) {
	t.Parallel()
	up := script(t, reply(200, `{}`))
	b := open(t, testConfig(up.url))
	const writes = 20
	for range writes {
		if _, err := do(b, ddb.PutItem, `{}`); err != nil {
			t.Fatalf("PutItem: %v", err)
		}
		up.hangUp()
		<-up.gone // closed before the next write begins
	}
	if got := len(up.got()); got != writes {
		t.Errorf("%d requests arrived, want %d", got, writes)
	}
}

func TestBreakerFailsFastAndRecovers(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	b := breaker{clock: func() time.Time { return now }, random: func() float64 { return 1 }}
	for i := range breakAfter {
		if !b.allow() {
			t.Fatalf("request %d is not allowed", i)
		}
		if opened := b.failed(); opened != (i == breakAfter-1) {
			t.Fatalf("failure %d opened the breaker: %v", i, opened)
		}
	}
	if b.allow() || b.down() != now {
		t.Fatalf("allow() right after opening, down since %v", b.down())
	}
	now = now.Add(breakFirst)
	if !b.allow() {
		t.Fatal("no probe after the wait")
	}
	if b.allow() {
		t.Fatal("two probes at once")
	}
	b.failed()
	now = now.Add(breakFirst)
	if b.allow() {
		t.Fatal("the second wait is not longer than the first")
	}
	now = now.Add(breakFirst)
	if !b.allow() {
		t.Fatal("no second probe")
	}
	b.answered()
	for range 2 {
		if !b.allow() || !b.down().IsZero() {
			t.Fatal("the breaker does not close after an answer")
		}
	}
}

func TestDeadUpstreamIsFailedFast(t *testing.T) {
	t.Parallel()
	// When the last request has arrived that the breaker waits for, time stands still, so that it is not yet time to try again.
	var stands atomic.Pointer[time.Time]
	var arrived atomic.Int32
	up := script(t, func(c net.Conn) bool {
		if arrived.Add(1) == breakAfter {
			now := time.Now()
			stands.Store(&now)
		}
		return mute(c)
	})
	c := testConfig(up.url)
	c.Timeout, c.AttemptTimeout, c.Attempts, c.Random = time.Second, time.Second, 1, func() float64 { return 1 }
	c.Clock = func() time.Time {
		if at := stands.Load(); at != nil {
			return *at
		}
		return time.Now()
	}
	b := open(t, c)
	for range breakAfter {
		if _, err := do(b, ddb.PutItem, `{}`); err == nil {
			t.Fatal("PutItem succeeds at an upstream that says nothing")
		}
	}
	_, err := do(b, ddb.PutItem, `{}`)
	if e, ok := err.(*ddb.Error); !ok || !e.NotSent || !strings.Contains(e.Message, errDown.Error()) {
		t.Errorf("PutItem with the breaker open: %v, want it refused unsent", err)
	}
	if got := len(up.got()); got != breakAfter {
		t.Errorf("%d requests arrived, want %d", got, breakAfter)
	}
	if b.Down().IsZero() {
		t.Error("Down() is zero")
	}
}

func TestRequestsBeyondTheBoundWaitAndAreThrottled(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan bool), make(chan bool)
	up := script(t, func(c net.Conn) bool {
		arrived <- true
		<-release
		return reply(200, `{}`)(c)
	})
	c := testConfig(up.url)
	c.MaxInFlight, c.QueueTimeout = 1, 20*time.Millisecond
	b := open(t, c)
	first := make(chan error)
	go func() {
		_, err := do(b, ddb.PutItem, `{}`)
		first <- err
	}()
	<-arrived
	_, err := do(b, ddb.PutItem, `{}`)
	if e, ok := err.(*ddb.Error); !ok || e.Code != "ThrottlingException" || !e.NotSent {
		t.Errorf("PutItem beyond the bound: %v, want ThrottlingException", err)
	}
	release <- true
	if err := <-first; err != nil {
		t.Errorf("the request under way: %v", err)
	}
}

func TestRetriesHaveABudget(t *testing.T) {
	t.Parallel()
	up := script(t, reply(500, `{"__type":"x#InternalServerError"}`))
	b := open(t, testConfig(up.url))
	const requests = 100
	for range requests {
		if _, err := do(b, ddb.GetItem, `{}`); err == nil {
			t.Fatal("GetItem succeeds")
		}
	}
	if got, most := len(up.got()), requests+int(budgetMost); got > most {
		t.Errorf("%d requests arrived for %d, want at most %d", got, requests, most)
	}
}

func TestDeadlineEndsARead(t *testing.T) {
	t.Parallel()
	up := script(t, mute)
	c := testConfig(up.url)
	c.Timeout, c.AttemptTimeout = 100*time.Millisecond, 60*time.Millisecond
	start := time.Now()
	_, err := do(open(t, c), ddb.GetItem, `{}`)
	if took := time.Since(start); err == nil || took > 2*time.Second {
		t.Errorf("GetItem: %v after %v, want an error within the timeout", err, took)
	}
	if e, ok := errors.AsType[*ddb.Error](err); !ok || e.Status != 503 {
		t.Errorf("GetItem: %v, want a 503", err)
	}
}
