package node

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"millrace/backend/engine"
	"millrace/ddb"
	"millrace/internal/units"
)

// FaultsConfig is the part about the test aids: what the embedded engine does worse on purpose.
type FaultsConfig struct {
	Enabled       bool                       `yaml:"enabled" doc:"Allow the settings below, and changing them and the clock on the admin port from this machine. For tests alone: whoever reaches that port can make requests fail."`
	Seed          int                        `yaml:"seed" doc:"Decides every draw; the same seed gives the same faults."`
	ReplicaLag    units.Duration             `yaml:"replica_lag" doc:"The most that eventually consistent reads are behind. Needs cache.enabled false."`
	ReplicaLagMin units.Duration             `yaml:"replica_lag_min" doc:"The least that they are behind."`
	IndexLag      units.Duration             `yaml:"index_lag" doc:"The most that reads of global indexes are behind, where that is more than replica_lag. Needs cache.enabled false."`
	IndexLagMin   units.Duration             `yaml:"index_lag_min" doc:"The least that they are behind."`
	StreamLag     units.Duration             `yaml:"stream_lag" doc:"The most that stream records can be had after their write."`
	StreamLagMin  units.Duration             `yaml:"stream_lag_min" doc:"The least."`
	Creating      units.Duration             `yaml:"creating" doc:"How long a table is CREATING."`
	Updating      units.Duration             `yaml:"updating" doc:"How long a table is UPDATING after UpdateTable."`
	Deleting      units.Duration             `yaml:"deleting" doc:"How long a table is DELETING."`
	Rules         map[string]FaultRuleConfig `yaml:"rules" doc:"What goes wrong for which requests, by a name of your own; they are looked at in the order of their names."`
}

// FaultRuleConfig is one thing that goes wrong.
type FaultRuleConfig struct {
	Operations  string `yaml:"operations" doc:"Names of operations, separated by commas; left out is all."`
	Tables      string `yaml:"tables" doc:"Glob that the name of a table in the request must match; left out is every request."`
	Probability string `yaml:"probability" doc:"How likely the rule strikes, such as 0.05; left out is always."`
	Skip        int    `yaml:"skip" doc:"How many strikes are let off first."`
	Count       int    `yaml:"count" doc:"How many strikes there are; left out is no end."`
	Latency     string `yaml:"latency" doc:"Added time: 5ms, 2ms-20ms alike, or 2ms~40ms for a median and a 99th percentile."`
	Error       string `yaml:"error" doc:"Code of the exception that is answered."`
	When        string `yaml:"when" doc:"before: the request is not executed. after: it has been, a write is committed. Left out is before."`
	Unprocessed bool   `yaml:"unprocessed" doc:"Leave elements that are struck of BatchGetItem and BatchWriteItem unprocessed."`
}

// errLagBehindCaches refuses to lag behind caches. With the embedded engine they take every read for current and every
// commit for announced; a lagging read of a global index cannot be made strong, so it would be kept and served as current.
var errLagBehindCaches = errors.New("simulated lag needs cache.enabled false: the caches promise that what the embedded engine " +
	"answers is current; to test caches against lag, put a second millrace before this one")

// defaultFaults are no faults.
func defaultFaults() FaultsConfig { return FaultsConfig{Seed: 1} }

// validate names the first setting that cannot be worked with. cached is whether the caches are on.
func (c FaultsConfig) validate(cached bool) error {
	if !c.Enabled {
		if !reflect.DeepEqual(c, defaultFaults()) {
			return errors.New("engine.faults.enabled is false, but faults are configured; set it to true, or leave them out")
		}
		return nil
	}
	for _, lag := range []struct {
		name      string
		low, high units.Duration
		// reads are lagging reads of items, which the caches may not see.
		reads bool
	}{
		{"replica_lag", c.ReplicaLagMin, c.ReplicaLag, true}, {"index_lag", c.IndexLagMin, c.IndexLag, true},
		{"stream_lag", c.StreamLagMin, c.StreamLag, false},
	} {
		if lag.low > lag.high {
			return fmt.Errorf("engine.faults.%s_min is %v, more than %s, which is %v", lag.name, lag.low, lag.name, lag.high)
		}
		if lag.high > 0 && lag.reads && cached {
			return fmt.Errorf("engine.faults.%s is %v, but %w", lag.name, lag.high, errLagBehindCaches)
		}
	}
	_, err := c.engine()
	return err
}

// engine is the configuration in the engine's own type.
func (c FaultsConfig) engine() (engine.Faults, error) {
	f := engine.Faults{
		Seed:       uint64(c.Seed),
		ReplicaLag: engine.Lag{Min: c.ReplicaLagMin.Of(), Max: c.ReplicaLag.Of()},
		IndexLag:   engine.Lag{Min: c.IndexLagMin.Of(), Max: c.IndexLag.Of()},
		StreamLag:  engine.Lag{Min: c.StreamLagMin.Of(), Max: c.StreamLag.Of()},
		Creating:   c.Creating.Of(), Updating: c.Updating.Of(), Deleting: c.Deleting.Of(),
	}
	for _, name := range slices.Sorted(maps.Keys(c.Rules)) {
		r, err := c.Rules[name].engine(name)
		if err != nil {
			return f, fmt.Errorf("engine.faults.rules.%s: %w", name, err)
		}
		f.Rules = append(f.Rules, r)
	}
	return f, nil
}

// engine is the rule called name in the engine's own type, checked.
func (c FaultRuleConfig) engine(name string) (engine.FaultRule, error) {
	r := engine.FaultRule{
		Name: name, Tables: c.Tables, Skip: c.Skip, Count: c.Count, Error: c.Error, Unprocessed: c.Unprocessed,
	}
	var err error
	if r.Operations, err = operationsNamed(c.Operations); err != nil {
		return r, err
	}
	if r.Latency, err = engine.ParseLatency(c.Latency); err != nil {
		return r, err
	}
	if c.Probability != "" {
		// 0 is always to the engine; whoever writes it wants never.
		if r.Probability, err = strconv.ParseFloat(c.Probability, 64); err != nil || !(r.Probability > 0 && r.Probability <= 1) {
			return r, fmt.Errorf("probability is %q, must be above 0 and at most 1", c.Probability)
		}
	}
	switch c.When {
	case "", "before":
	case "after":
		r.After = true
	default:
		return r, fmt.Errorf("when is %q, must be before or after", c.When)
	}
	if err := r.Validate(); err != nil {
		if r.Error != "" && !slices.Contains(engine.FaultErrors(), r.Error) {
			return r, fmt.Errorf("error is %q, must be one of %s", r.Error, strings.Join(engine.FaultErrors(), ", "))
		}
		return r, err
	}
	return r, nil
}

// operationsNamed reads a list of operations; nil for an empty one.
func operationsNamed(text string) ([]ddb.Operation, error) {
	var ops []ddb.Operation
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		op := ddb.UnknownOperation + 1
		for op < ddb.NumOperations && op.String() != name {
			op++
		}
		if op == ddb.NumOperations {
			return nil, fmt.Errorf("operations has %q, which is no operation", name)
		}
		ops = append(ops, op)
	}
	return ops, nil
}
