package verify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"millrace/internal/amazon"
)

// tablePrefix is what the names of all tables begin with that a run makes.
const tablePrefix = "millrace-verify-"

// tableWait is how long a table may take to come or to go.
const tableWait = 5 * time.Minute

// tables are those of one run. Whatever is made is in made until it is deleted.
type tables struct {
	owner  *endpoint // where they are made and deleted
	prefix string

	mu sync.Mutex

	made []string
}

// newTables gives a run's tables a name of their own. Tables are owned by e.
func newTables(e *endpoint, rng *rand.Rand) *tables {
	return &tables{owner: e, prefix: fmt.Sprintf("%s%08x", tablePrefix, rng.Uint32())}
}

// tableShape is what a table has besides its key. A stream is how a cache may learn of writes past it.
type tableShape struct{ local, global, stream bool }

// createInput is the request for a table.
func createInput(name string, shape tableShape) *dynamodb.CreateTableInput {
	key := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &hash, KeyType: types.KeyTypeHash},
			{AttributeName: &sort, KeyType: types.KeyTypeRange},
		}
	}
	define := func(attribute string, t types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &attribute, AttributeType: t}
	}
	in := &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest, KeySchema: key(attrPK, attrSK),
		AttributeDefinitions: []types.AttributeDefinition{define(attrPK, types.ScalarAttributeTypeS), define(attrSK, types.ScalarAttributeTypeN)},
	}
	all := &types.Projection{ProjectionType: types.ProjectionTypeAll}
	if shape.local || shape.global {
		in.AttributeDefinitions = append(in.AttributeDefinitions, define(attrRank, types.ScalarAttributeTypeN))
	}
	if shape.local {
		in.LocalSecondaryIndexes = []types.LocalSecondaryIndex{{IndexName: aws.String(localIndex), KeySchema: key(attrPK, attrRank), Projection: all}}
	}
	if shape.global {
		in.AttributeDefinitions = append(in.AttributeDefinitions, define(attrBunch, types.ScalarAttributeTypeS))
		in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{{IndexName: aws.String(globalIndex), KeySchema: key(attrBunch, attrRank), Projection: all}}
	}
	if shape.stream {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages}
	}
	return in
}

// create makes table prefix-suffix by way of e and waits until it can be used there and, if that is another, through
// target.
func (t *tables) create(ctx context.Context, e, target *endpoint, suffix string, shape tableShape) (string, error) {
	name := t.prefix + "-" + suffix
	t.mu.Lock()
	if !slices.Contains(t.made, name) {
		t.made = append(t.made, name)
	}
	t.mu.Unlock()
	err := persist(ctx, func(ctx context.Context) error {
		// An interruption does not cut it off: one that is on its way could be carried out after the table was looked for to be deleted.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tableWait)
		defer cancel()
		_, err := e.api.CreateTable(ctx, createInput(name, shape))
		return err
	})
	if err != nil {
		if o := outcomeOf(err); o == unsupported || o == refused {
			t.forget(name)
		}
		return "", fmt.Errorf("create table %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, tableWait)
	defer cancel()
	for {
		out, err := e.api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		if err == nil && out.Table != nil && out.Table.TableStatus == types.TableStatusActive {
			break
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("wait for table %s: %w", name, errors.Join(ctx.Err(), err))
		}
		pause(ctx, pollTable(e))
	}
	for target != e {
		_, err := target.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: &name, Key: keyOf("is it there", 0), ConsistentRead: aws.Bool(true)})
		if err == nil {
			break
		}
		if ctx.Err() != nil || outcomeOf(err) == unsupported {
			return "", fmt.Errorf("wait until %s has table %s: %w", target.url, name, errors.Join(ctx.Err(), err))
		}
		pause(ctx, pollTable(target))
	}
	return name, nil
}

// pollTable is how often the state of a table is asked for.
func pollTable(e *endpoint) time.Duration {
	if amazon.Has(e.url) {
		return time.Second
	}
	return 20 * time.Millisecond
}

// mostUnanswered is how many requests to delete a table may stay without an answer.
const mostUnanswered = 10

// remove deletes a table by way of e and waits until it is gone.
func (t *tables) remove(ctx context.Context, e *endpoint, name string) error {
	ctx, cancel := context.WithTimeout(ctx, tableWait)
	defer cancel()
	for unanswered := 0; ; {
		_, err := e.api.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name})
		if err == nil || errorCode(err) == "ResourceNotFoundException" {
			break
		}
		// While a table is made or changed, deleting it is refused as ResourceInUseException.
		o := outcomeOf(err)
		if o == unknown {
			unanswered++
		}
		if ctx.Err() != nil || unanswered == mostUnanswered || errorCode(err) != "ResourceInUseException" && o != throttled && o != unknown {
			return fmt.Errorf("delete table %s: %w", name, err)
		}
		pause(ctx, pollTable(e))
	}
	for {
		_, err := e.api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		if errorCode(err) == "ResourceNotFoundException" {
			t.forget(name)
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait until table %s is gone: %w", name, errors.Join(ctx.Err(), err))
		}
		pause(ctx, pollTable(e))
	}
}

// forget takes a table from those that are to be deleted.
func (t *tables) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made = slices.DeleteFunc(t.made, func(n string) bool { return n == name })
}

// removeAll deletes what is left, also when the run's context has ended. It tries each.
func (t *tables) removeAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tableWait)
	defer cancel()
	t.mu.Lock()
	left := slices.Clone(t.made)
	t.mu.Unlock()
	var errs []error
	for _, name := range left {
		errs = append(errs, t.remove(ctx, t.owner, name))
	}
	return errors.Join(errs...)
}
