package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// readmeAddress is the data port that README.md speaks of. The check runs on a free port instead, by way of the
// environment, so that the command is run as it is written.
const readmeAddress = "127.0.0.1:8000"

// block is one fenced block of a Markdown file.
type block struct{ language, text string }

// checkReadme does what README.md says, as a new user would, in a fresh copy of the repository: starts the server
// with its command, points each of its clients at it, and runs the other commands it names.
func checkReadme(ctx context.Context, o *options, dir string, out io.Writer) (err error) {
	if err := os.RemoveAll(filepath.Join(dir, "clone")); err != nil {
		return err
	}
	clone := filepath.Join(dir, "clone")
	if err := copyTree(ctx, o.root, clone); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(clone, "README.md"))
	if err != nil {
		return err
	}
	blocks := fenced(string(text))
	serve, err := commandIn(blocks, "go run ./cmd/millrace serve")
	if err != nil {
		return err
	}
	if _, err := commandIn(blocks, "go test ./..."); err != nil {
		return err
	}

	fmt.Fprintf(out, "readme: %s\n", serve)
	srv, err := startCommand(ctx, serve, clone)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := srv.stop(); err == nil {
			err = stopErr
		}
	}()
	if _, err := os.Stat(filepath.Join(clone, "millrace-data")); err != nil {
		return fmt.Errorf("the data folder that README.md names: %w", err)
	}

	source := filepath.Join(o.root, "internal", "conformance")
	for _, client := range []struct {
		name string
		run  func() error
	}{
		{"python", func() error { return readmePython(ctx, blocks, srv, filepath.Join(dir, "venv"), source, out) }},
		{"js", func() error { return readmeJS(ctx, blocks, srv, filepath.Join(source, "js"), out) }},
		{"go", func() error { return readmeGo(ctx, blocks, srv, clone, out) }},
		{"aws", func() error { return readmeCLI(ctx, blocks, srv, filepath.Join(dir, "venv-cli"), source, out) }},
	} {
		fmt.Fprintf(out, "readme: the %s client\n", client.name)
		if err := client.run(); err != nil {
			return fmt.Errorf("README.md's %s client: %w", client.name, err)
		}
	}
	for _, command := range inlineCommands(string(text)) {
		fmt.Fprintf(out, "readme: %s\n", command)
		args := strings.Fields(command)[1:]
		if err := show(ctx, clone, io.Discard, out, nil, append([]string{o.millrace}, args...)...); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "readme: the load test")
	return readmeMeasure(ctx, blocks, o.millrace, filepath.Join(dir, "measure"), out)
}

// readmePython runs README.md's boto3 lines, then makes, fills and reads a table with what they set up.
func readmePython(ctx context.Context, blocks []block, srv *server, venv, source string, out io.Writer) error {
	lines, err := snippet(blocks, "python", srv)
	if err != nil {
		return err
	}
	python, err := virtualEnv(ctx, venv, filepath.Join(source, "python", "requirements-newest.txt"), true)
	if err != nil {
		return err
	}
	program := lines + `
table = dynamodb.create_table(TableName='Readme', BillingMode='PAY_PER_REQUEST',
    KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}],
    AttributeDefinitions=[{'AttributeName': 'pk', 'AttributeType': 'S'}])
table.wait_until_exists()
table.put_item(Item={'pk': 'a', 'n': 1})
words = []
for _ in range(2):
    answer = table.get_item(Key={'pk': 'a'})
    assert answer['Item'] == {'pk': 'a', 'n': 1}, answer
    words.append(answer['ResponseMetadata']['HTTPHeaders']['x-millrace-cache'])
assert words[-1].startswith('hit'), words
`
	return show(ctx, "", out, out, nil, python, "-c", program)
}

// readmeJS runs README.md's JavaScript lines, then lists the tables.
func readmeJS(ctx context.Context, blocks []block, srv *server, dir string, out io.Writer) error {
	lines, err := snippet(blocks, "js", srv)
	if err != nil {
		return err
	}
	if err := tried(ctx, dir, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
		return err
	}
	program := `import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
` + lines + `
const { TableNames } = await client.send(new ListTablesCommand({}));
if (!TableNames.includes("Readme")) throw new Error("tables: " + TableNames);
`
	return show(ctx, dir, out, out, nil, "node", "--input-type=module", "--eval", program)
}

// readmeGo compiles README.md's Go lines into a program, in the suite's module of the fresh copy, and runs it.
func readmeGo(ctx context.Context, blocks []block, srv *server, clone string, out io.Writer) error {
	lines, err := snippet(blocks, "go", srv)
	if err != nil {
		return err
	}
	module := filepath.Join(clone, "internal", "conformance", "gosdk")
	dir := filepath.Join(module, "readme")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	program := `package main

import (
	"context"
	"log"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	` + lines + `
	out, err := client.ListTables(context.Background(), &dynamodb.ListTablesInput{})
	if err != nil {
		log.Fatal(err)
	}
	if len(out.TableNames) != 1 || out.TableNames[0] != *aws.String("Readme") {
		log.Fatalf("tables: %q", out.TableNames)
	}
}
`
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o644); err != nil {
		return err
	}
	if err := tried(ctx, module, "go", "mod", "download"); err != nil {
		return err
	}
	return show(ctx, module, out, out, credentials, "go", "run", "./readme")
}

// readmeCLI runs README.md's line for the AWS command line.
func readmeCLI(ctx context.Context, blocks []block, srv *server, venv, source string, out io.Writer) error {
	command, err := commandIn(blocks, "aws dynamodb")
	if err != nil {
		return err
	}
	python, err := virtualEnv(ctx, venv, filepath.Join(source, "python", "requirements-cli.txt"), true)
	if err != nil {
		return err
	}
	command = strings.ReplaceAll(command, readmeAddress, strings.TrimPrefix(srv.endpoint, "http://"))
	path := "PATH=" + filepath.Dir(python) + string(os.PathListSeparator) + os.Getenv("PATH")
	var answer bytes.Buffer
	if err := show(ctx, "", &answer, out, append([]string{path}, credentials...), "sh", "-c", command); err != nil {
		return err
	}
	if !strings.Contains(answer.String(), "Readme") {
		return fmt.Errorf("%s answered %q, want the table Readme in it", command, answer.String())
	}
	return nil
}

// credentials are what an SDK that takes them from the environment needs.
var credentials = []string{
	"AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
	"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
}

// startCommand runs a command line that starts a server, in a process group of its own since it may be a shell or
// `go run` that started the server proper.
func startCommand(ctx context.Context, command, dir string) (*server, error) {
	data, admin, err := freePorts()
	if err != nil {
		return nil, err
	}
	srv := &server{endpoint: "http://" + data, logPath: filepath.Join(dir, "serve.log"), done: make(chan error, 1), group: true}
	log, err := os.Create(srv.logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	srv.cmd = exec.Command("sh", "-c", command)
	srv.cmd.Dir = dir
	srv.cmd.Env = append(cleanEnviron(), "MILLRACE_LISTEN="+data, "MILLRACE_ADMIN_LISTEN="+admin)
	srv.cmd.Stdout, srv.cmd.Stderr = log, log
	srv.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := srv.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command, err)
	}
	go func() { srv.done <- srv.cmd.Wait() }()
	// `go run` compiles first.
	if err := srv.waitReady(ctx, "http://"+admin+"/readyz", 10*time.Minute); err != nil {
		return nil, errors.Join(err, srv.stop())
	}
	if resp, err := http.Get(srv.endpoint + "/"); err != nil {
		return nil, errors.Join(err, srv.stop())
	} else {
		resp.Body.Close()
	}
	return srv, nil
}

// copyTree copies the files that git knows or would add, so that what only lies about on this machine is missing.
func copyTree(ctx context.Context, from, to string) error {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = from
	names, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the repository's files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		b, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted in the work tree
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fenced finds the fenced blocks of a Markdown text.
func fenced(text string) []block {
	var blocks []block
	var open *block
	for line := range strings.Lines(text) {
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && open == nil:
			open = &block{language: language}
		case fence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return blocks
}

// commandIn finds the shell line that begins with prefix, without its comment.
func commandIn(blocks []block, prefix string) (string, error) {
	for _, b := range blocks {
		if b.language != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			if strings.HasPrefix(line, prefix) {
				command, _, _ := strings.Cut(line, " #")
				return strings.TrimSpace(command), nil
			}
		}
	}
	return "", fmt.Errorf("README.md has no sh line that begins with %q", prefix)
}

// snippet finds the first block in a language, with the running server's address in place of README.md's.
func snippet(blocks []block, language string, srv *server) (string, error) {
	for _, b := range blocks {
		if b.language == language {
			if !strings.Contains(b.text, readmeAddress) {
				return "", fmt.Errorf("README.md's %s block does not name %s", language, readmeAddress)
			}
			return strings.ReplaceAll(b.text, readmeAddress, strings.TrimPrefix(srv.endpoint, "http://")), nil
		}
	}
	return "", fmt.Errorf("README.md has no %s block", language)
}

// inlineCommands finds the millrace commands in running text, such as `millrace config print`.
func inlineCommands(text string) []string {
	var commands []string
	for _, m := range regexp.MustCompile("`(millrace [a-z][a-z -]*)`").FindAllStringSubmatch(text, -1) {
		commands = append(commands, m[1])
	}
	return commands
}

// show runs a command with the clean environment and more, and its output going to the writers.
func show(ctx context.Context, dir string, stdout, stderr io.Writer, more []string, argv ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(cleanEnviron(), more...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(argv[:min(2, len(argv))], " "), err)
	}
	return nil
}
