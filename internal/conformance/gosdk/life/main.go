// Command life is load by aws-sdk-go-v2 as an application gets it: see ../../python/life.py, which does the same.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// workers is how many clients there are.
const workers = 8

// told is what is printed at the end; its mutex guards it.
type told struct {
	mu     sync.Mutex
	Calls  int      `json:"calls"`
	Faults []string `json:"faults"`
	Stale  []string `json:"stale"`
}

// item is a key or an item, as the SDK writes it.
type item = map[string]types.AttributeValue

func main() {
	out := &told{Faults: []string{}, Stale: []string{}}
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	for n := range workers {
		working.Go(func() { work(ctx, n, out) })
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	stop()
	working.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// work writes and reads one key until ctx ends. Calls are not cut off by that.
func work(ctx context.Context, n int, out *told) {
	client := dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(os.Getenv("MILLRACE_ENDPOINT")),
		Credentials: credentials.NewStaticCredentialsProvider("life", "life", ""),
	})
	w := &worker{client: client, out: out, partition: &types.AttributeValueMemberS{Value: fmt.Sprintf("go-%d", n)}}
	for count := 1; ctx.Err() == nil; count++ {
		if err := w.round(context.WithoutCancel(ctx), count); err != nil {
			out.mu.Lock()
			out.Faults = append(out.Faults, err.Error())
			out.mu.Unlock()
		}
		if n == 0 && count == 1 {
			fmt.Println("begun")
		}
	}
}

// worker owns a key.
type worker struct {
	client    *dynamodb.Client
	out       *told
	partition types.AttributeValue
}

// table is what all work on.
var table = aws.String("Life")

// stale notes an answer that did not have the worker's own write.
func (w *worker) stale(format string, args ...any) {
	w.out.mu.Lock()
	w.out.Stale = append(w.out.Stale, fmt.Sprintf(format, args...))
	w.out.mu.Unlock()
}

// called counts a call that is about to be made.
func (w *worker) called() {
	w.out.mu.Lock()
	w.out.Calls++
	w.out.mu.Unlock()
}

// round writes count and reads it back in every way.
func (w *worker) round(ctx context.Context, count int) error {
	value := fmt.Sprint(count)
	n := &types.AttributeValueMemberN{Value: value}
	key := item{"pk": w.partition, "sk": &types.AttributeValueMemberN{Value: "0"}}
	w.called()
	if _, err := w.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: item{"pk": key["pk"], "sk": key["sk"], "n": n}}); err != nil {
		return err
	}
	w.called()
	got, err := w.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: key})
	if err != nil {
		return err
	}
	w.called()
	page, err := w.client.Query(ctx, &dynamodb.QueryInput{TableName: table, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": w.partition}})
	if err != nil {
		return err
	}
	w.called()
	updated, err := w.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: table, Key: key, UpdateExpression: aws.String("SET n = :n"),
		ExpressionAttributeValues: item{":n": n}, ReturnValues: types.ReturnValueAllNew})
	if err != nil {
		return err
	}
	found := append([]item{got.Item, updated.Attributes}, page.Items...)
	for _, i := range found {
		if seen, ok := i["n"].(*types.AttributeValueMemberN); !ok || seen.Value != value || len(found) != 3 {
			w.stale("wrote %s, saw %v", value, found)
			break
		}
	}
	if count%10 != 0 {
		return nil
	}
	w.called()
	if _, err := w.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: key}); err != nil {
		return err
	}
	w.called()
	if got, err = w.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: key}); err == nil && got.Item != nil {
		w.stale("saw what was deleted: %v", got.Item)
	}
	return err
}
