package gosdk

import (
	"errors"
	"fmt"
	"sort"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// simple is the input of a table with the given keys, written "name:TYPE".
func simple(name string, pairs ...string) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{TableName: &name}
	in.KeySchema = keys(&in.AttributeDefinitions, pairs...)
	return in
}

func TestEveryTypeComesBackAsItWent(t *testing.T) {
	c := newClient(t)
	makeTable(t, c, simple("GoTypes", "pk:S"))
	want := item{
		"pk": s("p"), "text": s("héllo \x00 \"quoted\" 😀"), "empty": s(""), "number": n("-1234.5"),
		"big": n("12345678901234567890123456789012345678"), "bytes": &types.AttributeValueMemberB{Value: []byte{0, 255, 128}},
		"yes": &types.AttributeValueMemberBOOL{Value: true}, "no": &types.AttributeValueMemberBOOL{Value: false},
		"nothing": &types.AttributeValueMemberNULL{Value: true},
		"words":   &types.AttributeValueMemberSS{Value: []string{"a", "b"}},
		"numbers": &types.AttributeValueMemberNS{Value: []string{"1", "2.5"}},
		"blobs":   &types.AttributeValueMemberBS{Value: [][]byte{{1}, {2}}},
		"list":    &types.AttributeValueMemberL{Value: []types.AttributeValue{n(1), s("two")}},
		"map":     &types.AttributeValueMemberM{Value: item{"a": n(1), "dotted.name": s("x")}},
	}
	put(t, c, "GoTypes", want)
	for _, strong := range []bool{false, false, true, false} {
		equal(t, "item", get(t, c, "GoTypes", item{"pk": s("p")}, strong), want)
	}
}

func TestEveryWriteIsSeenByTheNextRead(t *testing.T) {
	c := newClient(t)
	makeTable(t, c, simple("GoWrites", "pk:S", "sk:N"))
	key := item{"pk": s("p"), "sk": n(1)}
	for range 2 {
		equal(t, "item before any write", get(t, c, "GoWrites", key, false), item(nil))
	}
	for i := range 10 {
		put(t, c, "GoWrites", item{"pk": s("p"), "sk": n(1), "n": n(i)})
		equal(t, "item after put", get(t, c, "GoWrites", key, false)["n"], n(i))
		out, err := c.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: aws.String("GoWrites"), Key: key, UpdateExpression: aws.String("SET n = n + :h"),
			ExpressionAttributeValues: item{":h": n(100)}, ReturnValues: types.ReturnValueUpdatedNew,
		})
		if err != nil {
			t.Fatalf("UpdateItem: %v", err)
		}
		equal(t, "updated attributes", out.Attributes, item{"n": n(i + 100)})
		equal(t, "item after update", get(t, c, "GoWrites", key, i%2 == 0)["n"], n(i+100))
	}
	out, err := c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: aws.String("GoWrites"), Key: key, ReturnValues: types.ReturnValueAllOld,
	})
	if err != nil {
		t.Fatalf("DeleteItem: %v", err)
	}
	equal(t, "deleted item", out.Attributes["n"], n(109))
	equal(t, "item after delete", get(t, c, "GoWrites", key, false), item(nil))
}

func TestErrorsHaveTheirTypesAndTexts(t *testing.T) {
	c := newClient(t)
	makeTable(t, c, simple("GoErrors", "pk:S"))
	put(t, c, "GoErrors", item{"pk": s("p"), "a": n(1)})

	_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String("GoErrors"), Item: item{"pk": s("p")}, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	refused(t, err, "ConditionalCheckFailedException", "The conditional request failed")
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		equal(t, "item of the failed condition", failed.Item, item{"pk": s("p"), "a": n(1)})
	} else {
		t.Errorf("error is a %T, want *types.ConditionalCheckFailedException", err)
	}

	_, err = c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("GoNowhere"), Key: item{"pk": s("p")}})
	refused(t, err, "ResourceNotFoundException", "Requested resource not found")
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("error is a %T, want *types.ResourceNotFoundException", err)
	}

	_, err = c.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("GoErrors"), Key: item{"other": s("p")}})
	refused(t, err, "ValidationException", "The provided key element does not match the schema")

	_, err = c.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String("GoErrors"), Key: item{"pk": s("p")}, UpdateExpression: aws.String("SET status = :s"),
		ExpressionAttributeValues: item{":s": s("x")},
	})
	refused(t, err, "ValidationException", "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status")

	equal(t, "item after all refusals", get(t, c, "GoErrors", item{"pk": s("p")}, false), item{"pk": s("p"), "a": n(1)})
}

func TestQueryPagesAndPaginators(t *testing.T) {
	c := newClient(t)
	makeTable(t, c, simple("GoPages", "pk:S", "sk:N"))
	for i := range 40 {
		put(t, c, "GoPages", item{"pk": s("p"), "sk": n(i), "even": &types.AttributeValueMemberBOOL{Value: i%2 == 0}})
	}
	query := func(in dynamodb.QueryInput) (sks, sizes []string) {
		in.TableName = aws.String("GoPages")
		in.KeyConditionExpression = aws.String("pk = :p")
		if in.ExpressionAttributeValues == nil {
			in.ExpressionAttributeValues = item{}
		}
		in.ExpressionAttributeValues[":p"] = s("p")
		pages := dynamodb.NewQueryPaginator(c, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatalf("Query: %v", err)
			}
			sizes = append(sizes, fmt.Sprintf("%d/%d", page.Count, page.ScannedCount))
			for _, it := range page.Items {
				sks = append(sks, it["sk"].(*types.AttributeValueMemberN).Value)
			}
		}
		return sks, sizes
	}
	var all []string
	for i := range 40 {
		all = append(all, fmt.Sprint(i))
	}
	for range 2 {
		sks, sizes := query(dynamodb.QueryInput{Limit: aws.Int32(15)})
		equal(t, "sort keys", sks, all)
		equal(t, "page sizes", sizes, []string{"15/15", "15/15", "10/10"})
		_, sizes = query(dynamodb.QueryInput{
			Limit: aws.Int32(30), FilterExpression: aws.String("even = :t"),
			ExpressionAttributeValues: item{":t": &types.AttributeValueMemberBOOL{Value: true}},
		})
		equal(t, "filtered page sizes", sizes, []string{"15/30", "5/10"})
	}
	put(t, c, "GoPages", item{"pk": s("p"), "sk": n(-1)})
	sks, _ := query(dynamodb.QueryInput{})
	equal(t, "sort keys after a put", sks, append([]string{"-1"}, all...))

	scan := dynamodb.NewScanPaginator(c, &dynamodb.ScanInput{TableName: aws.String("GoPages"), Limit: aws.Int32(7)})
	count := int32(0)
	for scan.HasMorePages() {
		page, err := scan.NextPage(t.Context())
		if err != nil {
			t.Fatalf("Scan: %v", err)
		}
		count += page.Count
	}
	equal(t, "scanned items", count, int32(41))
}

func TestIndexesFollowEveryWrite(t *testing.T) {
	c := newClient(t)
	in := simple("GoIndexes", "pk:S")
	in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{{
		IndexName: aws.String("by-group"), KeySchema: keys(&in.AttributeDefinitions, "g:S", "r:N"),
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"a"}},
	}}
	makeTable(t, c, in)
	group := func(g string) []item {
		out, err := c.Query(t.Context(), &dynamodb.QueryInput{
			TableName: aws.String("GoIndexes"), IndexName: aws.String("by-group"), KeyConditionExpression: aws.String("g = :g"),
			ExpressionAttributeValues: item{":g": s(g)},
		})
		if err != nil {
			t.Fatalf("Query: %v", err)
		}
		return out.Items
	}
	equal(t, "empty index", len(group("x")), 0)
	put(t, c, "GoIndexes", item{"pk": s("1"), "g": s("x"), "r": n(2), "a": s("a1"), "b": s("b1")})
	put(t, c, "GoIndexes", item{"pk": s("2"), "g": s("x"), "r": n(1), "a": s("a2"), "b": s("b2")})
	first := item{"pk": s("1"), "g": s("x"), "r": n(2), "a": s("a1")}
	second := item{"pk": s("2"), "g": s("x"), "r": n(1), "a": s("a2")}
	equal(t, "group x", group("x"), []item{second, first})
	put(t, c, "GoIndexes", item{"pk": s("2"), "g": s("y"), "r": n(1), "a": s("a2")})
	equal(t, "group x after a move", group("x"), []item{first})
	second["g"] = s("y")
	equal(t, "group y after a move", group("y"), []item{second})
	if _, err := c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: aws.String("GoIndexes"), Key: item{"pk": s("1")},
	}); err != nil {
		t.Fatalf("DeleteItem: %v", err)
	}
	equal(t, "group x after a delete", len(group("x")), 0)
}

func TestBatches(t *testing.T) {
	c := newClient(t)
	makeTable(t, c, simple("GoBatch", "pk:S"))
	var writes []types.WriteRequest
	for i := range 25 {
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item{"pk": s(fmt.Sprint(i)), "n": n(i)}}})
	}
	wrote, err := c.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{"GoBatch": writes},
	})
	if err != nil {
		t.Fatalf("BatchWriteItem: %v", err)
	}
	equal(t, "unprocessed items", len(wrote.UnprocessedItems), 0)
	read := func() []string {
		var ask []item
		for _, pk := range []string{"3", "4", "5", "none"} {
			ask = append(ask, item{"pk": s(pk)})
		}
		out, err := c.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{
			RequestItems:           map[string]types.KeysAndAttributes{"GoBatch": {Keys: ask}},
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err != nil {
			t.Fatalf("BatchGetItem: %v", err)
		}
		equal(t, "unprocessed keys", len(out.UnprocessedKeys), 0)
		equal(t, "capacity", *out.ConsumedCapacity[0].CapacityUnits, 2.0)
		got := []string{}
		for _, it := range out.Responses["GoBatch"] {
			got = append(got, it["n"].(*types.AttributeValueMemberN).Value)
		}
		sort.Strings(got)
		return got
	}
	get(t, c, "GoBatch", item{"pk": s("4")}, false)
	for range 2 {
		equal(t, "batch", read(), []string{"3", "4", "5"})
	}
	put(t, c, "GoBatch", item{"pk": s("none"), "n": n(99)})
	if _, err := c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("GoBatch"), Key: item{"pk": s("5")}}); err != nil {
		t.Fatalf("DeleteItem: %v", err)
	}
	equal(t, "batch after writes", read(), []string{"3", "4", "99"})
}

func TestTablesAreListedAndDescribed(t *testing.T) {
	c := newClient(t)
	makeTable(t, c, simple("GoTables.b", "pk:S", "sk:B"))
	makeTable(t, c, simple("GoTables.a", "pk:N"))
	pages := dynamodb.NewListTablesPaginator(c, &dynamodb.ListTablesInput{Limit: aws.Int32(1)})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatalf("ListTables: %v", err)
		}
		names = append(names, page.TableNames...)
	}
	equal(t, "names", names, []string{"GoTables.a", "GoTables.b"})
	out, err := c.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("GoTables.b")})
	if err != nil {
		t.Fatalf("DescribeTable: %v", err)
	}
	equal(t, "status", out.Table.TableStatus, types.TableStatusActive)
	equal(t, "key schema", len(out.Table.KeySchema), 2)
	_, err = c.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("GoNowhere")})
	refused(t, err, "ResourceNotFoundException", "Requested resource not found: Table: GoNowhere not found")
}
