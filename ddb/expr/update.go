package expr

import (
	"slices"

	"millrace/ddb"
)

// Update is a list of changes to an item, ready to be applied. It is immutable.
type Update struct {
	actions []action
	tree    []branch // of the actions' paths; a leaf is an index into actions
	legacy  bool     // AttributeUpdates: other texts, and ADD takes lists
}

// verb is what an action does. The order is the canonical order of an update's sections.
type verb uint8

// The verbs, which open the sections of an update expression.
const (
	verbSet verb = iota
	verbRemove
	verbAdd
	verbDelete
)

// verbNames are the verbs as they stand in an update expression.
var verbNames = [...]string{"SET", "REMOVE", "ADD", "DELETE"}

// action is one change. Of value only the left operand is set, unless the action is a SET that computes a sum
// (op '+') or a difference (op '-'); REMOVE has none.
type action struct {
	verb        verb
	path        path
	op          byte
	left, right *operand
}

// operands are the action's, without those that are not there.
func (a *action) operands() []*operand {
	switch {
	case a.left == nil:
		return nil
	case a.right == nil:
		return []*operand{a.left}
	}
	return []*operand{a.left, a.right}
}

// newUpdate makes an update of checked actions.
func newUpdate(actions []action, legacy bool) *Update {
	paths := make([]path, len(actions))
	for i := range actions {
		paths[i] = actions[i].path
	}
	return &Update{actions: actions, tree: grow(paths), legacy: legacy}
}

// TopLevelNames are the attributes that the update changes or changes something in, each once, in the order of the
// text. Attributes that it only reads are not among them.
func (u *Update) TopLevelNames() []string {
	var names []string
	for i := range u.actions {
		if n := u.actions[i].path[0].name; !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// NestedNames are the attributes into which the update reaches to change or read something, each once, sorted. Key
// attributes cannot be among them.
func (u *Update) NestedNames() []string {
	names := nested(u.tree)
	for i := range u.actions {
		_ = walk(u.actions[i].operands(), func(o *operand) *ddb.Error {
			if o.kind == operandPath && len(o.path) > 1 && !slices.Contains(names, o.path[0].name) {
				names = append(names, o.path[0].name)
			}
			return nil
		})
	}
	slices.Sort(names)
	return names
}

// OnlyRemoves reports whether the update can do nothing but take away: it has actions and all are REMOVE or DELETE.
// Such an update does not create an item.
func (u *Update) OnlyRemoves() bool {
	for i := range u.actions {
		if v := u.actions[i].verb; v != verbRemove && v != verbDelete {
			return false
		}
	}
	return len(u.actions) > 0
}

// Touched are the paths that an update names, for UPDATED_OLD and UPDATED_NEW.
type Touched struct {
	tree []branch
}

// Select cuts the touched paths out of an image of the item. List indexes are those of the expression, whatever the
// update did to the list; DynamoDB does the same. Without anything touched it is empty.
func (t *Touched) Select(image ddb.Item) ddb.Item { return prune(t.tree, image) }

// Apply gives the item that the update makes of item, which is not changed. All operands are read from item as it was.
// If the item does not exist, the update works on key, the item's key attributes, and a nil result with no error means
// that it creates nothing. An error leaves everything as it was.
func (u *Update) Apply(key, item ddb.Item, exists bool) (ddb.Item, *Touched, *ddb.Error) {
	touched := &Touched{tree: u.tree}
	if !exists {
		if u.OnlyRemoves() {
			return nil, touched, nil
		}
		item = key
	}
	outcomes := make([]outcome, len(u.actions))
	// DynamoDB computes everything that is to be SET before it looks at where it goes.
	for i := range u.actions {
		if a := &u.actions[i]; a.verb == verbSet {
			v, err := a.compute(item)
			if err != nil {
				return nil, nil, err
			}
			outcomes[i] = outcome{v, effectPut}
		}
	}
	for i := range u.actions {
		if err := u.actions[i].settle(&outcomes[i], item, exists, u.legacy); err != nil {
			return nil, nil, err
		}
	}
	return graftItem(u.tree, outcomes, item), touched, nil
}

// The texts of updates that fail on the item.
const (
	noAttribute = "The provided expression refers to an attribute that does not exist in the item"
	wrongData   = "An operand in the update expression has an incorrect data type"
	badPath     = "The document path provided in the update expression is invalid for update"
	mismatch    = "Type mismatch for attribute to update"
	tooDeep     = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)

// maxContainers is how many maps and lists may enclose each other in an item, which is a level itself.
const maxContainers = ddb.MaxNestingLevels - 1

// compute is the value of a SET.
func (a *action) compute(item ddb.Item) (ddb.AttributeValue, *ddb.Error) {
	if a.right == nil {
		return a.left.resolve(item)
	}
	v, err := a.left.resolveTo(ddb.KindN, item)
	if err != nil {
		return v, err
	}
	w, err := a.right.resolveTo(ddb.KindN, item)
	if err != nil {
		return w, err
	}
	if a.op == '-' {
		return number(ddb.SubNumbers(v.Num(), w.Num()))
	}
	return number(ddb.AddNumbers(v.Num(), w.Num()))
}

// number makes an N of the result of arithmetic.
func number(n string, err *ddb.Error) (ddb.AttributeValue, *ddb.Error) {
	if err != nil {
		return ddb.AttributeValue{}, err
	}
	return ddb.NumberValue(n)
}

// resolve is the value of an operand of SET.
func (o *operand) resolve(item ddb.Item) (ddb.AttributeValue, *ddb.Error) {
	switch o.kind {
	case operandValue:
		return o.value, nil
	case operandPath:
		if v, ok := o.path.find(item); ok {
			return v, nil
		}
		return ddb.AttributeValue{}, ddb.Validation(noAttribute)
	}
	if o.call == callIfNotExists {
		if v, ok := o.args[0].path.find(item); ok {
			return v, nil
		}
		return o.args[1].resolve(item)
	}
	v, err := o.args[0].resolveTo(ddb.KindL, item)
	if err != nil {
		return v, err
	}
	w, err := o.args[1].resolveTo(ddb.KindL, item)
	if err != nil {
		return w, err
	}
	return ddb.ListValue(slices.Concat(v.List(), w.List())), nil
}

// resolveTo is resolve for an operand that must be of the given type.
func (o *operand) resolveTo(kind ddb.Kind, item ddb.Item) (ddb.AttributeValue, *ddb.Error) {
	v, err := o.resolve(item)
	if err == nil && v.Kind() != kind {
		err = ddb.Validation(wrongData)
	}
	return v, err
}

// settle checks that the action's path leads somewhere, and finds what ADD and DELETE make of what is there.
// On an item that does not exist, taking away from nowhere is no error; in an update that also sets something that is
// assumed.
func (a *action) settle(out *outcome, item ddb.Item, exists, legacy bool) *ddb.Error {
	old, has, err := a.target(item)
	if err != nil {
		if !exists && (a.verb == verbRemove || a.verb == verbDelete) {
			return nil
		}
		return err
	}
	switch a.verb {
	case verbSet:
		// At the top level a value is as deep as it was in the request or in the item, both of which were checked.
		if len(a.path) > 1 && len(a.path)-1+depth(out.value) > maxContainers {
			return ddb.Validation(tooDeep)
		}
	case verbRemove:
		if has {
			out.what = effectDrop
		}
	case verbAdd:
		v := a.left.value
		if has {
			if old.Kind() != v.Kind() {
				return mismatched(legacy)
			}
			if v, err = add(old, v); err != nil {
				return err
			}
		}
		*out = outcome{v, effectPut}
	case verbDelete:
		if !has {
			return nil
		}
		if old.Kind() != a.left.value.Kind() {
			return mismatched(legacy)
		}
		*out, err = subtract(old, a.left.value)
	}
	return err
}

// mismatched is the error of an ADD or DELETE whose operand is not of the attribute's type.
func mismatched(legacy bool) *ddb.Error {
	if legacy {
		return ddb.Validation(mismatch)
	}
	return ddb.Validation(wrongData)
}

// target is what stands at the end of the action's path. It is an error if there is no place for anything to stand.
func (a *action) target(item ddb.Item) (v ddb.AttributeValue, has bool, err *ddb.Error) {
	last := a.path[len(a.path)-1]
	if len(a.path) == 1 {
		v, has = item.Get(last.name)
		return v, has, nil
	}
	parent, ok := a.path[:len(a.path)-1].find(item)
	want := ddb.KindM
	if last.isIndex() {
		want = ddb.KindL
	}
	if !ok || parent.Kind() != want {
		return v, false, ddb.Validation(badPath)
	}
	v, has = last.step(parent)
	return v, has, nil
}

// add is old with v added: a sum, a union, or for AttributeUpdates a longer list. Both are of one type.
func add(old, v ddb.AttributeValue) (ddb.AttributeValue, *ddb.Error) {
	switch v.Kind() {
	case ddb.KindN:
		return number(ddb.AddNumbers(old.Num(), v.Num()))
	case ddb.KindL:
		return ddb.ListValue(slices.Concat(old.List(), v.List())), nil
	}
	members := slices.Clone(old.Set())
	for _, m := range v.Set() {
		if !isMember(old.Set(), m) {
			members = append(members, m)
		}
	}
	if len(members) == len(old.Set()) {
		return old, nil
	}
	return ddb.SetValue(v.Kind(), members)
}

// subtract is the set old without the members of v. A set that has lost its last member is dropped.
func subtract(old, v ddb.AttributeValue) (outcome, *ddb.Error) {
	members := make([]string, 0, len(old.Set()))
	for _, m := range old.Set() {
		if !isMember(v.Set(), m) {
			members = append(members, m)
		}
	}
	switch len(members) {
	case 0:
		return outcome{what: effectDrop}, nil
	case len(old.Set()):
		return outcome{}, nil
	}
	left, err := ddb.SetValue(old.Kind(), members)
	return outcome{left, effectPut}, err
}

// depth is how many maps and lists v has from its outside to its deepest inside.
func depth(v ddb.AttributeValue) int {
	deepest := 0
	switch v.Kind() {
	case ddb.KindL:
		for _, e := range v.List() {
			deepest = max(deepest, depth(e))
		}
	case ddb.KindM:
		for _, a := range v.Map() {
			deepest = max(deepest, depth(a.Value))
		}
	default:
		return 0
	}
	return deepest + 1
}
