package doctor

import (
	"context"
	"fmt"
	"strings"

	"millrace/ddb"
)

// trial is one operation that is tried on a table. The writes among them have a condition that nothing meets, so that
// being refused for it proves the permission and changes nothing; each costs one write unit.
type trial struct {
	operation string
	// writes is false for what only reads.
	writes bool
	input  func(s *subject) ddb.Input
}

// never is a condition that no item and no absence of one meets, on the attribute #k.
const never = "attribute_exists(#k) AND attribute_not_exists(#k)"

// trials are what millrace forwards, and needs to be allowed as far as its clients use it.
var trials = []trial{
	{"GetItem", false, func(s *subject) ddb.Input {
		strong := true
		return &ddb.GetItemInput{TableName: s.name, Key: s.key, ConsistentRead: &strong}
	}},
	{"BatchGetItem", false, func(s *subject) ddb.Input {
		return &ddb.BatchGetItemInput{RequestItems: map[string]ddb.KeysAndAttributes{s.name: {Keys: []ddb.Item{s.key}}}}
	}},
	{"Query", false, func(s *subject) ddb.Input {
		condition, limit := "#k = :v", 1
		hash := s.desc.KeySchema.Hash()
		value, _ := s.key.Get(hash)
		return &ddb.QueryInput{TableName: s.name, KeyConditionExpression: &condition, Limit: &limit,
			ExpressionAttributeNames: ddb.Names{"#k": hash}, ExpressionAttributeValues: ddb.Values{":v": value}}
	}},
	{"Scan", false, func(s *subject) ddb.Input {
		limit := 1
		return &ddb.ScanInput{TableName: s.name, Limit: &limit}
	}},
	{"PutItem", true, func(s *subject) ddb.Input {
		condition := never
		return &ddb.PutItemInput{TableName: s.name, Item: s.key, ConditionExpression: &condition, ExpressionAttributeNames: s.names()}
	}},
	{"UpdateItem", true, func(s *subject) ddb.Input {
		condition, all := never, "ALL_NEW"
		return &ddb.UpdateItemInput{TableName: s.name, Key: s.key, ConditionExpression: &condition, ExpressionAttributeNames: s.names(), ReturnValues: &all}
	}},
	{"DeleteItem", true, func(s *subject) ddb.Input {
		condition := never
		return &ddb.DeleteItemInput{TableName: s.name, Key: s.key, ConditionExpression: &condition, ExpressionAttributeNames: s.names()}
	}},
}

// names is the placeholder of never.
func (s *subject) names() ddb.Names { return ddb.Names{"#k": s.desc.KeySchema.Hash()} }

// permissions tries every operation. What is denied need not be wrong: an application may only read.
func (s *subject) permissions(ctx context.Context) {
	var allowed, denied []string
	for _, t := range trials {
		_, err := s.call(ctx, t.input(s))
		e, exception := err.(*ddb.Error)
		switch {
		case err == nil && !t.writes, exception && t.writes && e.Code == "ConditionalCheckFailedException":
			allowed = append(allowed, t.operation)
		case isDenied(err):
			denied = append(denied, t.operation)
		case err == nil:
			// It was said to have no effect, and it had one.
			s.find(Fail, t.operation, "upstream carried out a write under a condition that nothing meets; an item millrace-doctor-… may be left in the table", "do not use this upstream: conditional writes are not safe with it")
		default:
			s.find(Warn, t.operation, reason(err), nextOf(err))
		}
	}
	if len(allowed) > 0 {
		s.find(OK, "permissions", "allowed: "+strings.Join(allowed, ", "), "")
	}
	if len(denied) > 0 {
		level := Warn
		if len(allowed) == 0 {
			level = Fail
		}
		actions := strings.Join(denied, ", dynamodb:")
		s.find(level, "permissions", fmt.Sprintf("denied: %s", strings.Join(denied, ", ")), "allow those that applications use: dynamodb:"+actions)
	}
}
