package aws

import (
	"bytes"
	"encoding/json"
	"strings"

	"millrace/ddb"
)

// errorBody is what millrace itself looks at in an error's body; all of it goes to the client as it came.
type errorBody struct {
	Type string `json:"__type"`
	// Message is under "message" or "Message", which encoding/json takes for one.
	Message             string          `json:"message"`
	Item                json.RawMessage `json:"Item"`
	CancellationReasons []struct {
		Code    string          `json:"Code"`
		Message string          `json:"Message"`
		Item    json.RawMessage `json:"Item"`
	} `json:"CancellationReasons"`
}

// newError makes the exception of a response that is not a 200. It takes body over.
func newError(status int, body []byte, errorType string) *ddb.Error {
	e := &ddb.Error{Status: status, Raw: body}
	var b errorBody
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) && json.Unmarshal(body, &b) == nil {
		e.Message = b.Message
		e.Item, e.HasItem = parseItem(b.Item)
		for _, r := range b.CancellationReasons {
			reason := ddb.CancellationReason{Code: r.Code, Message: r.Message}
			reason.Item, reason.HasItem = parseItem(r.Item)
			e.CancellationReasons = append(e.CancellationReasons, reason)
		}
	}
	if b.Type == "" {
		// The header has it too, and may have a URL behind a colon. (Smithy, "AWS JSON 1.0": Operation error serialization.)
		b.Type, _, _ = strings.Cut(errorType, ":")
	}
	e.Code = b.Type[strings.LastIndexByte(b.Type, '#')+1:]
	if e.Code == "" {
		e.Code = ddb.UnknownError
		if status >= 500 {
			// A load balancer's page, or nothing at all.
			e.Code = "InternalServerError"
		}
	}
	return e
}

// parseItem reads the item that an error carries; without one, or with one that is not understood, it is false.
func parseItem(raw json.RawMessage) (ddb.Item, bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, false
	}
	return ddb.ParseWholeItem(raw)
}

// outcomeOf sorts an exception; far is whether upstream's time is far from ours.
func outcomeOf(e *ddb.Error, streams, far bool) outcome {
	switch {
	case e.Status >= 500:
		return faulty
	case e.Throttled(), streams && e.Code == "LimitExceededException":
		// The latter is one for streams only, where it tells of too many readers. (API Reference, GetRecords: Errors.)
		return throttled
	case far && skews[e.Code]:
		return skewed
	case rejections[e.Code]:
		return rejected
	}
	return refused
}
