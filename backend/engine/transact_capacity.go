package engine

import "millrace/ddb"

// A transaction costs twice what its actions cost alone, for it is prepared and then committed; what it costs on indexes
// is not doubled. A check costs as if it wrote the item as it is. A transaction that is sent again under its token costs
// as a TransactGetItems of the same items, as they were. Answers tell reads from writes, which others do not.
// (Developer Guide, "Amazon DynamoDB Transactions: How it works", Capacity management for transactions. All but the first
// clause captured from the service: github.com/paritysuite/dynamodb-conformance, pull requests 67 and 74, and
// github.com/nubo-db/dynoxide, pull request 188.)

// transactionFactor is how much more the table's part of a transaction costs.
const transactionFactor = 2

// tableCosts adds up what a transaction costs on each table, in the order in which it names them.
type tableCosts struct {
	names []string
	costs map[string]*cost // by the table's plain name
}

// add charges c to the table that the request calls name.
func (s *tableCosts) add(name string, c cost) {
	plain := ddb.TableName(name)
	if s.costs == nil {
		s.costs = make(map[string]*cost)
	}
	if s.costs[plain] == nil {
		s.costs[plain] = new(cost)
		s.names = append(s.names, name)
	}
	s.costs[plain].add(c)
}

// consumed is the answer's ConsumedCapacity, as mode asks for it.
func (s *tableCosts) consumed(mode *string, writes bool) []ddb.ConsumedCapacity {
	if mode == nil || *mode == "NONE" {
		return nil
	}
	out := make([]ddb.ConsumedCapacity, 0, len(s.names))
	for _, name := range s.names {
		c := s.costs[ddb.TableName(name)].consumed(mode, name)
		c.ReadCapacityUnits, c.WriteCapacityUnits = readsOrWrites(c.CapacityUnits, writes)
		if c.Table != nil {
			*c.Table = splitCapacity(*c.Table, writes)
		}
		for _, arms := range []map[string]ddb.Capacity{c.LocalSecondaryIndexes, c.GlobalSecondaryIndexes} {
			for index, part := range arms {
				arms[index] = splitCapacity(part, writes)
			}
		}
		out = append(out, *c)
	}
	return out
}

// splitCapacity is c with its units told as reads or writes as well.
func splitCapacity(c ddb.Capacity, writes bool) ddb.Capacity {
	c.ReadCapacityUnits, c.WriteCapacityUnits = readsOrWrites(c.CapacityUnits, writes)
	return c
}

// readsOrWrites is units where they belong, and nil where not.
func readsOrWrites(units float64, writes bool) (read, write *float64) {
	if writes {
		return nil, &units
	}
	return &units, nil
}

// consumed is the ConsumedCapacity of d, whose actions name tables as names do, in their order.
func (d *transacted) consumed(mode *string, names []string) []ddb.ConsumedCapacity {
	var costs tableCosts
	for i, name := range names {
		if d.mutations == nil {
			costs.add(name, transactedReadCost(d.sizes[i]))
			continue
		}
		costs.add(name, transactedWriteCost(d.mutations[i]))
	}
	return costs.consumed(mode, d.mutations != nil)
}

// transactedWriteCost is what m costs in a transaction.
func transactedWriteCost(m mutation) cost {
	c := writeCost(m)
	c.table *= transactionFactor
	return c
}

// transactedReadCost is what reading an item of that size in a transaction costs; 0 is an item that is not there.
func transactedReadCost(size int) cost {
	return cost{table: transactionFactor * readHalves(size, true)}
}
