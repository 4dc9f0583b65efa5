package lint

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport tells, for each package of the module, which others of the module it may import. A package that is
// missing here has no place in the architecture yet: give it one, in docs/ARCHITECTURE.md too.
var mayImport = map[string][]string{
	"ddb":                     {},
	"ddb/expr":                {"ddb"},
	"ddb/partiql":             {"ddb", "ddb/expr"},
	"metrics":                 {},
	"internal/units":          {},
	"internal/cgroup":         {},
	"cache/slab":              {},
	"cache/policy":            {},
	"cache/interval":          {},
	"cache/shelf":             {"cache/slab"},
	"cache/moments":           {},
	"cache/trail":             {},
	"cache/partition":         {"cache/interval", "cache/slab"},
	"cache/coherence":         {"cache/interval", "cache/moments", "cache/partition", "cache/shelf", "cache/trail"},
	"cache":                   {"cache/coherence", "cache/policy", "cache/trail", "ddb", "ddb/expr", "metrics"},
	"backend":                 {"ddb"},
	"backend/backendtest":     {"backend", "ddb"},
	"backend/aws":             {"backend", "ddb", "internal/amazon", "metrics"},
	"backend/engine":          {"backend", "ddb", "ddb/expr", "ddb/partiql"},
	"invalidation/stream":     {"cache", "cache/coherence", "ddb", "invalidation", "metrics"},
	"invalidation":            {"backend", "cache", "cache/coherence", "ddb", "ddb/expr", "ddb/partiql", "metrics"},
	"proxy":                   {"cache", "cache/coherence", "ddb", "ddb/expr", "ddb/partiql", "invalidation", "metrics"},
	"proxy/trace":             {"ddb", "ddb/expr", "proxy"},
	"loadtest":                {"ddb", "internal/amazon"},
	"proxy/awsjson":           {"ddb", "internal/units", "metrics", "proxy"},
	"internal/admin":          {},
	"internal/amazon":         {},
	"internal/doctor":         {"backend/aws", "ddb"},
	"internal/node":           {"backend", "backend/aws", "backend/engine", "cache", "cache/coherence", "ddb", "internal/admin", "internal/units", "invalidation", "invalidation/stream", "metrics", "proxy", "proxy/awsjson", "proxy/trace"},
	"cmd/millrace":            {"internal/admin", "internal/amazon", "internal/cgroup", "internal/doctor", "internal/node", "internal/units", "internal/verify", "metrics", "loadtest"},
	"internal/sim":            {"cache/coherence", "internal/sim/runs"},
	"internal/sim/listappend": {"ddb"},
	"internal/sim/runs":       {"cache/coherence"},
	"internal/sim/stack":      {"cache", "cache/coherence", "ddb", "ddb/expr", "internal/sim/runs", "invalidation", "invalidation/stream", "proxy"},
	"internal/bench":          {"internal/units"},
	"internal/conformance":    {},
	"internal/foreign":        {},
	"internal/lint":           {},
	"internal/patient":        {},
	"internal/node/nodetest":  {"internal/node"},
	"internal/oracle":         {"internal/amazon", "internal/node"},
	"internal/history":        {},
	// It looks from outside, and must not know how millrace works.
	"internal/verify": {"internal/amazon"},
}

// onlyFrom tells which packages of the module may import a module from outside. What is not here may be imported by
// none; the standard library and golang.org/x/sync by all.
var onlyFrom = map[string][]string{
	"github.com/alecthomas/kong": {"cmd/millrace", "internal/node"},
	// It searches for an order of what clients saw.
	"github.com/anishathalye/porcupine": {"internal/history"},
	// The prober is one of DynamoDB's clients, with AWS's credentials where the endpoint is AWS's.
	"github.com/aws/aws-sdk-go-v2":                  {"backend/aws", "internal/verify", "loadtest"},
	"github.com/aws/aws-sdk-go-v2/config":           {"backend/aws", "internal/verify", "loadtest"},
	"github.com/aws/aws-sdk-go-v2/credentials":      {"internal/verify"},
	"github.com/aws/aws-sdk-go-v2/service/dynamodb": {"internal/verify", "loadtest"},
	// To keep the chain from asking for an instance's credentials where there is no instance.
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds": {"backend/aws"},
	"github.com/aws/smithy-go":                      {"backend/aws", "internal/verify", "loadtest"},
	// The engine's writes are measured beside what Pebble does alone, on the same disk in the same run.
	"github.com/cockroachdb/pebble/v2":        {"backend/engine", "internal/bench"},
	"github.com/goccy/go-yaml":                {"internal/node", "loadtest"},
	"github.com/HdrHistogram/hdrhistogram-go": {"loadtest"},
	"github.com/lmittmann/tint":               {"cmd/millrace", "internal/node", "metrics"},
	"github.com/prometheus/client_golang":     {"metrics"},
	// What millrace's HTTP front can do at most is what a bare server of the same library does.
	"github.com/valyala/fasthttp": {"backend/aws", "proxy/awsjson", "internal/bench"},
	// One package speaks OpenTelemetry, so that nothing of it is on the path of a hit.
	"go.opentelemetry.io/otel":                                          {"metrics"},
	"go.opentelemetry.io/otel/trace":                                    {"metrics"},
	"go.opentelemetry.io/otel/sdk":                                      {"metrics"},
	"go.opentelemetry.io/otel/sdk/metric":                               {"metrics"},
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp":   {"metrics"},
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp": {"metrics"},
	"golang.org/x/sync":                                                 nil,
}

// onlyFile tells which single file of its package imports a module, where that is the rule.
var onlyFile = map[string]string{
	"github.com/cockroachdb/pebble/v2": "backend/engine/store.go",
}

// testsMay are modules that any test may import.
var testsMay = []string{
	"github.com/anishathalye/porcupine", "github.com/valyala/fasthttp", "github.com/cockroachdb/pebble/v2",
	"go.uber.org/goleak", "pgregory.net/rapid",
	// What a collector speaks, to be one in tests.
	"go.opentelemetry.io/proto/otlp", "google.golang.org/protobuf",
}

// pure are packages whose whole dependencies must leave out these: they may not reach the world outside.
var pure = map[string][]string{
	"ddb":             {"net", "net/http", "os/exec"},
	"ddb/expr":        {"net", "net/http", "os/exec"},
	"cache/coherence": {"net", "net/http", "os/exec", "log/slog", "context"},
}

// modulePath is the import path that all packages of the module begin with.
const modulePath = "millrace/"

// listed is what `go list -json` tells of one package.
type listed struct {
	ImportPath string
	Standard   bool
	Module     *struct{ Path string }
	Imports    []string
	Deps       []string
}

// goList gives the module's packages and all that they depend on.
func goList(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Module,Imports,Deps", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]listed{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		packages[p.ImportPath] = p
	}
}

func TestImportsFollowTheArchitecture(t *testing.T) {
	packages := goList(t)
	for path, p := range packages {
		name, own := strings.CutPrefix(path, modulePath)
		if !own {
			continue
		}
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s is not in mayImport", name)
			continue
		}
		for _, imported := range p.Imports {
			if inner, ok := strings.CutPrefix(imported, modulePath); ok {
				if !slices.Contains(allowed, inner) {
					t.Errorf("%s imports %s, may import %q", name, inner, allowed)
				}
				continue
			}
			of := packages[imported]
			if of.Standard || of.Module == nil {
				continue
			}
			from, listed := onlyFrom[of.Module.Path]
			if !listed || from != nil && !slices.Contains(from, name) {
				t.Errorf("%s imports %s, which only %q may", name, imported, from)
			}
		}
	}
}

func TestPurePackagesDoNotReachTheWorld(t *testing.T) {
	packages := goList(t)
	for name, banned := range pure {
		p, ok := packages[modulePath+name]
		if !ok {
			t.Errorf("pure has %s, which is no package", name)
		}
		for _, dep := range p.Deps {
			if slices.Contains(banned, dep) {
				t.Errorf("%s depends on %s", name, dep)
			}
			if of := packages[dep]; !of.Standard && !strings.HasPrefix(dep, modulePath) {
				t.Errorf("%s depends on %s, from outside the standard library", name, dep)
			}
		}
	}
}

func TestOneFileImportsEachHeavyweight(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.file.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			for module, file := range onlyFile {
				if (path == module || strings.HasPrefix(path, module+"/")) && filepath.Dir(s.path) == filepath.Dir(file) && s.path != file && !s.test {
					t.Errorf("%s: imports %s, which only %s may", s.at(spec), path, file)
				}
			}
		}
	}
}

func TestTestsImportNoAssertionLibrary(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, spec := range s.file.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			first, _, _ := strings.Cut(path, "/")
			if !strings.Contains(first, ".") {
				continue // the standard library, or this module
			}
			ok := false
			for module := range onlyFrom {
				ok = ok || path == module || strings.HasPrefix(path, module+"/")
			}
			for _, module := range testsMay {
				ok = ok || path == module || strings.HasPrefix(path, module+"/")
			}
			if !ok {
				t.Errorf("%s: a test imports %s", s.at(spec), path)
			}
		}
	}
}
