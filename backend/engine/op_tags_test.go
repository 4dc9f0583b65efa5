package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"millrace/ddb"
)

// hashARN is the ARN of the table hash of these tests.
func (h *harness) hashARN() string { return ddb.TableARN(h.e.cfg.Region, h.e.cfg.AccountID, "hash") }

// tags is every tag of a table, read page by page.
func (h *harness) tags(arn string) map[string]string {
	h.t.Helper()
	all := make(map[string]string)
	for next := ""; ; {
		var out struct {
			Tags      []struct{ Key, Value string }
			NextToken string
		}
		body := h.answer(ddb.ListTagsOfResource, fmt.Sprintf(`{"ResourceArn":%q%s}`, arn, next))
		if err := json.Unmarshal([]byte(body), &out); err != nil {
			h.t.Fatal(err)
		}
		for _, tag := range out.Tags {
			all[tag.Key] = tag.Value
		}
		if out.NextToken == "" {
			return all
		}
		next = fmt.Sprintf(`,"NextToken":%q`, out.NextToken)
	}
}

func TestTagsAreKeptListedAndRemoved(t *testing.T) {
	t.Parallel()
	// #255
	h := newHarness(t)
	h.answer(ddb.CreateTable, strings.Replace(hashTable, `{"TableName"`, `{"Tags":[{"Key":"env","Value":"test"},{"Key":"empty","Value":""}],"TableName"`, 1))
	arn := h.hashARN()
	h.ok(ddb.ListTagsOfResource, fmt.Sprintf(`{"ResourceArn":%q}`, arn), `{"Tags":[{"Key":"empty","Value":""},{"Key":"env","Value":"test"}]}`)
	// #33: nothing at all.
	for op, body := range map[ddb.Operation]string{
		ddb.TagResource:   fmt.Sprintf(`{"ResourceArn":%q,"Tags":[{"Key":"env","Value":"production"},{"Key":"ключ +-=._:/@","Value":"表"}]}`, arn),
		ddb.UntagResource: fmt.Sprintf(`{"ResourceArn":%q,"TagKeys":["empty","missing"]}`, arn),
	} {
		if got := h.answer(op, body); got != "" {
			t.Errorf("%s answers %q, want nothing", op, got)
		}
	}
	if got := h.tags(arn); len(got) != 2 || got["env"] != "production" || got["ключ +-=._:/@"] != "表" {
		t.Errorf("tags are %v", got)
	}
	// #229: a table that changes keeps its tags.
	h.answer(ddb.UpdateTable, `{"TableName":"hash","DeletionProtectionEnabled":false}`)
	h.answer(ddb.UpdateTimeToLive, `{"TableName":"hash","TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
	h.answer(ddb.UpdateTable, gIndex("hash", "byg"))
	h.finish()
	if got := h.tags(arn); len(got) != 2 {
		t.Errorf("after updates of the table tags are %v", got)
	}
	if got := h.member(ddb.DescribeTimeToLive, `{"TableName":"hash"}`, "TimeToLiveDescription"); !strings.Contains(got, "ENABLED") {
		t.Errorf("after updates of the table its time to live is %s", got)
	}
	// A table made anew has none.
	h.answer(ddb.DeleteTable, `{"TableName":"hash"}`)
	h.create(hashTable)
	if got := h.tags(arn); len(got) != 0 {
		t.Errorf("tags of a new table are %v", got)
	}
}

func TestBadTagsAreRefusedWhole(t *testing.T) {
	t.Parallel()
	h := newHarness(t).create(hashTable)
	arn := h.hashARN()
	f := func(want, tags string) {
		t.Helper()
		h.invalid(ddb.TagResource, fmt.Sprintf(`{"ResourceArn":%q,"Tags":[{"Key":"good","Value":"x"},%s]}`, arn, tags), want)
		// #218: all validated first; bad tags mean no table.
		create := strings.Replace(strings.Replace(hashTable, `"hash"`, `"other"`, 1), `{"TableName"`, `{"Tags":[`+tags+`],"TableName"`, 1)
		h.invalid(ddb.CreateTable, create, want)
	}
	// #254
	long := func(n int) string { return strings.Repeat("k", n) }
	f("The Tag Key provided is invalid, Key: ", `{"Key":"","Value":"x"}`)
	f("The Tag Key provided is invalid, Key: null", `{"Value":"x"}`)
	f("The Tag Key provided is invalid, Key: "+long(129), `{"Key":"`+long(129)+`","Value":"x"}`)
	f("The Tag Key provided is invalid, Key: a,b", `{"Key":"a,b","Value":"x"}`)
	f("The Tag Key provided is invalid, Key: 🔑", `{"Key":"🔑","Value":"x"}`)
	f("The Tag Value provided is invalid, Value: null", `{"Key":"k"}`)
	f("The Tag Value provided is invalid, Value: "+long(257), `{"Key":"k","Value":"`+long(257)+`"}`)
	f("The Tag Value provided is invalid, Value: 100%", `{"Key":"k","Value":"100%"}`)
	f("Tag Key cannot be prefixed with aws:, Key: aws:x", `{"Key":"aws:x","Value":"x"}`)
	f("Duplicate Tag Keys provided as input: Duplicate Tag Key found k", `{"Key":"k","Value":"1"},{"Key":"k","Value":"2"}`)
	h.invalid(ddb.TagResource, fmt.Sprintf(`{"ResourceArn":%q,"Tags":[]}`, arn), "Atleast one Tag needs to be provided as Input.")
	h.invalid(ddb.UntagResource, fmt.Sprintf(`{"ResourceArn":%q,"TagKeys":[]}`, arn), "Atleast one Tag Key needs to be provided as Input.")
	h.invalid(ddb.UntagResource, fmt.Sprintf(`{"ResourceArn":%q,"TagKeys":["%s"]}`, arn, long(129)), "The Tag Key provided is invalid, Key: "+long(129))
	h.ok(ddb.ListTables, `{}`, `{"TableNames":["hash"]}`)
	if got := h.tags(arn); len(got) != 0 {
		t.Errorf("refused requests left tags %v", got)
	}
	h.answer(ddb.TagResource, fmt.Sprintf(`{"ResourceArn":%q,"Tags":[{"Key":"%s","Value":"%s"}]}`, arn, long(128), long(256)))
}

func TestAtMostFiftyTags(t *testing.T) {
	t.Parallel()
	// #254
	h := newHarness(t).create(hashTable)
	arn := h.hashARN()
	const many = "Number of Tags exceed the current limit for the provided ResourceArn"
	tag := func(from, to int) string {
		var list []string
		for i := from; i < to; i++ {
			list = append(list, fmt.Sprintf(`{"Key":"k%02d","Value":"v"}`, i))
		}
		return fmt.Sprintf(`{"ResourceArn":%q,"Tags":[%s]}`, arn, strings.Join(list, ","))
	}
	h.invalid(ddb.TagResource, tag(0, 51), many)
	h.answer(ddb.TagResource, tag(0, 50))
	h.invalid(ddb.TagResource, tag(49, 51), many)
	h.answer(ddb.TagResource, tag(0, 50))
	// #255: pages of ten.
	first := h.answer(ddb.ListTagsOfResource, fmt.Sprintf(`{"ResourceArn":%q}`, arn))
	if n := strings.Count(first, `"Key"`); n != 10 || !strings.Contains(first, "NextToken") {
		t.Errorf("the first page of tags is %s", first)
	}
	if got := h.tags(arn); len(got) != 50 {
		t.Errorf("all pages have %d tags, want 50", len(got))
	}
	// A token that was not given out for this table is refused.
	token := strings.Trim(h.member(ddb.ListTagsOfResource, fmt.Sprintf(`{"ResourceArn":%q}`, arn), "NextToken"), `"`)
	h.create(rangeTable)
	other := ddb.TableARN(h.e.cfg.Region, h.e.cfg.AccountID, "range")
	for _, bad := range []string{"", "x", "AAAA", token[:len(token)-4] + "AAAA", strings.Repeat("A", 64)} {
		h.invalid(ddb.ListTagsOfResource, fmt.Sprintf(`{"ResourceArn":%q,"NextToken":%q}`, arn, bad), "The provided NextToken is invalid")
	}
	h.invalid(ddb.ListTagsOfResource, fmt.Sprintf(`{"ResourceArn":%q,"NextToken":%q}`, other, token), "The provided NextToken is invalid")
}

func TestTagsAreOfTables(t *testing.T) {
	t.Parallel()
	// #253
	h := newHarness(t).create(indexTable)
	account := h.e.cfg.AccountID
	f := func(arn, code, message string) {
		t.Helper()
		h.fails(ddb.ListTagsOfResource, fmt.Sprintf(`{"ResourceArn":%q}`, arn), code, message)
		h.fails(ddb.TagResource, fmt.Sprintf(`{"ResourceArn":%q,"Tags":[{"Key":"a","Value":"b"}]}`, arn), code, strings.ReplaceAll(message, "ListTagsOf", "Tag"))
		h.fails(ddb.UntagResource, fmt.Sprintf(`{"ResourceArn":%q,"TagKeys":["a"]}`, arn), code, strings.ReplaceAll(message, "ListTagsOf", "Untag"))
	}
	wrong := "One or more parameter values were invalid: "
	table := ddb.TableARN("us-east-1", account, "index")
	f("not-a-valid-arn", "ValidationException", wrong+"ARNs must start with 'arn:': not-a-valid-arn")
	f("arn:aws:s3:::bucket", "ValidationException", wrong+"Provided Arn is not a DynamoDB resource arn: arn:aws:s3:::bucket")
	for _, x := range []string{"all", "lall"} {
		arn := ddb.IndexARN(table, x)
		f(arn, "ValidationException", wrong+"Invalid resource arn provided, only table or stream is accepted. Provided resource arn: "+arn)
	}
	stream := ddb.StreamARN(table, "2024-01-01T00:00:00.000")
	f(stream, "ValidationException", "Invalid TableArn: Invalid ResourceArn provided as input "+stream)
	none := ddb.TableARN("us-east-1", account, "none")
	f(none, "ResourceNotFoundException", "Requested resource not found: ResourceArn: "+none+" not found")
	foreign := ddb.TableARN("us-east-1", "999999999999", "none")
	f(foreign, "AccessDeniedException", "User: arn:aws:iam::"+account+":root is not authorized to perform: dynamodb:ListTagsOfResource on resource: "+foreign)
	h.invalid(ddb.ListTagsOfResource, `{}`, "Invalid TableArn")
}

func TestConcurrentTagsAreNotLost(t *testing.T) {
	t.Parallel()
	// #255
	h := newHarness(t).create(hashTable)
	arn := h.hashARN()
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			body := fmt.Sprintf(`{"ResourceArn":%q,"Tags":[{"Key":"k%d","Value":"v"}]}`, arn, i)
			if _, err := h.e.Do(t.Context(), ddb.NewRequest(ddb.TagResource, []byte(body))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := h.tags(arn); len(got) != 40 {
		t.Errorf("%d tags are left of 40", len(got))
	}
}

func TestTagsDoNotDisturbCaches(t *testing.T) {
	t.Parallel()
	r := &hookRecorder{}
	h := openWith(t, r).create(hashTable)
	heard := len(r.log)
	h.answer(ddb.TagResource, fmt.Sprintf(`{"ResourceArn":%q,"Tags":[{"Key":"k","Value":"v"}]}`, h.hashARN()))
	if len(r.log) != heard {
		t.Errorf("TagResource made the hooks hear %q", r.log[heard:])
	}
}
