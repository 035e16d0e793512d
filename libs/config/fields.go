package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// field is one leaf of Config: a key that holds a value.
type field struct {
	path  string
	value reflect.Value
}

// env is the name of the variable that sets this key.
func (f field) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.path, ".", "_"))
}

// fields lists every leaf under v, in the order of the struct.
func fields(v reflect.Value, prefix string) []field {
	var out []field
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		if key == "" {
			continue
		}
		if v.Field(i).Kind() == reflect.Struct {
			out = append(out, fields(v.Field(i), prefix+key+".")...)
			continue
		}
		out = append(out, field{path: prefix + key, value: v.Field(i)})
	}
	return out
}

// Keys lists the path of every key, in the order of the example.
func Keys() []string {
	c := Default()
	var out []string
	for _, f := range fields(reflect.ValueOf(&c).Elem(), "") {
		out = append(out, f.path)
	}
	return out
}

// setText sets a key from the text of a variable.
func (f field) setText(text string) error {
	switch p := f.value.Addr().Interface().(type) {
	case *string:
		*p = text
	case *Secret:
		*p = Secret(text)
	case *[]string:
		*p = split(text)
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is not true or false", text)
		}
		*p = b
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 90s, 30m or 24h", text)
		}
		*p = d
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*p = n
	case *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*p = n
	default:
		return fmt.Errorf("keys of type %s cannot be set by a variable", f.value.Type())
	}
	return nil
}

func split(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
