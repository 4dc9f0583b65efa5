package loadtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// attributeValueType is the SDK's interface that a value's types implement.
var attributeValueType = reflect.TypeFor[types.AttributeValue]()

// decodeInput fills one of the SDK's inputs from the JSON that the raw client would send. Their fields have the JSON's
// names, so one description of a request serves both.
func decodeInput(body []byte, in any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return fmt.Errorf("decode request: %w", err)
	}
	return assign(reflect.ValueOf(in).Elem(), v)
}

// assign sets dst from decoded JSON.
func assign(dst reflect.Value, v any) error {
	if dst.Type() == attributeValueType {
		value, err := attributeValue(v)
		if err != nil {
			return err
		}
		dst.Set(reflect.ValueOf(value))
		return nil
	}
	switch dst.Kind() {
	case reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		return assign(dst.Elem(), v)
	case reflect.Struct:
		fields, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%v cannot be made of %T", dst.Type(), v)
		}
		for name, value := range fields {
			f := dst.FieldByName(name)
			if !f.IsValid() {
				return fmt.Errorf("the SDK's %v has no %s", dst.Type(), name)
			}
			if err := assign(f, value); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		fields, _ := v.(map[string]any)
		dst.Set(reflect.MakeMapWithSize(dst.Type(), len(fields)))
		for name, value := range fields {
			e := reflect.New(dst.Type().Elem()).Elem()
			if err := assign(e, value); err != nil {
				return err
			}
			dst.SetMapIndex(reflect.ValueOf(name).Convert(dst.Type().Key()), e)
		}
		return nil
	case reflect.Slice:
		list, _ := v.([]any)
		dst.Set(reflect.MakeSlice(dst.Type(), len(list), len(list)))
		for i, value := range list {
			if err := assign(dst.Index(i), value); err != nil {
				return err
			}
		}
		return nil
	}
	return assignScalar(dst, v)
}

// assignScalar sets a text, a number or a truth.
func assignScalar(dst reflect.Value, v any) error {
	switch v := v.(type) {
	case string:
		if dst.Kind() == reflect.String {
			dst.SetString(v)
			return nil
		}
	case bool:
		if dst.Kind() == reflect.Bool {
			dst.SetBool(v)
			return nil
		}
	case json.Number:
		if n, err := v.Int64(); err == nil && dst.CanInt() {
			dst.SetInt(n)
			return nil
		}
	}
	return fmt.Errorf("%v cannot be made of %v", dst.Type(), v)
}

// attributeValue makes the SDK's form of a scalar such as {"S":"x"}. Schedules have no other values.
func attributeValue(v any) (types.AttributeValue, error) {
	fields, _ := v.(map[string]any)
	for name, value := range fields {
		text, ok := value.(string)
		switch {
		case !ok || len(fields) != 1:
		case name == "S":
			return &types.AttributeValueMemberS{Value: text}, nil
		case name == "N":
			return &types.AttributeValueMemberN{Value: text}, nil
		case name == "B":
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return nil, fmt.Errorf("decode binary: %w", err)
			}
			return &types.AttributeValueMemberB{Value: b}, nil
		}
	}
	return nil, fmt.Errorf("%v is no value of type S, N or B", v)
}
