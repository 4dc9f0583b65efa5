package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"millrace/ddb"
)

// diskConfig is a durable engine in dir.
func diskConfig(dir string) Config {
	cfg := DefaultConfig()
	cfg.Dir = dir
	return cfg
}

// openFails checks that Open refuses cfg with one sentence that has every one of words.
func openFails(t *testing.T, cfg Config, words ...string) {
	t.Helper()
	e, err := Open(cfg)
	if err == nil {
		_ = e.Close()
		t.Errorf("Open: no error, want one with %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("Open: error %q, want %q in it", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("Open: error %q has more than one line", err)
	}
}

func TestOpenRefusesAFolderInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := Open(diskConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	openFails(t, diskConfig(dir), dir, "in use by another process")
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, err = Open(diskConfig(dir))
	if err != nil {
		t.Fatalf("Open after the other has closed: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

// readOnlyFS refuses to make files, as a folder of somebody else's does.
type readOnlyFS struct{ vfs.FS }

// Create is refused.
func (readOnlyFS) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, &os.PathError{Op: "open", Path: name, Err: syscall.EACCES}
}

// Lock is refused.
func (readOnlyFS) Lock(name string) (io.Closer, error) {
	return nil, &os.PathError{Op: "open", Path: name, Err: syscall.EACCES}
}

func TestOpenRefusesAFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	// The folder exists and belongs to somebody else.
	cfg := diskConfig(t.TempDir())
	cfg.FS = readOnlyFS{vfs.Default}
	openFails(t, cfg, cfg.Dir, "not writable", "permission denied")
	// The folder cannot be made.
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	openFails(t, diskConfig(filepath.Join(file, "data")), "not writable", "not a directory")
}

func TestOpenRefusesADamagedStore(t *testing.T) {
	t.Parallel()
	// The manifest is cut off.
	dir := t.TempDir()
	fill(t, dir)
	manifests, err := filepath.Glob(filepath.Join(dir, "MANIFEST-*"))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("manifests: %v, %v", manifests, err)
	}
	for _, m := range manifests {
		if err := os.WriteFile(m, []byte("this is no manifest"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	openFails(t, diskConfig(dir), dir, "store")
	// The markers are gone, as after a copy that leaves out empty files. The rest stays for whoever can mend it.
	dir = t.TempDir()
	fill(t, dir)
	markers, err := filepath.Glob(filepath.Join(dir, "marker.*"))
	if err != nil || len(markers) == 0 {
		t.Fatalf("markers: %v, %v", markers, err)
	}
	for _, m := range markers {
		if err := os.Remove(m); err != nil {
			t.Fatal(err)
		}
	}
	before := fileSizes(t, dir)
	openFails(t, diskConfig(dir), dir, "damaged store", "marker")
	if after := fileSizes(t, dir); !maps.Equal(before, after) {
		t.Errorf("files before %v, after %v", before, after)
	}
	// A block has other bytes. The store is opened once more before, which moves its log to a table.
	dir = t.TempDir()
	fill(t, dir)
	e, err := Open(diskConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("tables: %v, %v", tables, err)
	}
	for _, name := range tables {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		copy(b[8:], "XXXXXXXX")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	openFails(t, diskConfig(dir), dir, "damaged store", "checksum")
	// A table's record is not JSON.
	dir = t.TempDir()
	fill(t, dir)
	tamper(t, dir, tableKey(0), []byte("{"))
	openFails(t, diskConfig(dir), dir, "damaged store")
	// The file is another program's.
	dir = t.TempDir()
	db, err := pebble.Open(dir, &pebble.Options{Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("x"), []byte("y"), pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	openFails(t, diskConfig(dir), dir, "not millrace's")
}

func TestOpenRefusesAFormatFromTheFuture(t *testing.T) {
	t.Parallel()
	// Our own format.
	dir := t.TempDir()
	fill(t, dir)
	tamper(t, dir, []byte(systemFormat), []byte("99"))
	openFails(t, diskConfig(dir), dir, "newer version of millrace", "99")
	// Pebble's.
	dir = t.TempDir()
	fill(t, dir)
	markers, err := filepath.Glob(filepath.Join(dir, "marker.format-version.*"))
	if err != nil || len(markers) != 1 {
		t.Fatalf("format markers: %v, %v", markers, err)
	}
	if err := os.Rename(markers[0], filepath.Join(dir, "marker.format-version.000099.999")); err != nil {
		t.Fatal(err)
	}
	openFails(t, diskConfig(dir), dir, "newer version of millrace")
}

// quiet is a logger of Pebble's that says nothing.
type quiet struct{}

// Infof says nothing.
func (quiet) Infof(string, ...any) {}

// Errorf says nothing.
func (quiet) Errorf(string, ...any) {}

// Fatalf ends the test.
func (quiet) Fatalf(format string, args ...any) { panic(format) }

// fill makes a store with one table in dir and closes it.
func fill(t *testing.T, dir string) {
	t.Helper()
	e, err := Open(diskConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Do(t.Context(), ddb.NewRequest(ddb.CreateTable, []byte(churnTable))); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// fileSizes are the sizes of the files in dir by name.
func fileSizes(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		sizes[e.Name()] = info.Size()
	}
	return sizes
}

// tamper changes one key of the store in dir behind the engine's back.
func tamper(t *testing.T, dir string, key, value []byte) {
	t.Helper()
	db, err := pebble.Open(dir, &pebble.Options{FormatMajorVersion: storeFormat, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set(key, value, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestAFailedDiskIsNeverAcknowledged(t *testing.T) {
	t.Parallel()
	fs := &faultFS{FS: vfs.NewMem()}
	var fatal atomic.Int64
	var reason atomic.Value
	cfg := diskConfig("data")
	cfg.FS = fs
	cfg.OnFatal = func(err error) { fatal.Add(1); reason.Store(err.Error()) }
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	do := func(op ddb.Operation, body string) error {
		_, err := e.Do(context.Background(), ddb.NewRequest(op, []byte(body)))
		return err
	}
	if err := do(ddb.CreateTable, churnTable); err != nil {
		t.Fatal(err)
	}
	if err := do(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"before"}}}`); err != nil {
		t.Fatal(err)
	}
	fs.trip(syscall.EIO)
	for range 3 {
		err := do(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"after"}}}`)
		if err == nil {
			t.Fatal("PutItem on a failed disk was acknowledged")
		}
		// The outcome is unknown, so it must not look like DynamoDB's refusal.
		if _, refused := ddb.AsError(err); refused {
			t.Errorf("PutItem on a failed disk: %v is a service exception", err)
		}
	}
	if n := fatal.Load(); n != 1 {
		t.Errorf("OnFatal was called %d times, want once", n)
	}
	if r, _ := reason.Load().(string); !strings.Contains(r, "takes no more writes") || !strings.Contains(r, "input/output error") {
		t.Errorf("OnFatal was told %q, want what happened and why", r)
	}
	// What was published before can still be read, what was not acknowledged is not shown.
	v := e.acquireView()
	tab, notFound := v.table("", "churn")
	if notFound != nil {
		t.Fatal(notFound)
	}
	for pk, want := range map[string]bool{"before": true, "after": false} {
		k, _ := tab.itemKey(ddb.ItemOf(ddb.Attribute{Name: "pk", Value: ddb.StringValue(pk)}))
		if _, found, err := v.get(tab, k); err != nil || found != want {
			t.Errorf("item %q after the failure: found %v, %v, want %v", pk, found, err, want)
		}
	}
	v.release()
	_ = e.Close()
}

func TestClosedEngineRefuses(t *testing.T) {
	t.Parallel()
	e, err := Open(crashConfig(vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := e.Do(t.Context(), ddb.NewRequest(ddb.ListTables, []byte("{}"))); !errors.Is(err, errClosed) {
		t.Errorf("Do after Close: %v, want %v", err, errClosed)
	}
	if err := e.Run(t.Context()); err != nil {
		t.Errorf("Run after Close: %v, want its end", err)
	}
}

func TestDataSurvivesClosing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"sync":  func(*Config) {},
		"async": func(c *Config) { c.Durability = Async },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := diskConfig(t.TempDir())
			change(&cfg)
			for i := range 3 {
				e, err := Open(cfg)
				if err != nil {
					t.Fatal(err)
				}
				h := &harness{t: t, e: e}
				if i == 0 {
					h.answer(ddb.CreateTable, crashTable)
				}
				h.ok(ddb.Scan, `{"TableName":"crash","Select":"COUNT"}`, `{"Count":`+string(rune('0'+i))+`,"ScannedCount":`+string(rune('0'+i))+`}`)
				h.answer(ddb.PutItem, `{"TableName":"crash","Item":{"pk":{"S":"p"},"sk":{"S":"`+string(rune('0'+i))+`"},"g":{"S":"g"},"l":{"N":"1"}}}`)
				mustHold(t, e)
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestConfigIsValidated(t *testing.T) {
	t.Parallel()
	f := func(want string, change func(*Config)) {
		t.Helper()
		cfg := diskConfig("x")
		change(&cfg)
		err := cfg.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("Validate: %v, want %q", err, want)
		}
	}
	f("", func(*Config) {})
	f("", func(c *Config) { c.Dir, c.InMemory = "", true })
	f("data folder", func(c *Config) { c.Dir = "" })
	f("window", func(c *Config) { c.Durability, c.AsyncWindow = Async, 0 })
	f("block cache", func(c *Config) { c.CacheBytes = -1 })
	f("write buffer", func(c *Config) { c.MemTableBytes = 1 })
	f("sweeps", func(c *Config) { c.SweepInterval = 0 })
}

// A probe's iterator is kept while there are writes, sees no more than its snapshot, and is gone when they have ended.
func TestProbesShareAnIteratorWhileThereAreWrites(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.InMemory, cfg.MemTableBytes = true, 64<<10
	h := openHarness(t, cfg).create(churnTable)
	put := func(i int) { h.put("churn", fmt.Sprintf(`{"pk":{"S":"%d"}}`, i)) }
	for i := range 8 {
		put(i) // new keys: from now on probes ask the filters
	}
	intoTables(t, h.e.store)
	put(100) // what is in tables is known from now on
	v := h.e.acquireView()
	defer v.release()
	table, bad := v.table("", "churn")
	if bad != nil {
		t.Fatal(bad)
	}
	f := func(pk int, want bool) {
		t.Helper()
		if _, found, err := v.old(table, mustItemKey(t, table, fmt.Sprint(pk))); found != want || err != nil {
			t.Errorf("item %d is found: %v, %v; want %v", pk, found, err, want)
		}
	}
	f(8, false)
	kept := v.snap.kept.Load()
	if kept == nil {
		t.Fatal("a probe of a new key keeps no iterator")
	}
	put(8)
	f(7, true)
	f(8, false) // it came after the view
	f(9, false)
	if got := v.snap.kept.Load(); got != kept {
		t.Error("the next probes had an iterator of their own")
	}
	v.snap.forget()

	// The view that a write was made from is gone with it, and its iterator too; the newest has none.
	put(9)
	if n := h.e.store.db.Metrics().TableIters; n != 0 || h.e.current.Load().snap.kept.Load() != nil {
		t.Errorf("%d tables are held open and an iterator stays after writes have ended", n)
	}
	// Nor does one stay where nothing was written.
	h.fails(ddb.PutItem, `{"TableName":"churn","Item":{"pk":{"S":"none"}},"ConditionExpression":"attribute_exists(pk)"}`, "ConditionalCheckFailedException", "The conditional request failed")
	if h.e.current.Load().snap.kept.Load() != nil {
		t.Error("an iterator stays after a write that was refused")
	}
}
