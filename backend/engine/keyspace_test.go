package engine

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"testing"

	"millrace/ddb"
)

// keyedTable is table number 3, with a hash key of the given kind, a numeric range key and a global index.
func keyedTable(kind string) *table {
	return newTable(3, tableRecord{
		IndexNumbers: map[string]uint16{"g": 2},
		Description: &ddb.TableDescription{
			TableName:            "t",
			AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: "h", AttributeType: kind}, {AttributeName: "r", AttributeType: "N"}, {AttributeName: "x", AttributeType: "S"}},
			KeySchema:            ddb.KeySchema{{AttributeName: "h", KeyType: "HASH"}, {AttributeName: "r", KeyType: "RANGE"}},
			GlobalSecondaryIndexes: []ddb.GlobalSecondaryIndexDescription{{
				IndexName: "g", KeySchema: ddb.KeySchema{{AttributeName: "x", KeyType: "HASH"}}, Projection: &ddb.Projection{ProjectionType: "KEYS_ONLY"},
			}},
		},
	})
}

// number makes an N.
func number(t *testing.T, text string) ddb.AttributeValue {
	t.Helper()
	v, err := ddb.NumberValue(text)
	if err != nil {
		t.Fatalf("NumberValue(%q): %v", text, err)
	}
	return v
}

func TestItemsOfAPartitionAreStoredInSortKeyOrder(t *testing.T) {
	t.Parallel()
	// #162: ascending by sort key, numbers by value.
	tab := keyedTable("S")
	sorted := []string{"-1E+10", "-3.5", "-3", "0", "1E-5", "2", "10", "10.5", "1E+30"}
	var keys [][]byte
	for _, n := range sorted {
		k, err := tab.itemKey(ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue("p")}, ddb.Attribute{Name: "r", Value: number(t, n)}))
		if err != nil {
			t.Fatal(err)
		}
		if prefix := tab.partitionPrefix(nil, ddb.StringValue("p")); !bytes.HasPrefix(k, prefix) {
			t.Errorf("itemKey(%s) = %x, want prefix %x", n, k, prefix)
		}
		keys = append(keys, k)
	}
	if !slices.IsSortedFunc(keys, bytes.Compare) {
		t.Errorf("keys of %v are not in order", sorted)
	}
}

func TestPartitionsAreHashedByMD5(t *testing.T) {
	t.Parallel()
	// #260: the order of partitions is that of the MD5 of the key's raw bytes.
	f := func(kind string, v ddb.AttributeValue, want string) {
		t.Helper()
		got := keyedTable(kind).partitionPrefix(nil, v)[itemHeaderBytes : itemHeaderBytes+hashBytes]
		if hex.EncodeToString(got) != want {
			t.Errorf("hash of %v = %x, want %s", v, got, want)
		}
	}
	f("S", ddb.StringValue("abc"), "900150983cd24fb0")
	f("B", ddb.BinaryValue("abc"), "900150983cd24fb0")
	// Numbers are hashed in packed decimal: 1 is c1 02.
	f("N", number(t, "1"), md5Prefix("c102"))
}

// md5Prefix is the hash part of a partition whose raw key is this hex text.
func md5Prefix(raw string) string {
	b, _ := hex.DecodeString(raw)
	return hex.EncodeToString(appendHash(nil, ddb.BinaryValue(string(b))))
}

func TestNumbersArePackedAsOracleDoes(t *testing.T) {
	t.Parallel()
	// Examples of the NUMBER format as Oracle's DUMP function prints it, and zero.
	f := func(text, want string) {
		t.Helper()
		if got := hex.EncodeToString(appendPackedNumber(nil, number(t, text).Num())); got != want {
			t.Errorf("appendPackedNumber(%s) = %s, want %s", text, got, want)
		}
	}
	f("0", "80")
	f("1", "c102")
	f("100", "c202")
	f("123", "c20218")
	f("0.5", "c033")
	f("0.01", "c002")
	f("0.001", "bf0b")
	f("-1", "3e6466")
	f("-123", "3d644e66")
	f("1E+30", "d002")
}

func TestIndexTiesAreInOrderOfTheBaseKeysHash(t *testing.T) {
	t.Parallel()
	// #162, #259.
	tab := keyedTable("S")
	type entry struct {
		key  []byte
		hash string
	}
	var entries []entry
	for i := range 50 {
		h := ddb.StringValue(strconv.Itoa(i))
		item := ddb.ItemOf(ddb.Attribute{Name: "h", Value: h}, ddb.Attribute{Name: "r", Value: number(t, "1")}, ddb.Attribute{Name: "x", Value: ddb.StringValue("same")})
		itemKey, _ := tab.itemKey(item)
		k, ok := tab.entryKey(tab.indexes[0], item, itemKey)
		if !ok {
			t.Fatalf("item %d has no entry", i)
		}
		if !bytes.Equal(tab.cursorKey(tab.indexes[0], item), k) {
			t.Errorf("cursorKey of item %d is not its entry's key", i)
		}
		entries = append(entries, entry{k, string(appendHash(nil, h))})
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	if !slices.IsSortedFunc(entries, func(a, b entry) int { return bytes.Compare([]byte(a.hash), []byte(b.hash)) }) {
		t.Error("entries with equal index keys are not ordered by their items' hash")
	}
}

func TestSegmentsCoverEverythingOnce(t *testing.T) {
	t.Parallel()
	// #174.
	tab := keyedTable("S")
	for _, total := range []int{1, 2, 3, 7, 100, 4096, 5000, 1000000} {
		lower, upper := keyspaceRange(tab.number, baseIndex)
		at := lower
		for s := range total {
			lo, hi := tab.segmentBounds(nil, s, total)
			if !bytes.Equal(lo, at) {
				t.Fatalf("segment %d of %d begins at %x, the one before ended at %x", s, total, lo, at)
			}
			if bytes.Compare(lo, hi) >= 0 {
				t.Fatalf("segment %d of %d is empty: %x to %x", s, total, lo, hi)
			}
			at = hi
		}
		if !bytes.Equal(at, upper) {
			t.Errorf("%d segments end at %x, want %x", total, at, upper)
		}
	}
}

func TestExpiryKeysSortByTimeAndLeadBack(t *testing.T) {
	t.Parallel()
	tab := keyedTable("S")
	itemKey, _ := tab.itemKey(ddb.ItemOf(ddb.Attribute{Name: "h", Value: ddb.StringValue("p")}, ddb.Attribute{Name: "r", Value: number(t, "1")}))
	var last []byte
	for _, when := range []int64{0, 1, 255, 256, 1700000000000, 999999999999999} {
		k := expiryKey(tab.number, when, itemKey)
		if bytes.Compare(last, k) >= 0 {
			t.Errorf("expiryKey(%d) = %x does not follow %x", when, k, last)
		}
		if gotKey, got := expiryItemKey(k); got != when || !bytes.Equal(gotKey, itemKey) {
			t.Errorf("expiryItemKey(%x) = %x, %d, want %x, %d", k, gotKey, got, itemKey, when)
		}
		last = k
	}
}
