package check

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binary is the millrace whose configuration and metrics are asked.
var binary = flag.String("millrace", "", "path of a millrace binary; empty builds one")

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "millrace-check-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if *binary == "" {
			*binary = filepath.Join(dir, "millrace")
			build := exec.Command("go", "build", "-o", *binary, "./cmd/millrace")
			build.Dir = filepath.Join("..", "..")
			if out, err := build.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "build millrace: %v\n%s", err, out)
				return 1
			}
		}
		if *binary, err = filepath.Abs(*binary); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// checkSettings demands that a container of the image understands its arguments and variables: each names a setting, and
// together they are valid. The first argument is the subcommand; `config check` takes the flags of serve.
func checkSettings(t *testing.T, what string, args []string, env map[string]string) {
	t.Helper()
	if len(args) == 0 || args[0] != "serve" {
		t.Errorf("%s runs millrace %q, want serve", what, args)
		return
	}
	cmd := exec.Command(*binary, append([]string{"config", "check"}, args[1:]...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "MILLRACE_DATA_DIR=/data"}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "names no setting") {
		t.Errorf("%s: config check: %v\n%s", what, err, out)
	}
}

// repository is a path below the repository's root, from here.
func repository(path ...string) string {
	return filepath.Join(append([]string{"..", ".."}, path...)...)
}
