package node

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// AdminConfig is the part about the admin port.
type AdminConfig struct {
	Listen        string `yaml:"listen" doc:"Address of the admin port: /livez, /readyz, /metrics, /api/v1 and a page to look at. Empty opens none. An address that others can reach needs a token."`
	Token         Secret `yaml:"token" doc:"What callers of the admin port must show, as Authorization: Bearer TOKEN; 16 characters or more. Health checks need none. It is never printed."`
	TokenFile     string `yaml:"token_file" doc:"File that holds the token, for secrets that are mounted; it is read at start."`
	PublicMetrics bool   `yaml:"public_metrics" doc:"Serve /metrics without the token. It tells tables' names and how much they are used."`
	Pprof         bool   `yaml:"pprof" doc:"Serve Go's profiles at /debug/pprof/. They tell what is in memory."`
}

// Secret is a text that is never printed.
type Secret string

// minToken is the fewest characters that make a token; fewer can be tried out.
const minToken = 16

// validate checks the section. The token file is only looked at when a node is made.
func (c AdminConfig) validate() error {
	if c.Listen == "" {
		return nil
	}
	host, err := hostOf("admin.listen", c.Listen)
	if err != nil {
		return err
	}
	if c.Token != "" && c.TokenFile != "" {
		return fmt.Errorf("admin.token_file is %q, and admin.token is set too; choose one", c.TokenFile)
	}
	if c.Token != "" {
		if err := checkToken("admin.token", string(c.Token)); err != nil {
			return err
		}
	}
	if c.Token == "" && c.TokenFile == "" && !isLoopback(host) {
		return fmt.Errorf("admin.listen is %q, which others can reach: set admin.token (MILLRACE_ADMIN_TOKEN) or admin.token_file, or listen on 127.0.0.1", c.Listen)
	}
	return nil
}

// checkToken refuses what can be guessed and what no header can carry.
func checkToken(from, token string) error {
	if len(token) < minToken {
		return fmt.Errorf("%s holds %d characters, must be %d or more; `openssl rand -hex 24` makes one", from, len(token), minToken)
	}
	for _, c := range token {
		if c <= ' ' || c >= 0x7f {
			return fmt.Errorf("%s holds a space or a character that is not ASCII; `openssl rand -hex 24` makes one without", from)
		}
	}
	return nil
}

// ReadToken is the token from wherever it is set; empty is none.
func (c AdminConfig) ReadToken() (string, error) {
	if c.TokenFile == "" {
		return string(c.Token), nil
	}
	b, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("admin.token_file: %w", err)
	}
	token := strings.TrimSpace(string(b))
	return token, checkToken(fmt.Sprintf("admin.token_file %q", c.TokenFile), token)
}

// hostOf is the host of an address; it refuses what is not host:port with a port that can be.
func hostOf(name, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return "", fmt.Errorf("%s is %q, must be host:port such as 127.0.0.1:8000", name, address)
	}
	return host, nil
}

// isLoopback reports whether only this machine reaches a host.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
