package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// load is a program that works on the table until its stdin ends.
type load struct {
	name string
	argv []string
	dir  string
}

// loads prepares the three programs.
func loads(ctx context.Context, o *options, dir string) ([]load, error) {
	source := filepath.Join(o.root, "internal", "conformance")
	// The environment is the one of the suite python-newest.
	python, err := virtualEnv(ctx, filepath.Join(o.work, "python-newest", "venv"), filepath.Join(source, "python", "requirements-newest.txt"), true)
	if err != nil {
		return nil, err
	}
	js, err := jsSuite(ctx, o, "")
	if err != nil {
		return nil, err
	}
	binary := filepath.Join(dir, "life")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./life")
	build.Dir = filepath.Join(source, "gosdk")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the Go load: %w\n%s", err, said)
	}
	return []load{
		{"boto3", []string{python, "life.py"}, filepath.Join(source, "python")},
		{"JavaScript", []string{"node", "life.js"}, js.dir},
		{"Go", []string{binary}, dir},
	}, nil
}

// summary is what each load told.
type summary []struct {
	name          string
	Calls         int
	Faults, Stale []string
}

// String is a short line.
func (s summary) String() string {
	var parts []string
	for _, l := range s {
		parts = append(parts, fmt.Sprintf("%s %d calls, %d failed, %d stale", l.name, l.Calls, len(l.Faults), len(l.Stale)))
	}
	return strings.Join(parts, "; ")
}

// faults is an error if a call failed, or a load made hardly any.
func (s summary) faults() error {
	var err error
	for _, l := range s {
		if len(l.Faults) > 0 {
			err = errors.Join(err, fmt.Errorf("%s: %d of %d calls failed, the first with %s", l.name, len(l.Faults), l.Calls, l.Faults[0]))
		}
		if l.Calls < 100 {
			err = errors.Join(err, fmt.Errorf("%s made %d calls only", l.name, l.Calls))
		}
	}
	return err
}

// stale is an error if a call missed a write of its own client.
func (s summary) stale() error {
	var err error
	for _, l := range s {
		if len(l.Stale) > 0 {
			err = errors.Join(err, fmt.Errorf("%s: %d of %d calls were stale, the first: %s", l.name, len(l.Stale), l.Calls, l.Stale[0]))
		}
	}
	return err
}

// under runs all loads against endpoint while events happen, and returns what they told.
func under(ctx context.Context, programs []load, endpoint string, events func() error) (summary, error) {
	told := make(summary, len(programs))
	var ends []func() error
	for i, p := range programs {
		cmd := exec.CommandContext(ctx, p.argv[0], p.argv[1:]...)
		cmd.Dir = p.dir
		cmd.Env = append(cleanEnviron(), "MILLRACE_ENDPOINT="+endpoint, "PYTHONDONTWRITEBYTECODE=1", "NODE_NO_WARNINGS=1")
		var said, answer strings.Builder
		cmd.Stdout, cmd.Stderr = &answer, &said
		stdin, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			return told, err
		}
		told[i].name = p.name
		ends = append(ends, func() error {
			err := errors.Join(stdin.Close(), cmd.Wait())
			if err == nil {
				err = json.Unmarshal([]byte(answer.String()), &told[i])
			}
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", p.name, err, said.String())
			}
			return nil
		})
	}
	err := events()
	for _, end := range ends {
		err = errors.Join(err, end())
	}
	return told, err
}
