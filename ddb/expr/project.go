package expr

import (
	"cmp"
	"slices"

	"millrace/ddb"
)

// Projection is a list of document paths, ready to be cut out of items. It is immutable.
type Projection struct {
	names []string
	tree  []branch
}

// ParseProjection reads a projection and notes in env the names it uses.
func ParseProjection(text string, env *Env) (*Projection, *ddb.Error) {
	if err := ProjectionExpression.checkText(text); err != nil {
		return nil, err
	}
	p := newParser(ProjectionExpression, text, nil)
	var paths []path
	for {
		q, err := p.parsePath()
		if err != nil {
			return nil, err
		}
		paths = append(paths, q)
		if !p.accept(",") {
			break
		}
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	for _, q := range paths {
		if err := p.checkPath(q); err != nil {
			return nil, err
		}
	}
	for _, q := range paths {
		if err := p.resolvePath(q, env); err != nil {
			return nil, err
		}
	}
	if err := p.checkPaths(paths); err != nil {
		return nil, err
	}
	return newProjection(paths), nil
}

// newProjection makes a projection of resolved paths that do not overlap.
func newProjection(paths []path) *Projection {
	pr := &Projection{tree: grow(paths)}
	for _, q := range paths {
		if !slices.Contains(pr.names, q[0].name) {
			pr.names = append(pr.names, q[0].name)
		}
	}
	return pr
}

// TopLevelNames are the attributes that the projection takes something of, each once, in the order of mention.
func (pr *Projection) TopLevelNames() []string { return pr.names }

// NestedNames are the attributes that the projection looks into, sorted. Key attributes cannot be among them.
func (pr *Projection) NestedNames() []string { return nested(pr.tree) }

// Apply cuts the projected paths out of item: maps keep their shape, lists close up in the order of their indexes, and
// what is not there is left out. Nothing is copied that need not be; key attributes are not added.
func (pr *Projection) Apply(item ddb.Item) ddb.Item {
	return prune(pr.tree, item)
}

// branch is a node of the tree that a set of paths forms. One without kids is the end of a path.
type branch struct {
	element element
	leaf    int // which of the paths ends here
	kids    []branch
}

// grow makes the tree of paths that do not overlap or conflict: kids are in the order of their elements, and all kids
// of one branch are map keys or all are indexes.
func grow(paths []path) []branch {
	order := make([]int, len(paths))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return slices.CompareFunc(paths[a], paths[b], element.compare)
	})
	return growAt(paths, order, 0)
}

// growAt makes the branches for the paths that order lists, which agree in their first depth elements.
func growAt(paths []path, order []int, depth int) []branch {
	var out []branch
	for i := 0; i < len(order); {
		e := paths[order[i]][depth]
		j := i + 1
		for j < len(order) && paths[order[j]][depth] == e {
			j++
		}
		b := branch{element: e, leaf: order[i]}
		if len(paths[order[i]]) > depth+1 {
			b.kids = growAt(paths, order[i:j], depth+1)
		}
		out = append(out, b)
		i = j
	}
	return out
}

// prune keeps of item what lies on the branches.
func prune(tree []branch, item ddb.Item) ddb.Item {
	out := make(ddb.Item, 0, min(len(tree), len(item)))
	for i := range tree {
		b := &tree[i]
		v, ok := item.Get(b.element.name)
		if ok {
			v, ok = b.prune(v)
		}
		if ok {
			out = append(out, ddb.Attribute{Name: b.element.name, Value: v})
		}
	}
	return out
}

// prune keeps of v what lies on the branches below b; false if nothing does.
func (b *branch) prune(v ddb.AttributeValue) (ddb.AttributeValue, bool) {
	switch {
	case b.kids == nil:
		return v, true
	case !b.kids[0].element.isIndex():
		if v.Kind() != ddb.KindM {
			return v, false
		}
		m := prune(b.kids, v.Map())
		return ddb.MapValue(m), len(m) > 0
	}
	var elems []ddb.AttributeValue
	for i := range b.kids {
		w, ok := b.kids[i].element.step(v)
		if ok {
			w, ok = b.kids[i].prune(w)
		}
		if ok {
			elems = append(elems, w)
		}
	}
	return ddb.ListValue(elems), len(elems) > 0
}

// nested are the names of the branches that go on.
func nested(tree []branch) []string {
	var names []string
	for i := range tree {
		if tree[i].kids != nil {
			names = append(names, tree[i].element.name)
		}
	}
	slices.SortFunc(names, cmp.Compare[string])
	return names
}
