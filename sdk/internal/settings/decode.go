package settings

import (
	"fmt"
	"net/mail"
	"net/url"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/internal/jsonvalue"
)

// maxBytes caps the settings of one source.
const maxBytes = 1 << 20

// Decode reads one JSON object into the struct that into points to, and returns every problem there is. Texts of
// secrets found on the way are returned so that the caller can mask them.
func (form *Form) Decode(text []byte, into any) (secrets []string, problems []Problem) {
	if len(text) > maxBytes {
		return nil, []Problem{{Summary: fmt.Sprintf("the settings have %d bytes, allowed are %d", len(text), maxBytes)}}
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		text = []byte("{}")
	}
	parsed, err := jsonvalue.Parse(text)
	if err != nil {
		return nil, []Problem{{Summary: "the settings cannot be read: " + err.Error(), Help: "Write one JSON object, each name once."}}
	}
	object, ok := parsed.(map[string]any)
	if !ok {
		return nil, []Problem{{Summary: "the settings are not a JSON object", Help: `Write an object, e.g. {"name": "value"}.`}}
	}
	target := reflect.ValueOf(into).Elem()
	for i, field := range form.Fields {
		value := object[field.Name]
		if s, ok := value.(string); ok && field.Secret && s != "" {
			secrets = append(secrets, s)
		}
		if p, bad := field.set(target.FieldByIndex(form.places[i].index), value); bad {
			problems = append(problems, p)
		}
	}
	return secrets, append(problems, form.unknown(object)...)
}

// set puts value, or the default, into v.
func (field Field) set(v reflect.Value, value any) (Problem, bool) {
	if value == nil || value == "" && field.Required {
		if field.Required {
			return Problem{Path: field.Name, Summary: "is required", Help: field.advice()}, true
		}
		if field.Default == "" {
			return Problem{}, false
		}
		value = textValue(field.Type, field.Default)
	}
	if summary, help := field.read(v, value); summary != "" {
		return Problem{Path: field.Name, Summary: summary, Help: help}, true
	}
	return Problem{}, false
}

func (field Field) advice() string {
	if field.Doc != "" {
		return "Set " + field.Name + ": " + field.Doc
	}
	return "Set " + field.Name + "."
}

// read puts value into v and says what is wrong with it.
func (field Field) read(v reflect.Value, value any) (summary, help string) {
	switch field.Type {
	case "string":
		text, ok := value.(string)
		if !ok {
			return "is not text", "Put the value in quotes."
		}
		v.SetString(text)
	case "list", "map":
		return field.readMany(v, value)
	case "bool":
		yes, err := strconv.ParseBool(fmt.Sprint(value))
		if err != nil {
			return "is not true or false", "Write true or false."
		}
		v.SetBool(yes)
	default:
		if summary := field.readScalar(v, value); summary != "" {
			return summary, ""
		}
	}
	return field.check(fmt.Sprint(value))
}

func (field Field) readScalar(v reflect.Value, value any) string {
	text, ok := number(value)
	switch field.Type {
	case "int":
		return readInt(v, text, ok)
	case "float":
		f, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil || v.OverflowFloat(f) {
			return "is not a number in range"
		}
		v.SetFloat(f)
	case "duration":
		d, err := ParseDuration(text)
		if _, quoted := value.(string); !quoted || err != nil {
			return `is not a duration such as "90s", "5m" or "30d"`
		}
		v.SetInt(int64(d))
	case "time":
		t, err := ParseTime(text)
		if _, quoted := value.(string); !quoted || err != nil {
			return `is not a time such as "2026-01-31" or "2026-01-31T12:00:00Z"`
		}
		v.Set(reflect.ValueOf(t))
	}
	return ""
}

func readInt(v reflect.Value, text string, ok bool) string {
	if v.CanUint() {
		u, err := strconv.ParseUint(text, 10, 64)
		if !ok || err != nil || v.OverflowUint(u) {
			return "is not a whole number in range, 0 or more"
		}
		v.SetUint(u)
		return ""
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || v.OverflowInt(i) {
		return "is not a whole number in range"
	}
	v.SetInt(i)
	return ""
}

func (field Field) readMany(v reflect.Value, value any) (summary, help string) {
	if field.Type == "list" {
		items, ok := value.([]any)
		list := reflect.MakeSlice(v.Type(), len(items), len(items))
		for i, item := range items {
			text, isText := item.(string)
			if ok = ok && isText; !isText {
				break
			}
			if summary, help := field.check(text); summary != "" {
				return summary, help
			}
			list.Index(i).SetString(text)
		}
		if !ok {
			return "is not a list of texts", `Write a list, e.g. ["a", "b"].`
		}
		v.Set(list)
		return "", ""
	}
	items, ok := value.(map[string]any)
	m := reflect.MakeMapWithSize(v.Type(), len(items))
	for name, item := range items {
		text, isText := item.(string)
		if ok = ok && isText; !isText {
			break
		}
		key := reflect.ValueOf(name).Convert(v.Type().Key())
		m.SetMapIndex(key, reflect.ValueOf(text).Convert(v.Type().Elem()))
	}
	if !ok {
		return "is not a map of texts", `Write a map, e.g. { key = "value" }.`
	}
	v.Set(m)
	return "", ""
}

// check applies oneof, min, max and format to the text of a value.
func (field Field) check(text string) (summary, help string) {
	if len(field.OneOf) > 0 && text != "" && !slices.Contains(field.OneOf, text) {
		return field.shown(text) + " is not allowed", "Allowed are " + strings.Join(field.OneOf, ", ") + "."
	}
	for _, bound := range []struct {
		text, word string
		sign       float64
	}{{field.Min, "less", -1}, {field.Max, "more", 1}} {
		if bound.text == "" {
			continue
		}
		limit, _ := magnitude(field.Type, bound.text)
		if m, err := magnitude(field.Type, text); err != nil || !(m*bound.sign <= limit*bound.sign) {
			return field.shown(text) + " is " + bound.word + " than " + bound.text, field.between()
		}
	}
	return field.checkFormat(text)
}

func (field Field) between() string {
	switch {
	case field.Max == "":
		return "At least " + field.Min + "."
	case field.Min == "":
		return "At most " + field.Max + "."
	}
	return "From " + field.Min + " to " + field.Max + "."
}

func (field Field) checkFormat(text string) (summary, help string) {
	if text == "" {
		return "", ""
	}
	switch field.Format {
	case "url":
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return "is not a web address", "Write it in full, e.g. https://api.example.com."
		}
	case "email":
		a, err := mail.ParseAddress(text)
		if err != nil || a.Address != text {
			return "is not an e-mail address", "Write it plainly, e.g. ada@example.com."
		}
	case "path":
		if strings.ContainsRune(text, 0) {
			return "is not a path", "Remove the NUL character."
		}
	}
	return "", ""
}

// shown is a value as a message may repeat it.
func (field Field) shown(text string) string {
	if field.Secret {
		return "the secret"
	}
	return fmt.Sprintf("%.40q", text)
}

func (form *Form) unknown(object map[string]any) []Problem {
	var problems []Problem
	for name := range object {
		if slices.ContainsFunc(form.Fields, func(f Field) bool { return f.Name == name }) {
			continue
		}
		p := Problem{Path: shorten(name), Summary: "is not a setting of this plugin", Help: "Remove it."}
		if near := form.nearest(name); near != "" {
			p.Help = "Did you mean " + near + "?"
		}
		problems = append(problems, p)
	}
	sort.Slice(problems, func(i, j int) bool { return problems[i].Path < problems[j].Path })
	return problems
}

func shorten(name string) string {
	if len(name) > 63 {
		name = name[:63]
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

func (form *Form) nearest(name string) string {
	best, least := "", 3
	if len(name) > 63 {
		return ""
	}
	for _, f := range form.Fields {
		if d := distance(strings.ToLower(name), f.Name); d < least && d < len(f.Name) {
			best, least = f.Name, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete or replace to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
