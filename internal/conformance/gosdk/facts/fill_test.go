package facts

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// fill sets v, a part of an SDK's input, from decoded JSON as it would be on the wire. A member that the SDK does not
// have is an error: such a request has to go over the wire without it.
func fill(v reflect.Value, from any) error {
	if from == nil {
		return nil // null is absent
	}
	if v.Type() == reflect.TypeFor[types.AttributeValue]() {
		value, err := attributeValue(from)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(value))
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), from)
	case reflect.Struct:
		members, ok := from.(map[string]any)
		if !ok {
			break
		}
		for name, member := range members {
			field := v.FieldByName(name)
			if !field.IsValid() {
				return fmt.Errorf("%v has no member %s", v.Type(), name)
			}
			if err := fill(field, member); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	case reflect.Map:
		members, ok := from.(map[string]any)
		if !ok {
			break
		}
		v.Set(reflect.MakeMap(v.Type()))
		for name, member := range members {
			element := reflect.New(v.Type().Elem()).Elem()
			if err := fill(element, member); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), element)
		}
		return nil
	case reflect.Slice:
		members, ok := from.([]any)
		if !ok {
			break
		}
		v.Set(reflect.MakeSlice(v.Type(), len(members), len(members)))
		for i, member := range members {
			if err := fill(v.Index(i), member); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	case reflect.String:
		if text, ok := from.(string); ok {
			v.SetString(text)
			return nil
		}
	case reflect.Bool:
		if truth, ok := from.(bool); ok {
			v.SetBool(truth)
			return nil
		}
	case reflect.Int32, reflect.Int64:
		if number, ok := from.(json.Number); ok {
			n, err := number.Int64()
			v.SetInt(n)
			return err
		}
	}
	return fmt.Errorf("%s does not go into a %v", encode(from), v.Type())
}

// attributeValue makes the SDK's form of a value from its JSON.
func attributeValue(from any) (types.AttributeValue, error) {
	members, ok := from.(map[string]any)
	if !ok || len(members) != 1 {
		return nil, fmt.Errorf("%s is no attribute value of the SDK", encode(from))
	}
	for kind, member := range members {
		var value types.AttributeValue
		var into any
		switch kind {
		case "S":
			m := new(types.AttributeValueMemberS)
			value, into = m, &m.Value
		case "N":
			m := new(types.AttributeValueMemberN)
			value, into = m, &m.Value
		case "BOOL":
			m := new(types.AttributeValueMemberBOOL)
			value, into = m, &m.Value
		case "NULL":
			m := new(types.AttributeValueMemberNULL)
			value, into = m, &m.Value
		case "SS":
			m := new(types.AttributeValueMemberSS)
			value, into = m, &m.Value
		case "NS":
			m := new(types.AttributeValueMemberNS)
			value, into = m, &m.Value
		case "L":
			m := new(types.AttributeValueMemberL)
			value, into = m, &m.Value
		case "M":
			m := new(types.AttributeValueMemberM)
			value, into = m, &m.Value
		case "B":
			b, err := base64.StdEncoding.DecodeString(fmt.Sprint(member))
			return &types.AttributeValueMemberB{Value: b}, err
		case "BS":
			m := new(types.AttributeValueMemberBS)
			list, _ := member.([]any)
			m.Value = [][]byte{}
			for _, text := range list {
				b, err := base64.StdEncoding.DecodeString(fmt.Sprint(text))
				if err != nil {
					return nil, err
				}
				m.Value = append(m.Value, b)
			}
			return m, nil
		default:
			return nil, fmt.Errorf("the SDK has no type %s", kind)
		}
		return value, fill(reflect.ValueOf(into).Elem(), member)
	}
	panic("unreachable: the map has one member")
}
