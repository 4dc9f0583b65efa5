package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"millrace/ddb"
)

// attrs is an AttributeDefinitions member of string attributes.
func attrs(names ...string) string {
	var defs []string
	for _, n := range names {
		defs = append(defs, fmt.Sprintf(`{"AttributeName":%q,"AttributeType":"S"}`, n))
	}
	return `"AttributeDefinitions":[` + strings.Join(defs, ",") + `]`
}

// schema is a KeySchema member; a name that begins with ">" is a RANGE attribute.
func schema(names ...string) string {
	var parts []string
	for _, n := range names {
		kind := "HASH"
		if rest, ok := strings.CutPrefix(n, ">"); ok {
			n, kind = rest, "RANGE"
		}
		parts = append(parts, fmt.Sprintf(`{"AttributeName":%q,"KeyType":%q}`, n, kind))
	}
	return `"KeySchema":[` + strings.Join(parts, ",") + `]`
}

// indexOf is an index in a CreateTable.
func indexOf(name, keySchema, projection string) string {
	return `{"IndexName":"` + name + `",` + keySchema + `,"Projection":` + projection + `}`
}

// The members most tables of these tests have.
const (
	onRequest   = `"BillingMode":"PAY_PER_REQUEST"`
	provisioned = `"ProvisionedThroughput":{"ReadCapacityUnits":5,"WriteCapacityUnits":3}`
	all         = `{"ProjectionType":"ALL"}`
)

// tableWith is a CreateTable of these members.
func tableWith(members ...string) string {
	return `{"TableName":"test",` + strings.Join(members, ",") + `}`
}

func TestCreateTableRefusesBadKeys(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	f := func(want string, members ...string) {
		t.Helper()
		h.invalid(ddb.CreateTable, tableWith(append(members, onRequest)...), want)
	}
	wrong := "One or more parameter values were invalid: "
	// #207
	f(wrong+"Duplicate attribute name in AttributeDefinitions: a", attrs("a", "a"), schema("a"))
	f(wrong+"Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions", attrs("a", "b"), schema("a"))
	f(wrong+"Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, c], keys used: [a, b]", attrs("a", "b", "c"), schema("a"),
		`"GlobalSecondaryIndexes":[`+indexOf("idx", schema("b"), all)+`]`)
	// #208
	f("Invalid KeySchema: The first KeySchemaElement is not a HASH key type", attrs("a"), schema(">a"))
	f("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type", attrs("a", "b"), schema("a", "b"))
	f("Invalid KeySchema: Some index key attribute have no definition", attrs("a"), schema("a", ">a"))
	f("Both the Hash Key and the Range Key element in the KeySchema have the same name", attrs("a", "b"), schema("a", ">a"))
	// #209
	f(wrong+"Some index key attributes are not defined in AttributeDefinitions. Keys: [x], AttributeDefinitions: [p]", attrs("p"), schema("x"))
	h.ok(ddb.ListTables, `{}`, `{"TableNames":[]}`)
}

func TestCreateTableRefusesBadBilling(t *testing.T) {
	t.Parallel()
	// #210
	h := newHarness(t)
	f := func(want string, members ...string) {
		t.Helper()
		h.invalid(ddb.CreateTable, tableWith(append(members, attrs("a"), schema("a"))...), "One or more parameter values were invalid: "+want)
	}
	f("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	f("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED", `"BillingMode":"PROVISIONED"`)
	f("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST", onRequest, provisioned)
	index := `{"IndexName":"idx",` + schema("a") + `,"Projection":` + all
	f("ProvisionedThroughput is not specified for index: idx", provisioned, `"GlobalSecondaryIndexes":[`+index+`}]`)
	f("ProvisionedThroughput should not be specified for index: idx when BillingMode is PAY_PER_REQUEST", onRequest,
		`"GlobalSecondaryIndexes":[`+index+`,`+provisioned+`}]`)
}

func TestCreateTableRefusesBadIndexes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	local := func(want, key string, indexes ...string) {
		t.Helper()
		h.invalid(ddb.CreateTable, tableWith(onRequest, attrs("a", "b", "c"), key, `"LocalSecondaryIndexes":[`+strings.Join(indexes, ",")+`]`),
			"One or more parameter values were invalid: "+want)
	}
	table := schema("a", ">b")
	// #212
	local("List of LocalSecondaryIndexes is empty", table)
	local("Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex", schema("a"), indexOf("idx", schema("a", ">c"), all))
	local("Index KeySchema does not have a range key for index: idx", table, indexOf("idx", schema("a"), all))
	local("Index KeySchema does not have the same leading hash key as table KeySchema for index: idx. index hash key: c, table hash key: a", table,
		indexOf("idx", schema("c", ">b"), all))
	var six []string
	for i := range 6 {
		six = append(six, indexOf(fmt.Sprintf("idx%d", i), schema("a", ">c"), all))
	}
	local("Number of LocalSecondaryIndexes exceeds per-table limit of 5", table, six...)
	// #213
	local("Duplicate index name: idx", table, indexOf("idx", schema("a", ">c"), all), indexOf("idx", schema("a", ">c"), all))
	// #214
	local("Unknown ProjectionType: null", table, indexOf("idx", schema("a", ">c"), `{}`))
	local("ProjectionType is INCLUDE, but NonKeyAttributes is not specified", table, indexOf("idx", schema("a", ">c"), `{"ProjectionType":"INCLUDE"}`))
	local("ProjectionType is ALL, but NonKeyAttributes is specified", table, indexOf("idx", schema("a", ">c"), `{"ProjectionType":"ALL","NonKeyAttributes":["x"]}`))
	local("Duplicate attribute name in NonKeyAttributes: x", table, indexOf("idx", schema("a", ">c"), `{"ProjectionType":"INCLUDE","NonKeyAttributes":["x","x"]}`))

	global := func(want string, indexes ...string) {
		t.Helper()
		h.invalid(ddb.CreateTable, tableWith(onRequest, attrs("a", "b", "c", "d", "e"), schema("a", ">b"), `"GlobalSecondaryIndexes":[`+strings.Join(indexes, ",")+`]`), want)
	}
	wrong := "One or more parameter values were invalid: "
	global(wrong + "List of GlobalSecondaryIndexes is empty")
	var many []string
	for i := range 21 {
		many = append(many, indexOf(fmt.Sprintf("idx%d", i), schema("c"), all))
	}
	global(wrong+"GlobalSecondaryIndex count exceeds the per-table limit of 20", many...)
	// #215
	global(wrong+"The KeySchema exceeds the maximum allowed number of HASH key attributes", indexOf("idx", schema("a", "b", "c", "d", "e"), all))
	global(wrong+"The KeySchema exceeds the maximum allowed number of RANGE key attributes", indexOf("idx", schema("a", ">a", ">b", ">c", ">d", ">e"), all))
	global("Both the Hash Key and the Range Key element in the KeySchema have the same name", indexOf("idx", schema("a", ">a"), all))
	global("The KeySchema contains multiple key attributes with the same name", indexOf("idx", schema("a", "b", ">a"), all))
	global("Invalid KeySchema: The first KeySchemaElement is not a HASH key type", indexOf("idx", schema(">a"), all))
	global(wrong+"All HASH key attributes must precede RANGE key attributes in the KeySchema", indexOf("idx", schema("a", ">b", "c"), all))
}

func TestCreateTableRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	// #218
	h := newHarness(t)
	base := []string{onRequest, attrs("a"), schema("a")}
	h.invalid(ddb.CreateTable, tableWith(append(base, `"Tags":[{"Key":"bad!","Value":"x"}]`)...),
		"The Tag Key provided is invalid, Key: bad!")
	h.invalid(ddb.CreateTable, tableWith(append(base, `"StreamSpecification":{"StreamEnabled":false,"StreamViewType":"KEYS_ONLY"}`)...),
		"One or more parameter values were invalid: Table is being created with a stream disabled, UpdateViewType should not be specified")
	h.invalid(ddb.CreateTable, tableWith(append(base, `"SSESpecification":{"Enabled":false,"SSEType":"KMS"}`)...),
		"One or more parameter values were invalid: SSEType can not be specified if Enabled is false")
	h.ok(ddb.ListTables, `{}`, `{"TableNames":[]}`)
	h.answer(ddb.CreateTable, tableWith(append(base, `"StreamSpecification":{"StreamEnabled":false}`, `"SSESpecification":{"Enabled":false}`)...))
}

func TestTablesAreDescribedAsDynamoDBDoes(t *testing.T) {
	t.Parallel()
	// #217, #219
	h := newHarness(t)
	create := tableWith(onRequest, attrs("a", "b", "c"), schema("a", ">b"),
		`"LocalSecondaryIndexes":[`+indexOf("local", schema("a", ">c"), `{"ProjectionType":"KEYS_ONLY"}`)+`]`,
		`"GlobalSecondaryIndexes":[`+indexOf("global", schema("c"), `{"ProjectionType":"INCLUDE","NonKeyAttributes":["x"]}`)+`]`)
	created := describeOf(t, h.answer(ddb.CreateTable, create), "TableDescription")
	if created.TableStatus != "CREATING" || created.GlobalSecondaryIndexes[0].IndexStatus != "CREATING" || created.ItemCount != 0 {
		t.Errorf("CreateTable answers %+v", created)
	}
	h.answer(ddb.PutItem, `{"TableName":"test","Item":{"a":{"S":"1"},"b":{"S":"1"},"c":{"S":"1"},"x":{"S":"xx"},"y":{"S":"yyy"}}}`)
	h.answer(ddb.PutItem, `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/test","Item":{"a":{"S":"2"},"b":{"S":"1"}}}`)
	d := describeOf(t, h.answer(ddb.DescribeTable, `{"TableName":"test"}`), "Table")
	if d.TableStatus != "ACTIVE" || d.TableArn != "arn:aws:dynamodb:us-east-1:123456789012:table/test" || len(d.TableId) != 36 || d.TableId != created.TableId ||
		d.CreationDateTime != created.CreationDateTime || d.CreationDateTime == 0 || d.BillingModeSummary.BillingMode != "PAY_PER_REQUEST" ||
		d.TableThroughputModeSummary.TableThroughputMode != "PAY_PER_REQUEST" || d.ProvisionedThroughput.ReadCapacityUnits != 0 {
		t.Errorf("DescribeTable answers %+v", d)
	}
	// Counters are exact at once, by #75: names and values.
	if d.ItemCount != 2 || d.TableSizeBytes != 13+4 {
		t.Errorf("table counts %d items of %d bytes, want 2 of 17", d.ItemCount, d.TableSizeBytes)
	}
	l, g := d.LocalSecondaryIndexes[0], d.GlobalSecondaryIndexes[0]
	if l.ItemCount != 1 || l.IndexSizeBytes != 6 || l.IndexArn != d.TableArn+"/index/local" {
		t.Errorf("local index is described as %+v", l)
	}
	if g.ItemCount != 1 || g.IndexSizeBytes != 9 || g.IndexArn != d.TableArn+"/index/global" || g.IndexStatus != "ACTIVE" || g.Backfilling != nil {
		t.Errorf("global index is described as %+v", g)
	}
	body := h.answer(ddb.DescribeTable, `{"TableName":"test"}`)
	for _, absent := range []string{"RestoreSummary", "SSEDescription", "StreamSpecification", "LatestStreamArn"} {
		if strings.Contains(body, absent) {
			t.Errorf("DescribeTable mentions %s: %s", absent, body)
		}
	}
	mustHold(t, h.e)
}

// describeOf decodes a reply with a description in it.
func describeOf(t *testing.T, body, member string) *ddb.TableDescription {
	t.Helper()
	var d *ddb.TableDescription
	var err error
	if member == "Table" {
		var out *ddb.DescribeTableOutput
		if out, err = ddb.OutputAs[ddb.DescribeTableOutput](ddb.NewResponse([]byte(body))); err == nil {
			d = out.Table
		}
	} else {
		var out *ddb.CreateTableOutput
		if out, err = ddb.OutputAs[ddb.CreateTableOutput](ddb.NewResponse([]byte(body))); err == nil {
			d = out.TableDescription
		}
	}
	if err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	return d
}

func TestATableNameIsTakenOnceAndFreeAfterDeletion(t *testing.T) {
	t.Parallel()
	// #206, #211, #221
	h := newHarness(t)
	create := tableWith(provisioned, attrs("a"), schema("a"))
	h.answer(ddb.CreateTable, create)
	h.fails(ddb.CreateTable, create, "ResourceInUseException", "Table already exists: test")
	h.answer(ddb.PutItem, `{"TableName":"test","Item":{"a":{"S":"1"}}}`)
	deleted := h.answer(ddb.DeleteTable, `{"TableName":"test"}`)
	d := describeOf(t, deleted, "TableDescription")
	if d.TableStatus != "DELETING" || d.KeySchema != nil || d.AttributeDefinitions != nil || d.CreationDateTime != 0 || d.TableName != "test" {
		t.Errorf("DeleteTable answers %s", deleted)
	}
	for _, op := range []ddb.Operation{ddb.DescribeTable, ddb.DeleteTable} {
		h.fails(op, `{"TableName":"test"}`, "ResourceNotFoundException", "Requested resource not found: Table: test not found")
	}
	h.fails(ddb.UpdateTable, `{"TableName":"test","BillingMode":"PAY_PER_REQUEST"}`, "ResourceNotFoundException", "Requested resource not found: Table: test not found")
	h.answer(ddb.CreateTable, create)
	h.ok(ddb.Scan, `{"TableName":"test"}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
	h.answer(ddb.CreateTable, strings.Replace(create, `"test"`, `"Test"`, 1))
	h.answer(ddb.CreateTable, strings.Replace(create, `"test"`, `".t."`, 1))
	mustHold(t, h.e)
}

func TestDeletionProtection(t *testing.T) {
	t.Parallel()
	// #222
	h := newHarness(t)
	h.answer(ddb.CreateTable, tableWith(onRequest, attrs("a"), schema("a"), `"DeletionProtectionEnabled":true`))
	h.invalid(ddb.DeleteTable, `{"TableName":"test"}`, "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	h.answer(ddb.UpdateTable, `{"TableName":"test","DeletionProtectionEnabled":false}`)
	h.answer(ddb.DeleteTable, `{"TableName":"test"}`)
}

func TestListTablesPages(t *testing.T) {
	t.Parallel()
	// #220
	h := newHarness(t)
	for _, name := range []string{"ccc", "aaa", "bbb", "Zzz"} {
		h.answer(ddb.CreateTable, strings.Replace(tableWith(onRequest, attrs("a"), schema("a")), `"test"`, `"`+name+`"`, 1))
	}
	h.ok(ddb.ListTables, `{}`, `{"TableNames":["Zzz","aaa","bbb","ccc"]}`)
	h.ok(ddb.ListTables, `{"Limit":2}`, `{"TableNames":["Zzz","aaa"],"LastEvaluatedTableName":"aaa"}`)
	h.ok(ddb.ListTables, `{"Limit":2,"ExclusiveStartTableName":"aaa"}`, `{"TableNames":["bbb","ccc"]}`)
	// The start need not exist.
	h.ok(ddb.ListTables, `{"ExclusiveStartTableName":"bba"}`, `{"TableNames":["bbb","ccc"]}`)
	h.ok(ddb.ListTables, `{"ExclusiveStartTableName":"zzz"}`, `{"TableNames":[]}`)
}

func TestUpdateTableThroughput(t *testing.T) {
	t.Parallel()
	// #223, #224
	h := newHarness(t)
	h.answer(ddb.CreateTable, tableWith(provisioned, attrs("a"), schema("a")))
	h.invalid(ddb.UpdateTable, `{"TableName":"test"}`, "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required")
	h.invalid(ddb.UpdateTable, `{"TableName":"test",`+provisioned+`}`, "The provisioned throughput for the table will not change. The requested value equals the current value. "+
		"Current ReadCapacityUnits provisioned for the table: 5. Requested ReadCapacityUnits: 5. Current WriteCapacityUnits provisioned for the table: 3. Requested WriteCapacityUnits: 3. "+
		"Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.")
	units := func(r, w int) string {
		return fmt.Sprintf(`"ProvisionedThroughput":{"ReadCapacityUnits":%d,"WriteCapacityUnits":%d}`, r, w)
	}
	updated := describeOf(t, h.answer(ddb.UpdateTable, `{"TableName":"test",`+units(9, 2)+`}`), "TableDescription")
	if updated.TableStatus != "UPDATING" {
		t.Errorf("UpdateTable answers status %q, want UPDATING", updated.TableStatus)
	}
	p := describeOf(t, h.answer(ddb.DescribeTable, `{"TableName":"test"}`), "Table").ProvisionedThroughput
	if p.ReadCapacityUnits != 9 || p.WriteCapacityUnits != 2 || p.NumberOfDecreasesToday != 1 || p.LastIncreaseDateTime == 0 || p.LastDecreaseDateTime == 0 {
		t.Errorf("throughput after an update is %+v", p)
	}
	// To on demand, again, and back.
	onDemand := `{"TableName":"test","BillingMode":"PAY_PER_REQUEST"}`
	h.answer(ddb.UpdateTable, onDemand)
	h.answer(ddb.UpdateTable, onDemand)
	h.invalid(ddb.UpdateTable, `{"TableName":"test",`+units(1, 1)+`}`, "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	h.invalid(ddb.UpdateTable, `{"TableName":"test","BillingMode":"PROVISIONED"}`, "One or more parameter values were invalid: ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
	h.answer(ddb.UpdateTable, `{"TableName":"test","BillingMode":"PROVISIONED",`+units(1, 1)+`}`)
	d := describeOf(t, h.answer(ddb.DescribeTable, `{"TableName":"test"}`), "Table")
	if d.BillingModeSummary.BillingMode != "PROVISIONED" || d.BillingModeSummary.LastUpdateToPayPerRequestDateTime == 0 || d.ProvisionedThroughput.ReadCapacityUnits != 1 {
		t.Errorf("table back on provisioned is %+v", d)
	}
	// #226, #227
	h.invalid(ddb.UpdateTable, `{"TableName":"test","GlobalSecondaryIndexUpdates":[{}]}`,
		"One or more parameter values were invalid: One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null")
	h.fails(ddb.UpdateTable, `{"TableName":"test","GlobalSecondaryIndexUpdates":[{"Update":{"IndexName":"nothing",`+units(1, 1)+`}}]}`,
		"ResourceNotFoundException", "Requested resource not found: Index nothing for table test")
}

func TestUpdateTableIndexThroughput(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.answer(ddb.CreateTable, tableWith(provisioned, attrs("a"), schema("a"), `"GlobalSecondaryIndexes":[{"IndexName":"idx",`+schema("a")+`,"Projection":`+all+`,`+provisioned+`}]`))
	h.answer(ddb.UpdateTable, `{"TableName":"test","GlobalSecondaryIndexUpdates":[{"Update":{"IndexName":"idx","ProvisionedThroughput":{"ReadCapacityUnits":7,"WriteCapacityUnits":7}}}]}`)
	d := describeOf(t, h.answer(ddb.DescribeTable, `{"TableName":"test"}`), "Table")
	if n := d.GlobalSecondaryIndexes[0].ProvisionedThroughput.ReadCapacityUnits; n != 7 || d.ProvisionedThroughput.ReadCapacityUnits != 5 {
		t.Errorf("units are %d for the index and %d for the table, want 7 and 5", n, d.ProvisionedThroughput.ReadCapacityUnits)
	}
}

func TestCreatingAndDeletingOneNameAtOnceIsSafe(t *testing.T) {
	t.Parallel()
	// #221: every outcome is success or a known refusal, and what is left agrees with itself.
	h := newHarness(t)
	var wg sync.WaitGroup
	do := func(op ddb.Operation, body string) {
		_, err := h.e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
		if e, ok := ddb.AsError(err); err != nil && (!ok || e.Code != "ResourceInUseException" && e.Code != "ResourceNotFoundException") {
			t.Errorf("%v: %v", op, err)
		}
	}
	for w := range 8 {
		wg.Go(func() {
			for i := range 60 {
				switch (w + i) % 4 {
				case 0:
					do(ddb.CreateTable, churnTable)
				case 1:
					do(ddb.DeleteTable, `{"TableName":"churn"}`)
				default:
					do(ddb.PutItem, fmt.Sprintf(`{"TableName":"churn","Item":{"pk":{"S":"%d"}}}`, i))
				}
			}
		})
	}
	wg.Wait()
	mustHold(t, h.e)
}

func TestIsolatedScopesHaveTheirOwnTables(t *testing.T) {
	t.Parallel()
	f := func(isolate bool, want string) {
		t.Helper()
		cfg := DefaultConfig()
		cfg.InMemory, cfg.Isolate = true, isolate
		e, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for _, scope := range []string{"one/us-east-1", "two/us-east-1"} {
			req := ddb.NewRequest(ddb.CreateTable, []byte(churnTable))
			req.Scope = scope
			_, err := e.Do(t.Context(), req)
			if scope == "two/us-east-1" && fmt.Sprint(err) != want {
				t.Errorf("isolate %v: second CreateTable: %v, want %v", isolate, err, want)
			}
		}
	}
	f(true, "<nil>")
	f(false, "ResourceInUseException: Table already exists: churn")
}
