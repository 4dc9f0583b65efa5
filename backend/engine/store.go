package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// store is the ordered store under the engine: this file is the only one that knows it is Pebble. Keys and values
// are opaque here; keyspace.go and codec.go say what they hold.
type store struct {
	db      *pebble.DB
	lock    *pebble.Lock
	onFatal func(error)
	// absent leans above 0 while most keys that are looked for are not there; see snapshot.probe.
	absent atomic.Int32
	recent *recent

	mu  sync.Mutex
	bad error
}

// storeOptions is the part of Config that the store needs. A nil fs is the operating system's.
type storeOptions struct {
	dir string
	fs  vfs.FS
	// volatile stores keep no log: what fs holds is of no use to anybody after close.
	volatile      bool
	cacheBytes    int64
	memTableBytes int64
	log           *slog.Logger
	onFatal       func(error)
}

// storeFormat is the version of Pebble's files that we write. Raising it makes folders unreadable to older builds.
const storeFormat = pebble.FormatValueSeparation

// errFolderInUse is what Open's error wraps when another process, or another engine in this one, has the folder.
var errFolderInUse = errors.New("in use by another process")

// openStore opens or creates the store in o.dir. Its errors are one sentence each and name the folder; nothing in the
// folder has been changed when it fails, but for a lock file and unfinished files of a folder that was new.
func openStore(o storeOptions) (*store, error) {
	if o.fs == nil {
		o.fs = vfs.Default
	}
	s := &store{onFatal: o.onFatal, recent: newRecent(o.memTableBytes)}
	if err := makeFolder(o.fs, o.dir); err != nil {
		return nil, fmt.Errorf("data folder %q is not writable: %w", o.dir, rootCause(err))
	}
	lock, err := pebble.LockDirectory(o.dir, o.fs)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EACCES) && writable(o.fs, o.dir),
		err != nil && strings.Contains(err.Error(), "held by current process"):
		return nil, fmt.Errorf("data folder %q is %w", o.dir, errFolderInUse)
	case err != nil:
		return nil, fmt.Errorf("data folder %q is not writable: %w", o.dir, rootCause(err))
	}
	s.lock = lock
	birth, err := beginFolder(o.fs, o.dir)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("data folder %q is not writable: %w", o.dir, rootCause(err))
	}
	opts := &pebble.Options{
		FS:                          o.fs,
		Lock:                        lock,
		FormatMajorVersion:          storeFormat,
		CacheSize:                   o.cacheBytes,
		MemTableSize:                uint64(o.memTableBytes),
		MemTableStopWritesThreshold: 4,
		L0StopWritesThreshold:       1000,
		// The space of dropped tables is given back without waiting for more writes to come.
		FlushDelayDeleteRange: 5 * time.Second,
		DisableWAL:            o.volatile,
		Logger:                storeLogger{log: o.log, fatal: s.fail},
	}
	// A store that was there is never made anew: Pebble would begin by removing its files.
	opts.ErrorIfNotExists = birth == nil
	opts.Experimental.FileCacheShards = 1
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	s.db, err = pebble.Open(o.dir, opts)
	if err == nil {
		if err = birth.done(); err == nil {
			return s, nil
		}
		_ = s.close()
		return nil, fmt.Errorf("data folder %q is not writable: %w", o.dir, rootCause(err))
	}
	_ = lock.Close()
	switch {
	case strings.Contains(err.Error(), "unknown format major version"):
		return nil, fmt.Errorf("data folder %q was written by a newer version of millrace", o.dir)
	case errors.Is(err, pebble.ErrDBDoesNotExist):
		return nil, fmt.Errorf("data folder %q holds a damaged store: there are files of one, but not the marker that names its manifest", o.dir)
	case pebble.IsCorruptionError(err):
		return nil, fmt.Errorf("data folder %q holds a damaged store: %w", o.dir, firstLine(err))
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EPERM):
		return nil, fmt.Errorf("data folder %q is not writable: %w", o.dir, rootCause(err))
	}
	return nil, fmt.Errorf("data folder %q cannot be opened as a store: %w", o.dir, firstLine(err))
}

// makeFolder creates dir and the folders above it, and makes their directory entries durable, which Pebble
// leaves to its caller.
func makeFolder(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for d := fs.PathDir(dir); ; d = fs.PathDir(d) {
		// A folder that cannot be synced, such as one far above that is not our own, is not worth failing for.
		if err := syncFolder(fs, d); err != nil || d == fs.PathDir(d) {
			return nil
		}
	}
}

// birthName is a file that stands in a data folder while its store is made. Pebble's first steps are not atomic: a crash
// among them can leave files that cannot be opened. Where this file is found nothing was ever acknowledged, and the
// unfinished store is made anew.
const birthName = "millrace-unfinished"

// folderBirth is a store being made; nil for one that exists.
type folderBirth struct {
	fs  vfs.FS
	dir string
}

// beginFolder marks the folder if it holds no store yet. The folder is locked.
func beginFolder(fs vfs.FS, dir string) (*folderBirth, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	b := &folderBirth{fs: fs, dir: dir}
	if slices.Contains(names, birthName) {
		return b, b.clear(names)
	}
	if slices.ContainsFunc(names, isStoreFile) {
		return nil, nil
	}
	f, err := fs.Create(fs.PathJoin(dir, birthName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	// It is its name that counts: the file stays empty.
	if err := f.Close(); err != nil {
		return nil, err
	}
	return b, syncFolder(fs, dir)
}

// clear removes what an unfinished store has left.
func (b *folderBirth) clear(names []string) error {
	for _, name := range names {
		if isStoreFile(name) {
			if err := b.fs.Remove(b.fs.PathJoin(b.dir, name)); err != nil {
				return err
			}
		}
	}
	return syncFolder(b.fs, b.dir)
}

// done takes the mark away, durably, so that it can never come back over a store that is in use.
func (b *folderBirth) done() error {
	if b == nil {
		return nil
	}
	// Pebble has made the names of all its files durable by now.
	if err := b.fs.Remove(b.fs.PathJoin(b.dir, birthName)); err != nil {
		return err
	}
	return syncFolder(b.fs, b.dir)
}

// isStoreFile reports whether Pebble names a file so. The lock file is left out: it is held.
func isStoreFile(name string) bool {
	for _, prefix := range []string{"MANIFEST-", "OPTIONS-", "CURRENT", "marker.", "temporary."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	stem, suffix, _ := strings.Cut(name, ".")
	return slices.Contains([]string{"log", "sst", "blob", "dbtmp"}, suffix) && strings.Trim(stem, "0123456789") == ""
}

// syncFolder makes the names in a folder durable.
func syncFolder(fs vfs.FS, dir string) error {
	h, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	err = h.Sync()
	if closeErr := h.Close(); err == nil {
		err = closeErr
	}
	return err
}

// writable tells a folder that may not be written from one whose lock is taken: both can be EACCES.
func writable(fs vfs.FS, dir string) bool {
	name := fs.PathJoin(dir, "millrace-probe")
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return false
	}
	_ = f.Close()
	return fs.Remove(name) == nil
}

// rootCause drops the paths and operations around an operating system error: the sentence names the folder already.
func rootCause(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	return err
}

// firstLine is err without what follows its first line: some of Pebble's go on with a line for every file.
func firstLine(err error) error {
	line, _, more := strings.Cut(err.Error(), "\n")
	if !more {
		return err
	}
	return errors.New(line)
}

// apply writes b atomically: every snapshot from now on has it. With sync set it is on its way to stable storage, and
// synced must be called once before b is released. An error means that the outcome is unknown and that the store will take
// no more writes; onFatal has been called then. It is not for several goroutines at once.
func (s *store) apply(b *batch, sync bool) error {
	if err := s.failure(); err != nil {
		return err
	}
	err := s.recent.note(b, s.db.AsyncFlush)
	if err != nil {
		s.fail(err.Error())
		return s.failure()
	}
	if sync {
		err = s.db.ApplyNoSyncWait(b.b, pebble.Sync)
	} else {
		err = s.db.Apply(b.b, pebble.NoSync)
	}
	if err != nil {
		s.fail(err.Error())
		return s.failure()
	}
	if err = s.failure(); err != nil && sync {
		// Nobody else will: a batch must not be released before its sync has come to an end, even a bad one.
		_ = b.b.SyncWait()
	}
	return err
}

// synced returns when b, which was applied with sync set, is on stable storage. An error is as apply's.
func (s *store) synced(b *batch) error {
	if err := b.b.SyncWait(); err != nil {
		s.fail(err.Error())
	}
	// Pebble reports a failed write-ahead log to the logger alone and SyncWait returns nil.
	return s.failure()
}

// sync makes every batch applied so far durable.
func (s *store) sync() error {
	if err := s.failure(); err != nil {
		return err
	}
	if err := s.db.LogData(nil, pebble.Sync); err != nil {
		s.fail(err.Error())
	}
	return s.failure()
}

// fail stops the store for good. The first caller's reason is kept and handed to onFatal.
func (s *store) fail(reason string) {
	s.mu.Lock()
	first := s.bad == nil
	if first {
		s.bad = fmt.Errorf("the store could not be written and takes no more writes: %s", reason)
	}
	err := s.bad
	s.mu.Unlock()
	if first && s.onFatal != nil {
		s.onFatal(err)
	}
}

// failure is the error that stopped the store, or nil.
func (s *store) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bad
}

// has reports whether key is in what was applied last.
func (s *store) has(key []byte) (bool, error) {
	_, done, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err == nil {
		err = done.Close()
	}
	return err == nil, err
}

// snapshot pins what is applied now. Close it.
// It is for the goroutine that applies.
func (s *store) snapshot() *snapshot {
	return &snapshot{s: s.db.NewSnapshot(), store: s, epoch: s.recent.epoch()}
}

// estimateBytes is about what lower <= key < upper takes on disk: compressed, and without recent writes.
func (s *store) estimateBytes(lower, upper []byte) uint64 {
	n, err := s.db.EstimateDiskUsage(lower, upper)
	if err != nil {
		return 0
	}
	return n
}

// compact drops what deletes have left between lower and upper, exclusive. It runs for as long as that takes.
func (s *store) compact(ctx context.Context, lower, upper []byte) error {
	return s.db.Compact(ctx, lower, upper, false)
}

// close releases the folder. Every snapshot and iterator must be closed.
func (s *store) close() error {
	err := s.db.Close()
	if lockErr := s.lock.Close(); err == nil {
		err = lockErr
	}
	return err
}

// batch collects writes; it is applied whole or not at all. It is not safe for concurrent use.
type batch struct{ b *pebble.Batch }

// newBatch makes an empty batch. Release it, whether it was applied or not.
func (s *store) newBatch() *batch { return &batch{s.db.NewBatch()} }

// set stores value under key; both are copied.
func (b *batch) set(key, value []byte) { must(b.b.Set(key, value, nil)) }

// delete removes key, which need not exist.
func (b *batch) delete(key []byte) { must(b.b.Delete(key, nil)) }

// deleteRange removes all keys k with lower <= k < upper.
func (b *batch) deleteRange(lower, upper []byte) { must(b.b.DeleteRange(lower, upper, nil)) }

// append adds other's writes behind b's own.
func (b *batch) append(other *batch) {
	if !other.b.Empty() {
		must(b.b.Apply(other.b, nil))
	}
}

// each hands out what b writes: keys, and ranges of keys that it removes. Both are only lent.
func (b *batch) each(key func(key []byte), keys func(lower, upper []byte)) error {
	for r := b.b.Reader(); ; {
		kind, k, v, ok, err := r.Next()
		switch {
		case err != nil || !ok:
			return err
		case kind == pebble.InternalKeyKindRangeDelete:
			keys(k, v)
		default:
			key(k)
		}
	}
}

// empty reports whether nothing was written to b.
func (b *batch) empty() bool { return b.b.Empty() }

// size is the number of bytes b takes in the log.
func (b *batch) size() int { return b.b.Len() }

// release gives b's memory back.
func (b *batch) release() { _ = b.b.Close() }

// must states that err cannot be: batches in memory fail only when misused.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("store batch: %v", err))
	}
}

// snapshot is the store at one moment. It is safe for concurrent use.
type snapshot struct {
	s     *pebble.Snapshot
	store *store
	// epoch is the one of store.recent in which it was made.
	epoch uint64
	// kept is an iterator over the tables for the next probe; making one costs about half of what a probe does.
	kept atomic.Pointer[keptIterator]
}

// keptIterator is an iterator of a snapshot's. Its Close keeps it there if there is room.
type keptIterator struct {
	it *pebble.Iterator
	of *snapshot
}

// Close ends a probe.
func (k *keptIterator) Close() error {
	if k.of.kept.CompareAndSwap(nil, k) {
		return nil
	}
	return k.it.Close()
}

// get returns the value at key; value is valid until done is closed, which the caller does if found.
func (s *snapshot) get(key []byte) (value []byte, done io.Closer, found bool, err error) {
	value, done, err = s.s.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil, false, nil
	}
	return value, done, err == nil, err
}

// absentMemory is how many lookups it takes at most until probe has learned that times have changed.
const absentMemory = 64

// probe is get for a key that may well not be there, such as that of an item to be put. A Get searches the memory tables, and
// reads a block of the lowest level, which has most of the data, to find out. Of a key that was not written lately the memory
// tables have nothing, and an iterator can be told to leave them out and to ask that level's filter first. It costs more where
// the key is found, and a get ends at the first level that has it. So whichever suited the lookups before this one is taken.
// (Of 300 000 keys on disk, Get and iterator, both with memory tables: absent 18 to 22 us and 8 to 10 us, present 15 to 27 us
// and 26 to 31 us.)
func (s *snapshot) probe(key []byte) (value []byte, done io.Closer, found bool, err error) {
	lean := s.store.absent.Load()
	defer func() {
		switch {
		case found && lean > -absentMemory:
			s.store.absent.Add(-1)
		case !found && lean < absentMemory:
			s.store.absent.Add(1)
		}
	}()
	if lean <= 0 || !s.store.recent.untouched(key, s.epoch) {
		return s.get(key)
	}
	k := s.kept.Swap(nil)
	if k == nil {
		// What is durable for Pebble is what is in tables.
		it, err := s.store.db.NewIter(&pebble.IterOptions{OnlyReadGuaranteedDurable: true, UseL6Filters: true})
		if err != nil {
			return nil, nil, false, err
		}
		k = &keptIterator{it, s}
	}
	if found = k.it.SeekPrefixGE(key); found {
		value, err = k.it.ValueAndErr()
	}
	if err = errors.Join(err, k.it.Error()); err != nil {
		_ = k.it.Close() // with the same error
		return nil, nil, false, err
	}
	// The iterator may be younger than the snapshot, and the key have been written in between.
	if !s.store.recent.untouched(key, s.epoch) {
		if err := k.Close(); err != nil {
			return nil, nil, false, err
		}
		return s.get(key)
	}
	if found {
		return value, k, true, nil
	}
	return nil, nil, false, k.Close()
}

// forget closes the iterator that probe has kept, if there is one. It keeps memory tables in memory and old files on the
// disk, so it may stay only where a commit is on its way, whose view will take this one's place.
func (s *snapshot) forget() {
	if k := s.kept.Swap(nil); k != nil {
		// What probes had to say they have said.
		_ = k.it.Close()
	}
}

// has reports whether key is there.
func (s *snapshot) has(key []byte) (bool, error) {
	_, done, found, err := s.get(key)
	if found {
		err = done.Close()
	}
	return found, err
}

// iterate makes an unpositioned iterator over lower <= key < upper. nil bounds are open.
func (s *snapshot) iterate(lower, upper []byte) (*pebble.Iterator, error) {
	return s.s.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
}

// each calls f with every key that begins with prefix, in order, until f fails. Keys and values are f's only during
// the call.
func (s *snapshot) each(prefix []byte, f func(key, value []byte) error) error {
	it, err := s.iterate(prefix, prefixEnd(prefix))
	if err != nil {
		return err
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := f(it.Key(), value); err != nil {
			return err
		}
	}
	return it.Error()
}

// close unpins the snapshot.
func (s *snapshot) close() {
	s.forget()
	_ = s.s.Close()
}

// storeIterator is what iterate returns: Pebble's iterator, named here so that no other file imports Pebble.
type storeIterator = pebble.Iterator

// storeFS is the file system that a Config may bring, for tests.
type storeFS = vfs.FS

// newMemoryFS is the file system of an in-memory store.
func newMemoryFS() storeFS { return vfs.NewMem() }

// storeLogger hands Pebble's log to ours at debug level. Pebble's fatal messages end the store.
type storeLogger struct {
	log   *slog.Logger
	fatal func(reason string)
}

// Infof logs at debug: nothing of it is for an operator.
func (l storeLogger) Infof(format string, args ...any) { l.debug(format, args) }

// Errorf logs at debug: Pebble retries what it reports here, or fails a call that we report.
func (l storeLogger) Errorf(format string, args ...any) { l.debug(format, args) }

// Fatalf does not return in Pebble's contract. Here it does, after the store was stopped: a request in flight is then
// never acknowledged, and what was published before stays readable until the process ends.
func (l storeLogger) Fatalf(format string, args ...any) { l.fatal(fmt.Sprintf(format, args...)) }

// debug spares the formatting when nobody listens.
func (l storeLogger) debug(format string, args []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("store", "text", fmt.Sprintf(format, args...))
	}
}
