package doctor

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"millrace/ddb"
)

// tables are the tables to look at. Whether the credentials are any good is found out here.
func (x *examination) tables(ctx context.Context) []string {
	limit := maxTables
	resp, err := x.call(ctx, &ddb.ListTablesInput{Limit: &limit})
	if err == nil {
		out, bad := ddb.OutputAs[ddb.ListTablesOutput](resp)
		if bad != nil {
			x.fail("tables", "what answers there does not answer as DynamoDB does", "check that --upstream speaks DynamoDB's protocol")
			return nil
		}
		names := x.config.Tables
		detail := fmt.Sprintf("looking at the %s named", counted(len(names), "table", "tables"))
		if len(names) == 0 {
			names = out.TableNames
			detail = "looking at " + counted(len(names), "table", "tables")
			if len(names) == 0 {
				detail = "there are none in region " + x.backend.Region()
			}
			if out.LastEvaluatedTableName != nil {
				detail += ", the first of more; name others as arguments"
			}
		}
		x.add(OK, "tables", detail, "")
		return names
	}
	if isDenied(err) {
		if len(x.config.Tables) == 0 {
			x.add(Warn, "tables", reason(err), "allow dynamodb:ListTables for this command, or name tables as arguments; serving does not need it")
		}
		return x.config.Tables
	}
	x.fail("tables", reason(err), nextOf(err))
	return nil
}

// counted is a number of things, whose name is one for one of them.
func counted(n int, one, more string) string {
	switch n {
	case 0:
		return "no " + more
	case 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// isDenied reports whether err is for want of permission.
func isDenied(err error) bool {
	e, ok := err.(*ddb.Error)
	return ok && (e.Code == "AccessDeniedException" || e.Code == "AccessDenied")
}

// reason is err in one line.
func reason(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// nextSteps say what to do about exceptions, by code. (General Reference, "Common errors".)
var nextSteps = map[string]string{
	"UnrecognizedClientException": "the access key does not exist or is switched off: use other credentials",
	"InvalidClientTokenId":        "the access key does not exist or is switched off: use other credentials",
	"InvalidSignatureException":   "the secret key does not belong to the access key, or the clock is off",
	"SignatureDoesNotMatch":       "the secret key does not belong to the access key, or the clock is off",
	"ExpiredTokenException":       "the session has ended: get credentials anew (aws sso login, a new role session)",
	"ExpiredToken":                "the session has ended: get credentials anew (aws sso login, a new role session)",
	"AccessDeniedException":       "the identity is known but allowed nothing here: give it dynamodb permissions",
	"ServiceUnavailable":          "upstream answers the health check but not this: try again, then look at its own health",
	"ResourceNotFoundException":   "check the table's name and the region",
	"LoopDetectedException":       "upstream is this millrace itself: point --upstream at DynamoDB",
}

// nextOf is what to do about err.
func nextOf(err error) string {
	e, ok := err.(*ddb.Error)
	if !ok {
		return "try again; if it stays so, look at the network between here and upstream, and at upstream's own health"
	}
	if next := nextSteps[e.Code]; next != "" {
		return next
	}
	if e.Throttled() {
		return "upstream has too much to do just now: try again"
	}
	if e.HTTPStatus() == 403 {
		return "something between here and DynamoDB refuses the request: check the credentials, and proxies and firewalls on the way"
	}
	return "check that --upstream speaks DynamoDB's protocol"
}

// subject is a table under examination.
type subject struct {
	*examination
	name string
	desc *ddb.TableDescription
	key  ddb.Item
}

// find notes a finding about the table.
func (s *subject) find(level Level, check, detail, next string) {
	s.findings = append(s.findings, Finding{Check: check, Table: s.name, Level: level, Detail: detail, Next: next})
}

// table looks at one table.
func (x *examination) table(ctx context.Context, name string) {
	s := &subject{examination: x, name: name}
	resp, err := x.call(ctx, &ddb.DescribeTableInput{TableName: name})
	if err != nil {
		next := nextOf(err)
		if isDenied(err) {
			next = "allow dynamodb:DescribeTable; without it nothing of the table is cached"
		}
		s.find(Fail, "DescribeTable", reason(err), next)
		return
	}
	out, err := ddb.OutputAs[ddb.DescribeTableOutput](resp)
	if err != nil || out.Table == nil {
		s.find(Fail, "DescribeTable", "the description cannot be understood", "check that --upstream speaks DynamoDB's protocol")
		return
	}
	s.desc = out.Table
	s.key = s.strangeKey()
	s.find(OK, "DescribeTable", fmt.Sprintf("%s, %s", out.Table.TableStatus, counted(len(out.Table.GlobalSecondaryIndexes)+len(out.Table.LocalSecondaryIndexes), "secondary index", "secondary indexes")), "")
	s.permissions(ctx)
	streams := s.streams(ctx)
	s.expiry(ctx, streams)
}

// strangeKey is a key that no item has.
func (s *subject) strangeKey() ddb.Item {
	var attributes []ddb.Attribute
	for _, k := range s.desc.KeySchema {
		value := ddb.StringValue("millrace-doctor-" + rand.Text())
		switch s.desc.AttributeKind(k.AttributeName) {
		case ddb.KindB:
			value = ddb.BinaryValue(rand.Text())
		case ddb.KindN:
			n := strings.Map(func(r rune) rune { return '1' + r%9 }, rand.Text())
			value, _ = ddb.NumberValue("-" + n)
		}
		attributes = append(attributes, ddb.Attribute{Name: k.AttributeName, Value: value})
	}
	return ddb.ItemOf(attributes...)
}
