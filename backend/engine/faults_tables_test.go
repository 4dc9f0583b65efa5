package engine

import (
	"strings"
	"testing"
	"time"

	"millrace/ddb"
)

// status is a table's status.
func (h *aided) status(table string) string {
	h.t.Helper()
	body := h.member(ddb.DescribeTable, `{"TableName":"`+table+`"}`, "Table")
	return strings.Trim(h.field(body, "TableStatus"), `"`)
}

func TestTablesAreCreatingForAWhile(t *testing.T) {
	t.Parallel()
	h := openAided(t, func(c *Config) { c.Faults = Faults{Creating: 10 * time.Second} })
	h.create(indexTable)
	const inUse, notFound = "ResourceInUseException", "ResourceNotFoundException"
	const creating = "Attempt to change a resource which is still in use: Table is being created: index"
	for range 2 {
		if got := h.status("index"); got != "CREATING" {
			t.Errorf("the table is %s, want CREATING", got)
		}
		if table := h.member(ddb.DescribeTable, `{"TableName":"index"}`, "Table"); strings.Contains(table, `"IndexStatus":"ACTIVE"`) {
			t.Errorf("an index is ACTIVE before its table: %s", table)
		}
		// #152
		h.fails(ddb.GetItem, `{"TableName":"index","Key":{"p":{"S":"a"},"s":{"S":"b"}}}`, notFound, "Requested resource not found")
		h.fails(ddb.PutItem, `{"TableName":"index","Item":{"p":{"S":"a"},"s":{"S":"b"}}}`, notFound, "Requested resource not found")
		h.fails(ddb.Scan, `{"TableName":"index"}`, notFound, "Requested resource not found")
		h.fails(ddb.BatchWriteItem, `{"RequestItems":{"index":[{"DeleteRequest":{"Key":{"p":{"S":"a"},"s":{"S":"b"}}}}]}}`, notFound, "Requested resource not found")
		h.fails(ddb.TransactGetItems, `{"TransactItems":[{"Get":{"TableName":"index","Key":{"p":{"S":"a"},"s":{"S":"b"}}}}]}`, notFound, "Requested resource not found")
		// What is wrong with the request itself is told first.
		if _, bad := h.do(ddb.GetItem, `{"TableName":"index"}`); bad == nil || bad.Code != "ValidationException" {
			t.Errorf("GetItem without a key: %v", bad)
		}
		// #221
		h.fails(ddb.DeleteTable, `{"TableName":"index"}`, inUse, creating)
		h.fails(ddb.UpdateTable, `{"TableName":"index","DeletionProtectionEnabled":true}`, inUse, creating)
		h.fails(ddb.CreateTable, indexTable, inUse, creating)
		h.fails(ddb.UpdateTimeToLive, `{"TableName":"index","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"t"}}`,
			notFound, "Requested resource not found: Table: index not found")
		h.ok(ddb.ListTables, `{}`, `{"TableNames":["index"]}`)
		h.wait(5*time.Second - 1)
	}
	h.wait(2)
	if got := h.status("index"); got != "ACTIVE" {
		t.Errorf("the table is %s, want ACTIVE", got)
	}
	h.put("index", `{"p":{"S":"a"},"s":{"S":"b"}}`)
	h.fails(ddb.CreateTable, indexTable, inUse, "Table already exists: index")
}

func TestTablesAreUpdatingForAWhile(t *testing.T) {
	t.Parallel()
	h := openAided(t, func(c *Config) { c.Faults = Faults{Updating: 10 * time.Second} })
	h.create(hashTable)
	h.answer(ddb.UpdateTable, `{"TableName":"hash","BillingMode":"PROVISIONED","ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}}`)
	const inUse = "ResourceInUseException"
	if got := h.status("hash"); got != "UPDATING" {
		t.Errorf("the table is %s, want UPDATING", got)
	}
	h.fails(ddb.UpdateTable, `{"TableName":"hash","ProvisionedThroughput":{"ReadCapacityUnits":2,"WriteCapacityUnits":2}}`,
		inUse, "Attempt to change a resource which is still in use: Table IOPS are currently being updated. Table: hash")
	h.fails(ddb.UpdateTable, `{"TableName":"hash","DeletionProtectionEnabled":true}`,
		inUse, "Table needs to be in ACTIVE status to modify deletion protection setting.")
	h.fails(ddb.DeleteTable, `{"TableName":"hash"}`,
		inUse, "Attempt to change a resource which is still in use: Table: hash is in the process of being updated.")
	h.fails(ddb.CreateTable, hashTable, inUse, "Table already exists: hash")
	// Items are served meanwhile.
	h.put("hash", `{"p":{"S":"a"}}`)
	h.ok(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, `{"Item":{"p":{"S":"a"}}}`)
	h.wait(10 * time.Second)
	if got := h.status("hash"); got != "ACTIVE" {
		t.Errorf("the table is %s, want ACTIVE", got)
	}
	h.answer(ddb.DeleteTable, `{"TableName":"hash"}`)
}

func TestTablesAreDeletingForAWhile(t *testing.T) {
	t.Parallel()
	h := openAided(t, func(c *Config) { c.Faults = Faults{Deleting: 10 * time.Second} })
	h.create(hashTable, rangeTable)
	h.answer(ddb.DeleteTable, `{"TableName":"hash"}`)
	const inUse, notFound = "ResourceInUseException", "ResourceNotFoundException"
	const deleting = "Attempt to change a resource which is still in use: Table is being deleted: hash"
	for range 2 {
		if got := h.status("hash"); got != "DELETING" {
			t.Errorf("the table is %s, want DELETING", got)
		}
		// #152
		h.fails(ddb.GetItem, `{"TableName":"hash","Key":{"p":{"S":"a"}}}`, notFound, "Requested resource not found")
		h.fails(ddb.PutItem, `{"TableName":"hash","Item":{"p":{"S":"a"}}}`, notFound, "Requested resource not found")
		h.fails(ddb.CreateTable, hashTable, inUse, "Table already exists: hash")
		h.fails(ddb.UpdateTable, `{"TableName":"hash","DeletionProtectionEnabled":true}`, inUse, deleting)
		h.fails(ddb.DeleteTable, `{"TableName":"hash"}`, inUse, deleting)
		h.invalid(ddb.DescribeTimeToLive, `{"TableName":"hash"}`, "Cannot describe time to live while table is in DELETING state: Current table state is DELETING")
		h.ok(ddb.ListTables, `{}`, `{"TableNames":["hash","range"]}`)
		h.ok(ddb.ListTables, `{"Limit":1}`, `{"TableNames":["hash"],"LastEvaluatedTableName":"hash"}`)
		h.wait(5*time.Second - 1)
	}
	h.wait(2)
	h.fails(ddb.DescribeTable, `{"TableName":"hash"}`, notFound, "Requested resource not found: Table: hash not found")
	h.ok(ddb.ListTables, `{}`, `{"TableNames":["range"]}`)
	// #221
	h.create(hashTable)
	h.ok(ddb.Scan, `{"TableName":"hash"}`, `{"Items":[],"Count":0,"ScannedCount":0}`)
}

func TestStatesEndWhenTheyAreSwitchedOff(t *testing.T) {
	t.Parallel()
	h := openAided(t, func(c *Config) {
		c.Faults = Faults{Creating: time.Hour, Updating: time.Hour, Deleting: time.Hour}
	})
	h.create(hashTable)
	h.faults(Faults{Deleting: time.Hour})
	if got := h.status("hash"); got != "CREATING" {
		t.Errorf("the table is %s though it was made when that took an hour", got)
	}
	h.faults(Faults{})
	if got := h.status("hash"); got != "ACTIVE" {
		t.Errorf("the table is %s, want ACTIVE", got)
	}
	h.answer(ddb.DeleteTable, `{"TableName":"hash"}`)
	h.create(hashTable)
}
