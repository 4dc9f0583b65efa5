package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// v1Mounts and v2Mounts are lines of mountinfo as Docker, systemd and Kubernetes have them; the first part is the
// group that is seen at the mount.
const (
	v1Root  = "29 23 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	v1Other = "28 23 0:25 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
	v1Bound = "712 700 0:26 /docker/c0ffee /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n"
	v2Root  = "30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	v2Space = "30 23 0:27 / /sys/fs/a\\040b rw - cgroup2 cgroup2 rw\n"
)

func TestMemoryLimitIsTheLeastOnTheWayUp(t *testing.T) {
	t.Parallel()
	f := func(what, groups, mounts string, files map[string]string, want int64) {
		t.Helper()
		fsys := fstest.MapFS{
			"proc/self/cgroup":    {Data: []byte(groups)},
			"proc/self/mountinfo": {Data: []byte("21 1 8:1 / / rw - ext4 /dev/vda rw\n" + mounts)},
		}
		for name, text := range files {
			fsys[name] = &fstest.MapFile{Data: []byte(text + "\n")}
		}
		got, err := MemoryLimit(fsys)
		if err != nil || got != want {
			t.Errorf("%s: MemoryLimit = %d, %v, want %d", what, got, err, want)
		}
	}
	f("version 2, own group", "0::/pod/c1\n", v2Root, map[string]string{"sys/fs/cgroup/pod/c1/memory.max": "67108864"}, 64<<20)
	f("version 2, a namespace of its own", "0::/\n", v2Root, map[string]string{"sys/fs/cgroup/memory.max": "67108864", "sys/fs/cgroup/memory.high": "max"}, 64<<20)
	f("version 2, the pod has less", "0::/pod/c1\n", v2Root, map[string]string{
		"sys/fs/cgroup/pod/c1/memory.max": "max", "sys/fs/cgroup/pod/memory.max": "1048576000"}, 1048576000)
	f("version 2, slowed down before", "0::/u\n", v2Root, map[string]string{"sys/fs/cgroup/u/memory.max": "2000", "sys/fs/cgroup/u/memory.high": "1000"}, 1000)
	f("version 2, no limit", "0::/u\n", v2Root, map[string]string{"sys/fs/cgroup/u/memory.max": "max"}, 0)
	f("version 2, a folder with a space", "0::/u\n", v2Space, map[string]string{"sys/fs/a b/u/memory.max": "5000"}, 5000)
	f("version 1, own group", "9:memory:/docker/c0ffee\n3:cpu,cpuacct:/x\n", v1Other+v1Root, map[string]string{
		"sys/fs/cgroup/memory/docker/c0ffee/memory.limit_in_bytes": "33554432",
		"sys/fs/cgroup/memory/memory.limit_in_bytes":               "9223372036854771712"}, 32<<20)
	f("version 1, as a container without a namespace sees it", "9:memory:/docker/c0ffee\n", v1Bound, map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "33554432"}, 32<<20)
	f("version 1, no limit", "9:memory:/\n", v1Root, map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, 0)
	f("both versions, memory in the first", "9:memory:/a\n0::/a\n", v1Root+strings.ReplaceAll(v2Root, "/sys/fs/cgroup ", "/sys/fs/cgroup/unified "),
		map[string]string{"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096000"}, 4096000)
	f("no memory controller", "3:cpu:/a\n", v1Other+v1Root, nil, 0)
	f("a group outside of the namespace", "0::/../x\n", v2Root, map[string]string{"sys/fs/cgroup/memory.max": "9000"}, 9000)
	f("a neighbour with a longer name", "0::/pod2\n", strings.Replace(v2Root, " / ", " /pod ", 1), map[string]string{"sys/fs/cgroup/memory.max": "7000"}, 7000)
}

func TestMemoryLimitWithoutGroupsIsNone(t *testing.T) {
	t.Parallel()
	if got, err := MemoryLimit(fstest.MapFS{}); got != 0 || err != nil {
		t.Errorf("MemoryLimit without /proc = %d, %v, want 0", got, err)
	}
}

func TestMemoryLimitTellsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{
		"proc/self/cgroup":         {Data: []byte("0::/\n")},
		"proc/self/mountinfo":      {Data: []byte(v2Root)},
		"sys/fs/cgroup/memory.max": {Data: []byte("plenty\n")},
	}
	if got, err := MemoryLimit(fsys); err == nil || !strings.Contains(err.Error(), `/sys/fs/cgroup/memory.max is "plenty"`) {
		t.Errorf("MemoryLimit = %d, %v, want an error that names the file", got, err)
	}
}

// What this machine says must be readable, whatever it is.
func TestMemoryLimitOfThisProcess(t *testing.T) {
	t.Parallel()
	if got, err := MemoryLimit(os.DirFS("/")); got < 0 || err != nil {
		t.Errorf("MemoryLimit = %d, %v", got, err)
	}
}

func FuzzMemoryLimit(f *testing.F) {
	f.Add("0::/pod/c1\n", v2Root, "67108864")
	f.Add("9:memory:/docker/c0ffee\n", v1Bound, "max")
	f.Add("9:memory:/../..\n", v1Root+v2Space, strconv.Itoa(1<<40))
	f.Fuzz(func(t *testing.T, groups, mounts, limit string) {
		fsys := fstest.MapFS{
			"proc/self/cgroup": {Data: []byte(groups)}, "proc/self/mountinfo": {Data: []byte(mounts)},
			filepath.ToSlash("sys/fs/cgroup/memory.max"): {Data: []byte(limit)},
		}
		if got, err := MemoryLimit(fsys); got < 0 || (err != nil && got != 0) {
			t.Errorf("MemoryLimit = %d, %v", got, err)
		}
	})
}
