package aws

import (
	"net"
	"testing"
	"time"

	"millrace/ddb"
)

// What takes long is waited for, as by a client without millrace between, where giving it up would gain nothing: a write, which is not sent again,
// and the last attempt at a read.
func TestSlowAnswersAreWaitedFor(t *testing.T) {
	t.Parallel()
	slowly := func(c net.Conn) bool {
		<-time.After(3 * time.Second) // it is slow
		return reply(200, `{}`)(c)
	}
	for op, requests := range map[ddb.Operation]int{ddb.PutItem: 1, ddb.ExecuteStatement: 1, ddb.GetItem: 2, ddb.DescribeTable: 2} {
		t.Run(op.String(), func(t *testing.T) {
			t.Parallel()
			up := script(t, slowly)
			c := testConfig(up.url)
			c.AttemptTimeout, c.Attempts = time.Second, 2
			if _, err := do(open(t, c), op, `{}`); err != nil || len(up.got()) != requests {
				t.Errorf("%v: %v after %d attempts, want it answered by number %d", op, err, len(up.got()), requests)
			}
		})
	}
}
