package engine

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"millrace/ddb"
)

// tableStates shows tables in the states that DynamoDB's go through and this engine's do not: for a while after they were
// created, changed or deleted. Underneath the table is ready, or gone, at once; an engine that is opened again does not
// remember. What is refused meanwhile, and in which words, was measured on the service. (ack-api-quirks, findings
// DDB-TABLE-001, 005, 008, 100, 122 and 444. For a table that is UPDATING the text is that after a change of throughput,
// whatever the change was: after others it is assumed.)
type tableStates struct {
	clock func() time.Time
	// active is false when there never was anything to show, so that looking costs next to nothing.
	active atomic.Bool

	mu sync.Mutex

	creating, updating, deleting time.Duration
	// shown are the states of tables by number, gone the tables that are shown as DELETING.
	shown map[uint32]shownState
	gone  map[tableName]goneTable
}

// shownState is a status and when it ends.
type shownState struct {
	status string
	until  time.Time
}

// goneTable is how a deleted table is described, and for how long.
type goneTable struct {
	desc  *ddb.TableDescription
	until time.Time
}

// set changes how long states last, for tables changed from now on.
func (s *tableStates) set(creating, updating, deleting time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.creating, s.updating, s.deleting = creating, updating, deleting
	if max(creating, updating, deleting) == 0 {
		s.active.Store(false)
		s.shown, s.gone = nil, nil
		return
	}
	if s.shown == nil {
		s.shown, s.gone = make(map[uint32]shownState), make(map[tableName]goneTable)
	}
	s.active.Store(true)
}

// begin shows the table with that number in a status. The committer calls it before the change can be seen.
func (s *tableStates) begin(number uint32, status string) {
	if !s.active.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.updating
	if status == "CREATING" {
		d = s.creating
	}
	if d > 0 {
		s.shown[number] = shownState{status, s.clock().Add(d)}
	}
}

// bury shows t as DELETING. The committer calls it before the deletion can be seen.
func (s *tableStates) bury(t *table) {
	if !s.active.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleting > 0 {
		s.gone[t.name()] = goneTable{deletedDescription(t.desc), s.clock().Add(s.deleting)}
	}
}

// deletedDescription is how a table is described once DeleteTable was answered.
func deletedDescription(was *ddb.TableDescription) *ddb.TableDescription {
	d := inStatus(was, "DELETING")
	d.KeySchema, d.AttributeDefinitions, d.CreationDateTime = nil, nil, 0
	d.LocalSecondaryIndexes, d.GlobalSecondaryIndexes = nil, nil
	return d
}

// of is the status that t is shown in: its own, unless that is ACTIVE and another is shown for a while.
func (s *tableStates) of(t *table) string {
	status := t.desc.TableStatus
	if s == nil || !s.active.Load() || status != "ACTIVE" {
		return status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	shown, ok := s.shown[t.number]
	if !ok {
		return status
	}
	if !s.clock().Before(shown.until) {
		delete(s.shown, t.number)
		return status
	}
	return shown.status
}

// show puts the status that t is shown in into d, a copy of its description with lists of its own.
func (s *tableStates) show(t *table, d *ddb.TableDescription) {
	d.TableStatus = s.of(t)
	if d.TableStatus != "CREATING" {
		return
	}
	for i := range d.GlobalSecondaryIndexes {
		d.GlobalSecondaryIndexes[i].IndexStatus = "CREATING"
	}
}

// buried is the description of a table that is shown as DELETING; nil if none of that name is.
func (s *tableStates) buried(id tableName) *ddb.TableDescription {
	if !s.active.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.gone[id]
	if !ok {
		return nil
	}
	if !s.clock().Before(g.until) {
		delete(s.gone, id)
		return nil
	}
	return g.desc
}

// withBuried is names, sorted, with those of a scope's tables that are shown as DELETING.
func (s *tableStates) withBuried(scope string, names []string) []string {
	if !s.active.Load() {
		return names
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	for id, g := range s.gone {
		if id.scope == scope && now.Before(g.until) {
			names = append(names, id.name)
		}
	}
	slices.Sort(names)
	return names
}

// checkCreate refuses to make a table whose name is still taken.
func (s *tableStates) checkCreate(cat *catalog, id tableName) *ddb.Error {
	t := cat.byName[id]
	switch {
	case t == nil && s.buried(id) == nil:
		return nil
	case t != nil && s.of(t) == "CREATING":
		return errStillInUse("Table is being created: %s", id.name)
	}
	return ddb.ResourceInUse("Table already exists: %s", id.name)
}

// checkUpdate refuses in for the table called id while the table is busy.
func (s *tableStates) checkUpdate(cat *catalog, id tableName, in *ddb.UpdateTableInput) *ddb.Error {
	if s.buried(id) != nil {
		return errStillInUse("Table is being deleted: %s", id.name)
	}
	t := cat.byName[id]
	if t == nil || t.desc.TableStatus != "ACTIVE" {
		return nil
	}
	switch status := s.of(t); {
	case status == "CREATING":
		return errStillInUse("Table is being created: %s", id.name)
	case status == "UPDATING" && in.DeletionProtectionEnabled != nil:
		return ddb.ResourceInUse("Table needs to be in ACTIVE status to modify deletion protection setting.")
	case status == "UPDATING":
		return errStillInUse("Table IOPS are currently being updated. Table: %s", id.name)
	}
	return nil
}

// checkDelete refuses to delete the table called id while it is busy.
func (s *tableStates) checkDelete(cat *catalog, id tableName) *ddb.Error {
	if s.buried(id) != nil {
		return errStillInUse("Table is being deleted: %s", id.name)
	}
	t := cat.byName[id]
	if t == nil || t.desc.TableStatus != "ACTIVE" {
		return nil
	}
	switch s.of(t) {
	case "CREATING":
		return errStillInUse("Table is being created: %s", id.name)
	case "UPDATING":
		return errStillInUse("Table: %s is in the process of being updated.", id.name)
	}
	return nil
}
