package engine

import (
	"crypto/md5"
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"

	"millrace/ddb"
)

// How the store's keys are laid out. The first byte is a family; numbers are big endian, so that keys sort as their
// parts do.
//
//	system   's' name
//	table    'd' table(4)                                        the table's record, as JSON
//	counter  'n' table(4) index(2)                               entries and bytes of a table or index
//	item     'i' table(4) index(2)=0 hash(8) partition sort      an item
//	entry    'i' table(4) index(2)   hash(8) partition sort base an index entry; base is the item's key from its hash on
//	expiry   't' table(4) expiry(8)  base                        an item that expires, while time to live is on
//	stream, shard, log                                           in stream_keys.go
//	progress 'p' table(4) index(2)                               how far an index is filled, or (0) a table restored
//	backup   'k' backup(4)                                       the backup's record, as JSON
//	copy     'b' backup(4) hash(8) partition sort                an item in a backup
//	token    'c' period(8) operation(1) scope 0 token            a transaction, for those who send it again
//
// hash is the start of the MD5 of the partition key's raw bytes, which is the order that DynamoDB's own scans and
// parallel segments show. partition and sort are ddb.AppendKeyValue's. Numbers of tables and indexes are never reused.
const (
	familySystem   = 's'
	familyTable    = 'd'
	familyCounter  = 'n'
	familyItem     = 'i'
	familyExpiry   = 't'
	familyProgress = 'p'
	familyBackup   = 'k'
	familyCopy     = 'b'
)

// The lengths of the fixed parts: what comes before the hash in an item's key, before the time in an expiry entry's,
// before the hash in a copy's, and the hash.
const (
	itemHeaderBytes   = 1 + 4 + 2
	expiryHeaderBytes = 1 + 4
	copyHeaderBytes   = 1 + 4
	hashBytes         = 8
)

// The system keys: the version of this layout, the next table's and the last backup's number, as decimal text.
const (
	systemFormat     = string(familySystem) + "format"
	systemNextTable  = string(familySystem) + "next-table"
	systemLastBackup = string(familySystem) + "last-backup"
)

// layoutFormat is the version of everything described here and in codec.go.
const layoutFormat = 1

// baseIndex is the index number under which a table's items themselves are kept.
const baseIndex = 0

// keyspaceRange bounds all items of a table, or entries of one of its indexes.
func keyspaceRange(table uint32, index uint16) (lower, upper []byte) {
	lower = appendItemHeader(nil, table, index)
	return lower, prefixEnd(lower)
}

// appendItemHeader appends what every key of a table, or of one of its indexes, begins with.
func appendItemHeader(dst []byte, table uint32, index uint16) []byte {
	dst = append(dst, familyItem)
	dst = binary.BigEndian.AppendUint32(dst, table)
	return binary.BigEndian.AppendUint16(dst, index)
}

// tableKey is where a table's record is kept.
func tableKey(table uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{familyTable}, table)
}

// counterKey is where the counter of a table, or of one of its indexes, is kept.
func counterKey(table uint32, index uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32([]byte{familyCounter}, table), index)
}

// tableOf is the table number in any store key that has one.
func tableOf(k []byte) uint32 { return binary.BigEndian.Uint32(k[1:]) }

// progressKey is where it is kept how far an index of a table is filled, or the table itself (baseIndex) restored.
func progressKey(table uint32, index uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32([]byte{familyProgress}, table), index)
}

// backupKey is where a backup's record is kept.
func backupKey(backup uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{familyBackup}, backup)
}

// copyKey is where a backup keeps the item whose store key is itemKey.
func copyKey(backup uint32, itemKey []byte) []byte {
	dst := append(make([]byte, 0, len(itemKey)), familyCopy)
	dst = binary.BigEndian.AppendUint32(dst, backup)
	return append(dst, itemKey[itemHeaderBytes:]...)
}

// expiryKey is the place in its table's expiry queue of the item at itemKey. when is in milliseconds of the Unix epoch.
func expiryKey(table uint32, when int64, itemKey []byte) []byte {
	dst := binary.BigEndian.AppendUint32([]byte{familyExpiry}, table)
	dst = binary.BigEndian.AppendUint64(dst, uint64(when))
	return append(dst, itemKey[itemHeaderBytes:]...)
}

// expiryItemKey is the store key of the item whose place in the queue is k; when is what expiryKey was given.
func expiryItemKey(k []byte) (itemKey []byte, when int64) {
	table := binary.BigEndian.Uint32(k[1:])
	when = int64(binary.BigEndian.Uint64(k[expiryHeaderBytes:]))
	return append(appendItemHeader(nil, table, baseIndex), k[expiryHeaderBytes+8:]...), when
}

// prefixRange bounds the keys that begin with family and table.
func prefixRange(family byte, table uint32) (lower, upper []byte) {
	lower = binary.BigEndian.AppendUint32([]byte{family}, table)
	return lower, prefixEnd(lower)
}

// prefixEnd is the first key after all that begin with prefix; nil when there is none. The result is the caller's.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// itemKey is the store key of the item whose primary key attributes are in key; other attributes are ignored, so that
// a whole item serves as well. The error is DynamoDB's for a key that does not match the schema.
func (t *table) itemKey(key ddb.Item) ([]byte, *ddb.Error) {
	k, ok := appendKeyed(appendItemHeader(make([]byte, 0, 64), t.number, baseIndex), t.desc.KeySchema, key)
	if !ok {
		return nil, ddb.Validation("The provided key element does not match the schema")
	}
	return k, nil
}

// entryKey is the store key of item's entry in idx; false where item has none. itemKey is the item's own store key.
func (t *table) entryKey(idx *index, item ddb.Item, itemKey []byte) ([]byte, bool) {
	k, ok := appendKeyed(appendItemHeader(make([]byte, 0, 128), t.number, idx.number), idx.KeySchema, item)
	if !ok {
		return nil, false
	}
	// Entries with equal index keys are ordered by the hash of the item's own key, as DynamoDB orders them.
	return append(k, itemKey[itemHeaderBytes:]...), true
}

// cursorKey is the store key of the item, or the entry of idx, that an ExclusiveStartKey names. The item need not
// exist; nil means that start lacks a key attribute or has one that is not S, N or B.
func (t *table) cursorKey(idx *index, start ddb.Item) []byte {
	k, err := t.itemKey(start)
	if err != nil {
		return nil
	}
	if idx == nil {
		return k
	}
	k, _ = t.entryKey(idx, start, k)
	return k
}

// partitionPrefix is what the store keys of all items with this partition key begin with, in the table (idx nil) or in
// an index; hash holds the values of all its HASH attributes, in schema order. Sort key values follow it, each by
// ddb.AppendKeyValue.
func (t *table) partitionPrefix(idx *index, hash ...ddb.AttributeValue) []byte {
	k := appendItemHeader(make([]byte, 0, 64), t.number, idx.numberOrBase())
	k = appendHash(k, hash...)
	for _, v := range hash {
		k = ddb.AppendKeyValue(k, v)
	}
	return k
}

// scanSlots is how finely parallel scans cut the hash space for up to that many segments, as DynamoDB's own segments
// show; more segments cut exactly.
const scanSlots = 4096

// segmentBounds bounds one of total parts of the table (idx nil) or index; lower is inclusive, upper exclusive. The
// parts cover everything once. Segment 0 of 1 is the whole.
func (t *table) segmentBounds(idx *index, segment, total int) (lower, upper []byte) {
	header := appendItemHeader(nil, t.number, idx.numberOrBase())
	bound := func(n int) []byte {
		if n == 0 {
			return header
		}
		if n == total {
			return prefixEnd(header)
		}
		var start uint64
		if total <= scanSlots {
			start = uint64((n*scanSlots+total-1)/total) << (64 - 12)
		} else {
			start, _ = bits.Div64(uint64(n), 0, uint64(total))
		}
		return binary.BigEndian.AppendUint64(header[:len(header):len(header)], start)
	}
	return bound(segment), bound(segment + 1)
}

// appendKeyed appends the hash of item's partition key and then its key attributes; false if one is missing or of a
// kind that cannot be a key.
func appendKeyed(dst []byte, schema ddb.KeySchema, item ddb.Item) ([]byte, bool) {
	var hash [4]ddb.AttributeValue
	n := 0
	for _, e := range schema {
		if e.KeyType != "HASH" {
			break
		}
		v, ok := item.Get(e.AttributeName)
		if !ok || !v.Kind().IsKey() {
			return nil, false
		}
		hash[n] = v
		n++
	}
	dst = appendHash(dst, hash[:n]...)
	return ddb.AppendKey(dst, schema, item)
}

// appendHash appends the first bytes of the MD5 of a partition key's raw bytes.
func appendHash(dst []byte, hash ...ddb.AttributeValue) []byte {
	var buf [64]byte
	raw := buf[:0]
	for _, v := range hash {
		if v.Kind() == ddb.KindN {
			raw = appendPackedNumber(raw, v.Num())
		} else {
			raw = append(raw, v.Str()...)
		}
	}
	sum := md5.Sum(raw)
	return append(dst, sum[:hashBytes]...)
}

// appendPackedNumber appends a number in the packed decimal form that DynamoDB hashes numeric partition keys in
// (assumed from the order of its scans): an exponent byte of base 100, two decimal digits to a byte, complemented and
// closed by 102 for negatives, as in Oracle's NUMBER. canonical is ddb's form of it.
func appendPackedNumber(dst []byte, canonical string) []byte {
	text, negative := strings.CutPrefix(canonical, "-")
	mantissa, exp := text, 0
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		exp, _ = strconv.Atoi(strings.TrimPrefix(text[i+1:], "+"))
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	exp += len(whole)
	trimmed := strings.TrimLeft(digits, "0")
	exp -= len(digits) - len(trimmed)
	digits = strings.TrimRight(trimmed, "0")
	if digits == "" {
		return append(dst, 0x80)
	}
	// exp now places the decimal point before the first digit. An odd one needs a leading zero to make pairs.
	if exp&1 != 0 {
		digits = "0" + digits
		exp++
	}
	if len(digits)&1 != 0 {
		digits += "0"
	}
	first := byte(exp/2 + 192)
	if negative {
		first = ^first
	}
	dst = append(dst, first)
	for i := 0; i < len(digits); i += 2 {
		d := (digits[i]-'0')*10 + (digits[i+1] - '0') + 1
		if negative {
			d = 102 - d
		}
		dst = append(dst, d)
	}
	if negative && len(digits)/2 < 20 {
		dst = append(dst, 102)
	}
	return dst
}
