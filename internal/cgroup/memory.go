// Package cgroup tells how much memory the process may use where Linux limits it: in a container, a pod or a unit of
// systemd. It reads files below a root that is handed in and never writes any; where there are no such files there is
// no limit.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// unlimited is the least value of a limit that is none: version 1 says "no limit" as the largest multiple of the
// page size. (Linux, Documentation/admin-guide/cgroup-v1/memory.rst.)
const unlimited = math.MaxInt64 >> 16

// limitFiles are the files of a group whose least value binds, by version of the interface. Above memory.high a group
// is slowed down until it is of no use, so that this is a limit too. (Linux, cgroup-v2.rst, "Memory Interface Files".)
var limitFiles = map[string][]string{
	"cgroup":  {"memory.limit_in_bytes"},
	"cgroup2": {"memory.max", "memory.high"},
}

// MemoryLimit is the least of the limits on this process's group and the groups around it, in bytes; 0 is none. root
// is the file system of the machine, os.DirFS("/"). An error means that there are groups which could not be read.
func MemoryLimit(root fs.FS) (int64, error) {
	groups, err := memoryGroups(root)
	if err != nil {
		return 0, err
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return 0, none(err)
	}
	least := int64(0)
	for line := range strings.Lines(string(mounts)) {
		m, ok := parseMount(line)
		group, mine := groups[m.kind]
		if !ok || !mine {
			continue
		}
		limit, err := m.limit(root, group)
		if err != nil {
			return 0, err
		}
		if limit > 0 && (least == 0 || limit < least) {
			least = limit
		}
	}
	return least, nil
}

// memoryGroups are the process's group in version 1's memory hierarchy ("cgroup") and in version 2's ("cgroup2").
// (cgroups(7), "/proc/pid/cgroup": hierarchy-ID:controller-list:cgroup-path.)
func memoryGroups(root fs.FS) (map[string]string, error) {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil, none(err)
	}
	groups := map[string]string{}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if parts[0] == "0" && parts[1] == "" {
			groups["cgroup2"] = parts[2]
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			if controller == "memory" {
				groups["cgroup"] = parts[2]
			}
		}
	}
	return groups, nil
}

// mount is a mounted hierarchy that may limit memory.
type mount struct {
	// kind is the file system's type, cgroup or cgroup2.
	kind string
	// group is the group that is seen at folder.
	group, folder string
}

// parseMount reads a line of mountinfo; ok is false for what is no hierarchy of memory's. (proc_pid_mountinfo(5).)
func parseMount(line string) (m mount, ok bool) {
	before, after, found := strings.Cut(line, " - ")
	fields, rest := strings.Fields(before), strings.Fields(after)
	if !found || len(fields) < 5 || len(rest) < 3 {
		return mount{}, false
	}
	m = mount{kind: rest[0], group: unescape(fields[3]), folder: strings.TrimPrefix(unescape(fields[4]), "/")}
	switch m.kind {
	case "cgroup2":
		return m, true
	case "cgroup":
		return m, strings.Contains(","+rest[2]+",", ",memory,")
	}
	return mount{}, false
}

// unescape undoes mountinfo's octal escapes, such as \040 for a space.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// limit is the least limit on group and on those of the groups around it that the mount shows; 0 is none.
func (m mount) limit(root fs.FS, group string) (int64, error) {
	within, ok := strings.CutPrefix(group, strings.TrimSuffix(m.group, "/")+"/")
	if !ok || strings.HasPrefix(within, "..") {
		// The mount shows the process's own group, or another part of the tree; what it shows is all there is to see.
		// (cgroup_namespaces(7): a group outside of the namespace begins with "/..".)
		within = ""
	}
	least := int64(0)
	for dir := path.Join(m.folder, within); ; dir = path.Dir(dir) {
		for _, name := range limitFiles[m.kind] {
			n, err := readLimit(root, path.Join(dir, name))
			if err != nil {
				return 0, err
			}
			if n > 0 && (least == 0 || n < least) {
				least = n
			}
		}
		if dir == m.folder || !strings.HasPrefix(dir, m.folder+"/") {
			return least, nil
		}
	}
}

// readLimit reads one limit; 0 is none. The group at a hierarchy's root has no such files.
func readLimit(root fs.FS, name string) (int64, error) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, none(err)
	}
	word := string(bytes.TrimSpace(text))
	if word == "max" {
		return 0, nil
	}
	n, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("limit in /%s is %q, not a number", name, word)
	}
	if n >= unlimited {
		return 0, nil
	}
	return int64(n), nil
}

// none is nil for a file that is not there, which means that nothing is limited.
func none(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
