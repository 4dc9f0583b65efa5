package expr

import (
	"testing"

	"millrace/ddb"
)

// testNames and testValues are the placeholders that most tests parse against: one value of each type.
var testNames = ddb.Names{"#a": "a", "#b": "b", "#c": "c", "#dot": "x.y", "#ix": "[3]", "#size": "size"}

// testValueItem holds testValues without their colons.
const testValueItem = `{"s":{"S":"m"},"s2":{"S":"z"},"n":{"N":"5"},"n2":{"N":"7"},"one":{"N":"1"},"bin":{"B":"Yg=="},"t":{"BOOL":true},
	"nul":{"NULL":true},"ss":{"SS":["x","y"]},"ns":{"NS":["1","2"]},"bs":{"BS":["YQ=="]},
	"l":{"L":[{"S":"p"},{"N":"1"}]},"l0":{"L":[]},"m":{"M":{"k":{"S":"v"}}},"typ":{"S":"SS"}}`

// testValues makes the values of testValueItem.
func testValues() ddb.Values {
	values := ddb.Values{}
	for _, a := range mustItem(testValueItem) {
		values[":"+a.Name] = a.Value
	}
	return values
}

// testEnv is a fresh Env of testNames and testValues.
func testEnv() *Env { return NewEnv(testNames, testValues()) }

// mustItem reads an item from DynamoDB JSON.
func mustItem(text string) ddb.Item {
	item, err := ddb.ParseItemJSON([]byte(text))
	if err != nil {
		panic(err)
	}
	return item
}

// jsonOf is the item's DynamoDB JSON, and "none" for nil.
func jsonOf(item ddb.Item) string {
	if item == nil {
		return "none"
	}
	return string(ddb.AppendItemJSON(nil, item))
}

// parse parses text as kind says and gives its canonical text, or the error's message.
func parse(kind Kind, text string, env *Env) string {
	var x interface{ AppendCanonical([]byte) []byte }
	var err *ddb.Error
	switch kind {
	case ProjectionExpression:
		x, err = ParseProjection(text, env)
	case UpdateExpression:
		x, err = ParseUpdate(text, env)
	case KeyConditionExpression:
		x, err = ParseKeyCondition(text, env)
	default:
		x, err = ParseCondition(kind, text, env)
	}
	if err != nil {
		return err.Message
	}
	return string(x.AppendCanonical(nil))
}

// refuse fails the test unless parsing text gives "Invalid <kind>: " + want.
func refuse(t *testing.T, kind Kind, text, want string) {
	t.Helper()
	if got := parse(kind, text, testEnv()); got != "Invalid "+kind.String()+": "+want {
		t.Errorf("%v %q\n  gives %s\n  want  Invalid %v: %s", kind, text, got, kind, want)
	}
}

// accept fails the test unless text parses to the canonical text want; an empty want is anything.
func accept(t *testing.T, kind Kind, text, want string) {
	t.Helper()
	env := testEnv()
	got := parse(kind, text, env)
	if len(got) > 8 && got[:8] == "Invalid " || (want != "" && got != want) {
		t.Errorf("%v %q\n  gives %s\n  want  %s", kind, text, got, want)
	}
}

// mustCondition parses a condition against testEnv.
func mustCondition(t testing.TB, text string) *Condition {
	t.Helper()
	c, err := ParseCondition(ConditionExpression, text, testEnv())
	if err != nil {
		t.Fatalf("ParseCondition(%q): %v", text, err)
	}
	return c
}
