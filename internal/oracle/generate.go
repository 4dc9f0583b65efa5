package main

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// generator makes the operations of one list. Everything that it draws comes from few values, so that operations meet.
type generator struct {
	*rand.Rand
	tables []shape
}

// shape is a table that lists use.
type shape struct {
	name string
	// keys are the attributes of the primary key, and indexes those of each index, with their types: "pk:S".
	keys    []string
	indexes []indexShape
}

// indexShape is an index of a shape.
type indexShape struct {
	name       string
	local      bool
	keys       []string
	projection string // a ProjectionType; INCLUDE is of attribute "a"
}

// shapes are the tables that a list may have.
var shapes = []shape{
	{"$hash", []string{"pk:S"}, []indexShape{{"by-g", false, []string{"g:S", "h:N"}, "ALL"}}},
	{"$range", []string{"pk:S", "sk:N"}, []indexShape{{"by-l", true, []string{"pk:S", "l:S"}, "KEYS_ONLY"}, {"by-g", false, []string{"g:S"}, "INCLUDE"}}},
	{"$odd", []string{"pk:N", "sk:B"}, []indexShape{{"by-h", false, []string{"h:N", "pk:N"}, "KEYS_ONLY"}}},
}

// generate makes the list of a seed, without the operations to skip.
func generate(seed uint64, length int, skip []string) []op {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	var list []op
	for _, i := range g.Perm(len(shapes))[:1+g.IntN(2)] {
		g.tables = append(g.tables, shapes[i])
		list = append(list, op{"CreateTable", g.createTable(shapes[i])})
	}
	var weighed []string
	for _, name := range sortedKeys(makers) {
		if !slices.Contains(skip, name) {
			weighed = append(weighed, slices.Repeat([]string{name}, makers[name].weight)...)
		}
	}
	if len(weighed) == 0 {
		return list
	}
	for len(list) < length {
		name := pick(g, weighed...)
		body := makers[name].make(g, pick(g, g.tables...))
		if g.one(20) {
			body = g.spoil(body).(object)
		}
		list = append(list, op{name, body})
	}
	return list
}

// makers make a request of each operation, for a table; weight is how often.
var makers = map[string]struct {
	weight int
	make   func(*generator, shape) object
}{
	"PutItem":            {16, (*generator).putItem},
	"UpdateItem":         {20, (*generator).updateItem},
	"DeleteItem":         {6, (*generator).deleteItem},
	"GetItem":            {8, (*generator).getItem},
	"Query":              {14, (*generator).query},
	"Scan":               {8, (*generator).scan},
	"BatchWriteItem":     {4, (*generator).batchWrite},
	"BatchGetItem":       {4, (*generator).batchGet},
	"TransactWriteItems": {5, (*generator).transactWrite},
	"TransactGetItems":   {3, (*generator).transactGet},
	"DescribeTable":      {1, (*generator).describeTable},
	"ExecuteStatement":   {4, (*generator).executeStatement},
	"CreateTable":        {1, (*generator).createTable},
	"UpdateTable":        {1, (*generator).updateTable},
}

// pick draws one of a few.
func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

// split cuts "pk:S" in two.
func split(pair string) (name, kind string) {
	name, kind, _ = strings.Cut(pair, ":")
	return name, kind
}

// schema is a KeySchema.
func schema(keys []string) []any {
	var out []any
	for i, pair := range keys {
		name, _ := split(pair)
		out = append(out, object{"AttributeName": name, "KeyType": []string{"HASH", "RANGE"}[min(i, 1)]})
	}
	return out
}

// createTable makes the request that creates the table.
func (g *generator) createTable(t shape) object {
	kinds := map[string]string{}
	note := func(keys []string) {
		for _, pair := range keys {
			name, kind := split(pair)
			kinds[name] = kind
		}
	}
	note(t.keys)
	body := object{"TableName": t.name, "KeySchema": schema(t.keys), "BillingMode": "PAY_PER_REQUEST"}
	for _, index := range t.indexes {
		note(index.keys)
		projection := object{"ProjectionType": index.projection}
		if index.projection == "INCLUDE" {
			projection["NonKeyAttributes"] = []any{"a"}
		}
		member := "GlobalSecondaryIndexes"
		if index.local {
			member = "LocalSecondaryIndexes"
		}
		list, _ := body[member].([]any)
		body[member] = append(list, object{"IndexName": index.name, "KeySchema": schema(index.keys), "Projection": projection})
	}
	var definitions []any
	for _, name := range sortedKeys(kinds) {
		definitions = append(definitions, object{"AttributeName": name, "AttributeType": kinds[name]})
	}
	body["AttributeDefinitions"] = definitions
	return body
}

// updateTable makes a request that changes nothing, or that is refused: an index on DynamoDB takes minutes.
func (g *generator) updateTable(t shape) object {
	body := object{"TableName": t.name}
	switch g.IntN(4) {
	case 0:
		body["BillingMode"] = "PROVISIONED"
	case 1:
		body["GlobalSecondaryIndexUpdates"] = []any{object{"Delete": object{"IndexName": "no-such"}}}
	case 2:
		body["StreamSpecification"] = object{"StreamEnabled": false}
	}
	return body
}

// describeTable makes the request that describes the table.
func (g *generator) describeTable(t shape) object { return object{"TableName": t.name} }

// key draws a primary key of the table.
func (g *generator) key(t shape) object {
	key := object{}
	for _, pair := range t.keys {
		name, kind := split(pair)
		key[name] = g.keyValue(kind)
	}
	if g.one(60) {
		key["a"] = g.value(0)
	}
	return key
}

// attributes are names that items use beside their keys.
var attributes = []string{"a", "b", "c", "n", "s", "m", "l", "g", "h"}

// item draws an item of the table.
func (g *generator) item(t shape) object {
	item := g.key(t)
	for range g.IntN(6) {
		name := pick(g, attributes...)
		if _, isKey := item[name]; !isKey {
			item[name] = g.attribute(t, name)
		}
	}
	return item
}

// attribute draws a value for an attribute, mostly of the type that an index demands where it is a key of one.
func (g *generator) attribute(t shape, name string) object {
	for _, index := range t.indexes {
		for _, pair := range index.keys {
			if key, kind := split(pair); key == name && !g.one(25) {
				return g.keyValue(kind)
			}
		}
	}
	switch {
	case name == "n" && !g.one(6):
		return object{"N": g.number()}
	case name == "m" && !g.one(6):
		return object{"M": object{"x": g.value(1), "y": g.value(1)}}
	case name == "s" && !g.one(6):
		return object{"SS": g.distinct("x", "y", "z")}
	}
	return g.value(2)
}

// putItem makes a request to put an item.
func (g *generator) putItem(t shape) object {
	body := object{"TableName": t.name, "Item": g.item(t)}
	g.conditioned(t, body)
	g.returning(body, "NONE", "ALL_OLD")
	return body
}

// deleteItem makes a request to delete an item.
func (g *generator) deleteItem(t shape) object {
	body := object{"TableName": t.name, "Key": g.key(t)}
	g.conditioned(t, body)
	g.returning(body, "NONE", "ALL_OLD")
	return body
}

// updateItem makes a request to update an item.
func (g *generator) updateItem(t shape) object {
	body := object{"TableName": t.name, "Key": g.key(t)}
	if g.one(12) {
		updates := object{}
		for range 1 + g.IntN(3) {
			name := pick(g, attributes...)
			update := object{"Action": pick(g, "PUT", "ADD", "DELETE"), "Value": g.attribute(t, name)}
			if g.one(4) {
				delete(update, "Value")
			}
			updates[name] = update
		}
		body["AttributeUpdates"] = updates
	} else {
		e := g.expressions()
		if !g.one(15) {
			body["UpdateExpression"] = e.update(t)
		}
		if g.one(4) {
			body["ConditionExpression"] = e.condition(2)
		}
		e.attach(body)
	}
	g.returning(body, "NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
	return body
}

// conditioned adds a condition of one kind or another, at times.
func (g *generator) conditioned(t shape, body object) {
	switch {
	case g.one(4):
		e := g.expressions()
		body["ConditionExpression"] = e.condition(2)
		e.attach(body)
		if g.one(2) {
			body["ReturnValuesOnConditionCheckFailure"] = pick(g, "ALL_OLD", "NONE")
		}
	case g.one(12):
		body["Expected"] = object{pick(g, attributes...): g.expected()}
		if g.one(3) {
			body["ConditionalOperator"] = pick(g, "AND", "OR")
		}
	}
}

// returning adds what the answer to a write is to have, at times.
func (g *generator) returning(body object, words ...string) {
	if g.one(2) {
		body["ReturnValues"] = pick(g, words...)
	}
	if g.one(3) {
		body["ReturnConsumedCapacity"] = pick(g, "TOTAL", "INDEXES", "NONE")
	}
	if g.one(10) {
		body["ReturnItemCollectionMetrics"] = "SIZE"
	}
}

// getItem makes a request to get an item.
func (g *generator) getItem(t shape) object {
	body := object{"TableName": t.name, "Key": g.key(t)}
	e := g.expressions()
	switch {
	case g.one(2):
		body["ProjectionExpression"] = e.projection()
	case g.one(8):
		body["AttributesToGet"] = []any{pick(g, attributes...), "pk"}
	}
	e.attach(body)
	if g.one(3) {
		body["ConsistentRead"] = g.one(2)
	}
	if g.one(3) {
		body["ReturnConsumedCapacity"] = pick(g, "TOTAL", "INDEXES")
	}
	return body
}

// query makes a request to query the table or an index.
func (g *generator) query(t shape) object {
	body, keys := g.reading(t)
	e := g.expressions()
	hash, kind := split(keys[0])
	if g.one(10) {
		conditions := object{hash: object{"ComparisonOperator": "EQ", "AttributeValueList": []any{g.keyValue(kind)}}}
		if len(keys) > 1 && g.one(2) {
			name, kind := split(keys[1])
			conditions[name] = object{"ComparisonOperator": pick(g, "EQ", "LE", "LT", "GE", "GT", "BEGINS_WITH", "NE"), "AttributeValueList": []any{g.keyValue(kind)}}
		}
		body["KeyConditions"] = conditions
	} else {
		body["KeyConditionExpression"] = e.keyCondition(keys)
	}
	if g.one(3) {
		body["FilterExpression"] = e.condition(2)
	}
	if g.one(4) {
		body["ProjectionExpression"] = e.projection()
	}
	e.attach(body)
	if g.one(2) {
		body["ScanIndexForward"] = g.one(2)
	}
	if body["IndexName"] == nil {
		if g.one(6) {
			body["ExclusiveStartKey"] = g.key(t)
		}
		if g.one(3) {
			body["ReturnConsumedCapacity"] = pick(g, "TOTAL", "INDEXES")
		}
	}
	return body
}

// scan makes a request to scan the table or an index.
func (g *generator) scan(t shape) object {
	body, _ := g.reading(t)
	e := g.expressions()
	if g.one(2) {
		body["FilterExpression"] = e.condition(2)
	}
	if g.one(4) {
		body["ProjectionExpression"] = e.projection()
	}
	e.attach(body)
	if g.one(12) {
		body["ScanFilter"] = object{pick(g, attributes...): g.filter()}
	}
	if body["Limit"] == nil && body["IndexName"] == nil && g.one(3) {
		body["ReturnConsumedCapacity"] = pick(g, "TOTAL", "INDEXES")
	}
	return body
}

// reading makes what Query and Scan have in common, and tells the keys of what is read.
func (g *generator) reading(t shape) (object, []string) {
	body, keys := object{"TableName": t.name}, t.keys
	if g.one(2) {
		index := pick(g, t.indexes...)
		body["IndexName"], keys = index.name, index.keys
	}
	if g.one(3) {
		body["Limit"] = pick(g, 1, 2, 3, 100)
	}
	if g.one(6) {
		body["Select"] = pick(g, "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES")
	}
	if g.one(6) {
		body["ConsistentRead"] = g.one(2)
	}
	return body, keys
}

// batchWrite makes a request of up to six writes.
func (g *generator) batchWrite(shape) object {
	tables := object{}
	for range 1 + g.IntN(6) {
		t := pick(g, g.tables...)
		var write object
		if g.one(3) {
			write = object{"DeleteRequest": object{"Key": g.key(t)}}
		} else {
			write = object{"PutRequest": object{"Item": g.item(t)}}
		}
		list, _ := tables[t.name].([]any)
		tables[t.name] = append(list, write)
	}
	body := object{"RequestItems": tables}
	if g.one(3) {
		body["ReturnConsumedCapacity"] = pick(g, "TOTAL", "INDEXES")
	}
	return body
}

// batchGet makes a request of up to five keys of each table.
func (g *generator) batchGet(shape) object {
	tables := object{}
	for _, t := range g.tables {
		if len(tables) > 0 && g.one(2) {
			continue
		}
		var keys []any
		for range 1 + g.IntN(5) {
			keys = append(keys, g.key(t))
		}
		part := object{"Keys": keys}
		e := g.expressions()
		if g.one(3) {
			part["ProjectionExpression"] = e.projection()
		}
		e.attach(part)
		if g.one(3) {
			part["ConsistentRead"] = g.one(2)
		}
		tables[t.name] = part
	}
	body := object{"RequestItems": tables}
	if g.one(3) {
		body["ReturnConsumedCapacity"] = "TOTAL"
	}
	return body
}

// transactWrite makes a transaction of up to four actions.
func (g *generator) transactWrite(shape) object {
	var actions []any
	for range 1 + g.IntN(4) {
		t := pick(g, g.tables...)
		part, e := object{"TableName": t.name}, g.expressions()
		kind := pick(g, "Put", "Put", "Update", "Update", "Delete", "ConditionCheck")
		if kind == "Put" {
			part["Item"] = g.item(t)
		} else {
			part["Key"] = g.key(t)
		}
		if kind == "Update" {
			part["UpdateExpression"] = e.update(t)
		}
		if kind == "ConditionCheck" || g.one(4) {
			part["ConditionExpression"] = e.condition(1)
		}
		e.attach(part)
		if g.one(3) {
			part["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
		}
		actions = append(actions, object{kind: part})
	}
	body := object{"TransactItems": actions}
	if g.one(3) {
		body["ReturnConsumedCapacity"] = "TOTAL"
	}
	return body
}

// transactGet makes a transactional read of up to three items.
func (g *generator) transactGet(shape) object {
	var gets []any
	for range 1 + g.IntN(3) {
		t := pick(g, g.tables...)
		get, e := object{"TableName": t.name, "Key": g.key(t)}, g.expressions()
		if g.one(3) {
			get["ProjectionExpression"] = e.projection()
		}
		e.attach(get)
		gets = append(gets, object{"Get": get})
	}
	return object{"TransactItems": gets}
}

// executeStatement makes a statement on one item.
func (g *generator) executeStatement(t shape) object {
	var where []string
	var parameters []any
	for _, pair := range t.keys {
		name, kind := split(pair)
		where = append(where, name+"=?")
		parameters = append(parameters, g.keyValue(kind))
	}
	table := ` "` + t.name + `" `
	condition := " WHERE " + strings.Join(where, " AND ")
	switch g.IntN(4) {
	case 0:
		return object{"Statement": "SELECT * FROM" + table + condition, "Parameters": parameters}
	case 1:
		return object{"Statement": "DELETE FROM" + table + condition, "Parameters": parameters}
	case 2:
		return object{"Statement": "UPDATE" + table + "SET a=? " + condition, "Parameters": append([]any{g.value(1)}, parameters...)}
	}
	names := make([]string, len(t.keys))
	for i, pair := range t.keys {
		name, _ := split(pair)
		names[i] = "'" + name + "':?"
	}
	return object{"Statement": "INSERT INTO" + table + "VALUE {" + strings.Join(names, ",") + ",'b':?}", "Parameters": append(parameters, g.value(1))}
}
