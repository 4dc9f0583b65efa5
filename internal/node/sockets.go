package node

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstSocket is the first descriptor that a supervisor hands over, and maxSockets more than it has a reason to.
const (
	firstSocket = 3
	maxSockets  = 16
)

// HandedOver are the listening sockets that a supervisor opened and left to this process, so that they outlive it: while it
// is restarted, connections wait in the socket's queue instead of being refused. They are meant for us if LISTEN_PID is
// pid; LISTEN_FDS is their number. (systemd, sd_listen_fds(3).)
func HandedOver(environ []string, pid int) ([]net.Listener, error) {
	values := map[string]string{}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		values[name] = value
	}
	if values["LISTEN_PID"] != strconv.Itoa(pid) {
		return nil, nil
	}
	n, err := strconv.Atoi(values["LISTEN_FDS"])
	if err != nil || n < 0 || n > maxSockets {
		return nil, fmt.Errorf("LISTEN_FDS is %q, must be a number up to %d", values["LISTEN_FDS"], maxSockets)
	}
	var sockets []net.Listener
	for fd := firstSocket; fd < firstSocket+n; fd++ {
		f := os.NewFile(uintptr(fd), "handed over")
		l, err := net.FileListener(f)
		// The listener has a copy of its own.
		_ = f.Close()
		if err != nil {
			for _, s := range sockets {
				_ = s.Close()
			}
			return nil, fmt.Errorf("descriptor %d was handed over by LISTEN_FDS and is no listening socket: %w", fd, err)
		}
		sockets = append(sockets, l)
	}
	return sockets, nil
}

// take finds and removes the socket at address among those that were handed over; nil is none. What a port may be opened
// at has been checked, and a socket elsewhere is not taken for it.
func (c *Config) take(address string) net.Listener {
	want, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil
	}
	for i, l := range c.Sockets {
		got, ok := l.Addr().(*net.TCPAddr)
		if ok && got.Port == want.Port && (got.IP.Equal(want.IP) || isUnspecified(got.IP) && isUnspecified(want.IP)) {
			c.Sockets = append(c.Sockets[:i:i], c.Sockets[i+1:]...)
			return l
		}
	}
	return nil
}

// isUnspecified tells an address that stands for all of this machine's.
func isUnspecified(ip net.IP) bool { return len(ip) == 0 || ip.IsUnspecified() }

// unused is an error about the sockets that were handed over and are nobody's, and closes them.
func (c *Config) unused() error {
	var at []string
	for _, l := range c.Sockets {
		at = append(at, l.Addr().String())
		_ = l.Close()
	}
	if at == nil {
		return nil
	}
	return fmt.Errorf("a socket at %s was handed over, which is neither listen (%s) nor admin.listen (%s)", strings.Join(at, ", "), c.Listen, c.Admin.Listen)
}
