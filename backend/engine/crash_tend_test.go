package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"millrace/ddb"
)

// tendItems is the number of items in the table of tend: enough for several steps of everything that is done in steps.
const tendItems = 20

// The steps of tend that decide what must be there. A table, an index, tags and a backup come and go.
const (
	tendCreated = 1 + iota
	tendPut
	tendTagged
	tendBackedUp
	tendPutAgain
	tendIndexed
	tendTaggedAgain
	tendDeleted
	tendRestored
	tendBackupDeleted
	tendIndexedAgain
)

// tendTable is the table that is tended.
const tendTable = `{"TableName":"tended","BillingMode":"PAY_PER_REQUEST",
	"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"}],"KeySchema":[{"AttributeName":"p","KeyType":"HASH"}]}`

// tend does everything to tables that goes on in the background, and tags them. ran is closed when the background has ended.
func (r *crashRun) tend(e *Engine, ran chan struct{}) error {
	arn, backup := ddb.TableARN(e.cfg.Region, e.cfg.AccountID, "tended"), ""
	tag := func(value string) string {
		return fmt.Sprintf(`{"ResourceArn":%q,"Tags":[{"Key":"t","Value":%q}]}`, arn, value)
	}
	steps := []struct {
		op   ddb.Operation
		body func() string
	}{
		{ddb.CreateTable, func() string { return tendTable }},
		{ddb.BatchWriteItem, func() string { return tendWrites(1) }},
		{ddb.TagResource, func() string { return tag("1") }},
		{ddb.CreateBackup, func() string { return `{"TableName":"tended","BackupName":"kept"}` }},
		{ddb.BatchWriteItem, func() string { return tendWrites(2) }},
		{ddb.UpdateTable, func() string { return gIndex("tended", "byg") }},
		{ddb.TagResource, func() string { return tag("2") }},
		{ddb.DeleteTable, func() string { return `{"TableName":"tended"}` }},
		{ddb.RestoreTableFromBackup, func() string { return fmt.Sprintf(`{"TargetTableName":"restored","BackupArn":%q}`, backup) }},
		{ddb.DeleteBackup, func() string { return fmt.Sprintf(`{"BackupArn":%q}`, backup) }},
		{ddb.UpdateTable, func() string { return gIndex("restored", "byg") }},
	}
	for i, s := range steps {
		r.tendStarted.Add(1)
		resp, err := doWhenFree(e, ran, s.op, s.body())
		if err != nil {
			return fmt.Errorf("step %d of tending: %w", i+1, err)
		}
		if s.op == ddb.CreateBackup {
			out, err := ddb.OutputAs[ddb.CreateBackupOutput](resp)
			if err != nil {
				return err
			}
			backup = out.BackupDetails.BackupArn
		}
		r.tendAcked.Add(1)
	}
	return nil
}

// doWhenFree does an operation once what stands in its way in the background is done.
func doWhenFree(e *Engine, ran chan struct{}, op ddb.Operation, body string) (*ddb.Response, error) {
	for {
		select {
		case <-ran:
			return nil, errors.New("the background work has ended")
		default:
		}
		resp, err := e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
		refused, ok := ddb.AsError(err)
		if err == nil || !ok || refused.Code != "ResourceInUseException" && refused.Code != "BackupInUseException" {
			return resp, err
		}
		runtime.Gosched()
	}
}

// tendWrites puts all items in one request, with that v.
func tendWrites(v int) string {
	var puts []string
	for i := range tendItems {
		puts = append(puts, fmt.Sprintf(`{"PutRequest":{"Item":{"p":{"S":"%d"},"v":{"N":"%d"},"g":{"S":"%d"}}}}`, i, v, i%3))
	}
	return `{"RequestItems":{"tended":[` + strings.Join(puts, ",") + `]}}`
}

// checkTended checks D2, D3 and D9 for tend.
func (c *crashCase) checkTended(e *Engine) error {
	there := func(what string, is bool, from, to int64) error {
		switch {
		case !is && c.tendLeast >= from && (c.tendMost < to || to == 0):
			return fmt.Errorf("D2: %s is not there after %d to %d steps", what, c.tendLeast, c.tendMost)
		case is && (c.tendMost < from || to != 0 && c.tendLeast >= to):
			return fmt.Errorf("D3: %s is there after %d to %d steps", what, c.tendLeast, c.tendMost)
		}
		return nil
	}
	v := e.acquireView()
	cat := v.cat
	v.release()
	tended, restored := cat.byName[tableName{"", "tended"}], cat.byName[tableName{"", "restored"}]
	// A copy that was complete before the crash has the items of the moment it was asked for. One that was completed after
	// it, which a second crash finds complete as well, has not.
	for _, k := range cat.backups {
		c.redone = c.redone || k.record.Status != backupAvailable
	}
	err := errors.Join(
		there("the table", tended != nil, tendCreated, tendDeleted),
		there("the backup", len(cat.backups) == 1, tendBackedUp, tendBackupDeleted),
		there("the restored table", restored != nil, tendRestored, 0))
	if tended != nil {
		tags := len(tended.record.Tags)
		err = errors.Join(err,
			there("the tag", tags == 1, tendTagged, 0),
			there("the second tag", tags == 1 && *tended.record.Tags[0].Value == "2", tendTaggedAgain, 0),
			there("the index", len(tended.indexes) == 1, tendIndexed, 0))
	}
	if restored != nil {
		err = errors.Join(err, there("the restored table's index", len(restored.indexes) == 1, tendIndexedAgain, 0))
	}
	if err != nil {
		return err
	}
	if err := finishChores(e); err != nil {
		return fmt.Errorf("D9: %w", err)
	}
	if err := c.checkFinished(e); err != nil {
		return fmt.Errorf("D9: %w", err)
	}
	return nil
}

// finishChores does what is left to do.
func finishChores(e *Engine) error {
	for {
		if more, err := e.workOnce(context.Background()); !more || err != nil {
			return err
		}
	}
}

// checkFinished checks what is there when everything is done.
func (c *crashCase) checkFinished(e *Engine) error {
	if err := checkInvariants(e); err != nil {
		return err
	}
	v := e.acquireView()
	defer v.release()
	for _, k := range v.cat.backups {
		lower, _ := prefixRange(familyCopy, k.number)
		var items []ddb.Item
		if err := v.snap.each(lower, func(_, value []byte) error {
			item, err := decodeItem(bytes.Clone(value))
			items = append(items, item)
			return err
		}); err != nil {
			return err
		}
		if err := checkItems(items, !c.redone); err != nil || k.record.Status != backupAvailable {
			return fmt.Errorf("the backup is %s: %w", k.record.Status, err)
		}
	}
	for _, t := range v.cat.byNumber {
		if t.desc.TableStatus != "ACTIVE" {
			return fmt.Errorf("table %q is %s", t.desc.TableName, t.desc.TableStatus)
		}
	}
	if t := v.cat.byName[tableName{"", "restored"}]; t != nil {
		resp, err := e.Do(context.Background(), ddb.NewRequest(ddb.Scan, []byte(`{"TableName":"restored"}`)))
		if err != nil {
			return err
		}
		out, err := ddb.OutputAs[ddb.ScanOutput](resp)
		if err != nil {
			return err
		}
		if err := checkItems(out.Items, true); err != nil {
			return fmt.Errorf("the restored table: %w", err)
		}
	}
	return nil
}

// checkItems checks that all of tend's items are there, as they were first put unless they may have been put again.
func checkItems(items []ddb.Item, first bool) error {
	if len(items) != tendItems {
		return fmt.Errorf("%d items of %d", len(items), tendItems)
	}
	for _, item := range items {
		if v, _ := item.Get("v"); first && v.Num() != "1" {
			shown, _ := json.Marshal(string(ddb.AppendItemJSON(nil, item)))
			return fmt.Errorf("item %s is not from the time of the backup", shown)
		}
	}
	return nil
}
