package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"millrace/loadtest"
)

// config makes of the flags what the package wants.
func (c *loadtestCommand) config() (*loadtest.Config, error) {
	config := loadtest.DefaultConfig()
	config.Rate, config.Arrivals, config.Slice = c.Rate, c.Arrivals, c.Slice
	config.Connections, config.Timeout, config.Drain = c.Connections, c.Timeout, c.Drain
	config.SDK, config.Sign, config.Region = c.Mode == "sdk", c.Sign, c.Region
	config.Scale, config.Prefix, config.Reuse, config.Keep = c.Scale, c.Prefix, c.ReuseTables, c.KeepTables
	config.Step, config.Limit, config.Spend = c.Step, c.TimeLimit, c.YesSpend
	config.Version, config.Command = version, append([]string{"millrace"}, os.Args[min(1, len(os.Args)):]...)
	for config.Seed = c.Seed; config.Seed == 0; {
		// One that people can type.
		config.Seed = rand.Uint64N(1e9)
	}
	if c.Duration != 0 {
		config.Duration = c.Duration
	} else if c.Replay != "" {
		config.Duration = 0
	}
	config.Warmup = c.Warmup
	if c.Warmup < 0 {
		config.Warmup = config.Duration / 5
	}
	for _, text := range c.Target {
		t, err := loadtest.ParseTarget(text)
		if err != nil {
			return nil, fmt.Errorf("--target: %w", err)
		}
		config.Targets = append(config.Targets, t)
	}
	var err error
	if c.FindRate != "" {
		if config.Goals, err = loadtest.ParseGoals(c.FindRate); err != nil {
			return nil, fmt.Errorf("--find-rate: %w", err)
		}
	}
	if config.Speed, err = strconv.ParseFloat(strings.TrimSuffix(c.Speed, "x"), 64); err != nil {
		return nil, fmt.Errorf("--speed is %q, must be such as 2x or 0.5x", c.Speed)
	}
	if c.Replay != "" {
		config.Replay, err = loadtest.ReadTrace(c.Replay)
	} else {
		config.Workload, err = loadtest.LoadWorkload(c.Workload)
	}
	if err != nil {
		return nil, err
	}
	return &config, config.Validate()
}
