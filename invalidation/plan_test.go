package invalidation

import (
	"fmt"
	"slices"
	"testing"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
)

// where prints positions as index, partition and position; "*" is anywhere.
func where(t *testing.T, positions []coherence.Position) []string {
	t.Helper()
	decode := func(b []byte) string {
		if len(b) == 0 {
			return "*"
		}
		v, _, err := ddb.DecodeKeyValue(b)
		if err != nil {
			t.Fatal(err)
		}
		return v.Str()
	}
	var out []string
	for _, p := range positions {
		out = append(out, fmt.Sprintf("%s %s/%s", p.Index, decode(p.Partition), decode(p.Pos)))
	}
	slices.Sort(out)
	return out
}

// An update that names none of an index's key attributes leaves the item where it is in the index, so that the image it
// leaves tells both places.
func TestUpdateOfOtherAttributesStaysInItsPlace(t *testing.T) {
	t.Parallel()
	schema := &cache.Schema{Layout: cache.NewLayout(indexed())}
	f := func(updates []string, want ...string) {
		t.Helper()
		k := &keyEffect{schema: schema, change: change{key: things("h1s1"), updates: updates}}
		o := &outcome{result: coherence.Applied, new: told{known: true, exists: true, item: things("h1s1g2r1")}}
		got := where(t, k.positions(nil, allRules(), o, func() told { return told{} }, true))
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("update of %q touched %q, want %q", updates, got, want)
		}
	}
	exact := []string{"all 2/1", "keys 2/1", "local 1/1", "local* 1/1"}
	f([]string{}, exact...)
	f([]string{"v", "w"}, exact...)
	f([]string{"g"}, "all */*", "keys */*", "local 1/1", "local* 1/1")
	f(nil, "all */*", "keys */*", "local 1/*", "local* 1/*")
}

// An update whose answer shows neither image, as with UPDATED_NEW, touches of the global indexes what its expression and the cached item
// tell: nothing of one that holds none of what it changes, and the item's place where its key stays. The record tells the rest.
func TestUpdateWithoutImagesTouchesWhatItMayHaveChanged(t *testing.T) {
	t.Parallel()
	desc := indexed()
	desc.GlobalSecondaryIndexes = append(desc.GlobalSecondaryIndexes, ddb.GlobalSecondaryIndexDescription{
		IndexName: "turned", IndexStatus: "ACTIVE", Projection: &ddb.Projection{ProjectionType: "KEYS_ONLY"},
		KeySchema: ddb.KeySchema{{AttributeName: "s", KeyType: "HASH"}, {AttributeName: "h", KeyType: "RANGE"}},
	})
	schema := &cache.Schema{Layout: cache.NewLayout(desc)}
	cached := told{known: true, exists: true, item: things("h1s1g1r1")}
	f := func(updates []string, cached told, want ...string) {
		t.Helper()
		k := &keyEffect{schema: schema, change: change{key: things("h1s1"), updates: updates}}
		got := where(t, k.positions(nil, allRules(), &outcome{result: coherence.Applied}, func() told { return cached }, true))
		want = append(want, "local 1/*", "local* 1/*", "turned 1/1") // a created item is there
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("update of %q with %v cached touched %q, want %q", updates, cached, got, want)
		}
	}
	f([]string{"v"}, cached, "all 1/1")
	f([]string{"v"}, told{}, "all */*")
	f([]string{"v"}, told{known: true}, "all */*")
	f([]string{"g"}, cached, "all */*", "keys */*")
	f([]string{"g"}, told{}, "all */*", "keys */*")
	f(nil, cached, "all */*", "keys */*")
}

// R43, precision 7: an own write's places in indexes are exact as far as its images are known.
func TestOwnWriteTouchesIndexesAsFarAsItIsKnown(t *testing.T) {
	t.Parallel()
	schema := &cache.Schema{Layout: cache.NewLayout(indexed())}
	item := func(text string) told {
		if text == "" {
			return told{known: true}
		}
		return told{known: true, exists: true, item: things(text)}
	}
	f := func(why string, result coherence.Result, old, new, cached told, covered bool, want ...string) {
		t.Helper()
		k := &keyEffect{schema: schema, change: change{key: things("h1s1")}}
		got := where(t, k.positions(nil, allRules(), &outcome{result: result, old: old, new: new}, func() told { return cached }, covered))
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: touched %q, want %q", why, got, want)
		}
	}
	nothing := told{}
	f("both images", coherence.Applied, item("h1s1g1r1"), item("h1s1g2r1"), nothing, false,
		"all 1/1", "all 2/1", "keys 1/1", "keys 2/1", "local* 1/1")
	f("old image only cached", coherence.Applied, nothing, item("h1s1g2r1"), item("h1s1g1r1"), true,
		"all 1/1", "all 2/1", "keys 1/1", "keys 2/1", "local 1/*", "local* 1/*")
	f("known not to have been there", coherence.Applied, nothing, item("h1s1g2r1"), item(""), true,
		"all 2/1", "keys 2/1", "local 1/*", "local* 1/*")
	f("old image unknown", coherence.Applied, nothing, item("h1s1g2r1"), nothing, true,
		"all */*", "keys */*", "local 1/*", "local* 1/*")
	f("new image unknown", coherence.Applied, nothing, nothing, item("h1s1g1r1"), true,
		"all */*", "keys */*", "local 1/*", "local* 1/*")
	f("deleted", coherence.Applied, item("h1s1g1r1"), item(""), nothing, true,
		"all 1/1", "keys 1/1", "local 1/1", "local* 1/1")
	f("failed condition with its image", coherence.ConditionFailed, nothing, item("h1s1g2r1"), item("h1s1g1r1"), true,
		"all 1/1", "all 2/1", "keys 1/1", "keys 2/1", "local 1/*", "local* 1/*")
	f("unknown outcome, the record will tell", coherence.Ambiguous, nothing, nothing, item("h1s1g1r1"), true,
		"local 1/*", "local* 1/*")
	f("unknown outcome, nobody will", coherence.Ambiguous, nothing, nothing, nothing, false,
		"all */*", "keys */*", "local 1/*", "local* 1/*")
	k := &keyEffect{schema: schema, change: change{key: things("h1s1g2r1")}} // a put's key is its whole item
	if got, want := where(t, k.positions(nil, allRules(), &outcome{result: coherence.Ambiguous}, func() told { return nothing }, true)), []string{"local 1/*", "local* 1/*"}; !slices.Equal(got, want) {
		t.Errorf("put of unknown outcome: touched %q, want %q", got, want)
	}
	f("not applied", coherence.NotApplied, nothing, nothing, nothing, false)
}

// The item that a failed condition shows stands where the client may look for it next.
func TestRefusalTouchesWhereItShowsTheItem(t *testing.T) {
	t.Parallel()
	k := &keyEffect{schema: &cache.Schema{Layout: cache.NewLayout(indexed())}, change: change{key: things("h1s1")}}
	o := &outcome{result: coherence.ConditionFailed}
	o.refused(&ddb.Error{Code: "ConditionalCheckFailedException", HasItem: true, Item: things("h1s1g2r1")})
	got := where(t, k.positions(nil, allRules(), o, func() told { return told{known: true, exists: true, item: things("h1s1g1r1")} }, true))
	if want := []string{"all 1/1", "all 2/1", "keys 1/1", "keys 2/1", "local 1/*", "local* 1/*"}; !slices.Equal(got, want) {
		t.Errorf("touched %q, want %q", got, want)
	}
}

// Records touch what their view type lets them tell.
func TestRecordTouchesAsFarAsItTells(t *testing.T) {
	t.Parallel()
	desc := indexed()
	// An index keyed by the table's own key attributes, the other way round.
	desc.GlobalSecondaryIndexes = append(desc.GlobalSecondaryIndexes, ddb.GlobalSecondaryIndexDescription{
		IndexName: "turned", IndexStatus: "ACTIVE", Projection: &ddb.Projection{ProjectionType: "ALL"},
		KeySchema: ddb.KeySchema{{AttributeName: "s", KeyType: "HASH"}, {AttributeName: "h", KeyType: "RANGE"}},
	})
	l := cache.NewLayout(desc)
	f := func(why string, c ddb.Change, want ...string) {
		t.Helper()
		c.Key = things("h1s2")
		got := where(t, touched(l, &c))
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: touched %q, want %q", why, got, want)
		}
	}
	f("both images", ddb.Change{HasOld: true, HasNew: true, Old: things("h1s2g1r1"), New: things("h1s2g1r1v1")},
		" 1/2", "all 1/1", "local* 1/1", "turned 2/1")
	f("keys only", ddb.Change{HasOld: true, HasNew: true, OldUnknown: true, NewUnknown: true},
		" 1/2", "all */*", "keys */*", "local 1/*", "local* 1/*", "turned 2/1")
	f("new image only", ddb.Change{HasOld: true, HasNew: true, OldUnknown: true, New: things("h1s2g1r1")},
		" 1/2", "all */*", "keys */*", "local 1/*", "local* 1/*", "turned 2/1")
	f("new image of an insert", ddb.Change{OldUnknown: true, HasNew: true, New: things("h1s2g1r1")},
		" 1/2", "all 1/1", "keys 1/1", "local 1/1", "local* 1/1", "turned 2/1")
	f("old image of a removal", ddb.Change{HasOld: true, NewUnknown: true, Old: things("h1s2g1r1")},
		" 1/2", "all 1/1", "keys 1/1", "local 1/1", "local* 1/1", "turned 2/1")
}

// allRules is AllRules where a pointer is wanted.
func allRules() *Rules {
	r := AllRules()
	return &r
}
