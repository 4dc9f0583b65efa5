package stream

import (
	"fmt"
	"testing"

	"millrace/ddb"
)

// An image with values that are not understood is unknown: nothing is cached of it, and it contradicts what is.
func TestImagesThatAreNotUnderstoodAreUnknown(t *testing.T) {
	t.Parallel()
	f := &follower{table: &table{}, config: &Config{}}
	for value, unknown := range map[string]bool{
		`{"S":"x"}`:                           false,
		`{"NEWTYPE":"x"}`:                     true,
		`{"L":[{"FUT":"x"},{"S":"kept"}]}`:    true,
		`{"M":{"x":{"M":{"y":{"FUT":"x"}}}}}`: true,
		`{"N":"1e300"}`:                       true,
		`{"SS":[]}`:                           true,
	} {
		var out ddb.GetRecordsOutput
		image := fmt.Sprintf(`{"h":{"S":"a"},"v":%s}`, value)
		body := fmt.Sprintf(`{"Records":[{"eventName":"MODIFY","dynamodb":{"Keys":{"h":{"S":"a"}},"NewImage":%s,"OldImage":%s}}]}`, image, image)
		if err := ddb.DecodeShape([]byte(body), &out); err != nil {
			t.Fatal(err)
		}
		c := f.changes(out.Records)[0]
		if c.NewUnknown != unknown || c.OldUnknown != unknown || (c.New == nil) != unknown || len(c.Key) != 1 {
			t.Errorf("%s: %+v", value, c)
		}
	}
}
