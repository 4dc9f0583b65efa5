package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// client makes calls to one endpoint over connections of its own.
type client struct {
	url  string
	http http.Client
}

// newClient makes a client with up to n connections.
func newClient(url string, n int) *client {
	return &client{url: url, http: http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: n, DisableCompression: true}}}
}

// answer is what a call brought: the body, and the word of the caches.
type answer struct {
	body, word string
}

// call makes one. Any status but 200 is an error.
func (c *client) call(ctx context.Context, operation, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Date", "20260101T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("%s: %d %.200s", operation, resp.StatusCode, out)
	}
	return answer{string(out), resp.Header.Get("X-Millrace-Cache")}, nil
}

// item is an item in an answer.
type item struct {
	P, G struct{ S string }
	S, V struct{ N string }
}

// shown is what one answer shows of one item: its number and version.
type shown struct {
	item    int
	version int64
}

// itemsOf reads the items of an answer of any of the reads.
func itemsOf(body string) ([]shown, error) {
	var out struct {
		Item  *item
		Items []item
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		return nil, err
	}
	if out.Item != nil {
		out.Items = append(out.Items, *out.Item)
	}
	list := make([]shown, 0, len(out.Items))
	for _, i := range out.Items {
		p, err := strconv.Atoi(strings.TrimPrefix(i.P.S, "p"))
		s, err2 := strconv.Atoi(i.S.N)
		v, err3 := strconv.ParseInt(i.V.N, 10, 64)
		if err != nil || err2 != nil || err3 != nil {
			return nil, fmt.Errorf("item %+v is not one of ours", i)
		}
		if s < itemsEach {
			list = append(list, shown{p*itemsEach + s, v})
		}
	}
	return list, nil
}

// The requests.
const (
	table = `{"TableName":"foreign","BillingMode":"PAY_PER_REQUEST",
		"AttributeDefinitions":[{"AttributeName":"P","AttributeType":"S"},{"AttributeName":"S","AttributeType":"N"},{"AttributeName":"G","AttributeType":"S"}],
		"KeySchema":[{"AttributeName":"P","KeyType":"HASH"},{"AttributeName":"S","KeyType":"RANGE"}],
		"GlobalSecondaryIndexes":[{"IndexName":"by-g","KeySchema":[{"AttributeName":"G","KeyType":"HASH"},{"AttributeName":"S","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}],
		"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}}`
	keyFormat    = `{"P":{"S":"p%d"},"S":{"N":"%d"}}`
	getFormat    = `{"TableName":"foreign","Key":` + keyFormat + `}`
	queryFormat  = `{"TableName":"foreign","KeyConditionExpression":"P = :p","ExpressionAttributeValues":{":p":{"S":"p%d"}},"Limit":%d}`
	indexFormat  = `{"TableName":"foreign","IndexName":"by-g","KeyConditionExpression":"G = :g","ExpressionAttributeValues":{":g":{"S":"g%d"}},"Limit":50}`
	updateFormat = `{"TableName":"foreign","Key":` + keyFormat + `,"UpdateExpression":"ADD V :one","ExpressionAttributeValues":{":one":{"N":"1"}},"ReturnValues":"ALL_NEW"}`
	moveFormat   = `{"TableName":"foreign","Key":` + keyFormat + `,"UpdateExpression":"ADD V :one SET G = :g","ExpressionAttributeValues":{":one":{"N":"1"},":g":{"S":"g%d"}},"ReturnValues":"UPDATED_NEW"}`
	appendFormat = `{"TableName":"foreign","Item":{"P":{"S":"p%d"},"S":{"N":"%d"},"V":{"N":"0"}}}`
)

// written is the version in the answer of an update.
func written(body string) (int64, error) {
	var out struct {
		Attributes struct{ V struct{ N string } }
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		return 0, err
	}
	return strconv.ParseInt(out.Attributes.V.N, 10, 64)
}
