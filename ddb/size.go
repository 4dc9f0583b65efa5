package ddb

// Size is what DynamoDB counts the item as: its names and values.
// (Developer Guide, "DynamoDB item sizes and formats"; for numbers it says "approximately".)
func (it Item) Size() int {
	n := 0
	for i := range it {
		n += len(it[i].Name) + it[i].Value.Size()
	}
	return n
}

// Size is what DynamoDB counts the value as, without its name. A KindInvalid value has none.
func (v AttributeValue) Size() int {
	switch v.kind {
	case KindS, KindB:
		return len(v.s)
	case KindN:
		return numberSize(v.s)
	case KindBOOL, KindNULL:
		return 1
	case KindSS, KindBS:
		n := 0
		for _, s := range v.set {
			n += len(s)
		}
		return n
	case KindNS:
		n := 0
		for _, s := range v.set {
			n += numberSize(s)
		}
		return n
	case KindL:
		n := 3
		for i := range v.list {
			n += 1 + v.list[i].Size()
		}
		return n
	case KindM:
		return 3 + len(v.m) + v.m.Size()
	}
	return 0
}

// numberSize is a byte for two significant digits, one more, and one for a minus.
func numberSize(canonical string) int {
	if canonical == "0" {
		return 1
	}
	n := 1
	digits, trailing := 0, 0
	for i := 0; i < len(canonical); i++ {
		switch c := canonical[i]; {
		case c == '-':
			n++
		case c == '.', c == '0' && digits == 0:
		case c == '0':
			digits++
			trailing++
		default:
			digits++
			trailing = 0
		}
	}
	return n + (digits-trailing+1)/2
}

// Levels counts the value and the deepest chain of L and M in it: 0 for a scalar or a set, 1 for a flat L or M.
// An item holds it if it is less than MaxNestingLevels.
func (v AttributeValue) Levels() int {
	deepest := 0
	switch v.kind {
	case KindL:
		for i := range v.list {
			deepest = max(deepest, v.list[i].Levels())
		}
	case KindM:
		for i := range v.m {
			deepest = max(deepest, v.m[i].Value.Levels())
		}
	default:
		return 0
	}
	return deepest + 1
}
