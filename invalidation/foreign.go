package invalidation

import (
	"context"
	"strings"

	"millrace/ddb"
)

// Foreign executes a request of another region: it concerns none of the tables that are cached here, whatever their
// names, unless upstream may have one store for all regions. Then a write is one to our table of that name, too. It is sent
// for sure once it has begun, as in Do.
func (g *Guard) Foreign(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	row := &effects[req.Op]
	if row.reads {
		return g.next.Do(ctx, req)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if g.config.OneStore && !g.config.Uncached && !deaf {
		return g.write(ctx, req, row)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.config.WriteTimeout)
	defer cancel()
	return g.next.Do(ctx, req)
}

// elsewhere reports whether req says that table is another region's or account's.
func (g *Guard) elsewhere(ctx context.Context, req *ddb.Request, table string) bool {
	return req.Region != "" || g.foreign(ctx, req, table)
}

// foreign reports whether table, a name or an ARN, is a table of another account or region. An own table may be
// named by its ARN too. What cannot be told is not foreign.
func (g *Guard) foreign(ctx context.Context, req *ddb.Request, table string) bool {
	name := ddb.TableName(table)
	if name == table || g.store.Authoritative() {
		return false
	}
	home := g.home.Load()
	if home == nil {
		// Any description tells which account and region are ours. Asking for this table's own namesake is as good as
		// any other, and if there is none, nothing of that name is cached.
		if _, err := g.schemas.Get(ctx, req.Scope, name); err != nil {
			e, ok := err.(*ddb.Error)
			return ok && e.Code == "ResourceNotFoundException"
		}
		if home = g.home.Load(); home == nil {
			return false
		}
	}
	return table != *home+name
}

// settleHome remembers which account and region are ours, from the ARN of a table that was described by its name:
// everything up to the table's name.
func (g *Guard) settleHome(t *ddb.TableDescription) {
	if home, ok := strings.CutSuffix(t.TableArn, t.TableName); ok && home != "" && g.home.Load() == nil {
		g.home.Store(&home)
	}
}
