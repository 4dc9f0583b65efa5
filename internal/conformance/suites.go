package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// suite is one set of checks that a person could ask for by name.
type suite struct {
	name string
	// run reports to out and returns an error when a check fails. It may keep files in dir.
	run func(ctx context.Context, o *options, dir string, out io.Writer) error
}

// suiteCommand runs a suite's tests.
type suiteCommand struct {
	argv []string
	dir  string
	env  []string
	// volatile is true for tests that make so many tables that a disk would be most of their time.
	volatile bool
	// slow is true where each request is a program of its own, which may take seconds to start. Then nothing may rest on what expires.
	slow bool
}

// suites are all there are, in the order in which they run.
var suites = []suite{
	{"python-oldest", twice(pythonSuite("requirements-oldest.txt", false))},
	{"python-newest", twice(pythonSuite("requirements-newest.txt", true))},
	{"js", twice(jsSuite)},
	{"cli", twice(cliSuite)},
	{"java", twice(javaSuite)},
	{"gosdk", twice(goSuite(".", false))},
	{"facts", twice(goSuite("./facts", true))},
	{"gosdk-aws", through("generic", goSuite(".", false))},
	{"facts-aws", through("generic", goSuite("./facts", true))},
	{"js-aws", through("aws", jsSuite)},
	{"python-oldest-aws", through("generic", pythonSuite("requirements-oldest.txt", false))},
	{"python-newest-aws", through("aws", pythonSuite("requirements-newest.txt", true))},
	{"cli-aws", through("alternator", cliSuite)},
	{"java-aws", through("aws", javaSuite)},
	{"upstreams", beforeDynalite},
	{"life", livesInAPod},
	{"gosdk-tls", overTLS(goSuite(".", false))},
	{"python-newest-tls", overTLS(pythonSuite("requirements-newest.txt", true))},
	{"js-tls", overTLS(jsSuite)},
	{"deaf", mustNotice},
	{"readme", checkReadme},
}

// suiteNames lists the names for messages.
func suiteNames() []string {
	var names []string
	for _, s := range suites {
		names = append(names, s.name)
	}
	return names
}

// prepareFunc installs what a suite with an SDK needs, in dir where it can, and tells how to run it.
type prepareFunc func(ctx context.Context, o *options, dir string) (suiteCommand, error)

// pythonSuite runs pytest in an environment of the pinned requirements.
func pythonSuite(requirements string, newest bool) prepareFunc {
	return func(ctx context.Context, o *options, dir string) (suiteCommand, error) {
		source := filepath.Join(o.root, "internal", "conformance", "python")
		python, err := virtualEnv(ctx, filepath.Join(dir, "venv"), filepath.Join(source, requirements), newest)
		if err != nil {
			return suiteCommand{}, err
		}
		return suiteCommand{
			argv: []string{python, "-m", "pytest"},
			dir:  source,
			// Sets are sent in the order of hashes, which is another in each process otherwise.
			env: []string{"PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"},
		}, nil
	}
}

// virtualEnv makes a virtual environment at path of the pinned requirements, with the newest or oldest Python at
// hand, unless it is there complete from before. It returns the environment's interpreter.
func virtualEnv(ctx context.Context, path, requirements string, newest bool) (python string, err error) {
	interpreter, err := findPython(newest)
	if err != nil {
		return "", err
	}
	want, err := os.ReadFile(requirements)
	if err != nil {
		return "", err
	}
	python = filepath.Join(path, "bin", "python")
	// The mark is written last.
	mark := filepath.Join(path, "complete")
	if have, err := os.ReadFile(mark); err == nil && string(have) == string(want) {
		return python, nil
	}
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	if err := tried(ctx, "", interpreter, "-m", "venv", path); err != nil {
		return "", err
	}
	if err := tried(ctx, "", python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"--requirement", requirements); err != nil {
		return "", err
	}
	return python, os.WriteFile(mark, want, 0o644)
}

// oldestPython is the oldest minor version of Python 3 that the clients under test support.
const oldestPython = 8

// findPython looks in PATH, and among pyenv's versions, for the newest or oldest Python from 3.8 on that can make
// virtual environments.
func findPython(newest bool) (string, error) {
	found := map[int][]string{}
	add := func(minor int, path string) {
		if minor >= oldestPython {
			found[minor] = append(found[minor], path)
		}
	}
	home, _ := os.UserHomeDir()
	pyenv := os.Getenv("PYENV_ROOT")
	if pyenv == "" {
		pyenv = filepath.Join(home, ".pyenv")
	}
	versions, err := filepath.Glob(filepath.Join(pyenv, "versions", "3.*", "bin", "python3"))
	if err != nil {
		return "", err
	}
	for _, path := range versions {
		version := filepath.Base(filepath.Dir(filepath.Dir(path)))
		if parts := strings.Split(version, "."); len(parts) > 1 {
			if minor, err := strconv.Atoi(parts[1]); err == nil {
				add(minor, path)
			}
		}
	}
	for minor := oldestPython; minor < 30; minor++ {
		if path, err := exec.LookPath(fmt.Sprintf("python3.%d", minor)); err == nil {
			add(minor, path)
		}
	}
	var minors []int
	for minor := range found {
		minors = append(minors, minor)
	}
	slices.Sort(minors)
	if newest {
		slices.Reverse(minors)
	}
	candidates := []string{}
	for _, minor := range minors {
		candidates = append(candidates, found[minor]...)
	}
	for _, path := range append(candidates, "python3") {
		if exec.Command(path, "-c", "import ensurepip, ssl, venv").Run() == nil {
			return path, nil
		}
	}
	return "", errors.New("no Python 3.8 or newer with venv and ensurepip (Debian: apt-get install python3-venv)")
}

// jsSuite runs the suite of Node.js.
func jsSuite(ctx context.Context, o *options, _ string) (suiteCommand, error) {
	source := filepath.Join(o.root, "internal", "conformance", "js")
	return suiteCommand{argv: []string{"npm", "test", "--silent"}, dir: source}, lockedPackages(ctx, source)
}

// lockedPackages installs the packages that the lock file in source names there, where Node.js looks for them, unless they
// are there.
func lockedPackages(ctx context.Context, source string) error {
	want, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		return err
	}
	// The mark is written last; npm removes it with the folder.
	mark := filepath.Join(source, "node_modules", ".complete")
	if have, err := os.ReadFile(mark); err == nil && string(have) == string(want) {
		return nil
	}
	if err := tried(ctx, source, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
		return err
	}
	return os.WriteFile(mark, want, 0o644)
}

// goSuite fetches the modules of the Go suites' own go.mod, to test one of its packages.
func goSuite(pkg string, volatile bool) prepareFunc {
	return func(ctx context.Context, o *options, _ string) (suiteCommand, error) {
		source := filepath.Join(o.root, "internal", "conformance", "gosdk")
		if err := tried(ctx, source, "go", "mod", "download"); err != nil {
			return suiteCommand{}, err
		}
		return suiteCommand{argv: []string{"go", "test", "-count=1", pkg}, dir: source, volatile: volatile}, nil
	}
}

// tried runs a command that talks to a package registry, which may fail for a moment, up to three times.
func tried(ctx context.Context, dir string, argv ...string) error {
	var failure error
	for try := range 3 {
		if try > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(try) * 5 * time.Second):
			}
		}
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir = dir
		output, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		failure = fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, output)
	}
	return failure
}
