package engine

import (
	"reflect"
	"slices"
	"strings"

	"millrace/ddb"
	"millrace/ddb/partiql"
)

// requestTables are the bare names of the tables that req names, in any of its members; false if its input cannot be read. It
// goes by the members' names, which are the same in all operations: a rule must reach operations that come later too.
func requestTables(req *ddb.Request) ([]string, bool) {
	newInput := req.Op.Facts().NewInput
	if newInput == nil {
		return nil, true
	}
	body, err := req.JSON()
	if err != nil {
		return nil, false
	}
	in := newInput()
	if ddb.DecodeShape(body, in) != nil {
		return nil, false
	}
	var tables []string
	collectTables(reflect.ValueOf(in), func(name string) {
		if name = ddb.TableName(name); name != "" && !slices.Contains(tables, name) {
			tables = append(tables, name)
		}
	})
	return tables, true
}

// collectTables calls add for every table that the input shape v names.
func collectTables(v reflect.Value, add func(name string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collectTables(v.Elem(), add)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				collectTables(v.Index(i), add)
			}
		}
	case reflect.Struct:
		for f, field := range v.Fields() {
			collectMember(f.Name, field, add)
		}
	}
}

// collectMember is collectTables for the member called name.
func collectMember(name string, v reflect.Value, add func(name string)) {
	if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.String && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.String && strings.HasSuffix(name, "TableName"):
		add(v.String())
	case v.Kind() == reflect.String && strings.HasSuffix(name, "Arn"):
		if p, ok := ddb.ParseARN(v.String()); ok {
			add(p.Table)
		}
	case v.Kind() == reflect.String && name == "ShardIterator":
		arn, _, _ := strings.Cut(v.String(), iteratorMark)
		if p, ok := ddb.ParseARN(arn); ok {
			add(p.Table)
		}
	case v.Kind() == reflect.String && name == "Statement":
		if s, bad := partiql.Parse(v.String()); bad == nil {
			add(s.Table)
		}
	case v.Kind() == reflect.Map && name == "RequestItems":
		for _, key := range v.MapKeys() {
			add(key.String())
		}
	case name == "Key", name == "Item":
		// Attribute values are no part of the request's shape.
	default:
		collectTables(v, add)
	}
}
