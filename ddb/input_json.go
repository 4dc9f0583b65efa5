package ddb

import (
	"slices"
	"strconv"
)

// A cache that misses makes requests of its own for whole items and pages. Their JSON is written here without looking the shape
// up member by member, which was a twentieth of what a miss costs; it is right to the byte what AppendShape writes.

// requestRoom is about how long the JSON of such a request is.
const requestRoom = 256

// appendJSON writes an input that has no other members than those below; false, and nothing, for another one.
func (in *GetItemInput) appendJSON(dst []byte) ([]byte, bool) {
	if in.AttributesToGet != nil || in.ReturnConsumedCapacity != nil || in.ProjectionExpression != nil || in.ExpressionAttributeNames != nil || in.Key == nil {
		return dst, false
	}
	dst = AppendJSONString(append(dst, `{"TableName":`...), in.TableName)
	dst = AppendItemJSON(append(dst, `,"Key":`...), in.Key)
	dst = appendBoolMember(dst, `,"ConsistentRead":`, in.ConsistentRead)
	return append(dst, '}'), true
}

// appendJSON writes an input that has no other members than those below; false, and nothing, for another one.
func (in *QueryInput) appendJSON(dst []byte) ([]byte, bool) {
	if in.Select != nil || in.AttributesToGet != nil || in.KeyConditions != nil || in.QueryFilter != nil || in.ConditionalOperator != nil ||
		in.ExclusiveStartKey != nil || in.ProjectionExpression != nil || in.FilterExpression != nil {
		return dst, false
	}
	dst = AppendJSONString(append(dst, `{"TableName":`...), in.TableName)
	dst = appendTextMember(dst, `,"IndexName":`, in.IndexName)
	if in.Limit != nil {
		dst = strconv.AppendInt(append(dst, `,"Limit":`...), int64(*in.Limit), 10)
	}
	dst = appendBoolMember(dst, `,"ConsistentRead":`, in.ConsistentRead)
	dst = appendBoolMember(dst, `,"ScanIndexForward":`, in.ScanIndexForward)
	dst = appendTextMember(dst, `,"ReturnConsumedCapacity":`, in.ReturnConsumedCapacity)
	dst = appendTextMember(dst, `,"KeyConditionExpression":`, in.KeyConditionExpression)
	if in.ExpressionAttributeNames != nil {
		dst = appendSorted(append(dst, `,"ExpressionAttributeNames":`...), in.ExpressionAttributeNames, AppendJSONString)
	}
	if in.ExpressionAttributeValues != nil {
		dst = appendSorted(append(dst, `,"ExpressionAttributeValues":`...), in.ExpressionAttributeValues, AppendValueJSON)
	}
	return append(dst, '}'), true
}

// appendJSON writes an input that has no other members than those below; false, and nothing, for another one.
func (in *BatchGetItemInput) appendJSON(dst []byte) ([]byte, bool) {
	if in.ReturnConsumedCapacity != nil || in.RequestItems == nil {
		return dst, false
	}
	keys := 0
	for _, part := range in.RequestItems {
		if part.Keys == nil || part.AttributesToGet != nil || part.ProjectionExpression != nil || part.ExpressionAttributeNames != nil {
			return dst, false
		}
		keys += len(part.Keys)
	}
	dst = slices.Grow(dst, requestRoom/4*keys)
	dst = appendSorted(append(dst, `{"RequestItems":`...), in.RequestItems, func(dst []byte, part KeysAndAttributes) []byte {
		dst = append(dst, `{"Keys":[`...)
		for i, key := range part.Keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendItemJSON(dst, key)
		}
		dst = appendBoolMember(append(dst, ']'), `,"ConsistentRead":`, part.ConsistentRead)
		return append(dst, '}')
	})
	return append(dst, '}'), true
}

// appendBoolMember appends a member unless v is nil.
func appendBoolMember(dst []byte, name string, v *bool) []byte {
	switch {
	case v == nil:
		return dst
	case *v:
		return append(append(dst, name...), "true"...)
	}
	return append(append(dst, name...), "false"...)
}

// appendTextMember appends a member unless v is nil.
func appendTextMember(dst []byte, name string, v *string) []byte {
	if v == nil {
		return dst
	}
	return AppendJSONString(append(dst, name...), *v)
}

// appendInput writes an input as AppendShape does.
func appendInput(dst []byte, input any) []byte {
	if in, ok := input.(interface {
		appendJSON(dst []byte) ([]byte, bool)
	}); ok {
		if out, ok := in.appendJSON(dst); ok {
			return out
		}
	}
	return AppendShape(dst, input)
}
