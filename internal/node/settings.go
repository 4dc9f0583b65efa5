package node

import (
	"encoding"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Setting is one leaf of the configuration.
type Setting struct {
	// Name is its path in the file, such as "http.idle_timeout".
	Name string
	// Doc is its documentation, Text its value as it would be written in the file.
	Doc, Text string

	value reflect.Value
}

// Variable is the environment variable of the setting.
func (s Setting) Variable() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.Name, ".", "_"))
}

// Settings are the leaves of c in the order of its fields, but for what is under a glob.
func Settings(c Config) []Setting {
	return settingsOf(reflect.ValueOf(&c).Elem(), "")
}

// settingsOf collects the leaves of struct v.
func settingsOf(v reflect.Value, prefix string) []Setting {
	var out []Setting
	for f, field := range v.Fields() {
		name := f.Tag.Get("yaml")
		switch {
		case name == "-" || name == "":
		case field.Kind() == reflect.Struct:
			out = append(out, settingsOf(field, prefix+name+".")...)
		case isSetting(field):
			s := Setting{Name: prefix + name, Doc: f.Tag.Get("doc"), Text: textOf(field), value: field}
			if isSecret(field) && s.Text != "" {
				s.Text = "(not shown)"
			}
			out = append(out, s)
		}
	}
	return out
}

// isSecret tells settings that are never printed.
func isSecret(v reflect.Value) bool { return v.Type() == reflect.TypeFor[Secret]() }

// textOf is a setting's value as set reads it.
func textOf(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	return fmt.Sprint(v.Interface())
}

// Print writes the effective configuration as a YAML file that Load reads back, each setting with where it was set.
func (l *Loaded) Print(w io.Writer) error {
	p := printer{w: w, origins: l.Origins}
	p.section(reflect.ValueOf(&l.Config).Elem(), "", 0)
	return p.err
}

// printer keeps the first error of a writer.
type printer struct {
	w       io.Writer
	origins map[string]string
	err     error
}

// line writes one line, with a comment at its end if there is one.
func (p *printer) line(indent int, text, comment string) {
	if comment != "" {
		text += " # " + comment
	}
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, "%s%s\n", strings.Repeat("  ", indent), text)
	}
}

// section writes the fields of struct v.
func (p *printer) section(v reflect.Value, prefix string, indent int) {
	for f, field := range v.Fields() {
		name := f.Tag.Get("yaml")
		switch {
		case name == "-":
		case field.Kind() == reflect.Struct:
			p.line(indent, name+":", "")
			p.section(field, prefix+name+".", indent+1)
		case field.Kind() == reflect.Map:
			if field.Len() == 0 {
				continue
			}
			p.line(indent, name+":", "")
			p.globs(field, prefix+name+".", indent+1)
		case prefixIsGlob(prefix) && field.IsZero():
			// Inherited; printing the zero would say something else.
		case isSecret(field) && !field.IsZero():
			// What is read back must not be taken for the secret.
			p.line(indent, "# "+name+" is set and not shown", p.origins[prefix+name])
		default:
			text := textOf(field)
			if field.Kind() == reflect.String {
				text = strconv.Quote(text)
			}
			p.line(indent, name+": "+text, p.origins[prefix+name])
		}
	}
}

// globs writes a map from globs to structs, sorted.
func (p *printer) globs(v reflect.Value, prefix string, indent int) {
	elements := map[string]reflect.Value{}
	for k, e := range v.Seq2() {
		elements[k.String()] = e
	}
	for _, glob := range slices.Sorted(maps.Keys(elements)) {
		if elements[glob].IsZero() {
			p.line(indent, strconv.Quote(glob)+": {}", "")
			continue
		}
		p.line(indent, strconv.Quote(glob)+":", "")
		p.section(elements[glob], prefix+glob+".", indent+1)
	}
}

// prefixIsGlob reports whether a section stands under a name of the operator's, where every setting may be left out.
func prefixIsGlob(prefix string) bool {
	return strings.HasPrefix(prefix, "tables.") || strings.HasPrefix(prefix, faultsSection+".rules.")
}
