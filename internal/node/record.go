package node

import (
	"context"
	"fmt"

	"millrace/ddb"
	"millrace/proxy/trace"
)

// RecordConfig is the part about recording requests for `millrace loadtest --replay`.
type RecordConfig struct {
	File string `yaml:"file" doc:"File to write what is asked to: times, operations, tables, keys and sizes, never what items hold. It must not be there yet. Empty records nothing."`
	Keys string `yaml:"keys" doc:"hashed: keys are replaced by hashes whose secret nobody has, so that a trace can be given away; equal keys stay equal. plain: keys are written as they are."`
}

// validate checks the section.
func (c RecordConfig) validate() error {
	if c.Keys != "hashed" && c.Keys != "plain" {
		return fmt.Errorf("record.keys is %q, must be hashed or plain", c.Keys)
	}
	return nil
}

// newRecorder makes the trace's file and what writes it.
func (n *Node) newRecorder() (*trace.Recorder, error) {
	return trace.New(trace.Config{
		File: n.config.Record.File, Plain: n.config.Record.Keys == "plain", Handler: n.proxy, Logger: n.log,
		Describe: func(ctx context.Context, scope, table string) (*ddb.TableDescription, error) {
			s, err := n.guard.Schemas().Get(ctx, scope, table)
			if err != nil || s == nil {
				return nil, err
			}
			return s.Description, nil
		},
	})
}
