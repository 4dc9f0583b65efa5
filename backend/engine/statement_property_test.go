package engine

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"millrace/ddb"
)

// statementTable has the key p (S), s (N) and the global index all (g; ALL).
const statementTable = `{"TableName":"ttt","BillingMode":"PAY_PER_REQUEST",
	"AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"N"},{"AttributeName":"g","AttributeType":"S"}],
	"KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],
	"GlobalSecondaryIndexes":[{"IndexName":"all","KeySchema":[{"AttributeName":"g","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}],"Projection":{"ProjectionType":"ALL"}}]}`

// twins are two engines, of which one is told everything by statements and the other by requests of the data plane.
type twins struct {
	statements, requests *Engine
}

// newTwins opens both; call the function it returns to close them.
func newTwins(t *rapid.T) (*twins, func()) {
	open := func() *Engine {
		cfg := DefaultConfig()
		cfg.InMemory = true
		e, err := Open(cfg)
		if err != nil {
			t.Fatalf("Open: %v", err)
		}
		return e
	}
	w := &twins{open(), open()}
	for _, e := range []*Engine{w.statements, w.requests} {
		ask(t, e, ddb.CreateTable, statementTable)
	}
	return w, func() {
		for _, e := range []*Engine{w.statements, w.requests} {
			if err := e.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
	}
}

// ask sends a request; it returns the answer, or the error as "Code: Message".
func ask(t *rapid.T, e *Engine, op ddb.Operation, body string) string {
	resp, err := e.Do(t.Context(), ddb.NewRequest(op, []byte(body)))
	if err != nil {
		bad, ok := ddb.AsError(err)
		if !ok {
			t.Fatalf("%v %s: %v", op, body, err)
		}
		out := bad.Error()
		if bad.HasItem {
			out += text(bad.Item)
		}
		return out
	}
	out, err := resp.JSON()
	if err != nil {
		t.Fatalf("%v %s: %v", op, body, err)
	}
	return string(out)
}

// drawValue draws a value of any kind.
func drawValue(t *rapid.T, depth int) ddb.AttributeValue {
	kinds := []string{"S", "N", "BOOL", "NULL", "SS", "NS", "B"}
	if depth > 0 {
		kinds = append(kinds, "L", "M")
	}
	word := rapid.SampledFrom([]string{"a", "it's", `"q"`, "", "ü", "?", "--", "x y"})
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "S":
		return ddb.StringValue(word.Draw(t, "S"))
	case "N":
		return decimal(rapid.SampledFrom([]string{"0", "1", "2", "-1", "1.5", "-0.001", "1e20", "12345678901234567890123456789012345678"}).Draw(t, "N"))
	case "BOOL":
		return ddb.BoolValue(rapid.Bool().Draw(t, "BOOL"))
	case "SS":
		v, _ := ddb.SetValue(ddb.KindSS, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID).Draw(t, "SS"))
		return v
	case "NS":
		v, _ := ddb.SetValue(ddb.KindNS, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"1", "2", "3"}), 1, 3, rapid.ID).Draw(t, "NS"))
		return v
	case "B":
		return ddb.BinaryValue(word.Draw(t, "B"))
	case "L":
		elems := make([]ddb.AttributeValue, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range elems {
			elems[i] = drawValue(t, depth-1)
		}
		return ddb.ListValue(elems)
	case "M":
		var m ddb.Item
		for range rapid.IntRange(0, 3).Draw(t, "attributes") {
			m = m.With(word.Draw(t, "name"), drawValue(t, depth-1))
		}
		return ddb.MapValue(m)
	}
	return ddb.NullValue()
}

// source writes expressions in two languages at once: a statement with parameters, and expressions with placeholders.
type source struct {
	t          *rapid.T
	parameters []string
	names      map[string]string
	values     map[string]string
}

// hasLiteral reports whether v can be written in a statement.
func hasLiteral(v ddb.AttributeValue) bool {
	switch v.Kind() {
	case ddb.KindB, ddb.KindBS:
		return false
	case ddb.KindL:
		for _, e := range v.List() {
			if !hasLiteral(e) {
				return false
			}
		}
	case ddb.KindM:
		for _, a := range v.Map() {
			if !hasLiteral(a.Value) {
				return false
			}
		}
	}
	return true
}

// quote is s as a literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// literal is v as a literal.
func literal(v ddb.AttributeValue) string {
	list := func(n int, each func(int) string) string {
		out := make([]string, n)
		for i := range out {
			out[i] = each(i)
		}
		return strings.Join(out, ", ")
	}
	switch v.Kind() {
	case ddb.KindS:
		return quote(v.Str())
	case ddb.KindN:
		return v.Num()
	case ddb.KindBOOL:
		return map[bool]string{true: "TRUE", false: "false"}[v.Bool()]
	case ddb.KindSS:
		return "<<" + list(len(v.Set()), func(i int) string { return quote(v.Set()[i]) }) + ">>"
	case ddb.KindNS:
		return "<<" + strings.Join(v.Set(), ", ") + ">>"
	case ddb.KindL:
		return "[" + list(len(v.List()), func(i int) string { return literal(v.List()[i]) }) + "]"
	case ddb.KindM:
		return "{" + list(len(v.Map()), func(i int) string { return quote(v.Map()[i].Name) + ": " + literal(v.Map()[i].Value) }) + "}"
	}
	return "NULL"
}

// value is v in both languages.
func (s *source) value(v ddb.AttributeValue) (statement, expression string) {
	name := fmt.Sprintf(":v%d", len(s.values))
	s.values[name] = string(ddb.AppendValueJSON(nil, v))
	if hasLiteral(v) && rapid.Bool().Draw(s.t, "literal") {
		return literal(v), name
	}
	s.parameters = append(s.parameters, s.values[name])
	return "?", name
}

// path is one of a few document paths in both languages.
func (s *source) path() (statement, expression string) {
	path := rapid.SampledFrom([]string{"a", "b", "c", "g", "a.x", "b[0]", "b[1]", "c.y[0]"}).Draw(s.t, "path")
	return path, s.placeholders(path)
}

// placeholders is path with a placeholder for every name.
func (s *source) placeholders(path string) string {
	var out strings.Builder
	for i, r := range path {
		if r < 'a' || r > 'z' {
			out.WriteRune(r)
			continue
		}
		s.names["#"+path[i:i+1]] = path[i : i+1]
		out.WriteString("#" + path[i:i+1])
	}
	return out.String()
}

// condition is a condition in both languages.
func (s *source) condition(depth int) (statement, expression string) {
	kinds := []string{"compare", "between", "in", "exists", "missing", "type", "begins", "contains", "size", "null"}
	if depth > 0 {
		kinds = append(kinds, "and", "or", "not")
	}
	kind := rapid.SampledFrom(kinds).Draw(s.t, "condition")
	switch kind {
	case "and", "or":
		s1, e1 := s.condition(depth - 1)
		s2, e2 := s.condition(depth - 1)
		return "(" + s1 + " " + kind + " " + s2 + ")", "(" + e1 + ") " + kind + " (" + e2 + ")"
	case "not":
		s1, e1 := s.condition(depth - 1)
		return "NOT (" + s1 + ")", "NOT (" + e1 + ")"
	}
	p, e := s.path()
	value := func() (string, string) { return s.value(drawValue(s.t, 1)) }
	switch kind {
	case "compare":
		op := rapid.SampledFrom([]string{"=", "<>", "<", "<=", ">", ">="}).Draw(s.t, "op")
		v, w := value()
		return p + " " + op + " " + v, e + " " + op + " " + w
	case "between":
		v1, w1 := value()
		v2, w2 := value()
		return p + " BETWEEN " + v1 + " AND " + v2, e + " BETWEEN " + w1 + " AND " + w2
	case "in":
		v1, w1 := value()
		v2, w2 := value()
		return p + " IN [" + v1 + ", " + v2 + "]", e + " IN (" + w1 + ", " + w2 + ")"
	case "exists":
		return "attribute_exists(" + p + ")", "attribute_exists(" + e + ")"
	case "missing":
		return p + " IS MISSING", "attribute_not_exists(" + e + ")"
	case "null":
		s.values[":null"] = `{"S":"NULL"}`
		return p + " IS NULL", "attribute_type(" + e + ", :null)"
	case "type":
		v, w := s.value(ddb.StringValue(rapid.SampledFrom([]string{"S", "N", "L", "M", "SS", "BOOL"}).Draw(s.t, "type")))
		return "attribute_type(" + p + ", " + v + ")", "attribute_type(" + e + ", " + w + ")"
	case "size":
		v, w := s.value(decimal("1"))
		return "size(" + p + ") > " + v, "size(" + e + ") > " + w
	}
	name := map[string]string{"begins": "begins_with", "contains": "contains"}[kind]
	v, w := value()
	return name + "(" + p + ", " + v + ")", name + "(" + e + ", " + w + ")"
}

// actions are the SET and REMOVE of an UPDATE, and the sections of the same UpdateExpression.
func (s *source) actions() (statement, expression string) {
	var set, remove, add, del []string
	for range rapid.IntRange(1, 3).Draw(s.t, "actions") {
		p, e := s.path()
		switch rapid.SampledFrom([]string{"set", "copy", "sum", "append", "remove", "add", "delete"}).Draw(s.t, "action") {
		case "set":
			v, w := s.value(drawValue(s.t, 2))
			statement += " SET " + p + " = " + v
			set = append(set, e+" = "+w)
		case "copy":
			q, f := s.path()
			statement += " SET " + p + " = " + q
			set = append(set, e+" = "+f)
		case "sum":
			q, f := s.path()
			op := rapid.SampledFrom([]string{"+", "-"}).Draw(s.t, "op")
			v, w := s.value(drawValue(s.t, 0))
			statement += " SET " + p + " = " + q + " " + op + " " + v
			set = append(set, e+" = "+f+" "+op+" "+w)
		case "append":
			q, f := s.path()
			v, w := s.value(drawValue(s.t, 1))
			statement += " SET " + p + " = list_append(" + q + ", " + v + ")"
			set = append(set, e+" = list_append("+f+", "+w+")")
		case "remove":
			statement += " REMOVE " + p
			remove = append(remove, e)
		case "add", "delete":
			set, _ := ddb.SetValue(ddb.KindSS, []string{rapid.SampledFrom([]string{"a", "b"}).Draw(s.t, "member")})
			v, w := s.value(set)
			if rapid.Bool().Draw(s.t, "add") {
				statement += " SET " + p + " = set_add(" + p + ", " + v + ")"
				add = append(add, e+" "+w)
			} else {
				statement += " SET " + p + " = set_delete(" + p + ", " + v + ")"
				del = append(del, e+" "+w)
			}
		}
	}
	for _, section := range []struct {
		name    string
		actions []string
	}{{"SET ", set}, {"REMOVE ", remove}, {"ADD ", add}, {"DELETE ", del}} {
		if section.actions != nil {
			expression += " " + section.name + strings.Join(section.actions, ", ")
		}
	}
	return statement, expression
}

// jsonObject is a map as JSON; its values are JSON already, or texts if quoted.
func jsonObject(m map[string]string, quoted bool) string {
	var out []string
	for k, v := range m {
		if quoted {
			v = string(ddb.AppendJSONString(nil, v))
		}
		out = append(out, string(ddb.AppendJSONString(nil, k))+":"+v)
	}
	return "{" + strings.Join(out, ",") + "}"
}

// request is the body of a request of the data plane with s's placeholders.
func (s *source) request(members string) string {
	body := `{"TableName":"ttt"` + members
	if len(s.names) > 0 {
		body += `,"ExpressionAttributeNames":` + jsonObject(s.names, true)
	}
	if len(s.values) > 0 {
		body += `,"ExpressionAttributeValues":` + jsonObject(s.values, false)
	}
	return body + `}`
}

// expression is an expression as a member of a request.
func expression(name, text string) string {
	return `,"` + name + `":` + string(ddb.AppendJSONString(nil, text))
}

// bare is an error without the name of the parameter before its text.
func bare(answer string) string {
	for _, kind := range []string{"ConditionExpression", "UpdateExpression", "FilterExpression"} {
		answer = strings.Replace(answer, "ValidationException: Invalid "+kind+": ", "ValidationException: ", 1)
	}
	return answer
}

// compare checks two answers; those of writes that succeed are nothing to compare.
func compare(t *rapid.T, statement, request, got, want string) {
	failed := func(answer string) bool { return !strings.HasPrefix(answer, "{") }
	want = bare(want)
	// Two faults in one request may be told in another order: which one is told first is not compared.
	const refused = "ValidationException: "
	if strings.HasPrefix(got, refused) && strings.HasPrefix(want, refused) {
		return
	}
	if (failed(got) || failed(want)) && got != want {
		t.Fatalf("%s\n got %s\n%s\nwant %s", statement, got, request, want)
	}
}

// TestStatementsDoWhatRequestsDo runs random writes as statements on one engine and as requests of the data plane on
// another, and compares errors and, after each, all items of the table and its index. rapid prints the seed of a run that
// fails and takes it back as -rapid.seed.
func TestStatementsDoWhatRequestsDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, closeAll := newTwins(t)
		defer closeAll()
		key := func() (ddb.Item, string) {
			p := rapid.SampledFrom([]string{"a", "it's"}).Draw(t, "p")
			s := rapid.SampledFrom([]string{"1", "2.5"}).Draw(t, "s")
			return ddb.ItemOf(attribute("p", ddb.StringValue(p)), attribute("s", decimal(s))), "p = " + quote(p) + " AND s = " + s
		}
		run := func(statement string, parameters []string, op ddb.Operation, request string) {
			body := statementBody(statement, parameters...)
			want := ask(t, w.requests, op, request)
			switch rapid.SampledFrom([]ddb.Operation{ddb.ExecuteStatement, ddb.BatchExecuteStatement, ddb.ExecuteTransaction}).Draw(t, "by") {
			case ddb.ExecuteStatement:
				got := ask(t, w.statements, ddb.ExecuteStatement, body)
				compare(t, body, request, strings.Replace(got, "DuplicateItemException: Duplicate primary key exists in table",
					"ConditionalCheckFailedException: The conditional request failed", 1), want)
			case ddb.BatchExecuteStatement:
				got := ask(t, w.statements, ddb.BatchExecuteStatement, `{"Statements":[`+body+`]}`)
				if strings.Contains(got, `"Error":`) == strings.HasPrefix(want, "{") {
					t.Fatalf("%s in a batch\n got %s\n%s\nwant %s", body, got, request, want)
				}
			case ddb.ExecuteTransaction:
				got := ask(t, w.statements, ddb.ExecuteTransaction, `{"TransactStatements":[`+body+`]}`)
				if strings.HasPrefix(got, "{") != strings.HasPrefix(want, "{") {
					t.Fatalf("%s in a transaction\n got %s\n%s\nwant %s", body, got, request, want)
				}
			}
			for _, index := range []string{"", `,"IndexName":"all"`} {
				scan := `{"TableName":"ttt"` + index + `}`
				if got, want := ask(t, w.statements, ddb.Scan, scan), ask(t, w.requests, ddb.Scan, scan); got != want {
					t.Fatalf("%s\n%s\n got %s\nwant %s", body, request, got, want)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				s := &source{t: t, names: map[string]string{"#p": "p"}, values: map[string]string{}}
				item, _ := key()
				for _, name := range []string{"a", "b", "c", "g"} {
					if rapid.Bool().Draw(t, "has "+name) {
						item = item.With(name, drawValue(t, 2))
					}
				}
				var members []string
				for _, a := range item {
					v, _ := s.value(a.Value)
					members = append(members, quote(a.Name)+": "+v)
				}
				s.values = nil
				run("INSERT INTO ttt VALUE {"+strings.Join(members, ", ")+"}", s.parameters,
					ddb.PutItem, s.request(`,"Item":`+text(item)+expression("ConditionExpression", "attribute_not_exists(#p)")))
			},
			"update": func(t *rapid.T) {
				s := &source{t: t, names: map[string]string{"#p": "p"}, values: map[string]string{}}
				k, where := key()
				set, update := s.actions()
				condition := "attribute_exists(#p)"
				if rapid.Bool().Draw(t, "conditional") {
					c, e := s.condition(2)
					where += " AND " + c
					condition += " AND (" + e + ")"
				}
				run("UPDATE ttt"+set+" WHERE "+where, s.parameters, ddb.UpdateItem,
					s.request(`,"Key":`+text(k)+expression("UpdateExpression", update)+expression("ConditionExpression", condition)))
			},
			"delete": func(t *rapid.T) {
				s := &source{t: t, names: map[string]string{}, values: map[string]string{}}
				k, where := key()
				members := `,"Key":` + text(k)
				if rapid.Bool().Draw(t, "conditional") {
					c, e := s.condition(2)
					where += " AND " + c
					s.names["#p"] = "p"
					members += expression("ConditionExpression", "attribute_not_exists(#p) OR ("+e+")")
				}
				run("DELETE FROM ttt WHERE "+where, s.parameters, ddb.DeleteItem, s.request(members))
			},
			"select": func(t *rapid.T) {
				s := &source{t: t, names: map[string]string{}, values: map[string]string{}}
				c, e := s.condition(3)
				got := ask(t, w.statements, ddb.ExecuteStatement, statementBody("SELECT * FROM ttt WHERE "+c, s.parameters...))
				want := ask(t, w.requests, ddb.Scan, s.request(expression("FilterExpression", e)))
				if strings.HasPrefix(want, "{") {
					want = want[:strings.Index(want, `,"Count":`)] + "}"
				}
				compare(t, c, e, got, want)
				if got != want && strings.HasPrefix(want, "{") {
					t.Fatalf("%s\n got %s\n%s\nwant %s", c, got, e, want)
				}
			},
		})
	})
}

// TestSelectsByKeyFindWhatScansFind reads random ranges of keys by a SELECT, page by page, and compares with the items of
// the whole table that meet the condition.
func TestSelectsByKeyFindWhatScansFind(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.InMemory = true
	e, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	h := (&harness{t: t, e: e}).create(statementTable)
	for _, p := range []string{"a", "b", "c"} {
		for s := range 5 {
			h.put("ttt", fmt.Sprintf(`{"p":{"S":%q},"s":{"N":"%d"},"g":{"S":"g%d"}}`, p, s, s%2))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var condition func(depth int) string
		condition = func(depth int) string {
			if depth > 0 && rapid.Bool().Draw(t, "joined") {
				op := rapid.SampledFrom([]string{" AND ", " AND ", " OR "}).Draw(t, "join")
				return "(" + condition(depth-1) + op + condition(depth-1) + ")"
			}
			c := rapid.SampledFrom([]string{"p = 'a'", "'b' = p", "p IN ['a', 'c']", "p = 'b'", "s = 1", "s > 2", "3 > s", "s BETWEEN 1 AND 3",
				"s IN [0, 4]", "s <> 2", "g = 'g1'", "s >= 1", "p > 'a'"}).Draw(t, "condition")
			if rapid.IntRange(0, 5).Draw(t, "not") == 0 {
				return "NOT " + c
			}
			return c
		}
		where := condition(3)
		index := rapid.SampledFrom([]string{"ttt", `ttt."all"`}).Draw(t, "index")
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		read := func(where string) (map[string]bool, string) {
			found := make(map[string]bool)
			for token := ""; ; {
				body := strings.Replace(pageOf("SELECT p, s FROM "+index+" WHERE "+where, token), `"Limit":1`, fmt.Sprintf(`"Limit":%d`, limit), 1)
				resp, err := e.Do(t.Context(), ddb.NewRequest(ddb.ExecuteStatement, []byte(body)))
				if err != nil {
					return nil, err.Error()
				}
				out, err := ddb.OutputAs[ddb.ExecuteStatementOutput](resp)
				if err != nil {
					t.Fatal(err)
				}
				for _, it := range out.Items {
					if found[text(it)] {
						t.Fatalf("%s: %s twice", where, text(it))
					}
					found[text(it)] = true
				}
				if out.NextToken == nil {
					return found, ""
				}
				token = *out.NextToken
			}
		}
		got, bad := read(where)
		if bad != "" {
			// Not every combination can be read by key.
			for _, known := range []string{"Overlapping conditions", "Too many decomposed"} {
				if strings.Contains(bad, known) {
					return
				}
			}
			t.Fatalf("%s: %s", where, bad)
		}
		// The same condition, which no key can be found in.
		want, bad := read("NOT (NOT (" + where + "))")
		if bad != "" {
			t.Fatalf("%s: %s", where, bad)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s of %s:\n got %v\nwant %v", where, index, got, want)
		}
	})
}
