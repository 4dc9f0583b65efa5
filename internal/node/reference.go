package node

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// WriteReference writes a page of Markdown about every setting: name, default, variable, flag, whether a reload puts it into
// force, and its documentation. flags are the flags' names by setting.
func WriteReference(w io.Writer, flags map[string]string) error {
	r := &reference{w: w, flags: flags, reloads: reloads()}
	c := DefaultConfig()
	r.section(reflect.ValueOf(&c).Elem(), "", "")
	return r.err
}

// reference keeps the first error of a writer.
type reference struct {
	w       io.Writer
	flags   map[string]string
	reloads map[string]bool
	err     error
}

// line writes one line.
func (r *reference) line(format string, args ...any) {
	if r.err == nil {
		_, r.err = fmt.Fprintf(r.w, format+"\n", args...)
	}
}

// section writes the settings of struct v, and then its sections.
func (r *reference) section(v reflect.Value, prefix, doc string) {
	var settings, sections []int
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		switch {
		case name == "-" || name == "":
		case v.Field(i).Kind() == reflect.Struct || v.Field(i).Kind() == reflect.Map:
			sections = append(sections, i)
		default:
			settings = append(settings, i)
		}
	}
	if len(settings) > 0 {
		r.line("## %s\n", cmp.Or(strings.TrimSuffix(prefix, "."), "At the top"))
		if doc != "" {
			r.line("%s\n", doc)
		}
		r.line("| setting | default | meaning |\n|---|---|---|")
		for _, i := range settings {
			r.setting(v.Field(i), v.Type().Field(i).Tag, prefix)
		}
		r.line("")
	}
	for _, i := range sections {
		tag := v.Type().Field(i).Tag
		name := prefix + tag.Get("yaml")
		if v.Field(i).Kind() == reflect.Map {
			element := v.Field(i).Type().Elem()
			if element.Kind() == reflect.Struct {
				r.section(reflect.New(element).Elem(), name+".NAME.", tag.Get("doc"))
			} else {
				r.line("## %s.NAME\n\n%s\n", name, tag.Get("doc"))
			}
			continue
		}
		r.section(v.Field(i), name+".", tag.Get("doc"))
	}
}

// setting writes one row.
func (r *reference) setting(v reflect.Value, tag reflect.StructTag, prefix string) {
	name := prefix + tag.Get("yaml")
	notes := []string{}
	if !strings.Contains(name, ".NAME.") {
		notes = append(notes, "`"+Setting{Name: name}.Variable()+"`")
	}
	if flag := r.flags[name]; flag != "" {
		notes = append(notes, "`"+flag+"`")
	}
	if r.reloads[name] || strings.HasPrefix(name, "tables.NAME.") {
		notes = append(notes, "taken by a reload")
	}
	text := textOf(v)
	if text == "" || strings.Contains(name, ".NAME.") && v.IsZero() {
		text = "unset"
	} else {
		text = "`" + text + "`"
	}
	doc := strings.ReplaceAll(tag.Get("doc"), "|", `\|`)
	if len(notes) > 0 {
		doc += " *" + strings.Join(notes, ", ") + "*"
	}
	r.line("| `%s` | %s | %s |", tag.Get("yaml"), text, doc)
}

// reloads finds out which settings a reload puts into force, by trying each.
func reloads() map[string]bool {
	out := map[string]bool{}
	base := DefaultConfig()
	base.TLS = TLSConfig{CertFile: "a", KeyFile: "a"}
	for _, s := range Settings(base) {
		next := base
		i := slices.IndexFunc(settingsOf(reflect.ValueOf(&next).Elem(), ""), func(x Setting) bool { return x.Name == s.Name })
		v := settingsOf(reflect.ValueOf(&next).Elem(), "")[i].value
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1)
		case reflect.Float64:
			v.SetFloat(v.Float() + 1)
		default:
			continue
		}
		out[s.Name] = len(differences(reloadable(base, next), next)) == 0
	}
	return out
}
