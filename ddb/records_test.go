package ddb

import "testing"

func TestRecordsThatCannotBeReadTakeNoOthersWithThem(t *testing.T) {
	t.Parallel()
	const good = `{"eventName":"INSERT","dynamodb":{"Keys":{"h":{"S":"a"}},"NewImage":{"h":{"S":"a"}},"SequenceNumber":"1","SizeBytes":3}}`
	f := func(what, bad string, key, newImage, oldImage, told bool) {
		t.Helper()
		resp := NewResponse([]byte(`{"Records":[` + good + `,` + bad + `,` + good + `],"NextShardIterator":"next"}`))
		out, err := ReadRecords(resp)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		if out.NextShardIterator == nil || *out.NextShardIterator != "next" || len(out.Records) != 3 {
			t.Errorf("%s: %+v", what, out)
			return
		}
		for _, i := range []int{0, 2} {
			if d := out.Records[i].DynamoDB; d == nil || d.Keys == nil || d.NewImage == nil || d.SequenceNumber != "1" || d.SizeBytes != 3 {
				t.Errorf("%s: a good record beside it is %+v", what, out.Records[i])
			}
		}
		r := out.Records[1]
		if r.EventName != "MODIFY" || (r.DynamoDB != nil) != told {
			t.Errorf("%s: %+v", what, r)
			return
		}
		if d := r.DynamoDB; told && ((d.Keys != nil) != key || (d.NewImage != nil) != newImage || (d.OldImage != nil) != oldImage || d.SequenceNumber != "2") {
			t.Errorf("%s: %+v", what, d)
		}
	}
	record := func(key, newImage, oldImage string) string {
		return `{"eventName":"MODIFY","dynamodb":{"Keys":{"h":` + key + `},"NewImage":{"h":{"S":"a"},"v":` + newImage + `},"OldImage":{"v":` + oldImage + `},"SequenceNumber":"2"}}`
	}
	const text, half = `{"S":"a"}`, `{"S":"\ud800"}`
	f("nothing wrong", record(text, text, text), true, true, true, true)
	f("half a surrogate pair in the new image", record(text, half, text), true, false, true, true)
	f("in the old one", record(text, text, half), true, true, false, true)
	f("in the key", record(half, text, text), false, true, true, true)
	f("a number that is no text", record(text, `{"N":5}`, text), true, false, true, true)
	f("a name that is none", record(text, `{"S":"a"},"\udc00":{"S":"a"}`, text), true, false, true, true)
	f("parts of another kind", `{"eventName":"MODIFY","dynamodb":["\ud800"]}`, false, false, false, false)
	for _, broken := range []string{`{"Records":[{]}`, `{"Records":[5]}`, `<html>`, ``} {
		if out, err := ReadRecords(NewResponse([]byte(broken))); err == nil {
			t.Errorf("ReadRecords(%q) = %+v, want an error", broken, out)
		}
	}
}
