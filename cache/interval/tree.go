// Package interval finds the intervals of byte strings that hold a given one. Lower bounds are inclusive, upper ones
// exclusive; nil is open. It locks nothing.
package interval

import "bytes"

// Tree is a set of intervals, each with a value: a treap ordered by lower bounds and augmented by the greatest upper bound
// below, so that of n intervals the k that hold a position are found in expected O(log n + k log n). The zero value is empty.
type Tree[T any] struct{ root *Node[T] }

// Node is an interval, in one tree at most. Lo, Hi and Value are set before it is inserted.
type Node[T any] struct {
	Lo, Hi []byte
	Value  T

	maxHi       []byte // greatest Hi at or below; nil is open
	left, right *Node[T]
	dice        uint64 // heap order of the treap, and tie-break of Lo
	in          bool
}

// Dice makes the shapes of trees. It must not be 0.
type Dice uint64

// roll is the next number (xorshift64, https://www.jstatsoft.org/article/view/v008i14).
func (d *Dice) roll() uint64 {
	*d ^= *d << 13
	*d ^= *d >> 7
	*d ^= *d << 17
	return uint64(*d)
}

// Empty reports whether nothing is in the tree.
func (t *Tree[T]) Empty() bool { return t.root == nil }

// In reports whether n is in a tree.
func (n *Node[T]) In() bool { return n.in }

// Insert adds n.
func (t *Tree[T]) Insert(n *Node[T], dice *Dice) {
	n.dice, n.in = dice.roll(), true
	low, high := split(t.root, n)
	n.update()
	t.root = merge(merge(low, n), high)
}

// Remove takes out n, which is in the tree.
func (t *Tree[T]) Remove(n *Node[T]) {
	t.root = cut(t.root, n)
	n.in, n.left, n.right = false, nil, nil
}

// Stab appends the intervals that hold pos to found; nil is every interval.
func (t *Tree[T]) Stab(pos []byte, found []*Node[T]) []*Node[T] { return t.root.stab(pos, found) }

// Each calls fn with every interval, in order of lower bounds. fn must not change the tree.
func (t *Tree[T]) Each(fn func(*Node[T])) { t.root.each(fn) }

// each is Each of what is at n or below.
func (n *Node[T]) each(fn func(*Node[T])) {
	if n != nil {
		n.left.each(fn)
		fn(n)
		n.right.each(fn)
	}
}

// before is the treap's order.
func (n *Node[T]) before(o *Node[T]) bool {
	if k := bytes.Compare(n.Lo, o.Lo); k != 0 {
		return k < 0
	}
	return n.dice < o.dice
}

// update recomputes maxHi from the children.
func (n *Node[T]) update() {
	n.maxHi = n.Hi
	for _, x := range [2]*Node[T]{n.left, n.right} {
		if x != nil && n.maxHi != nil && (x.maxHi == nil || bytes.Compare(x.maxHi, n.maxHi) > 0) {
			n.maxHi = x.maxHi
		}
	}
}

// split parts t into what is before n and what is not.
func split[T any](t, n *Node[T]) (low, high *Node[T]) {
	if t == nil {
		return nil, nil
	}
	if t.before(n) {
		t.right, high = split(t.right, n)
		t.update()
		return t, high
	}
	low, t.left = split(t.left, n)
	t.update()
	return low, t
}

// merge joins two treaps of which all of a is before all of b.
func merge[T any](a, b *Node[T]) *Node[T] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.dice > b.dice:
		a.right = merge(a.right, b)
		a.update()
		return a
	}
	b.left = merge(a, b.left)
	b.update()
	return b
}

// cut returns t without n, which is in it.
func cut[T any](t, n *Node[T]) *Node[T] {
	if t == n {
		return merge(t.left, t.right)
	}
	if n.before(t) {
		t.left = cut(t.left, n)
	} else {
		t.right = cut(t.right, n)
	}
	t.update()
	return t
}

// stab is Stab of what is at n or below.
func (n *Node[T]) stab(pos []byte, found []*Node[T]) []*Node[T] {
	if n == nil || pos != nil && n.maxHi != nil && bytes.Compare(n.maxHi, pos) <= 0 {
		return found
	}
	found = n.left.stab(pos, found)
	if pos != nil && bytes.Compare(n.Lo, pos) > 0 {
		return found // and so is everything to the right
	}
	if pos == nil || n.Hi == nil || bytes.Compare(pos, n.Hi) < 0 {
		found = append(found, n)
	}
	return n.right.stab(pos, found)
}
