package engine

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// crashFS is a crashable file system in memory that lets a test look at it right before any operation that changes it.
type crashFS struct {
	vfs.FS
	mem *vfs.MemFS
	// before is called with the number of the operation, from 1, by whoever does it. Nil is nothing.
	before func(op int64)
	ops    atomic.Int64

	// skip is the number of the log's sync, from 1, that is acknowledged without being done; 0 for none. This is the
	// mutant that the harness has to catch.
	skip  int64
	syncs atomic.Int64
}

// newCrashFS makes an empty file system.
func newCrashFS() *crashFS {
	mem := vfs.NewCrashableMem()
	return &crashFS{FS: mem, mem: mem}
}

// wrapCrashFS is a file system with the content of mem.
func wrapCrashFS(mem *vfs.MemFS) *crashFS { return &crashFS{FS: mem, mem: mem} }

// tick counts an operation.
func (f *crashFS) tick() {
	n := f.ops.Add(1)
	if f.before != nil {
		f.before(n)
	}
}

// crash is the file system as it may be after losing power now: unsynced data are kept with a probability of percent.
func (f *crashFS) crash(percent int, seed uint64) *vfs.MemFS {
	return f.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 1))})
}

// Create counts.
func (f *crashFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f.tick()
	return f.wrap(name)(f.FS.Create(name, c))
}

// OpenReadWrite counts what is written to the file.
func (f *crashFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.wrap(name)(f.FS.OpenReadWrite(name, c, opts...))
}

// OpenDir counts the syncs of the folder.
func (f *crashFS) OpenDir(name string) (vfs.File, error) { return f.wrap(name)(f.FS.OpenDir(name)) }

// ReuseForWrite counts. It does what MemFS's own does in two steps: that one takes a lock for reading twice, and stands still
// for ever when a crash is taken in between.
func (f *crashFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f.tick()
	if err := f.FS.Rename(old, name); err != nil {
		return nil, err
	}
	return f.wrap(name)(f.FS.OpenReadWrite(name, c))
}

// Link counts.
func (f *crashFS) Link(old, name string) error { f.tick(); return f.FS.Link(old, name) }

// Remove counts.
func (f *crashFS) Remove(name string) error { f.tick(); return f.FS.Remove(name) }

// Rename counts.
func (f *crashFS) Rename(old, name string) error { f.tick(); return f.FS.Rename(old, name) }

// Unwrap is the file system inside.
func (f *crashFS) Unwrap() vfs.FS { return f.FS }

// wrap makes a file count what is done to it.
func (f *crashFS) wrap(name string) func(vfs.File, error) (vfs.File, error) {
	return func(file vfs.File, err error) (vfs.File, error) {
		if err != nil {
			return nil, err
		}
		return &crashFile{File: file, fs: f, log: strings.HasSuffix(name, ".log")}, nil
	}
}

// crashFile is a file, or a folder, of a crashFS.
type crashFile struct {
	vfs.File
	fs  *crashFS
	log bool
}

// Write counts.
func (f *crashFile) Write(p []byte) (int, error) { f.fs.tick(); return f.File.Write(p) }

// WriteAt counts.
func (f *crashFile) WriteAt(p []byte, at int64) (int, error) {
	f.fs.tick()
	return f.File.WriteAt(p, at)
}

// Sync counts.
func (f *crashFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData counts.
func (f *crashFile) SyncData() error { return f.sync(f.File.SyncData) }

// SyncTo counts.
func (f *crashFile) SyncTo(n int64) (full bool, err error) {
	err = f.sync(func() error { full, err = f.File.SyncTo(n); return err })
	return full, err
}

// sync does what it is told unless this is the sync to be skipped.
func (f *crashFile) sync(do func() error) error {
	f.fs.tick()
	if f.log && f.fs.skip != 0 && f.fs.syncs.Add(1) == f.fs.skip {
		return nil
	}
	return do()
}

// faultFS fails every write to a log after trip.
type faultFS struct {
	vfs.FS
	mu  sync.Mutex
	err error
}

// trip makes logs fail with err from now on.
func (f *faultFS) trip(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// fault is what a log's operation fails with.
func (f *faultFS) fault() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Create makes a file that fails when told.
func (f *faultFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return file, err
	}
	return &faultFile{File: file, fs: f}, nil
}

// faultFile is a log of a faultFS.
type faultFile struct {
	vfs.File
	fs *faultFS
}

// Write fails when told.
func (f *faultFile) Write(p []byte) (int, error) {
	if err := f.fs.fault(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

// Sync fails when told.
func (f *faultFile) Sync() error {
	if err := f.fs.fault(); err != nil {
		return err
	}
	return f.File.Sync()
}

// SyncData fails when told.
func (f *faultFile) SyncData() error { return f.Sync() }
