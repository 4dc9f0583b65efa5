package verify

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The attributes of an item. bunch repeats the partition key for the global index; rank follows from the version, so
// that a write moves the item in both indexes.
const (
	attrPK      = "pk"
	attrSK      = "sk"
	attrBunch   = "bunch"
	attrRank    = "rank"
	attrVersion = "version"
)

// The indexes of the main table.
const (
	localIndex  = "by-rank"
	globalIndex = "by-bunch"
)

// perPartition is how many items each partition has; a page shows them all.
const perPartition = 4

// attributes is an item or a key.
type attributes = map[string]types.AttributeValue

// str and num are attribute values.
func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n int) types.AttributeValue    { return &types.AttributeValueMemberN{Value: strconv.Itoa(n)} }

// keyOf is an item's key.
func keyOf(pk string, sk int) attributes { return attributes{attrPK: str(pk), attrSK: num(sk)} }

// itemOf is an item at a version.
func itemOf(pk string, sk, version int) attributes {
	return attributes{attrPK: str(pk), attrSK: num(sk), attrBunch: str(pk), attrRank: num(version % 3), attrVersion: num(version)}
}

// writeShape is a way to write.
type writeShape struct {
	name string
	// items is how many are written at once, each its next version; absent tells that they are gone then.
	items  int
	absent bool
	// wru is the most that one request costs in write units: table, local and global index, twice where a key moves.
	wru  float64
	send func(ctx context.Context, e *endpoint, table, pk string, sks, versions []int) error
}

// The ways to write.
var (
	putItem = writeShape{name: "PutItem", items: 1, wru: 5, send: func(ctx context.Context, e *endpoint, table, pk string, sks, versions []int) error {
		_, err := e.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: itemOf(pk, sks[0], versions[0])})
		return err
	}}
	updateItem = writeShape{name: "UpdateItem", items: 1, wru: 5, send: func(ctx context.Context, e *endpoint, table, pk string, sks, versions []int) error {
		_, err := e.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &table, Key: keyOf(pk, sks[0]),
			UpdateExpression:          aws.String("SET version = :v, #r = :r, bunch = :b"),
			ExpressionAttributeNames:  map[string]string{"#r": attrRank},
			ExpressionAttributeValues: attributes{":v": num(versions[0]), ":r": num(versions[0] % 3), ":b": str(pk)},
		})
		return err
	}}
	deleteItem = writeShape{name: "DeleteItem", items: 1, absent: true, wru: 3, send: func(ctx context.Context, e *endpoint, table, pk string, sks, _ []int) error {
		_, err := e.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: keyOf(pk, sks[0])})
		return err
	}}
	batchWriteItem = writeShape{name: "BatchWriteItem", items: 2, wru: 10, send: func(ctx context.Context, e *endpoint, table, pk string, sks, versions []int) error {
		var requests []types.WriteRequest
		for i, sk := range sks {
			requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: itemOf(pk, sk, versions[i])}})
		}
		out, err := e.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: requests}})
		if err == nil && len(out.UnprocessedItems) > 0 {
			return errUnprocessed
		}
		return err
	}}
	transactWriteItems = writeShape{name: "TransactWriteItems", items: 2, wru: 20, send: func(ctx context.Context, e *endpoint, table, pk string, sks, versions []int) error {
		var writes []types.TransactWriteItem
		for i, sk := range sks {
			writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: itemOf(pk, sk, versions[i])}})
		}
		_, err := e.api.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		return err
	}}
)

// errUnprocessed is a batch of which some elements were left undone; which is not followed up.
var errUnprocessed = errors.New("unprocessed elements")

// readShape is a way to read.
type readShape struct {
	name string
	// one tells that it shows the first of the items asked for, else it shows all of a partition.
	one, strong, index bool
	// rru is the most that one read costs in read units, requests how many requests it takes.
	rru      float64
	requests int
	// send gives the versions of the items that are there, by sort key.
	send func(ctx context.Context, e *endpoint, table, pk string, sks []int) (map[int]int, error)
}

// versionsOf are the versions of the items of one partition.
func versionsOf(pk string, items []attributes) (map[int]int, error) {
	shown := map[int]int{}
	for _, item := range items {
		if at, ok := item[attrPK].(*types.AttributeValueMemberS); !ok || at.Value != pk {
			continue
		}
		sk, ok1 := item[attrSK].(*types.AttributeValueMemberN)
		version, ok2 := item[attrVersion].(*types.AttributeValueMemberN)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("an item without %s or %s: %v", attrSK, attrVersion, item)
		}
		k, err1 := strconv.Atoi(sk.Value)
		v, err2 := strconv.Atoi(version.Value)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("an item that nobody wrote: %w", err)
		}
		shown[k] = max(shown[k], v)
	}
	return shown, nil
}

// getShape makes GetItem.
func getShape(strong bool) readShape {
	s := readShape{name: "GetItem", one: true, rru: 0.5, requests: 1}
	if strong {
		s.name, s.strong, s.rru = "GetItem, consistent", true, 1
	}
	s.send = func(ctx context.Context, e *endpoint, table, pk string, sks []int) (map[int]int, error) {
		out, err := e.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: keyOf(pk, sks[0]), ConsistentRead: optional(strong)})
		if err != nil || len(out.Item) == 0 {
			return nil, err
		}
		return versionsOf(pk, []attributes{out.Item})
	}
	return s
}

// optional is true, or absent: some proxies look at what is written and not at what it means.
func optional(b bool) *bool {
	if b {
		return &b
	}
	return nil
}

// queryShape makes Query of a table's partition, in pages of limit items if that is not 0.
func queryShape(index string, limit int32, strong bool) readShape {
	s := readShape{name: "Query", rru: 0.5, requests: 1, strong: strong, index: index != ""}
	switch {
	case strong:
		s.name, s.rru = "Query, consistent", 1
	case index != "":
		s.name += " of " + index
	case limit > 0:
		s.name, s.requests, s.rru = "Query by pages", perPartition/int(limit)+1, 0.5*float64(perPartition/int(limit)+1)
	}
	s.send = func(ctx context.Context, e *endpoint, table, pk string, _ []int) (map[int]int, error) {
		in := dynamodb.QueryInput{TableName: &table, ConsistentRead: optional(strong),
			KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: attributes{":p": str(pk)}}
		if index != "" {
			in.IndexName = &index
		}
		if index == globalIndex {
			in.KeyConditionExpression = aws.String("bunch = :p")
		}
		if limit > 0 {
			in.Limit = &limit
		}
		var items []attributes
		for {
			out, err := e.api.Query(ctx, &in)
			if err != nil {
				return nil, err
			}
			items = append(items, out.Items...)
			if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 || len(items) > 10*perPartition {
				return versionsOf(pk, items)
			}
		}
	}
	return s
}

// The ways to read that have no parameters.
var (
	batchGetItem = readShape{name: "BatchGetItem", rru: perPartition * 0.5, requests: 1, send: func(ctx context.Context, e *endpoint, table, pk string, sks []int) (map[int]int, error) {
		var keys []attributes
		for sk := range perPartition {
			keys = append(keys, keyOf(pk, sk))
		}
		out, err := e.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{table: {Keys: keys}}})
		if err == nil && len(out.UnprocessedKeys) > 0 {
			err = errUnprocessed
		}
		if err != nil {
			return nil, err
		}
		return versionsOf(pk, out.Responses[table])
	}}
	scan = readShape{name: "Scan", rru: 4, requests: 1, send: func(ctx context.Context, e *endpoint, table, pk string, _ []int) (map[int]int, error) {
		in := dynamodb.ScanInput{TableName: &table}
		var items []attributes
		for {
			out, err := e.api.Scan(ctx, &in)
			if err != nil {
				return nil, err
			}
			items = append(items, out.Items...)
			if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
				return versionsOf(pk, items)
			}
		}
	}}
	transactGetItems = readShape{name: "TransactGetItems", strong: true, rru: perPartition * 2, requests: 1, send: func(ctx context.Context, e *endpoint, table, pk string, _ []int) (map[int]int, error) {
		var gets []types.TransactGetItem
		for sk := range perPartition {
			gets = append(gets, types.TransactGetItem{Get: &types.Get{TableName: &table, Key: keyOf(pk, sk)}})
		}
		out, err := e.api.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: gets})
		if err != nil {
			return nil, err
		}
		var items []attributes
		for _, r := range out.Responses {
			items = append(items, r.Item)
		}
		return versionsOf(pk, items)
	}}
)
