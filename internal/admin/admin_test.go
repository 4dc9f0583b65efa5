package admin

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// token is what the tests' ports ask for.
const token = "0123456789abcdef0123"

// port is a running admin port.
type port struct {
	t   *testing.T
	url string
}

// start runs a port that ends with its test.
func start(t *testing.T, c Config, n Node) *port {
	t.Helper()
	if n.Checks == nil {
		n.Checks = func() []Check { return nil }
	}
	if n.Metrics == nil {
		n.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { Text(w, 200, "metrics\n") })
	}
	s := New(c, n)
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return &port{t, "http://" + s.Addr().String()}
}

// do sends a request; headers alternate between name and value.
func (p *port) do(method, path, body string, headers ...string) (int, string, http.Header) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

func TestReadinessTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := func(checks []Check, status int, body, verbose string) {
		t.Helper()
		p := start(t, Config{Token: token}, Node{Checks: func() []Check { return checks }})
		for path, want := range map[string]string{"/readyz": body, "/healthz": body, "/readyz?verbose": verbose} {
			if got, text, _ := p.do("GET", path, ""); got != status || text != want {
				t.Errorf("%s with %v = %d %q, want %d %q", path, checks, got, text, status, want)
			}
		}
		if got, text, _ := p.do("GET", "/livez", ""); got != 200 || text != "ok\n" {
			t.Errorf("/livez = %d %q", got, text)
		}
	}
	f(nil, 200, "ok\n", "ok\n")
	f([]Check{{Name: "serving"}}, 200, "ok\n", "[+] serving: ok\nok\n")
	f([]Check{{Name: "serving", Fault: "starting"}}, 503, "not ready\n", "[-] serving: starting\nnot ready\n")
	// An upstream that is away takes no node out.
	f([]Check{{Name: "serving"}, {Name: "upstream", Fault: "no answer", Advisory: true}}, 200, "ok\n",
		"[+] serving: ok\n[!] upstream: no answer\nok\n")
}

func TestTokenIsAskedFor(t *testing.T) {
	t.Parallel()
	p := start(t, Config{Token: token, Profiles: true}, Node{})
	f := func(path string, want int, headers ...string) {
		t.Helper()
		status, body, header := p.do("GET", path, "", headers...)
		if status != want {
			t.Errorf("GET %s with %q = %d %s, want %d", path, headers, status, body, want)
		}
		if status == 401 && (!strings.Contains(body, "MILLRACE_ADMIN_TOKEN") || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Bearer")) {
			t.Errorf("GET %s = %s, without advice (%q)", path, body, header.Get("WWW-Authenticate"))
		}
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline"} {
		f(path, 401)
		f(path, 401, "Authorization", token)
		f(path, 401, "Authorization", "Bearer "+token+"x")
		f(path, 401, "Authorization", "Bearer "+token[1:])
		f(path, 401, "Authorization", "Bearer ")
		f(path, 401, "Authorization", "Basic "+token)
		f(path, 200, "Authorization", "Bearer "+token)
		f(path, 200, "Authorization", "bearer "+token)
	}
	f("/livez", 200)
	f("/readyz", 200)
	// With a token the port may go by any name.
	f("/livez", 200, "Host", "millrace.example")
	public := start(t, Config{Token: token, PublicMetrics: true}, Node{})
	if status, _, _ := public.do("GET", "/metrics", ""); status != 200 {
		t.Errorf("public metrics = %d", status)
	}
}

func TestProfilesAreOffByDefault(t *testing.T) {
	t.Parallel()
	p := start(t, Config{}, Node{})
	if status, _, _ := p.do("GET", "/debug/pprof/", ""); status != 404 {
		t.Errorf("/debug/pprof/ = %d, want 404", status)
	}
}

func TestNamesOfOthersAreRefusedWithoutAToken(t *testing.T) {
	t.Parallel()
	p := start(t, Config{}, Node{})
	f := func(host string, want int) {
		t.Helper()
		if status, body, _ := p.do("GET", "/metrics", "", "Host", host); status != want {
			t.Errorf("Host %q = %d %s, want %d", host, status, body, want)
		}
	}
	f("127.0.0.1:9464", 200)
	f("[::1]:9464", 200)
	f("::1", 200)
	f("localhost:9464", 200)
	f("LOCALHOST", 200)
	f("attacker.example:9464", 421)
	f("localhost.attacker.example", 421)
}
