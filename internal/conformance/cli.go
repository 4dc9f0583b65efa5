package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// cliSuite runs both versions of the AWS command line: version 1 is installed as its users do, with pip, version 2 must be
// on this machine.
func cliSuite(ctx context.Context, o *options, dir string) (suiteCommand, error) {
	source := filepath.Join(o.root, "internal", "conformance", "cli")
	python, err := virtualEnv(ctx, filepath.Join(dir, "venv"), filepath.Join(source, "requirements.txt"), true)
	if err != nil {
		return suiteCommand{}, err
	}
	second, err := findCLI2(ctx)
	if err != nil {
		return suiteCommand{}, err
	}
	return suiteCommand{
		argv: []string{python, "-m", "pytest", "-q", "-p", "no:cacheprovider"},
		dir:  source,
		slow: true,
		env: []string{
			"PYTHONDONTWRITEBYTECODE=1", "MILLRACE_AWS_1=" + filepath.Join(filepath.Dir(python), "aws"), "MILLRACE_AWS_2=" + second,
		},
	}, nil
}

// findCLI2 finds version 2 in PATH, where version 1 may come first under the same name.
func findCLI2(ctx context.Context) (string, error) {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, "aws")
		told, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
		if err == nil && strings.HasPrefix(string(told), "aws-cli/2.") {
			return path, nil
		}
	}
	return "", errors.New("no AWS CLI version 2 in PATH (Debian: apt-get install awscli)")
}
