package verify

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ttlCache is a caching proxy as DAX documents itself (Developer Guide, "DAX and DynamoDB consistency models"): items
// written through it are renewed, query results live until their time is over, writes past it and tables made anew are
// not noticed, consistent reads and transactions pass through. It has no header that tells hits.
type ttlCache struct {
	upstream string
	ttl      time.Duration
	client   *http.Client
	// lacks are operations that it answers as unknown.
	lacks []string
	hits  atomic.Int64

	// mu is held exclusively while a write is under way, so that no fill overtakes it.
	mu    sync.RWMutex
	nodes []*ttlNode
	turn  atomic.Int64
}

// ttlNode is one of its nodes, each with caches of its own.
type ttlNode struct {
	mu    sync.Mutex
	items map[string]ttlEntry
	pages map[string]ttlEntry
}

// ttlEntry is a cached reply.
type ttlEntry struct {
	body    []byte
	expires time.Time
}

// newTTLCache serves a cache of so many nodes before upstream and returns its URL. Requests go to the nodes in turn.
func newTTLCache(t *testing.T, upstream string, ttl time.Duration, nodes int, lacks ...string) (*ttlCache, string) {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	c := &ttlCache{upstream: upstream, ttl: ttl, client: &http.Client{Transport: transport}, lacks: lacks}
	for range nodes {
		c.nodes = append(c.nodes, &ttlNode{items: map[string]ttlEntry{}, pages: map[string]ttlEntry{}})
	}
	server := httptest.NewServer(c)
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return c, server.URL
}

// ttlRequest is what the cache understands of requests.
type ttlRequest struct {
	TableName      string
	Key, Item      map[string]any
	ConsistentRead bool
	RequestItems   map[string]json.RawMessage
	TransactItems  []map[string]struct {
		TableName string
		Key, Item map[string]any
	}
}

// itemKey names an item by its key, or by the key in an item.
func itemKey(table string, of map[string]any) string {
	b, err := json.Marshal([]any{table, of["pk"], of["sk"]})
	if err != nil {
		return ""
	}
	return string(b)
}

// ServeHTTP answers one request.
func (c *ttlCache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	for _, lacked := range c.lacks {
		if op == lacked {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#UnknownOperationException"}`)
			return
		}
	}
	var req ttlRequest
	if err := json.Unmarshal(body, &req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	node := c.nodes[int(c.turn.Add(1))%len(c.nodes)]
	cached, key := node.pages, op+string(body)
	switch {
	case req.ConsistentRead:
		cached = nil
	case op == "GetItem":
		cached, key = node.items, itemKey(req.TableName, req.Key)
	case op == "Query", op == "Scan", op == "BatchGetItem":
	default:
		cached = nil
	}
	if op == "BatchGetItem" {
		// Items of a batch are not renewed by writes here, so a batch is not cached.
		cached = nil
	}
	if cached == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		status, reply := c.forward(w, r, body)
		if status == http.StatusOK {
			node.drop(op, &req)
		}
		reply.send(w, status)
		return
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e, ok := node.lookup(cached, key); ok {
		c.hits.Add(1)
		ttlReply{body: e.body}.send(w, http.StatusOK)
		return
	}
	status, reply := c.forward(w, r, body)
	if status == http.StatusOK {
		node.mu.Lock()
		cached[key] = ttlEntry{reply.body, time.Now().Add(c.ttl)}
		node.mu.Unlock()
	}
	reply.send(w, status)
}

// lookup gives an entry that is not expired.
func (n *ttlNode) lookup(cached map[string]ttlEntry, key string) (ttlEntry, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e, ok := cached[key]
	return e, ok && time.Now().Before(e.expires)
}

// drop forgets the items that a request wrote.
func (n *ttlNode) drop(op string, req *ttlRequest) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch op {
	case "PutItem":
		delete(n.items, itemKey(req.TableName, req.Item))
	case "UpdateItem", "DeleteItem":
		delete(n.items, itemKey(req.TableName, req.Key))
	case "BatchWriteItem":
		for table, raw := range req.RequestItems {
			var requests []struct{ PutRequest struct{ Item map[string]any } }
			if json.Unmarshal(raw, &requests) == nil {
				for _, r := range requests {
					delete(n.items, itemKey(table, r.PutRequest.Item))
				}
			}
		}
	case "TransactWriteItems":
		for _, write := range req.TransactItems {
			delete(n.items, itemKey(write["Put"].TableName, write["Put"].Item))
		}
	}
}

// ttlReply is what a client gets.
type ttlReply struct{ body []byte }

// send writes the reply.
func (r ttlReply) send(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = w.Write(r.body) // Whoever is gone need not be told.
}

// forward asks upstream.
func (c *ttlCache) forward(w http.ResponseWriter, r *http.Request, body []byte) (int, ttlReply) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, c.upstream, bytes.NewReader(body))
	if err != nil {
		return http.StatusInternalServerError, ttlReply{}
	}
	for _, name := range []string{"X-Amz-Target", "Content-Type", "X-Amz-Date", "Authorization"} {
		req.Header.Set(name, r.Header.Get(name))
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return http.StatusBadGateway, ttlReply{}
	}
	defer func() { _ = resp.Body.Close() }()
	reply, err := io.ReadAll(resp.Body)
	if err != nil {
		return http.StatusBadGateway, ttlReply{}
	}
	return resp.StatusCode, ttlReply{body: reply}
}
