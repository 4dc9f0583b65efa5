// Command millrace is a caching accelerator that speaks DynamoDB's protocol. See `millrace --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// The exit codes: everything went well, something failed, the command line or the configuration is wrong.
const (
	exitOK = iota
	exitFailure
	exitUsage
)

// exitInterrupted is that of a command which a signal ended before its time: 128 and the signal's number, as shells have it.
const exitInterrupted = 130

// secondSignal is how long after the first signal another one is a second one. Some send theirs twice, to the process
// and to its group, and mean it once. (GNU coreutils' timeout does.)
const secondSignal = time.Second

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		first := time.Now()
		cancel()
		for range signals {
			if time.Since(first) >= secondSignal {
				fmt.Fprintln(os.Stderr, "millrace: second signal; exiting at once")
				os.Exit(exitFailure)
			}
		}
	}()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "millrace:", err)
	}
	os.Exit(exitCode(err))
}

// usageError is a fault of the command line or the configuration.
type usageError struct{ error }

// Unwrap is part of package errors' protocol.
func (e usageError) Unwrap() error { return e.error }

// exitCode is what the process ends with.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if verdict, ok := errors.AsType[verdictError](err); ok {
		return verdict.code
	}
	if _, ok := errors.AsType[interruptedError](err); ok {
		return exitInterrupted
	}
	return exitFailure
}

// cli is the command line; each subcommand has a file of its own.
type cli struct {
	Serve       serveCommand       `cmd:"" help:"Serve DynamoDB's protocol."`
	Stats       statsCommand       `cmd:"" help:"Show what the millrace of the same configuration tells of itself."`
	Purge       purgeCommand       `cmd:"" help:"Make the millrace of the same configuration forget what it has cached."`
	Reload      reloadCommand      `cmd:"" help:"Make the millrace of the same configuration read that anew."`
	Loadtest    loadtestCommand    `cmd:"" help:"Measure the latency of DynamoDB, of millrace or of both, honestly."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask the millrace of the same configuration whether it is ready; exit 1 if not."`
	Config      configCommands     `cmd:"" help:"Check or print the configuration."`
	Doctor      doctorCommand      `cmd:"" help:"Look at the upstream of --backend aws: address, clock, credentials, permissions, streams. Exit 1 if a check fails, 2 if the settings are wrong, 0 with warnings."`
	Verify      verifyCommand      `cmd:"" help:"Probe from outside whether a DynamoDB API shows what was written, when it must."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// streams are what a subcommand may write to.
type streams struct{ out, err io.Writer }

// run is the whole program but for the process around it: it returns when the subcommand has ended, at the latest
// soon after ctx ends. The error is one sentence that is not printed yet.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c cli
	helped := false
	parser, err := kong.New(&c,
		kong.Name("millrace"),
		kong.Description("A caching accelerator for Amazon DynamoDB. Settings come from flags, MILLRACE_* variables, a YAML file and defaults, in this order; `millrace config print` shows them all."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{stdout, stderr}),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if helped {
		return nil
	}
	if err != nil {
		return usageError{fmt.Errorf("%w; see millrace --help", err)}
	}
	return parsed.Run()
}
