package node

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// openAPI is a document of the parts that the admin API's uses. unknown collects keywords that the check below would pass
// over, so that a schema cannot say more than is checked.
type openAPI struct {
	doc struct {
		OpenAPI    string
		Paths      map[string]map[string]operation
		Components struct{ Schemas map[string]json.RawMessage }
	}
}

// operation is what one method of one path takes and answers.
type operation struct {
	OperationID string
	RequestBody *struct{ Content content }
	Responses   map[string]struct {
		Description string
		Content     content
	}
}

// content is a schema by media type.
type content map[string]struct{ Schema json.RawMessage }

// schema is a JSON schema (draft 2020-12) of the keywords that are used.
type schema struct {
	Ref                  string          `json:"$ref"`
	Type                 json.RawMessage `json:"type"`
	Properties           map[string]json.RawMessage
	Required             []string
	AdditionalProperties json.RawMessage `json:"additionalProperties"`
	Items                json.RawMessage
	Enum                 []string
	Pattern              string
	Format               string
	Minimum, Maximum     *float64
	Description          string
	Examples             json.RawMessage
}

// check tells how v, decoded JSON, is not what the schema says; nothing if it is.
func (o *openAPI) check(raw json.RawMessage, v any, at string) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, at+": "+fmt.Sprintf(format, args...)) }
	var s schema
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		fault("the schema %s: %v", raw, err)
		return faults
	}
	if s.Ref != "" {
		name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/")
		target := o.doc.Components.Schemas[name]
		if !ok || target == nil {
			fault("$ref %q leads nowhere", s.Ref)
			return faults
		}
		return o.check(target, v, at)
	}
	if kind := kindOf(v); !slices.ContainsFunc(typesOf(s.Type), func(t string) bool {
		return t == kind || t == "integer" && kind == "number" && v.(float64) == float64(int64(v.(float64)))
	}) {
		fault("is a %s, want %s", kind, s.Type)
		return faults
	}
	switch v := v.(type) {
	case string:
		if s.Enum != nil && !slices.Contains(s.Enum, v) {
			fault("%q is none of %q", v, s.Enum)
		}
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
			fault("%q does not match %s", v, s.Pattern)
		}
		if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && err != nil {
			fault("%v", err)
		}
	case float64:
		if s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
			fault("%v is out of range", v)
		}
	case []any:
		for i, e := range v {
			faults = append(faults, o.check(s.Items, e, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				fault("lacks %q", name)
			}
		}
		for name, e := range v {
			member, known := s.Properties[name]
			switch {
			case known:
			case string(s.AdditionalProperties) == "false":
				fault("has %q, which the schema does not know", name)
				continue
			case len(s.AdditionalProperties) == 0 || string(s.AdditionalProperties) == "true":
				continue
			default:
				member = s.AdditionalProperties
			}
			faults = append(faults, o.check(member, e, at+"."+name)...)
		}
	}
	return faults
}

// typesOf are the types that a schema allows.
func typesOf(raw json.RawMessage) (types []string) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	_ = json.Unmarshal(raw, &types)
	return types
}

// kindOf is the JSON type of a decoded value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}
