package node

import (
	"fmt"
	"strconv"
	"time"

	"millrace/cache"
	"millrace/proxy"
)

// AuditConfig is the part about comparing hits with the backend.
type AuditConfig struct {
	Sample    float64 `yaml:"sample" doc:"Share of hits that are held against a read of the backend's, strongly consistent where it can be, after the client was answered: 0.0001 is one in ten thousand, 0 none. An entry that differs is watched until it goes; one that is still served after its bound is logged as an error, the table is forgotten, and its stream is taken to lag by so much for an hour. Too small, and a fault takes long to show; too large costs reads."`
	RCUBudget float64 `yaml:"rcu_budget" doc:"Read units a second that audits may cost at most, on the long run. What is over is not audited, and counted as skipped; nor is a table whose cache has not saved more than it cost."`
}

// TableAuditConfig is the part about comparing hits on some tables.
type TableAuditConfig struct {
	Sample string `yaml:"sample" doc:"As audit.sample; off is none."`
}

// defaultAudit is what holds when nothing was said. One hit in ten thousand makes reads dearer by less than a thousandth.
func defaultAudit() AuditConfig { return AuditConfig{Sample: 0.0001, RCUBudget: 10} }

// validate refuses what is no share, and a budget that would let nothing through.
func (c AuditConfig) validate() error {
	if c.Sample < 0 || c.Sample > 1 {
		return fmt.Errorf("audit.sample is %v, must be a share of hits from 0 to 1", c.Sample)
	}
	if c.RCUBudget <= 0 {
		return fmt.Errorf("audit.rcu_budget is %v, must be above zero; to audit nothing, set audit.sample to 0", c.RCUBudget)
	}
	return nil
}

// text is the share as tables say it.
func (c AuditConfig) text() string { return strconv.FormatFloat(c.Sample, 'g', -1, 64) }

// audit is what the proxy is told about audits.
func (n *Node) audit() proxy.AuditConfig {
	c := proxy.AuditConfig{Budget: n.config.Audit.RCUBudget}
	if n.streams != nil {
		c.Lag = func(s *cache.Schema) time.Duration { return n.streams.Lag(s.Scope, s.Name) }
		c.Breach = func(s *cache.Schema, late time.Duration) { n.streams.Late(s.Scope, s.Name, late) }
	}
	return c
}
