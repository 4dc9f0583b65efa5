package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	var begins, ends []func() error
	for i, p := range programs {
		cmd := exec.CommandContext(ctx, p.argv[0], p.argv[1:]...)
		cmd.Dir = p.dir
		cmd.Env = append(cleanEnviron(), "MILLRACE_ENDPOINT="+endpoint, "PYTHONDONTWRITEBYTECODE=1", "NODE_NO_WARNINGS=1")
		var said strings.Builder
		cmd.Stderr = &said
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return told, err
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return told, err
		}
		if err := cmd.Start(); err != nil {
			return told, err
		}
		told[i].name = p.name
		lines := bufio.NewReader(stdout)
		begins = append(begins, func() error {
			line, err := lines.ReadString('\n')
			if err == nil && line == "begun\n" {
				return nil
			}
			return errors.Join(fmt.Errorf("%s says %q in place of begun", p.name, line), err)
		})
		ends = append(ends, func() error {
			err := stdin.Close()
			answer, readErr := io.ReadAll(lines)
			if err = errors.Join(err, readErr, cmd.Wait()); err == nil {
				err = json.Unmarshal(answer, &told[i])
			}
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", p.name, err, said.String())
			}
			return nil
		})
	}
	var err error
	for _, begin := range begins { // nothing happens before all are at work, however long their languages take to be
		err = errors.Join(err, begin())
	}
	if err == nil {
		err = events()
	}
	for _, end := range ends {
		err = errors.Join(err, end())
	}
	return told, err
}
