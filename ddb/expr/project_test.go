package expr

import (
	"slices"
	"testing"
)

// #117, #118: what projections take out of an item.
func TestProjection(t *testing.T) {
	item := mustItem(`{"p":{"S":"k"},"a":{"M":{"b":{"L":[{"N":"2"},{"N":"4"},{"M":{"x":{"S":"hi"},"y":{"S":"yo"}}}]},"c":{"N":"5"}}},"b":{"S":"hello"},"x.y":{"N":"1"},"e":{"M":{}}}`)
	f := func(text, want string) {
		t.Helper()
		pr, err := ParseProjection(text, testEnv())
		if err != nil {
			t.Errorf("%q: %v", text, err)
			return
		}
		if got := jsonOf(pr.Apply(item)); got != want {
			t.Errorf("%q gives %s, want %s", text, got, want)
		}
	}
	f("b, p", `{"b":{"S":"hello"},"p":{"S":"k"}}`)
	f("a.b[0]", `{"a":{"M":{"b":{"L":[{"N":"2"}]}}}}`)
	f("a.b[2].y", `{"a":{"M":{"b":{"L":[{"M":{"y":{"S":"yo"}}}]}}}}`)
	// lists close up, in the order of the indexes
	f("a.b[2], a.b[0]", `{"a":{"M":{"b":{"L":[{"N":"2"},{"M":{"x":{"S":"hi"},"y":{"S":"yo"}}}]}}}}`)
	f("a.b[0], a.c, b", `{"a":{"M":{"b":{"L":[{"N":"2"}]},"c":{"N":"5"}}},"b":{"S":"hello"}}`)
	f("a.b[2].x, a.b[1], a.b[2].y, a.b[7]", `{"a":{"M":{"b":{"L":[{"N":"4"},{"M":{"x":{"S":"hi"},"y":{"S":"yo"}}}]}}}}`)
	f("#dot", `{"x.y":{"N":"1"}}`)
	f("e", `{"e":{"M":{}}}`)
	// what is not there is left out, with everything around it
	for _, text := range []string{"x", "a.b[3]", "a.x", "a.x.y", "a.b[3].x", "a.b.x", "a[0]", "a.b[0].x", "a.b[0][0]", "b.x", "b[0]", "e.x"} {
		f(text, `{}`)
	}
	f("a.x, a.b[0], x, a.b[3].x", `{"a":{"M":{"b":{"L":[{"N":"2"}]}}}}`)
}

// #116, #168: which attributes a projection needs.
func TestProjectionNames(t *testing.T) {
	pr, err := ParseProjection("c.d, #a, c.e, #dot, b[1]", testEnv())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := pr.TopLevelNames(), []string{"c", "a", "x.y", "b"}; !slices.Equal(got, want) {
		t.Errorf("TopLevelNames() = %q, want %q", got, want)
	}
	if got, want := pr.NestedNames(), []string{"b", "c"}; !slices.Equal(got, want) {
		t.Errorf("NestedNames() = %q, want %q", got, want)
	}
}
