package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"millrace/ddb"
)

// catalog is all tables at one moment. It is immutable: a change makes a new one, which is published together with
// the snapshot that holds its records.
type catalog struct {
	byName   map[tableName]*table
	byNumber map[uint32]*table
	// nextTable is greater than every number a table ever had.
	nextTable uint32
	// backups has all backups by number, of which lastBackup is the greatest there ever was. They begin at 1.
	backups    map[uint32]*backup
	lastBackup uint32
	// streams has those of tables that are gone as well.
	streams *streamSet
}

// tableName identifies a table: names are unique within a scope.
type tableName struct{ scope, name string }

// table is one version of a table. It is immutable once it is in a catalog; every change of a setting makes a new one
// with the same number.
type table struct {
	scope  string
	number uint32
	// desc is what DescribeTable answers, but for the counters, which change with every write.
	desc *ddb.TableDescription
	// indexes are in the order of their names, in which DynamoDB looks at them: of two that have one attribute as a key its
	// messages name the first. (Captured from the service: github.com/paritysuite/dynamodb-conformance, transactIndexKeys.test.ts.)
	indexes []*index
	ttl     ttlSetting

	record tableRecord
}

// index is a secondary index of one version of a table.
type index struct {
	*ddb.IndexInfo
	// number is the index's in store keys: unlike IndexInfo.Number it stays while the index lives.
	number uint16
	// projected is the names of the attributes that entries hold; nil for all.
	projected []string
	// filling is true while items that are older than the index may be missing in it: it is not read, and a write finds out
	// whether there is an entry to replace.
	filling bool
}

// tableRecord is a table as it is stored, as JSON: it is read once at start and must outlive changes of this package.
type tableRecord struct {
	Scope       string
	Description *ddb.TableDescription
	// IndexNumbers has an entry for every index of Description.
	IndexNumbers map[string]uint16
	// NextIndex is greater than every number an index of the table ever had.
	NextIndex uint16
	TTL       ttlSetting
	Tags      []ddb.Tag `json:",omitempty"`
	// Stream is the number of the table's enabled stream, which Description tells of as well. 0 is none.
	Stream uint32 `json:",omitempty"`
	// Filling is the name of the index that older items are being put into; empty if there is none.
	Filling string `json:",omitempty"`
	// Restoring is the number of the backup whose items are being put into the table; 0 if there is none.
	Restoring uint32 `json:",omitempty"`
}

// ttlSetting is a table's time to live: the attribute that holds the expiry time, empty when it is off.
type ttlSetting struct {
	Attribute string `json:",omitempty"`
	// Filled is false while items written before time to live was enabled may be missing in the expiry queue.
	Filled bool `json:",omitempty"`
}

// newCatalog makes a catalog of tables.
func newCatalog(tables ...*table) *catalog {
	c := &catalog{byName: make(map[tableName]*table), byNumber: make(map[uint32]*table), streams: newStreamSet(0)}
	for _, t := range tables {
		c.byName[t.name()] = t
		c.byNumber[t.number] = t
	}
	return c
}

// with is c with t in it, in place of a version of t that is there.
func (c *catalog) with(t *table) *catalog {
	next := *c
	next.byName, next.byNumber = maps.Clone(c.byName), maps.Clone(c.byNumber)
	next.byName[t.name()] = t
	next.byNumber[t.number] = t
	return &next
}

// without is c without t.
func (c *catalog) without(t *table) *catalog {
	next := *c
	next.byName, next.byNumber = maps.Clone(c.byName), maps.Clone(c.byNumber)
	delete(next.byName, t.name())
	delete(next.byNumber, t.number)
	return &next
}

// counts reports whether what id names is there to be counted.
func (c *catalog) counts(id counterID) bool {
	t := c.byNumber[id.table]
	return t != nil && (id.index == baseIndex || slices.ContainsFunc(t.indexes, func(idx *index) bool { return idx.number == id.index }))
}

// withBackup is c with k in it, in place of a version of k that is there.
func (c *catalog) withBackup(k *backup) *catalog {
	next := *c
	next.backups = maps.Clone(c.backups)
	if next.backups == nil {
		next.backups = make(map[uint32]*backup)
	}
	next.backups[k.number] = k
	return &next
}

// withoutBackup is c without k.
func (c *catalog) withoutBackup(k *backup) *catalog {
	next := *c
	next.backups = maps.Clone(c.backups)
	delete(next.backups, k.number)
	return &next
}

// addTable is c with a new table of that record, which b is given.
func (c *catalog) addTable(r tableRecord, b *batch) (*catalog, *table) {
	t := newTable(c.nextTable, r)
	next := c.with(t)
	next.nextTable++
	b.set([]byte(systemNextTable), strconv.AppendUint(nil, uint64(next.nextTable), 10))
	b.set(tableKey(t.number), t.encode())
	return next, t
}

// changeTable is c with t in place of an older version of it, which b is given.
func (c *catalog) changeTable(t *table, b *batch) *catalog {
	b.set(tableKey(t.number), t.encode())
	return c.with(t)
}

// table looks up a table for an operation on tables; it may be in any state.
func (c *catalog) table(id tableName) (*table, *ddb.Error) {
	if t, ok := c.byName[id]; ok {
		return t, nil
	}
	return nil, errTableNotFound(id.name)
}

// errTableNotFound refuses an operation on a table that is not there.
func errTableNotFound(name string) *ddb.Error {
	return ddb.ResourceNotFound("Requested resource not found: Table: %s not found", name)
}

// names lists the tables of a scope in byte order.
func (c *catalog) names(scope string) []string {
	var names []string
	for n := range c.byName {
		if n.scope == scope {
			names = append(names, n.name)
		}
	}
	slices.Sort(names)
	return names
}

// newTable makes a table of its record, which it takes over.
func newTable(number uint32, r tableRecord) *table {
	t := &table{scope: r.Scope, number: number, desc: r.Description, ttl: r.TTL, record: r}
	for _, info := range r.Description.Indexes() {
		idx := newIndex(info, r.IndexNumbers[info.Name], r.Description.KeySchema)
		idx.filling = info.Name == r.Filling
		t.indexes = append(t.indexes, idx)
	}
	slices.SortFunc(t.indexes, func(a, b *index) int { return strings.Compare(a.Name, b.Name) })
	return t
}

// newIndex prepares info for writing entries.
func newIndex(info *ddb.IndexInfo, number uint16, base ddb.KeySchema) *index {
	idx := &index{IndexInfo: info, number: number}
	if info.Projection.ProjectionType == "ALL" {
		return idx
	}
	idx.projected = []string{}
	for _, s := range []ddb.KeySchema{base, info.KeySchema} {
		for _, e := range s {
			idx.projected = append(idx.projected, e.AttributeName)
		}
	}
	if info.Projection.ProjectionType == "INCLUDE" {
		idx.projected = append(idx.projected, info.Projection.NonKeyAttributes...)
	}
	slices.Sort(idx.projected)
	idx.projected = slices.Compact(idx.projected)
	return idx
}

// name identifies the table.
func (t *table) name() tableName { return tableName{t.scope, t.desc.TableName} }

// index looks up one of t's indexes by name.
func (t *table) index(name string) (*index, bool) {
	for _, idx := range t.indexes {
		if idx.Name == name {
			return idx, true
		}
	}
	return nil, false
}

// hasLocalIndex reports whether items of t belong to item collections.
func (t *table) hasLocalIndex() bool { return len(t.desc.LocalSecondaryIndexes) > 0 }

// changed is a new version of t: change is given a copy of its record, whose Description is a copy as well but shares
// slices and pointers with t's, so that it must replace these rather than write through them.
func (t *table) changed(change func(r *tableRecord)) *table {
	r := t.record
	desc := *r.Description
	r.Description = &desc
	r.IndexNumbers = maps.Clone(r.IndexNumbers)
	change(&r)
	return newTable(t.number, r)
}

// encode is what is stored under tableKey.
func (t *table) encode() []byte {
	b, err := json.Marshal(&t.record)
	if err != nil {
		panic(fmt.Sprintf("encoding the record of table %q: %v", t.desc.TableName, err))
	}
	return b
}

// decodeTable is encode's inverse.
func decodeTable(number uint32, stored []byte) (*table, error) {
	var r tableRecord
	if err := json.Unmarshal(stored, &r); err != nil {
		return nil, fmt.Errorf("read record of table %d: %w", number, err)
	}
	if r.Description == nil {
		return nil, fmt.Errorf("read record of table %d: %w", number, errDamaged)
	}
	return newTable(number, r), nil
}
