package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"sync"
	"time"

	"millrace/backend/engine"
	"millrace/internal/admin"
)

// faultsSection is where the test aids stand in a configuration file.
const faultsSection = "engine.faults"

// maxFaultsBytes bounds what is sent to /faults.
const maxFaultsBytes = 1 << 20

// faultsAdmin lets tests change the test aids and the clock while the node runs:
//
//	GET    /faults         the configuration in force, as the engine.faults section of a file
//	PUT    /faults         puts another into force, as YAML or JSON; what it leaves out is the default
//	DELETE /faults         switches all off
//	GET    /faults/counts  how often each rule struck since it came into force
//	GET    /clock          the engine's time and how far that is ahead
//	PUT    /clock?advance=24h   moves it; or ?offset=24h puts it that far ahead of real time
//
// It answers this machine alone, and is there only with engine.faults.enabled.
type faultsAdmin struct {
	engine *engine.Engine
	// cached is whether the caches are on.
	cached bool

	mu sync.Mutex

	// current is what is in force.
	current FaultsConfig
}

// newFaultsAdmin starts from what e was opened with.
func newFaultsAdmin(e *engine.Engine, config Config) *faultsAdmin {
	return &faultsAdmin{engine: e, cached: config.Cache.Enabled, current: config.Engine.Faults}
}

// register adds the paths to the admin port.
func (a *faultsAdmin) register(port *admin.Server) {
	for pattern, handle := range map[string]func(*http.Request) (string, int, error){
		"GET /faults":        a.show,
		"PUT /faults":        a.replace,
		"DELETE /faults":     a.clear,
		"GET /faults/counts": a.counts,
		"GET /clock":         a.clock,
		"PUT /clock":         a.setClock,
	} {
		port.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !fromHere(r) {
				admin.Text(w, http.StatusForbidden, "only for this machine\n")
				return
			}
			a.mu.Lock()
			body, status, err := handle(r)
			a.mu.Unlock()
			if err != nil {
				body = err.Error() + "\n"
			}
			admin.Text(w, status, body)
		}))
	}
}

// fromHere reports whether r comes over the loopback interface.
func fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// show writes the configuration in force.
func (a *faultsAdmin) show(*http.Request) (string, int, error) {
	var b bytes.Buffer
	p := printer{w: &b}
	p.section(reflect.ValueOf(a.current), faultsSection+".", 0)
	return b.String(), http.StatusOK, p.err
}

// replace puts what r carries into force.
func (a *faultsAdmin) replace(r *http.Request) (string, int, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxFaultsBytes))
	if err != nil {
		return "", http.StatusBadRequest, err
	}
	next := defaultFaults()
	next.Enabled = true
	t := tree{origin: func(int) string { return "" }, origins: map[string]string{}}
	if err := t.document(body, reflect.ValueOf(&next).Elem(), faultsSection); err != nil {
		return "", http.StatusBadRequest, fmt.Errorf("line %d: %w", err.line, err.err)
	}
	next.Enabled = true
	return a.use(next)
}

// clear switches everything off.
func (a *faultsAdmin) clear(*http.Request) (string, int, error) {
	next := defaultFaults()
	next.Enabled = true
	return a.use(next)
}

// use puts next into force and shows it.
func (a *faultsAdmin) use(next FaultsConfig) (string, int, error) {
	if err := next.validate(a.cached); err != nil {
		return "", http.StatusBadRequest, err
	}
	f, err := next.engine()
	if err == nil {
		err = a.engine.SetFaults(f)
	}
	if err != nil {
		return "", http.StatusBadRequest, err
	}
	a.current = next
	return a.show(nil)
}

// counts writes a JSON object of numbers by rule.
func (a *faultsAdmin) counts(*http.Request) (string, int, error) {
	b, err := json.Marshal(a.engine.FaultCounts())
	return string(b) + "\n", http.StatusOK, err
}

// clock writes the engine's time as JSON.
func (a *faultsAdmin) clock(*http.Request) (string, int, error) {
	offset := a.engine.ClockOffset()
	return fmt.Sprintf(`{"now":%q,"offset":%q}`+"\n", time.Now().Add(offset).UTC().Format(time.RFC3339Nano), offset), http.StatusOK, nil
}

// setClock moves the engine's time.
func (a *faultsAdmin) setClock(r *http.Request) (string, int, error) {
	q := r.URL.Query()
	for name, set := range map[string]func(time.Duration){"advance": a.engine.AdvanceClock, "offset": a.engine.SetClockOffset} {
		if q.Get(name) == "" {
			continue
		}
		d, err := time.ParseDuration(q.Get(name))
		if err != nil {
			return "", http.StatusBadRequest, fmt.Errorf("%s is %q, must be a time such as 90s or 24h", name, q.Get(name))
		}
		set(d)
		return a.clock(r)
	}
	return "", http.StatusBadRequest, fmt.Errorf("name either advance or offset, such as /clock?advance=24h")
}
