package history

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is a history to be made.
type Config struct {
	// Target is the URL that is judged. Writer is one of the same tables past it; empty for none.
	Target, Writer string
	// Table has string keys p and s; Prefix begins all partition keys.
	Table, Prefix string
	// Stream tells that the table has one.
	Stream bool
	// Clients act at the same time, Ops times each; so many in Foreign use Writer and the others Target.
	Clients, Foreign, Ops int
	// Items are in use at a time. One is replaced by a new one when it was used ItemOps times, or when the outcomes of
	// three writes are unknown: the search for an order takes time exponential in what overlaps.
	Items, ItemOps int
	// Outside are items besides that live as long as the history and are written only past the target; through it they are
	// only read, and not consistently. So what stays unseen of foreign writes is seen by nothing that acts through the target.
	Outside int
	// Writes is how many of a hundred operations are no reads, on the items that all may write.
	Writes int
	// Pause is how long clients wait between operations: what is to be seen for long must not be long to be judged.
	Pause time.Duration
	// Timeout is how long a client waits for an answer.
	Timeout time.Duration
	Seed    uint64
}

// DefaultConfig takes about a second on an engine in memory.
func DefaultConfig() Config {
	return Config{Clients: 8, Ops: 250, Items: 3, ItemOps: 120, Writes: firstRead, Timeout: 250 * time.Millisecond, Table: "register", Prefix: "item"}
}

// CreateTable is the body of the request for the table.
func (c Config) CreateTable() string {
	stream := ""
	if c.Stream {
		stream = `"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"},`
	}
	return `{"TableName":"` + c.Table + `","BillingMode":"PAY_PER_REQUEST",` + stream + `
		"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}]}`
}

// mostUnknown is how many writes of an item may stay without a known outcome before it is used no more.
const mostUnknown = 3

// item is one that is in use.
type item struct {
	key           string
	used, unknown atomic.Int64
}

// recorder makes one history.
type recorder struct {
	config   Config
	begun    time.Time
	client   *http.Client
	elements atomic.Int64

	mu    sync.Mutex
	items []*item
	made  int
	ops   []Op
}

// Record makes a history. Requests without a usable answer do not end it; the error is of one that was refused.
func Record(ctx context.Context, config Config) ([]Op, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: config.Clients}
	defer transport.CloseIdleConnections()
	r := &recorder{config: config, begun: time.Now(), client: &http.Client{Transport: transport, Timeout: config.Timeout}}
	r.items = make([]*item, config.Items+config.Outside)
	var clients sync.WaitGroup
	errs := make(chan error, config.Clients)
	for n := range config.Clients {
		clients.Go(func() {
			if err := r.act(ctx, n); err != nil {
				errs <- fmt.Errorf("client %d: %w", n, err)
			}
		})
	}
	clients.Wait()
	close(errs)
	return r.ops, <-errs
}

// take gives an item for one more operation.
func (r *recorder) take(slot int) *item {
	r.mu.Lock()
	defer r.mu.Unlock()
	it := r.items[slot]
	spent := it != nil && slot < r.config.Items && (it.used.Load() >= int64(r.config.ItemOps) || it.unknown.Load() >= mostUnknown)
	if it == nil || spent {
		it = &item{key: fmt.Sprintf("%s-%d", r.config.Prefix, r.made)}
		r.made++
		r.items[slot] = it
	}
	it.used.Add(1)
	return it
}

// act is one client.
func (r *recorder) act(ctx context.Context, n int) error {
	rng := rand.New(rand.NewPCG(r.config.Seed, uint64(n)))
	foreign := n < r.config.Foreign
	var last string // what the client last read of item lastOf
	var lastOf *item
	next := time.NewTicker(max(r.config.Pause, 1))
	defer next.Stop()
	for range r.config.Ops {
		select {
		case <-next.C:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		slot := rng.IntN(len(r.items))
		it := r.take(slot)
		op := Op{Client: n, Key: it.key, Foreign: foreign}
		var body string
		draw := r.draw(rng, slot >= r.config.Items && !foreign)
		for i := range actions {
			if a := &actions[i]; draw < a.upTo {
				op.Via, op.Kind, op.Strong = a.via, a.kind, a.strong
				if op.Kind == Write || op.Kind == Swap {
					op.Value = fmt.Sprintf("v%d", r.elements.Add(1))
				}
				if op.Kind == Swap {
					if lastOf != it {
						op.Kind, op.Via = Write, "UpdateItem"
					} else {
						op.Old = last
					}
				}
				body = a.body(r.config.Table, &op)
				break
			}
		}
		outcome, err := r.send(ctx, &op, body)
		if err != nil {
			return err
		}
		if outcome == didNothing || outcome == unknown && op.Kind == Read {
			continue
		}
		if outcome == unknown {
			it.unknown.Add(1)
			op.Return = Never
		} else if op.Kind == Read {
			last, lastOf = op.Value, it
		}
		r.mu.Lock()
		r.ops = append(r.ops, op)
		r.mu.Unlock()
	}
	return nil
}

// draw gives an operation's place among the actions, one of plain reads if only these may be.
func (r *recorder) draw(rng *rand.Rand, plain bool) int {
	switch {
	case plain:
		return firstRead + rng.IntN(firstStrong-firstRead)
	case rng.IntN(100) < r.config.Writes:
		return rng.IntN(firstRead)
	default:
		return firstRead + rng.IntN(100-firstRead)
	}
}

// action is a request that clients draw.
type action struct {
	upTo   int // of 100
	via    string
	kind   Kind
	strong bool
	body   func(table string, op *Op) string
}

// firstRead is the least draw that reads, firstStrong the least that does so consistently.
const firstRead, firstStrong = 32, 88

// actions are what clients do, most of it reading.
var actions = []action{
	{8, "PutItem", Write, false, func(table string, op *Op) string {
		return fmt.Sprintf(`{"TableName":%q,"Item":{%s,"v":{"S":%q}}}`, table, op.names(), op.Value)
	}},
	{20, "UpdateItem", Swap, false, func(table string, op *Op) string {
		condition := ""
		values := fmt.Sprintf(`":v":{"S":%q}`, op.Value)
		switch {
		case op.Kind == Write:
		case op.Old == "":
			condition = `,"ConditionExpression":"attribute_not_exists(p)"`
		default:
			condition = `,"ConditionExpression":"v = :old"`
			values += fmt.Sprintf(`,":old":{"S":%q}`, op.Old)
		}
		return fmt.Sprintf(`{"TableName":%q,"Key":{%s},"UpdateExpression":"SET v = :v"%s,"ExpressionAttributeValues":{%s}}`, table, op.names(), condition, values)
	}},
	{24, "DeleteItem", Delete, false, func(table string, op *Op) string {
		return fmt.Sprintf(`{"TableName":%q,"Key":{%s}}`, table, op.names())
	}},
	{28, "BatchWriteItem", Write, false, func(table string, op *Op) string {
		return fmt.Sprintf(`{"RequestItems":{%q:[{"PutRequest":{"Item":{%s,"v":{"S":%q}}}}]}}`, table, op.names(), op.Value)
	}},
	{firstRead, "TransactWriteItems", Write, false, func(table string, op *Op) string {
		return fmt.Sprintf(`{"TransactItems":[{"Put":{"TableName":%q,"Item":{%s,"v":{"S":%q}}}}]}`, table, op.names(), op.Value)
	}},
	{60, "GetItem", Read, false, func(table string, op *Op) string {
		return fmt.Sprintf(`{"TableName":%q,"Key":{%s}}`, table, op.names())
	}},
	{68, "BatchGetItem", Read, false, func(table string, op *Op) string {
		return fmt.Sprintf(`{"RequestItems":{%q:{"Keys":[{%s}]}}}`, table, op.names())
	}},
	{firstStrong, "Query", Read, false, func(table string, op *Op) string {
		return fmt.Sprintf(`{"TableName":%q,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":%q}}}`, table, op.Key)
	}},
	{95, "GetItem", Read, true, func(table string, op *Op) string {
		return fmt.Sprintf(`{"TableName":%q,"Key":{%s},"ConsistentRead":true}`, table, op.names())
	}},
	{100, "Query", Read, true, func(table string, op *Op) string {
		return fmt.Sprintf(`{"TableName":%q,"KeyConditionExpression":"p = :p","ExpressionAttributeValues":{":p":{"S":%q}},"ConsistentRead":true}`, table, op.Key)
	}},
}

// names are the members of the item's key.
func (o *Op) names() string { return fmt.Sprintf(`"p":{"S":%q},"s":{"S":"s"}`, o.Key) }

// answer is what is understood of replies.
type answer struct {
	Type  string `json:"__type"`
	Item  *shown
	Items []shown
	// Responses are those of BatchGetItem, the rest what is left of a batch.
	Responses                         map[string][]shown
	UnprocessedItems, UnprocessedKeys map[string]json.RawMessage
}

// shown is an item in a reply.
type shown struct {
	V struct{ S string } `json:"v"`
}

// outcome is what is known of a request.
type outcome int

// It was answered; it was refused for the moment and did nothing; nobody knows.
const (
	answered outcome = iota
	didNothing
	unknown
)

// forNow are exceptions that say that nothing was done and that another time it may be.
var forNow = []string{"ThrottlingException", "ProvisionedThroughputExceededException", "TransactionConflictException", "TransactionCanceledException"}

// send makes the request, notes when, and puts into op what the answer says. An error is a refusal for good, which no
// correct client gets.
func (r *recorder) send(ctx context.Context, op *Op, body string) (outcome, error) {
	status, reply, err := r.exchange(ctx, op, body)
	var a answer
	if err == nil {
		err = json.Unmarshal(reply, &a)
	}
	_, code, _ := strings.Cut(a.Type, "#")
	switch {
	case err != nil || status >= http.StatusInternalServerError:
		return unknown, nil //nolint:nilerr // A connection was cut, here or further on: that is what is looked for.
	case code == "ConditionalCheckFailedException":
		op.Failed = true
		return answered, nil
	case slices.Contains(forNow, code):
		return didNothing, nil
	case status != http.StatusOK:
		return didNothing, fmt.Errorf("%s %s: %d %s", op.Via, body, status, reply)
	case len(a.UnprocessedItems) > 0 || len(a.UnprocessedKeys) > 0:
		return didNothing, nil // There was but one element.
	}
	if op.Kind == Read {
		items := append(a.Items, a.Responses[r.config.Table]...)
		if a.Item != nil {
			items = append(items, *a.Item)
		}
		for _, item := range items {
			op.Value = item.V.S
		}
	}
	return answered, nil
}

// exchange sends the request and reads the reply.
func (r *recorder) exchange(ctx context.Context, op *Op, body string) (status int, reply []byte, err error) {
	url := r.config.Target
	if op.Foreign {
		url = r.config.Writer
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.GetBody = nil // Without it Go's client never sends a request twice.
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op.Via)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	op.Call = time.Since(r.begun)
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	op.Cache = resp.Header.Get("X-Millrace-Cache")
	reply, err = io.ReadAll(resp.Body)
	op.Return = time.Since(r.begun)
	return resp.StatusCode, reply, err
}
