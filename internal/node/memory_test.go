package node

import (
	"testing"

	"millrace/internal/units"
)

func TestDefaultsFitIntoTheMemoryLimit(t *testing.T) {
	t.Parallel()
	f := func(limit, caches, blocks, table units.Bytes) {
		t.Helper()
		l, err := Load(Sources{MemoryLimit: int64(limit)})
		if err != nil {
			t.Fatal(err)
		}
		c := l.Config
		if c.Cache.Memory != caches || c.Engine.BlockCache != blocks || c.Engine.MemTable != table {
			t.Errorf("with %v: cache.memory %v, block_cache %v, mem_table %v, want %v, %v, %v",
				limit, c.Cache.Memory, c.Engine.BlockCache, c.Engine.MemTable, caches, blocks, table)
		}
		if units.Bytes(SoftMemoryLimit(int64(limit))) >= limit {
			t.Errorf("the soft limit of %v is %v", limit, units.Bytes(SoftMemoryLimit(int64(limit))))
		}
	}
	f(16<<20, 1<<20, 1<<20, 1<<20)
	f(64<<20, 12<<20, 2<<20, 1<<20)
	f(512<<20, 192<<20, 30<<20, 7<<20)
	f(4<<30, 1625<<20, 64<<20, 16<<20)
}

func TestMemoryThatIsSetIsNotFitted(t *testing.T) {
	t.Parallel()
	l, err := Load(Sources{
		File:        write(t, "engine:\n  block_cache: 3MiB\n"),
		Environ:     []string{"MILLRACE_CACHE_MEMORY=300MiB"},
		MemoryLimit: 64 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := l.Config; c.Cache.Memory != 300<<20 || c.Engine.BlockCache != 3<<20 {
		t.Errorf("cache.memory is %v, block_cache %v, want what was set", c.Cache.Memory, c.Engine.BlockCache)
	}
	if got := l.Origins["engine.mem_table"]; got != "from the limit of 64MiB" {
		t.Errorf("engine.mem_table comes %q", got)
	}
}
