package main

import (
	"context"
	"maps"
	"slices"
	"strings"
)

// shrink looks for a smaller list that shows a divergence of the same kind: fewer operations first, then fewer and
// simpler members in each. It ends when nothing more can be left out, or after as many plays as the options allow.
func (p *pair) shrink(ctx context.Context, list []op, d *divergence) ([]op, *divergence, error) {
	s := &shrinker{pair: p, list: list[:d.at+1], divergence: d, plays: p.options.shrinks}
	for {
		before := s.size()
		if err := s.dropOps(ctx); err != nil {
			return nil, nil, err
		}
		if err := s.simplifyOps(ctx); err != nil {
			return nil, nil, err
		}
		if s.plays <= 0 || s.size() == before {
			return s.list, s.divergence, nil
		}
	}
}

// shrinker is the smallest list so far.
type shrinker struct {
	pair       *pair
	list       []op
	divergence *divergence
	plays      int // how many are left
}

// size is what shrinks.
func (s *shrinker) size() int {
	n := 0
	for _, o := range s.list {
		n += 100 + len(o.line())
	}
	return n
}

// try plays a smaller list and keeps it if it diverges in the same kind. What follows the divergence is cut off.
func (s *shrinker) try(ctx context.Context, list []op) (kept bool, err error) {
	if s.plays <= 0 || len(list) == 0 {
		return false, nil
	}
	s.plays--
	d, err := s.pair.play(ctx, list)
	if err != nil || d == nil || d.kind() != s.divergence.kind() {
		return false, err
	}
	s.list, s.divergence = list[:d.at+1], d
	return true, nil
}

// dropOps leaves out runs of operations, long ones first.
func (s *shrinker) dropOps(ctx context.Context) error {
	for run := max(1, len(s.list)/2); run > 0; run /= 2 {
		// From the end: what comes later depends on what came before.
		for at := len(s.list) - 1 - run; at >= 0; at -= run {
			if at+run >= len(s.list) {
				continue
			}
			if _, err := s.try(ctx, slices.Delete(slices.Clone(s.list), at, at+run)); err != nil {
				return err
			}
		}
	}
	return nil
}

// simplifyOps leaves out members and elements within operations, from the last operation, the one that diverges, on.
func (s *shrinker) simplifyOps(ctx context.Context) error {
	for i := len(s.list) - 1; i >= 0; i-- {
		for n := 0; i < len(s.list); {
			smaller, ok := without(s.list[i].body, n)
			if !ok {
				break
			}
			list := slices.Clone(s.list)
			list[i] = op{s.list[i].operation, smaller.(object)}
			kept, err := s.try(ctx, list)
			if err == nil && !kept && list[i].operation == "CreateTable" {
				list[i].body = withUsedDefinitions(list[i].body)
				kept, err = s.try(ctx, list)
			}
			if err != nil {
				return err
			}
			if !kept {
				n++
			}
			if s.plays <= 0 {
				return nil
			}
		}
	}
	return nil
}

// withUsedDefinitions is a copy of a CreateTable request without the definitions of attributes that are in no key: with one
// that an index had, the table could not be made.
func withUsedDefinitions(body object) object {
	out := maps.Clone(body)
	delete(out, "AttributeDefinitions")
	keys := encode(out)
	definitions, _ := body["AttributeDefinitions"].([]any)
	out["AttributeDefinitions"] = slices.DeleteFunc(slices.Clone(definitions), func(d any) bool {
		definition, _ := d.(object)
		return !strings.Contains(keys, `"AttributeName":`+encode(definition["AttributeName"]))
	})
	return out
}

// without is a copy of v without the member or element that is the nth in depth-first order, outer ones first. ok is
// false when there are not so many.
func without(v any, n int) (smaller any, ok bool) {
	count := 0
	var cut func(any) any
	cut = func(v any) any {
		switch v := v.(type) {
		case object:
			out := object{}
			for _, name := range sortedKeys(v) {
				count++
				if count-1 != n {
					out[name] = cut(v[name])
				}
			}
			return out
		case []any:
			out := []any{}
			for _, element := range v {
				count++
				if count-1 != n {
					out = append(out, cut(element))
				}
			}
			return out
		}
		return v
	}
	smaller = cut(v)
	return smaller, n < count
}
