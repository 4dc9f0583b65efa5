package facts

import (
	"crypto/md5"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// expiryFacts are about time to live.
var expiryFacts = []fact{
	{249, "expiry is switched on and off once, by its attribute", func(s *session) {
		s.table("$T", "pk:S")
		f := func(in, message string) {
			s.t.Helper()
			s.invalid("UpdateTimeToLive", in, message)
		}
		set := func(attribute string, enabled bool) string {
			return fmt.Sprintf(`{"TimeToLiveSpecification":{"AttributeName":"%s","Enabled":%v}}`, attribute, enabled)
		}
		f(`{"TimeToLiveSpecification":{"Enabled":true}}`, "…")
		f(`{"TimeToLiveSpecification":{"AttributeName":"t"}}`, "…")
		f(set("", true), "…")
		f(set(long("t", 256), true), "…")
		f(set("t", false), "TimeToLive is already disabled")
		s.refuses("UpdateTimeToLive", `{"TableName":"no-such",`+set("t", true)[1:], "ResourceNotFoundException", "…")
		s.want("UpdateTimeToLive", set("t", true), `{"TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
		f(set("t", true), "TimeToLive is already enabled")
		f(set("u", false), "…active on a different AttributeName: current AttributeName is t")
		s.want("UpdateTimeToLive", set("t", false), `{"TimeToLiveSpecification":{"AttributeName":"t","Enabled":false}}`)
	}},
	{250, "DescribeTimeToLive tells the state", func(s *session) {
		s.table("$T", "pk:S")
		s.want("DescribeTimeToLive", `{}`, `{"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}}`)
		s.ok("UpdateTimeToLive", `{"TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
		s.eventually("expiry is on", func(s *session) bool {
			got := s.ok("DescribeTimeToLive", `{}`)
			return differ(got, s.decode(`{"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":"t"}}`), "", false) == ""
		})
		s.refuses("DescribeTimeToLive", `{"TableName":"no-such"}`, "ResourceNotFoundException", "…")
	}},
	{251, "items expire whose attribute is a past number of seconds, of the last five years", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g ALL g:S")
		s.ok("UpdateTimeToLive", `{"TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
		s = s.quiet()
		s.put(s.expiring("past", -100), strings.Replace(s.expiring("fraction", -100), `"},"g"`, `.5"},"g"`, 1), s.expiring("future", 3600), s.expiring("ancient", -6*365*24*3600),
			`{"pk":{"S":"text"},"t":{"S":"`+text(int(time.Now().Unix()-100))+`"},"g":{"S":"x"}}`, `{"pk":{"S":"none"},"g":{"S":"x"}}`)
		s.gone("past")
		s.gone("fraction")
		got := split(values(s.ok("Scan", `{"IndexName":"by-g"}`), "pk"))
		slices.Sort(got)
		if want := "ancient future none text"; strings.Join(got, " ") != want {
			s.t.Errorf("items in the index = %v, want %s", got, want)
		}
		got = split(values(s.ok("Scan", `{}`), "pk"))
		slices.Sort(got)
		if want := "ancient future none text"; strings.Join(got, " ") != want {
			s.t.Errorf("items in the table = %v, want %s", got, want)
		}
		// The attribute may be a key.
		s.table("$K", "pk:S t:N")
		s.ok("UpdateTimeToLive", `{"TableName":"$K","TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
		s.want("PutItem", `{"TableName":"$K","Item":{"pk":{"S":"a"},"t":{"N":"`+text(int(time.Now().Unix()-100))+`"}}}`, `{}`)
		s.eventually("an item expires by its sort key", func(s *session) bool { return fmt.Sprint(s.ok("Scan", `{"TableName":"$K"}`)["Count"]) == "0" })
	}},
	{252, "expiry that was just changed changes again or is refused", func(s *session) {
		s.table("$T", "pk:S")
		s.ok("UpdateTimeToLive", `{"TimeToLiveSpecification":{"AttributeName":"t","Enabled":true}}`)
		a := s.call("UpdateTimeToLive", `{"TimeToLiveSpecification":{"AttributeName":"t","Enabled":false}}`)
		if a.status != 200 && a.code() != "ValidationException" {
			s.t.Errorf("second change = %d %s", a.status, a.body)
		}
	}},
}

// expiring is an item of "$T" whose attribute t is that many seconds from now.
func (s *session) expiring(pk string, seconds int64) string {
	return fmt.Sprintf(`{"pk":{"S":"%s"},"t":{"N":"%d"},"g":{"S":"x"}}`, pk, time.Now().Unix()+seconds)
}

// gone waits until an item of "$T" is not there.
func (s *session) gone(pk string) {
	s.t.Helper()
	s.eventually(pk+" expires", func(s *session) bool { return s.ok("GetItem", `{"Key":{"pk":{"S":"`+pk+`"}}}`)["Item"] == nil })
}

// tagFacts are about tags, continuous backups and the rest of the control plane.
var tagFacts = []fact{
	{253, "tags are for tables, by ARN", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g ALL g:S")
		arn := s.arn("$T")
		s.invalid("ListTagsOfResource", `{"ResourceArn":"nonsense"}`, "…")
		s.invalid("TagResource", `{"ResourceArn":"nonsense","Tags":[{"Key":"a","Value":"b"}]}`, "…")
		s.invalid("UntagResource", `{"ResourceArn":"nonsense","TagKeys":["a"]}`, "…")
		s.invalid("TagResource", `{"ResourceArn":"`+arn+`/index/by-g","Tags":[{"Key":"a","Value":"b"}]}`, "…")
		s.refuses("ListTagsOfResource", `{"ResourceArn":"arn:aws:dynamodb:us-east-1:999999999999:table/no-such"}`, "AccessDeniedException", "…")
		missing := strings.Replace(arn, s.expand("$T"), "no-such", 1)
		s.refuses("ListTagsOfResource", `{"ResourceArn":"`+missing+`"}`, "ResourceNotFoundException", "Requested resource not found: ResourceArn: "+missing+" not found")
	}},
	{254, "tags have limits and legal characters", func(s *session) {
		s.table("$T", "pk:S")
		arn := s.arn("$T")
		tag := func(tags string) string { return `{"ResourceArn":"` + arn + `","Tags":[` + tags + `]}` }
		for _, good := range []string{`{"Key":"` + long("k", 128) + `","Value":"` + long("v", 256) + `"}`, `{"Key":"žluť 1+-=._:/@","Value":""}`} {
			s.ok("TagResource", tag(good))
		}
		for _, bad := range []string{
			`{"Key":"","Value":"v"}`, `{"Key":"` + long("k", 129) + `","Value":"v"}`, `{"Key":"k","Value":"` + long("v", 257) + `"}`, `{"Key":"k"}`, `{"Key":"k!","Value":"v"}`, `{"Key":"k","Value":"v#"}`,
		} {
			s.invalid("TagResource", tag(bad), "…")
		}
		s.invalid("TagResource", tag(""), "Atleast one Tag needs to be provided as Input.")
		s.invalid("UntagResource", `{"ResourceArn":"`+arn+`","TagKeys":[]}`, "Atleast one Tag Key needs to be provided as Input.")
		var many []string
		for i := range 51 {
			many = append(many, fmt.Sprintf(`{"Key":"k%d","Value":"v"}`, i))
		}
		s.invalid("TagResource", tag(strings.Join(many, ",")), "Number of Tags exceed the current limit for the provided ResourceArn")
		s.ok("TagResource", tag(strings.Join(many[:48], ",")))
		s.invalid("TagResource", tag(strings.Join(many[48:], ",")), "Number of Tags exceed the current limit for the provided ResourceArn")
	}},
	{255, "tags are set by key, removed by key, and none is lost", func(s *session) {
		s.table("$T", "pk:S")
		arn := s.arn("$T")
		s.ok("TagResource", `{"ResourceArn":"`+arn+`","Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`)
		s.ok("TagResource", `{"ResourceArn":"`+arn+`","Tags":[{"Key":"a","Value":"3"}]}`)
		if got := s.tags(arn); got != "a=3 b=2" {
			s.t.Errorf("tags = %s", got)
		}
		s.ok("UntagResource", `{"ResourceArn":"`+arn+`","TagKeys":["b","nothing"]}`)
		if got := s.tags(arn); got != "a=3" {
			s.t.Errorf("tags = %s", got)
		}
		q := s.quiet()
		var done sync.WaitGroup
		for i := range 20 {
			done.Add(1)
			go func() {
				defer done.Done()
				if a := q.call("TagResource", fmt.Sprintf(`{"ResourceArn":"%s","Tags":[{"Key":"c%02d","Value":"x"}]}`, arn, i)); a.status != 200 {
					s.t.Errorf("TagResource = %d %s", a.status, a.body)
				}
			}()
		}
		done.Wait()
		if got := len(split(s.tags(arn))); got != 21 {
			s.t.Errorf("%d tags, want 21", got)
		}
	}},
	{256, "continuous backups are described, and are off", func(s *session) {
		s.table("$T", "pk:S")
		s.has("DescribeContinuousBackups", `{}`, `{"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"…","PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"DISABLED"}}}`)
		s.refuses("DescribeContinuousBackups", `{"TableName":"no-such"}`, "TableNotFoundException", "…")
		s.invalid("DescribeContinuousBackups", `{"TableName":null}`, "…")
	}},
	{257, "the rest of the control plane answers as to an account without it", func(s *session) {
		s.has("DescribeLimits", `{}`, `{"AccountMaxReadCapacityUnits":80000,"AccountMaxWriteCapacityUnits":80000,"TableMaxReadCapacityUnits":40000,"TableMaxWriteCapacityUnits":40000}`)
		s.has("ListGlobalTables", `{}`, `{"GlobalTables":[]}`)
		s.has("ListExports", `{}`, `{"ExportSummaries":[]}`)
		s.has("ListImports", `{}`, `{"ImportSummaryList":[]}`)
		s.has("ListContributorInsights", `{"TableName":null}`, `{"ContributorInsightsSummaries":[]}`)
		s.table("$T", "pk:S")
		s.has("DescribeKinesisStreamingDestination", `{}`, `{"TableName":"$T","KinesisDataStreamDestinations":[]}`)
	}},
}

// tags are a resource's, over all pages, as sorted text.
func (s *session) tags(arn string) string {
	s.t.Helper()
	var all []string
	start := ""
	for {
		got := s.ok("ListTagsOfResource", `{"ResourceArn":"`+arn+`"`+start+`}`)
		for _, tag := range got["Tags"].([]any) {
			all = append(all, fmt.Sprintf("%v=%v", tag.(map[string]any)["Key"], tag.(map[string]any)["Value"]))
		}
		token, more := got["NextToken"].(string)
		if !more {
			slices.Sort(all)
			return strings.Join(all, " ")
		}
		start = `,"NextToken":` + encode(token)
	}
}

// orderFacts are about the order of items, and of checks.
var orderFacts = []fact{
	{260, "partitions come in the order of the MD5 of their keys, and segments part it evenly", func(s *session) {
		s.table("$T", "pk:S")
		var keys []string
		for i := range 40 {
			key := fmt.Sprintf("key%d", i)
			keys = append(keys, key)
			s.put(`{"pk":{"S":"` + key + `"}}`)
		}
		slices.SortFunc(keys, func(a, b string) int {
			x, y := md5.Sum([]byte(a)), md5.Sum([]byte(b))
			return slices.Compare(x[:], y[:])
		})
		s.ordered("Scan", `{}`, "pk", strings.Join(keys, " "))
		for segment := range 4 {
			var want []string
			for _, key := range keys {
				if sum := md5.Sum([]byte(key)); int(sum[0])/64 == segment {
					want = append(want, key)
				}
			}
			s.ordered("Scan", fmt.Sprintf(`{"Segment":%d,"TotalSegments":4}`, segment), "pk", strings.Join(want, " "))
		}
	}},
	{261, "JSON types are checked member by member, in every operation", func(s *session) {
		w := s.wire()
		for _, operation := range []string{
			"BatchGetItem", "BatchWriteItem", "CreateTable", "DeleteItem", "DeleteTable", "DescribeTable", "DescribeTimeToLive", "GetItem", "ListTables", "PutItem",
			"Query", "Scan", "TransactGetItems", "TransactWriteItems", "UpdateItem", "UpdateTable", "UpdateTimeToLive", "ExecuteStatement", "TagResource", "ListStreams", "GetRecords",
		} {
			members := map[string]string{
				"BatchGetItem": "RequestItems", "BatchWriteItem": "RequestItems", "ListTables": "Limit", "TransactGetItems": "TransactItems", "TransactWriteItems": "TransactItems",
				"ExecuteStatement": "Statement", "TagResource": "ResourceArn", "ListStreams": "TableName", "GetRecords": "ShardIterator",
			}
			member := members[operation]
			if member == "" {
				member = "TableName"
			}
			for _, wrong := range []string{`true`, `[1]`, `{"a":1}`, `1.5`} {
				if wrong == `{"a":1}` && member == "RequestItems" || wrong == `[1]` && member == "TransactItems" || wrong == `1.5` && member == "Limit" {
					continue // what is wrong there is further inside, or only cut off
				}
				a := w.send(w, operation, `{"`+member+`":`+wrong+`}`)
				if a.status != 400 || a.code() != "SerializationException" {
					s.t.Errorf("%s with %s %s = %d %s, want a SerializationException", operation, member, wrong, a.status, a.body)
				}
			}
		}
	}},
	{262, "each kind of fault is told before those of later kinds", func(s *session) {
		s.table("$T", "pk:S", "gsi by-g ALL g:S")
		s.put(`{"pk":{"S":"a"},"s":{"S":"x"}}`)
		w := s.wire()
		// Each request has all the faults of those that follow.
		type member = struct{ name, bad, good string }
		steps := []struct {
			fault   member
			code    string
			message string
		}{
			{member{"ReturnItemCollectionMetrics", `3`, `"NONE"`}, "SerializationException", "NUMBER_VALUE cannot be converted to String"},
			{member{"ReturnConsumedCapacity", `"x"`, `"NONE"`}, "ValidationException", "1 validation error detected: …"},
			{member{"Expected", `{"a":{"Exists":false}}`, `null`}, "ValidationException", "Can not use both expression and non-expression parameters in the same request: …"},
			{member{"Item", `{"pk":{"S":"a","N":"1"}}`, `{"pk":{"S":""}}`}, "ValidationException", "Supplied AttributeValue has more than one datatypes set…"},
			{member{"ReturnValues", `"ALL_NEW"`, `"NONE"`}, "ValidationException", "ReturnValues can only be ALL_OLD or NONE"},
			{member{"ConditionExpression", `"a ="`, `"attribute_not_exists(pk)"`}, "ValidationException", "Invalid ConditionExpression: Syntax error; …"},
			{member{"ExpressionAttributeNames", `{"#x":"x"}`, `null`}, "ValidationException", "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}"},
			{member{"TableName", `"no-such"`, `"$T"`}, "ResourceNotFoundException", "Requested resource not found"},
		}
		for i, step := range steps {
			var members []string
			for j, other := range steps {
				value := other.fault.bad
				if j < i {
					value = other.fault.good
				}
				members = append(members, `"`+other.fault.name+`":`+value)
			}
			w.refuses("PutItem", `{`+strings.Join(members, ",")+`}`, step.code, step.message)
		}
		const condition = `"ConditionExpression":"attribute_not_exists(pk)"`
		s.invalid("PutItem", `{`+condition+`,"Item":{"pk":{"S":""},"v":{"S":"`+long("x", 400<<10)+`"}}}`, "…")
		s.invalid("PutItem", `{`+condition+`,"Item":{"pk":{"S":"a"},"v":{"S":"`+long("x", 400<<10)+`"}}}`, "Item size has exceeded the maximum allowed size")
		s.refuses("PutItem", `{`+condition+`,"Item":{"pk":{"S":"a"}}}`, "ConditionalCheckFailedException", "The conditional request failed")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET s=","ConditionExpression":"a ="}`, "Invalid UpdateExpression: Syntax error; …")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET s=s+:n","ConditionExpression":"attribute_exists(pk)","ExpressionAttributeValues":{":n":{"N":"1"}}}`,
			"An operand in the update expression has an incorrect data type")
	}},
	{263, "an item's size is checked before the table is looked up", func(s *session) {
		s.invalid("PutItem", `{"TableName":"no-such","Item":{"pk":{"S":"a"},"v":{"S":"`+long("x", 400<<10)+`"}}}`, "Item size has exceeded the maximum allowed size")
	}},
	{264, "a batch of writes checks values, then keys, then duplicates", func(s *session) {
		s.table("$T", "pk:S")
		const same = `{"PutRequest":{"Item":{"pk":{"S":"a"}}}},{"PutRequest":{"Item":{"pk":{"S":"a"}}}}`
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[`+same+`,{"PutRequest":{"Item":{"pk":{"S":"b"},"v":{"NULL":false}}}},{"DeleteRequest":{"Key":{"x":{"S":"a"}}}}]}}`,
			"…Null attribute value types must have the value of true")
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[{"DeleteRequest":{"Key":{"x":{"S":"a"}}}},`+same+`]}}`, "The provided key element does not match the schema")
		s.invalid("BatchWriteItem", `{"RequestItems":{"$T":[`+same+`]}}`, "Provided list of item keys contains duplicates")
	}},
	{265, "a query looks up its index, then its condition, then its starting key, then its Select", func(s *session) {
		s.table("$T", "pk:S sk:N", "gsi by-g KEYS_ONLY g:S")
		f := func(index, condition, start, message string) {
			s.t.Helper()
			s.invalid("Query", `{"IndexName":"`+index+`","KeyConditionExpression":"`+condition+`","ExpressionAttributeValues":{":v":{"S":"x"}},"ExclusiveStartKey":`+start+`,"Select":"ALL_ATTRIBUTES"}`, message)
		}
		const bad, good = `{"nothing":{"S":"x"}}`, `{"g":{"S":"x"},"pk":{"S":"a"},"sk":{"N":"1"}}`
		f("no-such", "x=:v", bad, "The table does not have the specified index: no-such")
		f("by-g", "g=:v", bad, "The provided starting key is invalid…")
		f("by-g", "g=:v", good, "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index by-g because its projection type is not ALL")
		// The shape of a starting key comes before what it says.
		s.invalid("Query", `{"KeyConditionExpression":"pk=:v AND sk>:s","ExpressionAttributeValues":{":v":{"S":"x"},":s":{"N":"5"}},"ExclusiveStartKey":{"pk":{"S":"x"},"sk":{"S":"1"}}}`, "…The provided key element does not match the schema")
	}},
	{266, "a failed condition is told before a fault of the update, a syntax error before both", func(s *session) {
		s.table("$T", "pk:S")
		s.put(`{"pk":{"S":"a"},"s":{"S":"x"}}`)
		s.refuses("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET s=s+:n","ConditionExpression":"attribute_not_exists(pk)","ExpressionAttributeValues":{":n":{"N":"1"}}}`,
			"ConditionalCheckFailedException", "The conditional request failed")
		s.invalid("UpdateItem", `{"Key":{"pk":{"S":"a"}},"UpdateExpression":"SET s=s+","ConditionExpression":"attribute_not_exists(pk)"}`, "Invalid UpdateExpression: Syntax error; …")
	}},
}
