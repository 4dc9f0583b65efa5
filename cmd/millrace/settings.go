package main

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"

	"millrace/internal/node"
)

// settingFlags are the flags of every subcommand that needs the configuration. Pointers tell a flag that was not
// given from one given as zero. Tag setting is the setting's name, or several; defaults and checks are package node's.
type settingFlags struct {
	ConfigFile string `name:"config" placeholder:"FILE" env:"MILLRACE_CONFIG" help:"YAML file of settings."`

	Listen         *string `setting:"listen" placeholder:"127.0.0.1:8000" help:"Address of the data port."`
	AdminListen    *string `setting:"admin.listen" placeholder:"127.0.0.1:9464" help:"Address of the admin port; empty for none."`
	AdminTokenFile *string `setting:"admin.token_file" placeholder:"FILE" help:"File with the token that the admin port asks for."`
	InsecureBind   *bool   `setting:"insecure_bind" help:"Let the data port listen where others can reach it: signatures are not verified."`
	Backend        *string `setting:"backend" placeholder:"embedded|aws" help:"Where items are."`
	DataDir        *string `setting:"data_dir" placeholder:"./millrace-data" help:"Folder of the embedded engine's store."`
	InMemory       *bool   `setting:"in_memory" help:"Keep the store in memory; it is gone with the process."`
	Durability     *string `setting:"durability" placeholder:"sync|async" help:"When a write is acknowledged: when it is on stable storage, or before."`
	Isolate        *bool   `setting:"isolate" help:"Give each access key and region tables of its own."`
	Region         *string `setting:"engine.region,upstream.region" placeholder:"us-east-1" help:"Region in ARNs; with --backend aws the region that is served."`
	Upstream       *string `setting:"upstream.url" placeholder:"URL" help:"With --backend aws: a compatible endpoint in place of Amazon's."`
	UpstreamKind   *string `setting:"upstream.kind" placeholder:"auto" help:"What stands at --upstream: aws, alternator, generic or auto."`
	Profile        *string `setting:"upstream.profile" placeholder:"NAME" help:"With --backend aws: profile of the AWS configuration files."`
	Throttle       *bool   `setting:"engine.throttle" help:"Refuse what exceeds a provisioned table's throughput."`
	Faults         *bool   `setting:"engine.faults.enabled" help:"For tests: allow simulated lag, latency and errors, to be set on the admin port."`
	Cache          *string `setting:"cache.enabled" placeholder:"on|off" help:"Answer reads from the caches."`
	CacheMemory    *string `setting:"cache.memory" placeholder:"256MiB" help:"Budget of the caches."`
	Record         *string `setting:"record.file" placeholder:"FILE" help:"Record what is asked, for loadtest --replay."`
	RecordKeys     *string `setting:"record.keys" placeholder:"hashed|plain" help:"Write keys into the record as hashes, or as they are."`
	CertFile       *string `setting:"tls.cert_file" placeholder:"FILE" help:"Certificate of the data port, which then speaks TLS."`
	KeyFile        *string `setting:"tls.key_file" placeholder:"FILE" help:"The certificate's private key."`
	DrainDelay     *string `setting:"shutdown.delay" placeholder:"100ms" help:"How long requests are still taken after SIGTERM."`
	LogLevel       *string `setting:"log.level" placeholder:"info" help:"debug, info, warn or error."`
	LogFormat      *string `setting:"log.format" placeholder:"auto" help:"text, json, or auto: text on a terminal."`
}

// load merges all sources into a checked configuration. Its errors are usage errors.
func (f *settingFlags) load() (*node.Loaded, error) {
	src := node.Sources{File: f.ConfigFile, Environ: os.Environ(), Flags: map[string]string{}, FlagNames: map[string]string{}}
	for field, value := range reflect.ValueOf(f).Elem().Fields() {
		setting := field.Tag.Get("setting")
		if setting == "" || value.IsNil() {
			continue
		}
		text := ""
		switch v := value.Interface().(type) {
		case *string:
			text = *v
		case *bool:
			text = strconv.FormatBool(*v)
		}
		for name := range strings.SplitSeq(setting, ",") {
			src.Flags[name], src.FlagNames[name] = text, flagName(field.Name)
		}
	}
	// A limit that cannot be read is told by serve; it is no reason not to start.
	src.MemoryLimit, _ = memoryLimit()
	loaded, err := node.Load(src)
	if err != nil {
		return nil, usageError{fmt.Errorf("%w", err)}
	}
	return loaded, nil
}

// flagName is the flag that kong makes of a field: --data-dir of DataDir.
func flagName(field string) string {
	out := []byte("--")
	for i := range len(field) {
		c := field[i]
		if 'A' <= c && c <= 'Z' {
			if i > 0 {
				out = append(out, '-')
			}
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	return string(out)
}
