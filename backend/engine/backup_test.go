package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/ddb"
)

// backUp makes a backup of a table and returns its ARN.
func (h *harness) backUp(table, name string) string {
	h.t.Helper()
	var out struct {
		BackupDetails struct{ BackupArn, BackupStatus string }
	}
	body := h.answer(ddb.CreateBackup, fmt.Sprintf(`{"TableName":%q,"BackupName":%q}`, table, name))
	if err := json.Unmarshal([]byte(body), &out); err != nil || out.BackupDetails.BackupStatus != "CREATING" {
		h.t.Fatalf("CreateBackup answers %s", body)
	}
	return out.BackupDetails.BackupArn
}

// restore restores a backup as a table called name.
func (h *harness) restore(arn, name, members string) {
	h.t.Helper()
	h.answer(ddb.RestoreTableFromBackup, fmt.Sprintf(`{"BackupArn":%q,"TargetTableName":%q%s}`, arn, name, members))
}

// backupStatus is what DescribeBackup tells of a backup.
func (h *harness) backupStatus(arn string) string {
	h.t.Helper()
	return typed[ddb.DescribeBackupOutput](h, ddb.DescribeBackup, fmt.Sprintf(`{"BackupArn":%q}`, arn)).BackupDescription.BackupDetails.BackupStatus
}

// filled makes the table index with n items in all of its indexes.
func (h *harness) filled(n int) {
	h.t.Helper()
	h.create(indexTable)
	for i := range n {
		h.put("index", fmt.Sprintf(`{"p":{"S":"%d"},"s":{"S":"s"},"g":{"S":"g%d"},"h":{"N":"%d"},"l":{"S":"l"},"a":{"S":"x"},"pad":{"S":%q}}`,
			i, i%3, i, strings.Repeat("x", 100)))
	}
}

func TestABackupComesBackWithItsIndexes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.filled(1500)
	arn := h.backUp("index", "first")
	if s := h.backupStatus(arn); s != "CREATING" {
		t.Errorf("before it is written the backup is %s", s)
	}
	// What comes after the reply is not in it, however late it is written.
	h.put("index", `{"p":{"S":"later"},"s":{"S":"s"},"g":{"S":"g0"},"h":{"N":"1"},"l":{"S":"l"}}`)
	h.answer(ddb.DeleteItem, `{"TableName":"index","Key":{"p":{"S":"7"},"s":{"S":"s"}}}`)
	steps := 0
	for h.step() {
		steps++
	}
	if steps < 2 {
		t.Errorf("1500 items were copied in %d steps", steps)
	}
	d := typed[ddb.DescribeBackupOutput](h, ddb.DescribeBackup, fmt.Sprintf(`{"BackupArn":%q}`, arn)).BackupDescription
	if b, s := d.BackupDetails, d.SourceTableDetails; b.BackupStatus != "AVAILABLE" || b.BackupType != "USER" || b.BackupName != "first" ||
		*s.ItemCount != 1500 || *b.BackupSizeBytes != *s.TableSizeBytes || *s.TableSizeBytes == 0 || s.BillingMode != "PAY_PER_REQUEST" ||
		len(d.SourceTableFeatureDetails.GlobalSecondaryIndexes) != 3 || len(d.SourceTableFeatureDetails.LocalSecondaryIndexes) != 3 {
		t.Errorf("the backup is described as %+v %+v %+v", d.BackupDetails, s, d.SourceTableFeatureDetails)
	}
	// The table may go.
	h.answer(ddb.DeleteTable, `{"TableName":"index"}`)
	h.restore(arn, "back", "")
	if d := h.tableNow("back"); d.TableStatus != "CREATING" || !d.RestoreSummary.RestoreInProgress || d.RestoreSummary.SourceBackupArn != arn ||
		d.GlobalSecondaryIndexes[0].IndexStatus != "CREATING" {
		t.Errorf("while it is restored the table is described as %+v", d)
	}
	// #152: nobody reads or writes it yet.
	for op, body := range map[ddb.Operation]string{
		ddb.Scan: `{"TableName":"back"}`, ddb.PutItem: `{"TableName":"back","Item":{"p":{"S":"1"},"s":{"S":"1"}}}`,
		ddb.GetItem: `{"TableName":"back","Key":{"p":{"S":"1"},"s":{"S":"1"}}}`,
	} {
		h.fails(op, body, "ResourceNotFoundException", "Requested resource not found")
	}
	h.step()
	// Nor is it shown so to a read that lags.
	v := h.e.acquireView()
	if half := v.cat.byName[tableName{"", "back"}]; v.serves(half, nil) {
		t.Error("a read that lags sees a table that is half restored")
	}
	v.release()
	h.finish()
	got := h.tableNow("back")
	if got.TableStatus != "ACTIVE" || got.RestoreSummary.RestoreInProgress || got.ItemCount != 1500 || got.TableId == d.SourceTableDetails.TableId ||
		got.TableArn != ddb.TableARN(h.e.cfg.Region, h.e.cfg.AccountID, "back") {
		t.Errorf("the restored table is described as %+v", got)
	}
	for _, x := range got.GlobalSecondaryIndexes {
		if x.IndexStatus != "ACTIVE" || x.ItemCount != 1500 {
			t.Errorf("restored index %s is %s with %d items", x.IndexName, x.IndexStatus, x.ItemCount)
		}
	}
	if n := h.member(ddb.Query, `{"TableName":"back","IndexName":"all","KeyConditionExpression":"g = :g","ExpressionAttributeValues":{":g":{"S":"g1"}}}`, "Count"); n != "500" {
		t.Errorf("a restored index finds %s items, want 500", n)
	}
	if item := h.member(ddb.GetItem, `{"TableName":"back","Key":{"p":{"S":"7"},"s":{"S":"s"}}}`, "Item"); !strings.Contains(item, `"g1"`) {
		t.Errorf("item 7 came back as %s", item)
	}
	if item := h.member(ddb.GetItem, `{"TableName":"back","Key":{"p":{"S":"later"},"s":{"S":"s"}}}`, "Item"); item != "" {
		t.Errorf("an item that was put after the backup came back: %s", item)
	}
	h.put("back", `{"p":{"S":"new"},"s":{"S":"s"}}`)
	mustHold(t, h.e)
}

func TestATableMayBeDeletedWhileItsBackupIsWritten(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.filled(50)
	one, two := h.backUp("index", "one"), h.backUp("index", "two")
	h.answer(ddb.DeleteTable, `{"TableName":"index"}`)
	mustHold(t, h.e)
	// The name is free, and what is written to the new table is none of the backups'.
	h.filled(3)
	for h.step() {
	}
	for _, arn := range []string{one, two} {
		if s := h.backupStatus(arn); s != "AVAILABLE" {
			t.Errorf("backup is %s", s)
		}
		name := "from" + arn[len(arn)-8:]
		h.restore(arn, name, "")
		h.finish()
		if n := h.tableNow(name).ItemCount; n != 50 {
			t.Errorf("%d items came back, want 50", n)
		}
	}
	mustHold(t, h.e)
}

func TestBackupsAndRestoresGoOnAfterARestart(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.Dir, cfg.FS = "data", vfs.NewMem()
	h := &harness{t: t}
	open := func() {
		t.Helper()
		if h.e != nil {
			if err := h.e.Close(); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if h.e, err = Open(cfg); err != nil {
			t.Fatal(err)
		}
	}
	open()
	h.filled(1200)
	arn := h.backUp("index", "interrupted")
	h.step()
	h.answer(ddb.DeleteTable, `{"TableName":"index"}`)
	open()
	mustHold(t, h.e)
	if s := h.backupStatus(arn); s != "CREATING" {
		t.Errorf("after a restart the backup is %s, want CREATING", s)
	}
	h.finish()
	mustHold(t, h.e)
	h.restore(arn, "back", "")
	h.step()
	h.step()
	had := h.tableNow("back").ItemCount
	open()
	if n := h.tableNow("back").ItemCount; n != had || n == 0 || n == 1200 {
		t.Errorf("after a restart %d items are back, want the %d from before", n, had)
	}
	h.finish()
	if d := h.tableNow("back"); d.ItemCount != 1200 || d.TableStatus != "ACTIVE" {
		t.Errorf("the restored table is %s with %d items", d.TableStatus, d.ItemCount)
	}
	mustHold(t, h.e)
	if err := h.e.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnEngineClosesWithABackupUnwritten(t *testing.T) {
	t.Parallel()
	// The pinned view would make the store complain.
	cfg := DefaultConfig()
	cfg.InMemory = true
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, e: e}
	h.filled(10)
	h.backUp("index", "one")
	h.step()
	h.backUp("index", "two")
	if err := e.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestBackupsAreListed(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_700_000_000_000)
	cfg := DefaultConfig()
	cfg.InMemory = true
	cfg.Clock = func() time.Time { return now }
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	h := (&harness{t: t, e: e}).create(hashTable, rangeTable)
	var arns []string
	for _, table := range []string{"hash", "range", "hash"} {
		now = now.Add(time.Second)
		arns = append(arns, h.backUp(table, "same-name"))
	}
	if id := arns[0][strings.LastIndex(arns[0], "/")+1:]; !strings.HasPrefix(id, "01700000001000-") || len(id) != 23 {
		t.Errorf("a backup's id is %q", id)
	}
	h.answer(ddb.DeleteTable, `{"TableName":"range"}`)
	h.finish()
	f := func(members string, want ...int) {
		t.Helper()
		out := typed[ddb.ListBackupsOutput](h, ddb.ListBackups, `{`+members+`}`)
		var got, expected []string
		for _, b := range out.BackupSummaries {
			got = append(got, b.BackupArn)
		}
		for _, i := range want {
			expected = append(expected, arns[i])
		}
		if fmt.Sprint(got) != fmt.Sprint(expected) {
			t.Errorf("ListBackups {%s} = %v, want %v", members, got, expected)
		}
		if limited := strings.Contains(members, "Limit"); limited != (out.LastEvaluatedBackupArn != nil) {
			t.Errorf("ListBackups {%s}: LastEvaluatedBackupArn %v", members, out.LastEvaluatedBackupArn)
		}
	}
	f(``, 0, 1, 2)
	f(`"TableName":"hash"`, 0, 2)
	// Also of a table that has gone, and of none.
	f(`"TableName":"range"`, 1)
	f(`"TableName":"nothing"`)
	f(`"Limit":2`, 0, 1)
	f(`"ExclusiveStartBackupArn":"`+arns[0]+`"`, 1, 2)
	f(`"BackupType":"ALL"`, 0, 1, 2)
	f(`"BackupType":"SYSTEM"`)
	// The lower bound is in, the upper is not.
	f(`"TimeRangeLowerBound":1700000002,"TimeRangeUpperBound":1700000003`, 1)
	h.invalid(ddb.ListBackups, `{"TimeRangeLowerBound":2,"TimeRangeUpperBound":1}`,
		"One or more parameter values were invalid: Time range lower bound must be less than or equal to upper bound")
	h.invalid(ddb.ListBackups, `{"ExclusiveStartBackupArn":"`+strings.Repeat("x", 40)+`"}`, "Invalid Backup ARN")
	gone := typed[ddb.DeleteBackupOutput](h, ddb.DeleteBackup, `{"BackupArn":"`+arns[1]+`"}`)
	if s := gone.BackupDescription.BackupDetails.BackupStatus; s != "DELETED" {
		t.Errorf("DeleteBackup answers status %s", s)
	}
	f(``, 0, 2)
	mustHold(t, h.e)
}

func TestBackupsAreRefusedAsDynamoDBDoes(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(indexTable)
	h.fails(ddb.CreateBackup, `{"TableName":"none","BackupName":"abc"}`, "TableNotFoundException", "Table not found: none")
	arn := h.backUp("index", "abc")
	h.fails(ddb.DeleteBackup, `{"BackupArn":"`+arn+`"}`, "BackupInUseException", "Backup is being created: "+arn)
	h.fails(ddb.RestoreTableFromBackup, `{"TargetTableName":"new","BackupArn":"`+arn+`"}`, "BackupInUseException", "Backup is being created: "+arn)
	h.finish()
	h.fails(ddb.RestoreTableFromBackup, `{"TargetTableName":"index","BackupArn":"`+arn+`"}`, "TableAlreadyExistsException", "Table already exists: index")
	none := arn[:len(arn)-8] + "00000000"
	for _, op := range []ddb.Operation{ddb.DescribeBackup, ddb.DeleteBackup} {
		h.fails(op, `{"BackupArn":"`+none+`"}`, "BackupNotFoundException", "Backup not found: "+none)
		h.invalid(op, `{"BackupArn":"`+ddb.TableARN("us-east-1", "000000000000", "a-table")+`"}`, "Invalid Backup ARN")
	}
	h.restore(arn, "new", "")
	h.fails(ddb.RestoreTableFromBackup, `{"TargetTableName":"newer","BackupArn":"`+arn+`"}`, "BackupInUseException", "Backup is being used to restore another table: "+arn)
	h.fails(ddb.DeleteBackup, `{"BackupArn":"`+arn+`"}`, "BackupInUseException", "Backup is being used to restore table: "+arn)
	h.fails(ddb.CreateBackup, `{"TableName":"new","BackupName":"abc"}`, "TableNotFoundException", "Table not found: new")
	// A table that is being restored is CREATING for all. #221
	inUse := "Attempt to change a resource which is still in use: Table is being created: new"
	h.fails(ddb.DeleteTable, `{"TableName":"new"}`, "ResourceInUseException", inUse)
	h.fails(ddb.UpdateTable, `{"TableName":"new","DeletionProtectionEnabled":true}`, "ResourceInUseException", inUse)
	h.fails(ddb.CreateTable, strings.Replace(indexTable, `"index"`, `"new"`, 1), "ResourceInUseException", inUse)
	h.fails(ddb.ListTagsOfResource, fmt.Sprintf(`{"ResourceArn":%q}`, ddb.TableARN(h.e.cfg.Region, h.e.cfg.AccountID, "new")), "ResourceNotFoundException",
		"Requested resource not found: ResourceArn: "+ddb.TableARN(h.e.cfg.Region, h.e.cfg.AccountID, "new")+" not found")
	h.finish()
	h.answer(ddb.DeleteBackup, `{"BackupArn":"`+arn+`"}`)
	h.answer(ddb.DeleteTable, `{"TableName":"new"}`)
	mustHold(t, h.e)
}

func TestARestoreMayChangeTheTable(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.filled(5)
	arn := h.backUp("index", "abc")
	h.finish()
	restored := 0
	ok := func(members string) *ddb.TableDescription {
		t.Helper()
		restored++
		name := fmt.Sprintf("restored%d", restored)
		h.restore(arn, name, ","+members)
		h.finish()
		return h.tableNow(name)
	}
	units := `"ProvisionedThroughputOverride":{"ReadCapacityUnits":2,"WriteCapacityUnits":3}`
	keys := `{"IndexName":"renamed",` + schema("g") + `,"Projection":{"ProjectionType":"KEYS_ONLY"}`
	d := ok(`"BillingModeOverride":"PROVISIONED",` + units + `,"GlobalSecondaryIndexOverride":[` + keys + `,` + provisioned + `}],"LocalSecondaryIndexOverride":[]`)
	if isOnDemand(d) || d.ProvisionedThroughput.ReadCapacityUnits != 2 || len(d.LocalSecondaryIndexes) != 0 || len(d.GlobalSecondaryIndexes) != 1 ||
		d.GlobalSecondaryIndexes[0].IndexName != "renamed" || d.GlobalSecondaryIndexes[0].ItemCount != 5 || len(d.AttributeDefinitions) != 3 {
		t.Errorf("a restore with overrides made %+v", d)
	}
	d = ok(`"SSESpecificationOverride":{"Enabled":true}`)
	if d.SSEDescription == nil || d.SSEDescription.Status != "ENABLED" || len(d.LocalSecondaryIndexes) != 3 {
		t.Errorf("a restore with encryption made %+v", d)
	}
	f := func(want, members string) {
		t.Helper()
		h.invalid(ddb.RestoreTableFromBackup, `{"TargetTableName":"another","BackupArn":"`+arn+`",`+members+`}`, "Invalid Request: "+want)
	}
	f("Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED", `"BillingModeOverride":"PROVISIONED"`)
	f("Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED", units)
	f("Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST", `"BillingModeOverride":"PAY_PER_REQUEST",`+units)
	f("Must specify provisioned throughput for index all", `"BillingModeOverride":"PROVISIONED",`+units)
	f("Cannot override ProvisionedThroughput if BillingMode is overridden to PAY_PER_REQUEST for index renamed", `"GlobalSecondaryIndexOverride":[`+keys+`,`+provisioned+`}]`)
	f("Index other does not match a secondary index that existed in the source table and cannot be created during the restore operation",
		`"GlobalSecondaryIndexOverride":[`+indexOf("other", schema("a"), all)+`]`)
	mustHold(t, h.e)
}

func TestARestoredTableHasNoTagsExpiryOrStream(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(strings.Replace(hashTable, `{"TableName"`, `{"Tags":[{"Key":"a","Value":"b"}],"DeletionProtectionEnabled":true,
		"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"},"TableName"`, 1))
	h.answer(ddb.UpdateTimeToLive, `{"TableName":"hash","TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
	h.put("hash", `{"p":{"S":"1"},"t":{"N":"1"}}`)
	arn := h.backUp("hash", "abc")
	h.finish()
	d := typed[ddb.DescribeBackupOutput](h, ddb.DescribeBackup, `{"BackupArn":"`+arn+`"}`).BackupDescription.SourceTableFeatureDetails
	if d.StreamDescription == nil || d.StreamDescription.StreamViewType != "KEYS_ONLY" || d.TimeToLiveDescription == nil || d.TimeToLiveDescription.AttributeName != "t" {
		t.Errorf("the backup tells of its table's features %+v", d)
	}
	h.restore(arn, "back", "")
	h.finish()
	body := h.answer(ddb.DescribeTable, `{"TableName":"back"}`)
	if strings.Contains(body, "Stream") || !strings.Contains(body, `"DeletionProtectionEnabled":false`) {
		t.Errorf("the restored table is %s", body)
	}
	if got := h.tags(ddb.TableARN(h.e.cfg.Region, h.e.cfg.AccountID, "back")); len(got) != 0 {
		t.Errorf("the restored table has tags %v", got)
	}
	h.ok(ddb.DescribeTimeToLive, `{"TableName":"back"}`, `{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}`)
	mustHold(t, h.e)
}

func TestARestoreIsSilentUntilTheTableIsReady(t *testing.T) {
	t.Parallel()
	r := &hookRecorder{}
	h := openWith(t, r).create(hashTable)
	h.put("hash", `{"p":{"S":"1"}}`)
	arn := h.backUp("hash", "abc")
	h.finish()
	heard := len(r.log)
	h.restore(arn, "back", "")
	h.finish()
	if got := fmt.Sprint(r.log[heard:]); got != "[changing back changed back changing back changed back]" {
		t.Errorf("a restore made the hooks hear %s", got)
	}
	for _, f := range r.faults {
		t.Error(f)
	}
}
