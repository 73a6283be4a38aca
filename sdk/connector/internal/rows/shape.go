package rows

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

// Shape is what the tags of a struct type say: its columns, and how each is read from a value.
type Shape struct {
	Columns []sdk.Column
	Key     []string
	Cursor  string
	fields  []structField
}

type structField struct {
	index []int
	bind  binder
}

// tag is one col tag with its neighbours type and doc.
type tag struct {
	name    string
	options map[string]bool
	kind    string // of the tag type: "", decimal, date, time, timestamp
	p, s    int32
}

var (
	timeType      = reflect.TypeFor[time.Time]()
	durationType  = reflect.TypeFor[time.Duration]()
	secretType    = reflect.TypeFor[sdk.Secret]()
	rawType       = reflect.TypeFor[json.RawMessage]()
	marshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

// ShapeOf reads the tags of struct type t.
func ShapeOf(t reflect.Type) (*Shape, error) {
	if t == nil || t.Kind() != reflect.Struct || t == timeType {
		return nil, fmt.Errorf("a row is a struct, not %v", t)
	}
	s := &Shape{}
	if err := s.add(t, nil, 0); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	if err := sdk.ValidateColumns(s.Columns); err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	return s, nil
}

func (s *Shape) add(t reflect.Type, at []int, depth int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int{}, at...), i)
		text, tagged := f.Tag.Lookup("col")
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct && depth < sdk.MaxTypeDepth {
			if err := s.add(f.Type, index, depth+1); err != nil {
				return err
			}
			continue
		}
		if !tagged || text == "-" {
			continue
		}
		if !f.IsExported() {
			return fmt.Errorf("field %s has a col tag but is not exported", f.Name)
		}
		if err := s.addField(f, text, index); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return nil
}

func (s *Shape) addField(f reflect.StructField, text string, index []int) error {
	tag, err := parseTag(text, f.Tag.Get("type"))
	if err != nil {
		return err
	}
	made, err := typeOf(f.Type, tag, 0)
	if err != nil {
		return err
	}
	column := sdk.Column{Name: tag.name, Type: made.t, Doc: f.Tag.Get("doc"), PII: tag.options["pii"]}
	if tag.options["key"] {
		column.NotNull = !made.nullable
		s.Key = append(s.Key, tag.name)
	}
	if tag.options["cursor"] {
		if s.Cursor != "" {
			return fmt.Errorf("a second cursor: %s is one already", s.Cursor)
		}
		s.Cursor = tag.name
	}
	s.Columns = append(s.Columns, column)
	s.fields = append(s.fields, structField{index: index, bind: made.bind})
	return nil
}

func parseTag(text, kind string) (tag, error) {
	name, rest, _ := strings.Cut(text, ",")
	t := tag{name: name, options: map[string]bool{}}
	for _, option := range strings.Split(rest, ",") {
		switch option {
		case "":
		case "key", "cursor", "pii", "json", "uuid", "url", "markdown", "html":
			t.options[option] = true
		default:
			return t, fmt.Errorf("col tag option %q: want key, cursor, pii, json, uuid, url, markdown or html", option)
		}
	}
	return t, t.parseKind(kind)
}

func (t *tag) parseKind(kind string) error {
	if inner, ok := strings.CutPrefix(kind, "decimal("); ok {
		p, s, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ",")
		precision, err1 := strconv.ParseInt(strings.TrimSpace(p), 10, 32)
		scale, err2 := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
		if err1 != nil || err2 != nil || !strings.HasSuffix(inner, ")") {
			return fmt.Errorf("type tag %q: want decimal(p,s)", kind)
		}
		t.kind, t.p, t.s = "decimal", int32(precision), int32(scale)
		return nil
	}
	switch kind {
	case "", "date", "time", "timestamp":
		t.kind = kind
		return nil
	}
	return fmt.Errorf("type tag %q: want decimal(p,s), date, time or timestamp", kind)
}

// logical returns the tag of a text column, "" if none.
func (t tag) logical() string {
	for _, l := range []string{"json", "uuid", "url", "markdown", "html"} {
		if t.options[l] {
			return l
		}
	}
	return ""
}

// made is the outcome of looking at one Go type.
type made struct {
	t        sdk.Type
	bind     binder
	nullable bool // the Go value can stand for NULL
}

func typeOf(t reflect.Type, tag tag, depth int) (made, error) {
	if depth > sdk.MaxTypeDepth {
		return made{}, fmt.Errorf("types nest deeper than %d", sdk.MaxTypeDepth)
	}
	switch {
	case t == secretType:
		return made{}, fmt.Errorf("a secret cannot be a column")
	case t.Kind() == reflect.Pointer && !(t.Implements(marshalerType) && !t.Elem().Implements(marshalerType)):
		inner, err := typeOf(t.Elem(), tag, depth+1)
		inner.bind, inner.nullable = pointerBinder(inner.bind, t.Elem() == timeType), true
		return inner, err
	case t == timeType:
		return timeOf(tag)
	case tag.kind == "decimal":
		return decimalOf(t, tag)
	case t == durationType:
		if tag.kind != "time" {
			return made{}, fmt.Errorf(`a time.Duration needs type:"time" (time of day); for a length of time use an int64 with its unit in the name`)
		}
		return made{t: sdk.Type{ID: sdk.Time}, bind: bindDuration}, nil
	case tag.kind != "":
		return made{}, fmt.Errorf("type tag %q does not go with %s", tag.kind, t)
	case tag.logical() == "json":
		return jsonOf(t), nil
	case t.Implements(marshalerType):
		return made{t: sdk.Type{ID: sdk.String, Logical: tag.logical()}, bind: bindText, nullable: nilable(t.Kind())}, nil
	case t.Kind() == reflect.String:
		return made{t: sdk.Type{ID: sdk.String, Logical: tag.logical()}, bind: bindString}, nil
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return made{t: sdk.Type{ID: sdk.Binary, Logical: tag.logical()}, bind: bindBytes, nullable: true}, nil
	case tag.logical() != "":
		return made{}, fmt.Errorf("col tag option %q does not go with %s", tag.logical(), t)
	}
	if plain, ok := plainKinds[t.Kind()]; ok {
		return plain, nil
	}
	return nestedOf(t, depth)
}

func timeOf(tag tag) (made, error) {
	switch tag.kind {
	case "":
		return made{t: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}, bind: bindTimestamp(false), nullable: true}, nil
	case "timestamp":
		return made{t: sdk.Type{ID: sdk.Timestamp}, bind: bindTimestamp(true), nullable: true}, nil
	case "date":
		return made{t: sdk.Type{ID: sdk.Date}, bind: bindDate, nullable: true}, nil
	case "time":
		return made{t: sdk.Type{ID: sdk.Time}, bind: bindTimeOfDay, nullable: true}, nil
	}
	return made{}, fmt.Errorf("type tag %q does not go with time.Time", tag.kind)
}

func decimalOf(t reflect.Type, tag tag) (made, error) {
	want := sdk.Type{ID: sdk.Decimal, Precision: tag.p, Scale: tag.s}
	if err := want.Validate(); err != nil {
		return made{}, err
	}
	switch k := t.Kind(); {
	case t.Implements(marshalerType), k == reflect.String,
		k >= reflect.Int && k <= reflect.Uint64, k == reflect.Float64, k == reflect.Float32:
		return made{t: want, bind: bindDecimal(want), nullable: nilable(k)}, nil
	}
	return made{}, fmt.Errorf("a decimal is read from text, a number or a TextMarshaler, not from %s", t)
}

func jsonOf(t reflect.Type) made {
	m := made{t: sdk.Type{ID: sdk.String, Logical: "json"}}
	switch {
	case t == rawType || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		m.bind, m.nullable = bindRawJSON, true
	case t.Kind() == reflect.String:
		m.bind = bindJSONText
	default:
		m.bind, m.nullable = bindJSONValue, nilable(t.Kind())
	}
	return m
}

func nilable(k reflect.Kind) bool {
	return k == reflect.Interface || k == reflect.Map || k == reflect.Slice || k == reflect.Pointer
}

func nestedOf(t reflect.Type, depth int) (made, error) {
	switch t.Kind() {
	case reflect.Slice:
		item, err := typeOf(t.Elem(), tag{}, depth+1)
		child := sdk.Column{Name: "item", Type: item.t}
		return made{t: sdk.Type{ID: sdk.List, Children: []sdk.Column{child}}, bind: bindList(item.bind), nullable: true}, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return made{}, fmt.Errorf("a map's key is a string, not %s", t.Key())
		}
		value, err := typeOf(t.Elem(), tag{}, depth+1)
		children := []sdk.Column{{Name: "key", Type: sdk.Type{ID: sdk.String}, NotNull: true}, {Name: "value", Type: value.t}}
		return made{t: sdk.Type{ID: sdk.Map, Children: children}, bind: bindMap(value.bind), nullable: true}, err
	case reflect.Struct:
		return structOf(t, depth)
	case reflect.Interface:
		return made{}, fmt.Errorf(`an interface value has no type: add the option json (col:"name,json")`)
	}
	return made{}, fmt.Errorf("type %s is not supported", t)
}

func structOf(t reflect.Type, depth int) (made, error) {
	var m made
	m.t.ID = sdk.Struct
	var fields []structField
	for i := range t.NumField() {
		f := t.Field(i)
		text := f.Tag.Get("col")
		if text == "" || text == "-" || !f.IsExported() {
			continue
		}
		tag, err := parseTag(text, f.Tag.Get("type"))
		if err != nil {
			return m, fmt.Errorf("field %s: %w", f.Name, err)
		}
		inner, err := typeOf(f.Type, tag, depth+1)
		if err != nil {
			return m, fmt.Errorf("field %s: %w", f.Name, err)
		}
		m.t.Children = append(m.t.Children, sdk.Column{Name: tag.name, Type: inner.t, Doc: f.Tag.Get("doc"), PII: tag.options["pii"]})
		fields = append(fields, structField{index: []int{i}, bind: inner.bind})
	}
	m.bind = bindStruct(fields)
	if len(fields) == 0 {
		return m, fmt.Errorf("struct %s has no field with a col tag", t)
	}
	return m, nil
}
