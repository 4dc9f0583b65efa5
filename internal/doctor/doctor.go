// Package doctor looks at an upstream the way millrace will use it, and says in words what stands in the way. It writes
// nothing: the writes that it tries have conditions that no item can meet.
package doctor

import (
	"context"
	"fmt"
	"time"

	"millrace/backend/aws"
	"millrace/ddb"
)

// Level is how a finding stands.
type Level string

// The levels. What warns works, but not as well as it could.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is one thing that was looked at.
type Finding struct {
	// Check is a word for what it is, Table the table it is about, if any.
	Check string `json:"check"`
	Table string `json:"table,omitempty"`
	Level Level  `json:"level"`
	// Detail says what was found, Next what to do about it where anything is to be done.
	Detail string `json:"detail"`
	Next   string `json:"next,omitempty"`
}

// Config is what to look at.
type Config struct {
	// Upstream is the backend's configuration.
	Upstream aws.Config
	// Tables are those to look at; without any, the first that ListTables names.
	Tables []string
	// Environ is as os.Environ gives it.
	Environ []string
	// Needs says why a table's stream has to be read, by its settings; empty if nothing asks for it. It may be nil.
	Needs func(table string) string
}

// maxTables is how many tables are looked at when none is named.
const maxTables = 10

// patience bounds one question to upstream.
const patience = 10 * time.Second

// examination is one run.
type examination struct {
	config   Config
	backend  *aws.Backend
	findings []Finding
}

// Run looks at everything and returns what it found, in the order of looking. It fails only by what it finds.
func Run(ctx context.Context, config Config) []Finding {
	x := &examination{config: config}
	x.environment()
	// Retries would only make an answer late.
	config.Upstream.Attempts = 1
	b, err := aws.New(ctx, config.Upstream)
	if err != nil {
		x.fail("upstream", err.Error(), "correct the upstream settings; `millrace config print` shows them")
		return x.findings
	}
	defer func() { _ = b.Close() }()
	x.backend = b
	if x.endpoints(ctx) && x.credentials(ctx) {
		for _, table := range x.tables(ctx) {
			x.table(ctx, table)
		}
	}
	return x.findings
}

// add notes a finding.
func (x *examination) add(level Level, check, detail, next string) {
	x.findings = append(x.findings, Finding{Check: check, Level: level, Detail: detail, Next: next})
}

// fail notes what keeps millrace from working.
func (x *examination) fail(check, detail, next string) { x.add(Fail, check, detail, next) }

// call asks upstream.
func (x *examination) call(ctx context.Context, in ddb.Input) (*ddb.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return x.backend.Do(ctx, ddb.NewTypedRequest(in))
}

// endpoints looks whether upstream is there, and how its clock stands to ours.
func (x *examination) endpoints(ctx context.Context) bool {
	for _, e := range []struct {
		check   string
		streams bool
	}{{"endpoint", false}, {"streams endpoint", true}} {
		p, err := x.backend.Probe(ctx, e.streams)
		if err != nil {
			if e.streams {
				x.add(Warn, e.check, err.Error(), "let this machine reach the streams endpoint, or set upstream.streams_url; without streams, writes of others are seen only after the time to live")
				continue
			}
			x.fail(e.check, err.Error(), "check the address, DNS, routes, security groups and VPC endpoint; for a private certificate set upstream.ca_file")
			return false
		}
		x.add(OK, e.check, fmt.Sprintf("%s answers in %v", p.URL, p.Took.Round(100*time.Microsecond)), "")
		if !e.streams {
			x.clock(p)
		}
	}
	return true
}

// How far clocks may differ: signatures are refused beyond five minutes, and what differs by more than some seconds is on
// its way there. (IAM User Guide, "Elements of an AWS API request signature".)
const (
	clockFail = 4 * time.Minute
	clockWarn = 15 * time.Second
)

// clock judges the difference of clocks.
func (x *examination) clock(p aws.Probe) {
	skew := p.Skew.Round(time.Second)
	word := "ahead of"
	if skew < 0 {
		word = "behind"
	}
	detail := fmt.Sprintf("upstream's clock is %v %s this machine's", skew.Abs(), word)
	switch {
	case !p.Dated:
		x.add(Warn, "clock", "upstream tells no date, so the clocks cannot be compared", "compare this machine's clock with another source")
	case skew.Abs() >= clockFail:
		x.fail("clock", detail, "set this machine's clock (NTP); millrace signs with upstream's time until then, other programs will be refused")
	case skew.Abs() >= clockWarn:
		x.add(Warn, "clock", detail, "set this machine's clock (NTP)")
	default:
		x.add(OK, "clock", "within seconds of upstream's", "")
	}
}

// credentials looks whether there are any.
func (x *examination) credentials(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, err := x.backend.Identity(ctx)
	if err != nil {
		x.fail("credentials", err.Error(), "give the process credentials: a role (EC2, ECS, EKS), AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
		return false
	}
	detail := fmt.Sprintf("key %s from %s, region %s", masked(id.KeyID), id.Source, x.backend.Region())
	if !id.Expires.IsZero() {
		detail += fmt.Sprintf(", valid until %s", id.Expires.UTC().Format(time.RFC3339))
	}
	x.add(OK, "credentials", detail, "")
	return true
}

// masked shows the end of an access key id.
func masked(key string) string {
	if len(key) <= 4 {
		return "…"
	}
	return "…" + key[len(key)-4:]
}
