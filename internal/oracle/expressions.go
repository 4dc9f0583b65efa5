package main

import (
	"fmt"
	"strings"
)

// expressions draws the expressions of one request, which share their placeholders.
type expressions struct {
	*generator
	names, values object
}

// expressions begins those of a request.
func (g *generator) expressions() *expressions {
	return &expressions{generator: g, names: object{}, values: object{}}
}

// attach adds the placeholders that were used to the request, rarely one more or one less.
func (e *expressions) attach(body object) {
	if e.one(60) {
		e.names["#unused"] = "a"
	}
	if e.one(60) {
		e.values[":unused"] = object{"S": "a"}
	}
	if len(e.names) > 0 && !e.one(80) {
		body["ExpressionAttributeNames"] = e.names
	}
	if len(e.values) > 0 && !e.one(80) {
		body["ExpressionAttributeValues"] = e.values
	}
}

// name draws an attribute's name, as a placeholder at times.
func (e *expressions) name() string {
	name := pick(e.generator, attributes...)
	if e.one(20) {
		name = pick(e.generator, "pk", "sk", "name", "x-y", "none")
	}
	return e.spell(name)
}

// spell writes a name as it is or as a placeholder; some names cannot stand for themselves.
func (e *expressions) spell(name string) string {
	if !e.one(4) && (name != "name" && name != "x-y" || e.one(10)) {
		return name
	}
	placeholder := "#" + strings.ReplaceAll(name, "-", "_")
	e.names[placeholder] = name
	return placeholder
}

// path draws a document path.
func (e *expressions) path() string {
	path := e.name()
	for range 2 {
		if !e.one(4) {
			break
		}
		path += pick(e.generator, "[0]", "[1]", ".x", ".y")
	}
	return path
}

// placeholder makes one of a value.
func (e *expressions) placeholder(v object) string {
	name := fmt.Sprintf(":v%d", len(e.values))
	e.values[name] = v
	return name
}

// operand draws a path, a value or a size.
func (e *expressions) operand() string {
	switch e.IntN(6) {
	case 0, 1:
		return e.path()
	case 2:
		return "size(" + e.path() + ")"
	}
	return e.placeholder(e.value(1))
}

// condition draws a condition with so many levels of AND, OR and NOT.
func (e *expressions) condition(levels int) string {
	if levels > 0 && e.one(3) {
		switch e.IntN(4) {
		case 0:
			return "NOT " + e.condition(levels-1)
		case 1:
			return "(" + e.condition(levels-1) + ")"
		case 2:
			return e.condition(levels-1) + " OR " + e.condition(levels-1)
		}
		return e.condition(levels-1) + " AND " + e.condition(levels-1)
	}
	switch e.IntN(10) {
	case 0, 1:
		return pick(e.generator, "attribute_exists", "attribute_not_exists") + "(" + e.path() + ")"
	case 2:
		return "attribute_type(" + e.path() + "," + e.placeholder(object{"S": pick(e.generator, "S", "N", "SS", "NULL", "L", "M", "BOOL", "X")}) + ")"
	case 3:
		return "begins_with(" + e.path() + "," + e.placeholder(e.value(0)) + ")"
	case 4:
		return "contains(" + e.path() + "," + e.placeholder(e.value(0)) + ")"
	case 5:
		return e.operand() + " BETWEEN " + e.operand() + " AND " + e.operand()
	case 6:
		return e.operand() + " IN (" + e.operand() + "," + e.operand() + ")"
	}
	return e.path() + pick(e.generator, "=", "<>", "<", "<=", ">", ">=") + e.operand()
}

// projection draws a list of paths.
func (e *expressions) projection() string {
	paths := []string{e.path()}
	for range e.IntN(3) {
		paths = append(paths, e.path())
	}
	return strings.Join(paths, ",")
}

// keyCondition draws a condition on the keys, rarely one that no query may have.
func (e *expressions) keyCondition(keys []string) string {
	hash, kind := split(keys[0])
	condition := e.spell(hash) + " = " + e.placeholder(e.keyValue(kind))
	if len(keys) > 1 && e.one(2) {
		name, kind := split(keys[1])
		name = e.spell(name)
		switch e.IntN(8) {
		case 0:
			condition += " AND " + name + " BETWEEN " + e.placeholder(e.keyValue(kind)) + " AND " + e.placeholder(e.keyValue(kind))
		case 1:
			condition += " AND begins_with(" + name + "," + e.placeholder(e.keyValue(kind)) + ")"
		default:
			condition += " AND " + name + pick(e.generator, "=", "<", "<=", ">", ">=") + e.placeholder(e.keyValue(kind))
		}
	}
	if e.one(30) {
		condition += pick(e.generator, " AND ", " OR ") + e.condition(0)
	}
	return condition
}

// update draws an update of up to three sections.
func (e *expressions) update(t shape) string {
	var sections []string
	for _, i := range e.Perm(4)[:1+e.IntN(2)] {
		var actions []string
		for range 1 + e.IntN(2) {
			actions = append(actions, e.action(t, i))
		}
		sections = append(sections, []string{"SET", "REMOVE", "ADD", "DELETE"}[i]+" "+strings.Join(actions, ", "))
	}
	return strings.Join(sections, " ")
}

// action draws one action of a section.
func (e *expressions) action(t shape, section int) string {
	name := e.name()
	path := name
	if e.one(4) {
		path += pick(e.generator, "[0]", "[1]", "[5]", ".x", ".y", ".z")
	}
	switch section {
	case 0:
		return path + "=" + e.setValue(t, name)
	case 1:
		return path
	case 2:
		return path + " " + e.placeholder(pick(e.generator, object{"N": e.number()}, object{"SS": e.distinct("x", "y", "q")}, e.value(0)))
	}
	return path + " " + e.placeholder(pick(e.generator, object{"SS": e.distinct("x", "y", "q")}, object{"NS": e.distinct("1", "2")}, e.value(0)))
}

// setValue draws the right side of a SET of the attribute.
func (e *expressions) setValue(t shape, name string) string {
	number := func() string { return pick(e.generator, e.placeholder(object{"N": e.number()}), "n") }
	switch e.IntN(8) {
	case 0:
		return number() + pick(e.generator, "+", "-") + number()
	case 1:
		return "if_not_exists(" + e.path() + "," + e.placeholder(e.value(1)) + ")"
	case 2:
		return "list_append(" + pick(e.generator, e.path(), e.placeholder(object{"L": []any{e.value(0)}})) + "," + e.placeholder(object{"L": []any{e.value(0)}}) + ")"
	case 3:
		return e.path()
	}
	return e.placeholder(e.attribute(t, strings.TrimPrefix(name, "#")))
}
