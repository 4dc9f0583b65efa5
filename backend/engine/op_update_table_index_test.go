package engine

import (
	"strings"
	"testing"

	"millrace/ddb"
)

func TestUpdateTableRefusesBadIndexUpdates(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	f := func(want string, updates ...string) {
		t.Helper()
		h.invalid(ddb.UpdateTable, `{"TableName":"index",`+attrs("n")+`,"GlobalSecondaryIndexUpdates":[`+strings.Join(updates, ",")+`]}`, want)
	}
	wrong := "One or more parameter values were invalid: "
	remove := func(name string) string { return `{"Delete":{"IndexName":"` + name + `"}}` }
	create := func(index string) string { return `{"Create":` + index + `}` }
	// #223: an empty list is no change.
	f("At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required")
	h.invalid(ddb.UpdateTable, `{"TableName":"index","GlobalSecondaryIndexUpdates":[],"DeletionProtectionEnabled":true}`, wrong+"List of GlobalSecondaryIndexUpdates is empty")
	// #226
	f(wrong+"One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null", `{}`)
	f(wrong+"One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null", `{"Remove":{}}`)
	f(wrong+"Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
		`{"Delete":{"IndexName":"all"},"Update":{"IndexName":"all"}}`)
	f(wrong+"Only one global secondary index update per index is allowed simultaneously. Index: all", remove("all"), remove("all"))
	for _, two := range [][]string{{remove("all"), remove("inc")}, {remove("all"), create(indexOf("new", schema("n"), all))}} {
		h.fails(ddb.UpdateTable, `{"TableName":"index",`+attrs("n")+`,"GlobalSecondaryIndexUpdates":[`+strings.Join(two, ",")+`]}`, "LimitExceededException",
			"Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table")
	}
	// #227
	f("Attempting to create an index which already exists", create(indexOf("all", schema("n"), all)))
	f("Attempting to create an index which already exists", create(indexOf("lall", schema("n"), all)))
	for verb, entry := range map[string]string{"delete": remove("none"), "update": `{"Update":{"IndexName":"none"}}`} {
		e := h.fails(ddb.UpdateTable, `{"TableName":"index","GlobalSecondaryIndexUpdates":[`+entry+`]}`, "ResourceNotFoundException",
			"Requested resource not found: Index none for table index")
		if !strings.HasPrefix(e.Message, "Requested resource not found") {
			t.Errorf("%s of an unknown index: %s", verb, e.Message)
		}
	}
	f("Cannot delete an index that is not a GlobalSecondaryIndex: lall", remove("lall"))
	f("Cannot update an index that is not a GlobalSecondaryIndex: lall", `{"Update":{"IndexName":"lall"}}`)
	f(wrong+"Some index key attributes are not defined in AttributeDefinitions. Keys: [other], AttributeDefinitions: [n]",
		create(indexOf("new", schema("other"), all)))
	h.invalid(ddb.UpdateTable, `{"TableName":"index","GlobalSecondaryIndexUpdates":[`+create(indexOf("new", schema("n"), all))+`]}`,
		wrong+"AttributeDefinitions is not specified for index: new")
	f(wrong+"Unknown ProjectionType: null", create(indexOf("new", schema("n"), `{}`)))
	f(wrong+"Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: new when BillingMode is PAY_PER_REQUEST",
		`{"Create":{"IndexName":"new",`+schema("n")+`,"Projection":`+all+`,`+provisioned+`}}`)
	f(wrong+"The only Updates for index: all when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput",
		`{"Update":{"IndexName":"all",`+provisioned+`}}`)
	// #216: an attribute has one type.
	h.invalid(ddb.UpdateTable, `{"TableName":"index","AttributeDefinitions":[{"AttributeName":"g","AttributeType":"N"}],"GlobalSecondaryIndexUpdates":[`+
		create(indexOf("new", schema("g"), all))+`]}`,
		wrong+"Attribute g is defined as S for the table and its indexes and cannot be defined as N for index: new")
	mustHold(t, h.e)
}

func TestUpdateTableAddsAtMostTwentyIndexes(t *testing.T) {
	t.Parallel()
	// #213
	h := newHarness(t)
	var many []string
	for i := range 20 {
		many = append(many, indexOf("idx"+string(rune('a'+i)), schema("a"), all))
	}
	h.answer(ddb.CreateTable, tableWith(onRequest, attrs("a"), schema("a"), `"GlobalSecondaryIndexes":[`+strings.Join(many, ",")+`]`))
	h.fails(ddb.UpdateTable, gIndex("test", "another"), "LimitExceededException",
		"Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of 20")
	// The names projected count over all indexes.
	h = newHarness(t)
	names := func(n int, prefix string) string {
		var quoted []string
		for i := range n {
			quoted = append(quoted, `"`+prefix+strings.Repeat("x", i)+`"`)
		}
		return `{"ProjectionType":"INCLUDE","NonKeyAttributes":[` + strings.Join(quoted, ",") + `]}`
	}
	h.answer(ddb.CreateTable, tableWith(onRequest, attrs("a"), schema("a"), `"GlobalSecondaryIndexes":[`+indexOf("idx", schema("a"), names(60, "b"))+`]`))
	h.invalid(ddb.UpdateTable, `{"TableName":"test",`+attrs("g")+`,"GlobalSecondaryIndexUpdates":[{"Create":`+indexOf("more", schema("g"), names(41, "c"))+`}]}`,
		"One or more parameter values were invalid: Number of NonKeyAttributes over all indexes exceeds the per-table limit of 100")
}

func TestUpdateTableIndexesOfAProvisionedTable(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(tableWith(provisioned, attrs("a"), schema("a")))
	// #227
	wrong := "One or more parameter values were invalid: "
	h.invalid(ddb.UpdateTable, gIndex("test", "byg"), wrong+"Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: byg")
	h.answer(ddb.UpdateTable, `{"TableName":"test",`+attrs("g")+`,"GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"byg",`+schema("g")+`,"Projection":`+all+`,`+provisioned+`}}]}`)
	h.finish()
	if p := h.tableNow("test").GlobalSecondaryIndexes[0].ProvisionedThroughput; p.ReadCapacityUnits != 5 || p.WriteCapacityUnits != 3 {
		t.Errorf("the index has throughput %+v", p)
	}
	h.invalid(ddb.UpdateTable, `{"TableName":"test","GlobalSecondaryIndexUpdates":[{"Update":{"IndexName":"byg",`+provisioned+`}}]}`,
		"The provisioned throughput for the index byg will not change. The requested value equals the current value. "+
			"Current ReadCapacityUnits provisioned for index byg: 5. Requested ReadCapacityUnits: 5. "+
			"Current WriteCapacityUnits provisioned for index byg: 3. Requested WriteCapacityUnits: 3. "+
			"Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.")
	h.invalid(ddb.UpdateTable, `{"TableName":"test","GlobalSecondaryIndexUpdates":[{"Update":{"IndexName":"byg"}}]}`,
		wrong+"Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: byg")
	// #224: the way back from on demand needs throughput for every index.
	h.answer(ddb.UpdateTable, `{"TableName":"test","BillingMode":"PAY_PER_REQUEST"}`)
	h.invalid(ddb.UpdateTable, `{"TableName":"test","BillingMode":"PROVISIONED",`+provisioned+`}`, wrong+"ProvisionedThroughput must be specified for index: byg")
}

func TestADeletedIndexIsGone(t *testing.T) {
	t.Parallel()
	// #228
	h := newHarness(t).create(indexTable)
	h.put("index", `{"p":{"S":"1"},"s":{"S":"1"},"g":{"S":"x"},"h":{"N":"1"}}`)
	remove := func(name string) *ddb.TableDescription {
		t.Helper()
		return describeOf(t, h.answer(ddb.UpdateTable, `{"TableName":"index","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"`+name+`"}}]}`), "TableDescription")
	}
	d := remove("all")
	if x := d.GlobalSecondaryIndexes[0]; d.TableStatus != "UPDATING" || x.IndexName != "all" || x.IndexStatus != "DELETING" || len(d.GlobalSecondaryIndexes) != 3 {
		t.Errorf("the reply shows table %s, indexes %+v", d.TableStatus, d.GlobalSecondaryIndexes)
	}
	mustHold(t, h.e)
	d = h.tableNow("index")
	if len(d.GlobalSecondaryIndexes) != 2 || d.TableStatus != "ACTIVE" || d.AttributeKind("h") != ddb.KindInvalid || d.AttributeKind("g") != ddb.KindS {
		t.Errorf("after the deletion the table is %s with %d global indexes and definitions %v", d.TableStatus, len(d.GlobalSecondaryIndexes), d.AttributeDefinitions)
	}
	h.invalid(ddb.Query, `{"TableName":"index","IndexName":"all","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"x"}}}`,
		"The table does not have the specified index: all")
	// h was a key of this index alone and may be anything now; g is one of others still.
	h.put("index", `{"p":{"S":"2"},"s":{"S":"1"},"h":{"S":"no number"}}`)
	h.invalid(ddb.PutItem, `{"TableName":"index","Item":{"p":{"S":"2"},"s":{"S":"1"},"g":{"N":"1"}}}`,
		"One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: inc")
	remove("inc")
	remove("keys")
	if body := h.answer(ddb.DescribeTable, `{"TableName":"index"}`); strings.Contains(body, "GlobalSecondaryIndexes") {
		t.Errorf("a table without global indexes is described as %s", body)
	}
	// The name is free, for another key too, and nothing of the old entries is in the new index.
	h.answer(ddb.UpdateTable, `{"TableName":"index",`+attrs("h")+`,"GlobalSecondaryIndexUpdates":[{"Create":`+indexOf("all", schema("h"), all)+`}]}`)
	h.finish()
	if got := h.items(ddb.Scan, `{"TableName":"index","IndexName":"all","ProjectionExpression":"p"}`); got != `[{"p":{"S":"2"}}]` {
		t.Errorf("the new index holds %s, want item 2", got)
	}
	mustHold(t, h.e)
}

func TestUpdateTableKeepsChangesApart(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(tableWith(provisioned, attrs("a"), schema("a")))
	f := func(want string, members ...string) {
		t.Helper()
		h.invalid(ddb.UpdateTable, `{"TableName":"test",`+strings.Join(members, ",")+`}`, "One or more parameter values were invalid: "+want)
	}
	units := `"ProvisionedThroughput":{"ReadCapacityUnits":7,"WriteCapacityUnits":7}`
	stream := `"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"}`
	index := attrs("g") + `,"GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"byg",` + schema("g") + `,"Projection":` + all + `,` + provisioned + `}}]`
	protection := `"DeletionProtectionEnabled":true`
	f("You cannot modify stream status while updating table IOPS", units, stream)
	f("You cannot create or delete index while updating table IOPS", units, index)
	f("You cannot create or delete index while changing stream status", stream, index)
	f("DeletionProtection modification must be the only operation in the request", protection, index)
	f("TableClass modification must be the only operation in the request", `"TableClass":"STANDARD"`, units)
	f("Server-Side Encryption modification must be the only operation in the request", `"SSESpecification":{"Enabled":true}`, protection)
	f("Create global secondary index cannot be specified when updating WarmThroughput", `"WarmThroughput":{"ReadUnitsPerSecond":1}`, index)
	if d := h.tableNow("test"); d.DeletionProtectionEnabled || d.GlobalSecondaryIndexes != nil || d.ProvisionedThroughput.ReadCapacityUnits != 5 {
		t.Errorf("a refused update changed the table to %+v", d)
	}
	// An index and its billing go together.
	h.answer(ddb.UpdateTable, `{"TableName":"test","BillingMode":"PAY_PER_REQUEST",`+attrs("g")+`,"GlobalSecondaryIndexUpdates":[{"Create":`+indexOf("byg", schema("g"), all)+`}]}`)
	h.finish()
	mustHold(t, h.e)
}

func TestEncryptionAndClassAreDescribed(t *testing.T) {
	t.Parallel()
	// #218, #219
	h := newHarness(t).create(hashTable)
	h.answer(ddb.UpdateTable, `{"TableName":"hash","SSESpecification":{"Enabled":true,"SSEType":"KMS","KMSMasterKeyId":"arn:aws:kms:us-east-1:111122223333:key/k"}}`)
	if d := h.tableNow("hash").SSEDescription; d == nil || d.Status != "ENABLED" || d.SSEType != "KMS" || d.KMSMasterKeyArn != "arn:aws:kms:us-east-1:111122223333:key/k" {
		t.Errorf("encryption is described as %+v", d)
	}
	h.answer(ddb.UpdateTable, `{"TableName":"hash","SSESpecification":{"Enabled":false}}`)
	if body := h.answer(ddb.DescribeTable, `{"TableName":"hash"}`); strings.Contains(body, "SSEDescription") {
		t.Errorf("without a key of one's own the table is described as %s", body)
	}
	h.answer(ddb.UpdateTable, `{"TableName":"hash","TableClass":"STANDARD_INFREQUENT_ACCESS"}`)
	if c := h.tableNow("hash").TableClassSummary; c == nil || c.TableClass != "STANDARD_INFREQUENT_ACCESS" {
		t.Errorf("the table class is %+v", c)
	}
}
