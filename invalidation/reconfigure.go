package invalidation

import (
	"maps"
	"slices"

	"millrace/cache"
	"millrace/ddb"
	"millrace/metrics"
)

// Reconfigure puts other cache settings into force and returns the tables in use that they change, whose caches are
// forgotten.
//
// A table that was off may become cached. Commits to it were not announced to the core, and one of those may still be on
// its way to being visible: (1) Pending, not announced, (2) the table is cached from now on, (3) a fill reads the old item,
// (4) the commit becomes visible, (5) Settled, not announced, (6) the fill is stored. So first everything is announced,
// then those commits are waited for, and only then do the new settings hold.
func (g *Guard) Reconfigure(settings *cache.Settings) []cache.TableRef {
	v := g.inv
	v.announceAll(true)
	changed := g.store.Reconfigure(settings, func(t cache.TableRef) (indexes []string) {
		if s := g.schemas.Known(t.Scope, []byte(t.Name)); s != nil {
			for _, x := range s.Indexes {
				indexes = append(indexes, x.Name)
			}
		}
		return indexes
	})
	for _, t := range changed {
		// What was looked up by the old settings is found stale; what is read for it is not stored.
		g.inv.forget(t.Scope, t.Name)
	}
	v.announceAll(false)
	v.count(metrics.FromReload, len(changed))
	return changed
}

// announceAll makes commits to every table announced, whatever its settings, or only to those that are cached. When it
// returns, every commit that is announced otherwise has settled.
func (v *Invalidator) announceAll(all bool) {
	v.changing.Lock()
	v.mu.Lock()
	v.all = all
	clear(v.layouts)
	under := slices.Collect(maps.Keys(v.pending))
	v.mu.Unlock()
	v.changing.Unlock()
	for _, first := range under {
		v.awaitSettled(first)
	}
}

// awaitSettled waits until the commit that is pending by its first change has settled.
func (v *Invalidator) awaitSettled(first *ddb.Change) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for v.pending[first] != nil {
		v.settled.Wait()
	}
}
