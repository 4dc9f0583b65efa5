package proxy

import (
	"bytes"

	"millrace/cache"
	"millrace/cache/coherence"
	"millrace/ddb"
	"millrace/ddb/expr"
)

// querySpan is the part of an index that a key condition reads: the partition and the interval of positions.
func querySpan(x *cache.IndexLayout, name string, r expr.KeyRange) coherence.Span {
	span := coherence.Span{Index: name, Partition: []byte{}, Eventual: x.Global}
	for _, v := range r.Hash {
		span.Partition = ddb.AppendKeyValue(span.Partition, v)
	}
	var prefix []byte
	for _, v := range r.RangeEq {
		prefix = ddb.AppendKeyValue(prefix, v)
	}
	// Encoded attributes are no prefixes of each other and sort as the values do, so those that begin with the same
	// ones are the interval from there to the next that does not.
	at := func(v ddb.AttributeValue) []byte { return ddb.AppendKeyValue(bytes.Clone(prefix), v) }
	span.Lo, span.Hi = prefix, after(prefix)
	switch r.Op {
	case expr.RangeEQ:
		span.Lo, span.Hi = at(r.A), after(at(r.A))
	case expr.RangeLT:
		span.Hi = at(r.A)
	case expr.RangeLE:
		span.Hi = after(at(r.A))
	case expr.RangeGT:
		span.Lo = after(at(r.A))
	case expr.RangeGE:
		span.Lo = at(r.A)
	case expr.RangeBetween:
		span.Lo, span.Hi = at(r.A), after(at(r.B))
	case expr.RangeBeginsWith:
		span.Lo = ddb.AppendKeyPrefix(bytes.Clone(prefix), r.A)
		span.Hi = after(span.Lo)
	}
	return span
}

// after is the first position after all that begin with prefix; nil when there is none. The result is the caller's.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xFF {
			end := bytes.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}

// scanned is the part of span that a page has read: after start, its ExclusiveStartKey, and up to and with last, its
// LastEvaluatedKey; each may be nil. Among items of an index with equal sort attributes the order is not known, so
// there the position of start counts as read too.
func (r *Rules) scanned(span coherence.Span, x *cache.IndexLayout, start, last ddb.Item, reverse bool) coherence.Span {
	if span.Partition == nil {
		return span
	}
	raise := func(lo []byte) {
		if bytes.Compare(lo, span.Lo) > 0 {
			span.Lo = lo
		}
	}
	lower := func(hi []byte) {
		if hi != nil && (span.Hi == nil || bytes.Compare(hi, span.Hi) < 0) {
			span.Hi = hi
		}
	}
	ties := x.Name != ""
	if start != nil {
		// A key without a position bounds nothing.
		if at, ok := x.AppendPosition(nil, start); ok {
			switch {
			case reverse && ties:
				lower(after(at))
			case reverse:
				lower(at)
			case ties && r.Start:
				raise(at)
			default:
				raise(after(at))
			}
		}
	}
	if last != nil {
		if at, ok := x.AppendPosition(nil, last); ok {
			switch {
			case reverse:
				raise(at)
			case r.Last:
				lower(after(at))
			default:
				lower(at)
			}
		}
	}
	return span
}
