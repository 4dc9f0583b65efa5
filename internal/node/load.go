package node

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"millrace/internal/units"
)

// Sources are where settings come from, the weakest first: defaults, File, Environ, Flags.
type Sources struct {
	// File is a YAML file's path; empty is none.
	File string
	// Environ is as os.Environ gives it.
	Environ []string
	// Flags are texts by setting name, such as "cache.enabled"; FlagNames are the flags' own names.
	Flags     map[string]string
	FlagNames map[string]string
	// MemoryLimit is what the process may use where it runs in a group that is limited, in bytes; 0 is no limit.
	MemoryLimit int64
}

// Loaded is an effective configuration.
type Loaded struct {
	Config Config
	// Origins tell where each setting that is not a default was set: "line 3 of millrace.yaml", "MILLRACE_LISTEN", "--listen".
	Origins map[string]string
	// Unknown are the variables with our prefix that name no setting. They are no error: Kubernetes sets such
	// variables for a service called millrace.
	Unknown []string
}

// envPrefix begins the names of our environment variables; ConfigVariable names the file.
const (
	envPrefix      = "MILLRACE_"
	ConfigVariable = "MILLRACE_CONFIG"
)

// Load merges and checks all sources. Its errors are one sentence that names the file and line, the variable or
// the flag at fault.
func Load(src Sources) (*Loaded, error) {
	l := &Loaded{Config: DefaultConfig(), Origins: map[string]string{}}
	if inKubernetes(src.Environ) {
		l.Config.Shutdown.Delay = units.Duration(kubernetesDelay)
	}
	if src.MemoryLimit > 0 {
		l.fit(units.Bytes(src.MemoryLimit))
	}
	if src.File != "" {
		text, err := readFile(src.File)
		if err != nil {
			return nil, err
		}
		if err := l.file(src.File, text); err != nil {
			return nil, err
		}
	}
	settings := map[string]Setting{}
	for _, s := range settingsOf(reflect.ValueOf(&l.Config).Elem(), "") {
		settings[s.Name] = s
	}
	if err := l.environ(src.Environ, settings); err != nil {
		return nil, err
	}
	for name, text := range src.Flags {
		if err := set(settings[name].value, text); err != nil {
			return nil, fmt.Errorf("flag %s: %w", src.FlagNames[name], err)
		}
		l.Origins[name] = src.FlagNames[name]
	}
	if err := l.Config.Validate(); err != nil {
		return nil, l.locate(err)
	}
	return l, nil
}

// locate adds to a Validate error where the setting it begins with was set.
func (l *Loaded) locate(err error) error {
	name, _, _ := strings.Cut(err.Error(), " ")
	name = strings.TrimSuffix(name, ":")
	for {
		if origin, ok := l.Origins[name]; ok {
			return fmt.Errorf("%s: %w", origin, err)
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			return err
		}
		name = name[:i]
	}
}

// environ takes the variables that name a setting.
func (l *Loaded) environ(environ []string, settings map[string]Setting) error {
	byVariable := map[string]Setting{}
	for _, s := range settings {
		byVariable[s.Variable()] = s
	}
	for _, v := range environ {
		name, text, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, envPrefix) || name == ConfigVariable {
			continue
		}
		s, ok := byVariable[name]
		if !ok {
			l.Unknown = append(l.Unknown, name)
			continue
		}
		if err := set(s.value, text); err != nil {
			return fmt.Errorf("variable %s: %w", name, err)
		}
		l.Origins[s.Name] = name
	}
	slices.Sort(l.Unknown)
	return nil
}

// file takes a YAML document. Everything in it must be known.
func (l *Loaded) file(path string, text []byte) error {
	t := tree{origin: func(line int) string { return fmt.Sprintf("line %d of %s", line, path) }, origins: l.Origins}
	if err := t.document(text, reflect.ValueOf(&l.Config).Elem(), ""); err != nil {
		if err.line == 0 {
			return fmt.Errorf("config file %q: %w", path, err.err)
		}
		return fmt.Errorf("line %d of config file %q: %w", err.line, path, err.err)
	}
	return nil
}

// tree walks a YAML document and the configuration side by side.
type tree struct {
	origin  func(line int) string
	origins map[string]string
}

// lineError is a fault and its line.
type lineError struct {
	line int
	err  error
}

// document stores a YAML document, which may be empty, in v, the section called name. An error's line may be unknown, 0.
func (t tree) document(text []byte, v reflect.Value, name string) *lineError {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		if ye, ok := errors.AsType[yaml.Error](err); ok && ye.GetToken() != nil {
			return &lineError{ye.GetToken().Position.Line, errors.New(ye.GetMessage())}
		}
		return &lineError{0, err}
	}
	for i, doc := range f.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if i > 0 {
			return &lineError{lineOf(doc.Body), errors.New("a second document; there may be one")}
		}
		if err := t.decode(doc.Body, v, name); err != nil {
			return err
		}
	}
	return nil
}

// decode stores node in v, the setting or section called name.
func (t tree) decode(node ast.Node, v reflect.Value, name string) *lineError {
	fail := func(format string, args ...any) *lineError {
		return &lineError{lineOf(node), fmt.Errorf(format, args...)}
	}
	if isSetting(v) {
		text, ok := scalar(node)
		if !ok {
			return fail("%s must be a single value", name)
		}
		if err := set(v, text); err != nil {
			return fail("%s: %w", name, err)
		}
		if d, ok := v.Interface().(units.Duration); ok && d == 0 && strings.HasPrefix(name, "tables.") {
			// Zero stands for what was left out, so it would be the default.
			return fail("%s is 0s, must be above zero; to cache nothing, set cache to off there", name)
		}
		return nil
	}
	if node.Type() == ast.NullType {
		return nil
	}
	mapping, ok := node.(ast.MapNode)
	if !ok {
		if name == "" {
			return fail("the document must be a mapping of settings")
		}
		return fail("%s must be a mapping", name)
	}
	seen := map[string]bool{}
	for entries := mapping.MapRange(); entries.Next(); {
		node = entries.Key() // for fail's line
		key, ok := scalar(entries.Key())
		if !ok {
			return fail("anchors, merges and other structures are not understood here")
		}
		if seen[key] {
			return fail("%q is there twice", key)
		}
		seen[key] = true
		path := strings.TrimPrefix(name+"."+key, ".")
		t.origins[path] = t.origin(lineOf(node))
		if v.Kind() == reflect.Map {
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			element := reflect.New(v.Type().Elem()).Elem()
			if err := t.decode(entries.Value(), element, path); err != nil {
				return err
			}
			v.SetMapIndex(reflect.ValueOf(key), element)
			continue
		}
		field, ok := fieldOf(v, key)
		if !ok {
			if name == "" {
				return fail("unknown setting %q", key)
			}
			return fail("unknown setting %q in %s", key, name)
		}
		if err := t.decode(entries.Value(), field, path); err != nil {
			return err
		}
	}
	return nil
}

// scalar is a plain value's text as it was written.
func scalar(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// lineOf is the line a node begins on.
func lineOf(node ast.Node) int {
	if t := node.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

// fieldOf is the field of struct v that is called key in YAML.
func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for f, field := range v.Fields() {
		if f.Tag.Get("yaml") == key && key != "-" {
			return field, true
		}
	}
	return reflect.Value{}, false
}

// isSetting tells a setting from a section.
func isSetting(v reflect.Value) bool { return v.Kind() != reflect.Struct && v.Kind() != reflect.Map }

// set stores text in a setting.
func set(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return nil
	case reflect.Bool:
		switch strings.ToLower(text) {
		case "true", "on", "yes", "1":
			v.SetBool(true)
			return nil
		case "false", "off", "no", "0":
			v.SetBool(false)
			return nil
		}
		return fmt.Errorf("%q is neither true nor false", text)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetFloat(f)
		return nil
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(int64(n))
		return nil
	}
	panic(fmt.Sprintf("setting of type %v", v.Type()))
}
