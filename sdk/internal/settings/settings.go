// Package settings reads a plugin's settings: one JSON object into a struct whose tags say what is allowed.
//
// It finds all problems at once and never repeats the value of a secret. It is shared by all kinds of plugins.
package settings

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Field describes one setting; the fields are those of connector.Field.
type Field struct {
	Name     string
	Type     string
	Doc      string
	Required bool
	Secret   bool
	Default  string
	OneOf    []string
	Min, Max string
	Format   string
}

// Problem is one fault of the settings; the fields are those of connector.Problem.
type Problem struct {
	Path    string
	Summary string
	Help    string
	Warning bool
}

// Form is what the tags of a settings struct say.
type Form struct {
	Fields []Field
	places []place
}

type place struct {
	index []int
	typ   reflect.Type
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	timeType     = reflect.TypeFor[time.Time]()
)

// Nouns are those of package sdk, which lies above this room.
type Nouns struct {
	Secret  reflect.Type           // of settings that are never shown
	Name    func(name string) bool // says whether it is a name
	Pattern string                 // of names, for messages
}

// FormOf reads the tags of struct type t; they are checked here, defaults included, so that a wrong tag is found by
// the author and not by a user.
func FormOf(t reflect.Type, nouns Nouns) (*Form, error) {
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("settings are a struct, not %v", t)
	}
	form := &Form{}
	if err := form.add(t, nil, nouns); err != nil {
		return nil, fmt.Errorf("settings %s: %w", t, err)
	}
	return form, nil
}

func (form *Form) add(t reflect.Type, at []int, nouns Nouns) error {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int{}, at...), i)
		name := f.Tag.Get("cfg")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			if err := form.add(f.Type, index, nouns); err != nil {
				return err
			}
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		field, err := fieldOf(f, name, nouns)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		for _, other := range form.Fields {
			if other.Name == name {
				return fmt.Errorf("field %s: the setting %s stands twice", f.Name, name)
			}
		}
		form.Fields = append(form.Fields, field)
		form.places = append(form.places, place{index: index, typ: f.Type})
	}
	return nil
}

func fieldOf(f reflect.StructField, name string, nouns Nouns) (Field, error) {
	field := Field{
		Name: name, Doc: f.Tag.Get("doc"), Default: f.Tag.Get("default"),
		Min: f.Tag.Get("min"), Max: f.Tag.Get("max"), Format: f.Tag.Get("format"),
		Required: f.Tag.Get("required") == "true",
		Secret:   f.Type == nouns.Secret || f.Tag.Get("secret") == "true",
	}
	if oneOf := f.Tag.Get("oneof"); oneOf != "" {
		field.OneOf = strings.Fields(strings.ReplaceAll(oneOf, ",", " "))
	}
	var ok bool
	if field.Type, ok = typeName(f.Type); !ok || !f.IsExported() {
		return field, fmt.Errorf("type %s cannot be a setting: use string, int, float64, bool, time.Duration, time.Time, []string, map[string]string or sdk.Secret, in an exported field", f.Type)
	}
	if !nouns.Name(name) {
		return field, fmt.Errorf("setting name %q does not match %s", name, nouns.Pattern)
	}
	return field, field.checkTags(f)
}

func (field Field) checkTags(f reflect.StructField) error {
	for _, tag := range []string{"required", "secret"} {
		if v := f.Tag.Get(tag); v != "" && v != "true" && v != "false" {
			return fmt.Errorf(`tag %s is "true" or "false", not %q`, tag, v)
		}
	}
	switch field.Format {
	case "", "url", "email", "path":
	default:
		return fmt.Errorf("format %q: want url, email or path", field.Format)
	}
	bounded := field.Type == "int" || field.Type == "float" || field.Type == "duration"
	for _, bound := range []string{field.Min, field.Max} {
		if bound == "" {
			continue
		}
		if _, err := magnitude(field.Type, bound); err != nil || !bounded {
			return fmt.Errorf("bound %q does not go with a setting of type %s", bound, field.Type)
		}
	}
	if field.Format != "" && field.Type != "string" {
		return fmt.Errorf("format goes with text, not with %s", field.Type)
	}
	if field.Default == "" {
		return nil
	}
	if field.Secret {
		return fmt.Errorf("a secret has no default")
	}
	into := reflect.New(f.Type).Elem()
	if summary, _ := field.read(into, textValue(field.Type, field.Default)); summary != "" {
		return fmt.Errorf("default %q %s", field.Default, summary)
	}
	return nil
}

func typeName(t reflect.Type) (string, bool) {
	switch {
	case t == durationType:
		return "duration", true
	case t == timeType:
		return "time", true
	case t.Kind() == reflect.String:
		return "string", true
	case t.Kind() == reflect.Bool:
		return "bool", true
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return "int", true
	case t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32:
		return "float", true
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return "list", true
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.String:
		return "map", true
	}
	return "", false
}

// textValue makes the JSON-like value of a default's text: lists are "a,b", maps "k=v,l=w".
func textValue(typ, text string) any {
	switch typ {
	case "list":
		var list []any
		for _, item := range strings.Split(text, ",") {
			list = append(list, strings.TrimSpace(item))
		}
		return list
	case "map":
		m := map[string]any{}
		for _, item := range strings.Split(text, ",") {
			k, v, _ := strings.Cut(item, "=")
			m[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
		return m
	}
	return text
}

// magnitude reads a number or duration for comparing it with bounds.
func magnitude(typ, text string) (float64, error) {
	if typ == "duration" {
		d, err := ParseDuration(text)
		return float64(d), err
	}
	return strconv.ParseFloat(text, 64)
}

// ParseDuration is time.ParseDuration, and whole days as in "30d".
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 32)
		if err != nil || n > math.MaxInt64/int64(24*time.Hour) || n < -math.MaxInt64/int64(24*time.Hour) {
			return 0, fmt.Errorf("%.40q is not a duration", text)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return time.ParseDuration(text)
}

// ParseTime reads RFC 3339 or a date alone, which is midnight UTC.
func ParseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339Nano, text)
}

// number gives the text of a JSON number, or of a text that is to be read as one.
func number(v any) (string, bool) {
	switch v := v.(type) {
	case json.Number:
		return string(v), true
	case string:
		return strings.TrimSpace(v), true
	}
	return "", false
}
