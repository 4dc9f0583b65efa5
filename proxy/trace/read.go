package trace

import (
	"bytes"
	"strconv"

	"millrace/ddb"
	"millrace/ddb/expr"
)

// reading is a request whose line is being made.
type reading struct {
	recorder *Recorder
	scope    string
	line     *request
	err      error
}

// readers put into a line what a request says, by operation. Those that are not here have a line with their name alone.
var readers = map[ddb.Operation]func(*reading, *ddb.Request){
	ddb.GetItem: reader(func(r *reading, in *ddb.GetItemInput) {
		r.item("get", in.TableName, in.Key, 0)
		r.line.Consistent = is(in.ConsistentRead)
	}),
	ddb.PutItem: reader(func(r *reading, in *ddb.PutItemInput) {
		r.item("put", in.TableName, in.Item, in.Item.Size())
	}),
	ddb.UpdateItem: reader(func(r *reading, in *ddb.UpdateItemInput) {
		r.item("update", in.TableName, in.Key, sizeOf(in.ExpressionAttributeValues))
	}),
	ddb.DeleteItem: reader(func(r *reading, in *ddb.DeleteItemInput) {
		r.item("delete", in.TableName, in.Key, 0)
	}),
	ddb.BatchGetItem: reader(func(r *reading, in *ddb.BatchGetItemInput) {
		for name, of := range in.RequestItems {
			for _, key := range of.Keys {
				r.item("get", name, key, 0)
			}
			r.line.Consistent = r.line.Consistent || is(of.ConsistentRead)
		}
	}),
	ddb.BatchWriteItem: reader(func(r *reading, in *ddb.BatchWriteItemInput) {
		for name, writes := range in.RequestItems {
			for _, w := range writes {
				if w.PutRequest != nil {
					r.item("put", name, w.PutRequest.Item, w.PutRequest.Item.Size())
				} else if w.DeleteRequest != nil {
					r.item("delete", name, w.DeleteRequest.Key, 0)
				}
			}
		}
	}),
	ddb.TransactGetItems: reader(func(r *reading, in *ddb.TransactGetItemsInput) {
		for _, t := range in.TransactItems {
			r.item("get", t.Get.TableName, t.Get.Key, 0)
		}
	}),
	ddb.TransactWriteItems: reader(func(r *reading, in *ddb.TransactWriteItemsInput) {
		for _, t := range in.TransactItems {
			switch {
			case t.Put != nil:
				r.item("put", t.Put.TableName, t.Put.Item, t.Put.Item.Size())
			case t.Update != nil:
				r.item("update", t.Update.TableName, t.Update.Key, sizeOf(t.Update.ExpressionAttributeValues))
			case t.Delete != nil:
				r.item("delete", t.Delete.TableName, t.Delete.Key, 0)
			case t.ConditionCheck != nil:
				r.item("check", t.ConditionCheck.TableName, t.ConditionCheck.Key, 0)
			}
		}
	}),
	ddb.Query: reader((*reading).query),
	ddb.Scan: reader(func(r *reading, in *ddb.ScanInput) {
		p := part{Table: in.TableName}
		if in.IndexName != nil {
			p.Index = *in.IndexName
		}
		if t := r.table(in.TableName); t != nil {
			p.Table = t.Table
		}
		r.line.On = []part{p}
		if in.Limit != nil {
			r.line.Limit = *in.Limit
		}
		r.line.Consistent = is(in.ConsistentRead)
	}),
}

// reader makes one of a function on an operation's input. What DynamoDB refuses to decode has no more to say.
func reader[T any](read func(*reading, *T)) func(*reading, *ddb.Request) {
	return func(r *reading, req *ddb.Request) {
		if in, err := ddb.InputAs[T](req); err == nil {
			read(r, in)
		}
	}
}

// is reads an optional truth.
func is(b *bool) bool { return b != nil && *b }

// sizeOf is about how much an update changes.
func sizeOf(values ddb.Values) (n int) {
	for _, v := range values {
		n += v.Size()
	}
	return n
}

// table gives a table's keys, nil if they are not known.
func (r *reading) table(name string) *table {
	// A table may be named by its ARN.
	t, err := r.recorder.table(r.scope, ddb.TableName(name))
	if err != nil {
		r.err = err
	}
	return t
}

// item adds an item that holds its key, or is one.
func (r *reading) item(do, name string, item ddb.Item, size int) {
	p := part{Table: name, Do: do, Bytes: size}
	if t := r.table(name); t != nil {
		p.Table = t.Table
		s := t.description.KeySchema
		p.Key = r.values(item, append(s.HashAll(), s.RangeAll()...))
	}
	r.line.On = append(r.line.On, p)
}

// values are the masked values of attributes; nil if the item lacks one, which DynamoDB refuses.
func (r *reading) values(item ddb.Item, names []string) []string {
	var out []string
	for _, name := range names {
		v, ok := item.Get(name)
		if !ok || !v.Kind().IsKey() {
			return nil
		}
		out = append(out, r.recorder.mask.value(name, v))
	}
	return out
}

// rangeWords are the operators of a Query on its sort key.
var rangeWords = map[expr.RangeOp]string{
	expr.RangeEQ: "=", expr.RangeLT: "<", expr.RangeLE: "<=", expr.RangeGT: ">", expr.RangeGE: ">=",
	expr.RangeBetween: "BETWEEN", expr.RangeBeginsWith: "begins_with",
}

// query notes the partition and the range. Hashed values keep no order, so that only "=" means something then.
func (r *reading) query(in *ddb.QueryInput) {
	p := part{Table: in.TableName}
	defer func() { r.line.On = []part{p} }()
	if in.Limit != nil {
		r.line.Limit = *in.Limit
	}
	r.line.Descending = in.ScanIndexForward != nil && !*in.ScanIndexForward
	r.line.Consistent = is(in.ConsistentRead)
	if in.IndexName != nil {
		p.Index = *in.IndexName
	}
	t := r.table(in.TableName)
	if t == nil {
		return
	}
	p.Table = t.Table
	schema := t.description.KeySchema
	if p.Index != "" {
		info, ok := t.description.Index(p.Index)
		if !ok {
			return
		}
		schema = info.KeySchema
	}
	var condition *expr.KeyCondition
	var fault *ddb.Error
	if in.KeyConditionExpression != nil {
		condition, fault = expr.ParseKeyCondition(*in.KeyConditionExpression, expr.NewEnv(in.ExpressionAttributeNames, in.ExpressionAttributeValues))
	} else {
		condition, fault = expr.ParseKeyConditions(in.KeyConditions)
	}
	if fault != nil {
		return
	}
	bound, fault := condition.Bind(schema, t.description.AttributeKind)
	if fault != nil || len(bound.Hash) != 1 || len(bound.RangeEq) > 0 {
		return
	}
	p.Key = []string{r.recorder.mask.value(schema.Hash(), bound.Hash[0])}
	if word := rangeWords[bound.Op]; word != "" {
		r.line.Range = []string{word, r.recorder.mask.value(schema.Range(), bound.A)}
		if bound.Op == expr.RangeBetween {
			r.line.Range = append(r.line.Range, r.recorder.mask.value(schema.Range(), bound.B))
		}
	}
}

// counts tell from an answer how many items it holds, without decoding it.
var counts = map[ddb.Operation]func(answer []byte) int{
	ddb.GetItem: func(answer []byte) int {
		if bytes.Contains(answer, []byte(`"Item":{`)) {
			return 1
		}
		return 0
	},
	ddb.Query: pageCount,
	ddb.Scan:  pageCount,
}

// pageCount reads the member Count. Where the same text stands in an item, a value or a brace follows it and no digit.
func pageCount(answer []byte) int {
	member := []byte(`"Count":`)
	for rest := answer; ; {
		i := bytes.Index(rest, member)
		if i < 0 {
			return 0
		}
		rest = rest[i+len(member):]
		digits := rest[:len(rest)-len(bytes.TrimLeft(rest, "0123456789"))]
		if n, err := strconv.Atoi(string(digits)); err == nil {
			return n
		}
	}
}
