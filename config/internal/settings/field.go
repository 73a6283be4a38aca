package settings

import (
	"fmt"
	"math/big"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/config/internal/diag"
	"github.com/ai-data-analyst/broker/config/internal/syntax"
)

// maxDuration is the longest duration of a setting without a bound of its own.
const maxDuration = 87_600 * time.Hour

// field reads one setting.
func (s *reading) field(f Field, v syntax.Value) {
	where := s.path + "." + f.Name
	if f.Secret {
		s.checkSecret(f, v, where)
	}
	var value any
	var problem, help string
	switch f.Type {
	case "int", "float":
		value, problem, help = number(f, v)
	case "bool":
		value, problem, help = truth(v)
	case "duration":
		value, problem, help = duration(f, v)
	case "time":
		value, problem, help = instant(v)
	case "list":
		value, problem, help = s.list(f, v)
	case "map":
		value, problem, help = s.dict(f, v)
	default:
		value, problem, help = s.text(f, v)
	}
	if problem != "" {
		s.fail(v.Pos, where+" "+problem, help)
		return
	}
	s.values[f.Name] = value
}

// scalarText returns a scalar as text.
func scalarText(v syntax.Value) (string, bool) {
	switch v.Kind {
	case syntax.String:
		return v.Text, true
	case syntax.Number:
		return v.Number.Text('f', -1), true
	case syntax.Bool:
		return strconv.FormatBool(v.Bool), true
	}
	return "", false
}

func kindProblem(v syntax.Value, want string) string {
	return fmt.Sprintf("must be %s, not %s", want, v.Kind)
}

func (s *reading) text(f Field, v syntax.Value) (any, string, string) {
	text, ok := scalarText(v)
	if !ok {
		return nil, kindProblem(v, "a text"), fmt.Sprintf(`write %s = "…"`, f.Name)
	}
	if len(f.OneOf) > 0 && !slices.Contains(f.OneOf, text) {
		help := "values: " + strings.Join(f.OneOf, ", ")
		if !v.Given && !f.Secret {
			help = diag.Suggestion(text, f.OneOf, "values")
		}
		return nil, "is none of the allowed values", help
	}
	if text == "" {
		return text, "", ""
	}
	switch f.Format {
	case "url":
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme == "" {
			return nil, "is not a URL", `write it whole, e.g. "https://example.com"`
		}
	case "email":
		if _, ok := IsEmail(text); !ok {
			return nil, "is not an e-mail address", EmailHelp
		}
	case "path":
		if !filepath.IsAbs(text) {
			text = filepath.Join(s.r.Dir, text)
		}
	}
	return text, "", ""
}

func number(f Field, v syntax.Value) (any, string, string) {
	n := v.Number
	if v.Kind == syntax.String {
		parsed, _, err := big.ParseFloat(strings.TrimSpace(v.Text), 10, 512, big.ToNearestEven)
		if err != nil || parsed.IsInf() {
			return nil, "is not a number", fmt.Sprintf("write %s = 1", f.Name)
		}
		n = parsed
	} else if v.Kind != syntax.Number {
		return nil, kindProblem(v, "a number"), fmt.Sprintf("write %s = 1", f.Name)
	}
	if outside(n, f.Min, f.Max) {
		return nil, "is out of range", rangeHelp(f)
	}
	if f.Type == "float" {
		x, _ := n.Float64()
		return x, "", ""
	}
	whole, accuracy := n.Int64()
	if accuracy != big.Exact {
		return nil, "is not a whole number of 64 bits", rangeHelp(f)
	}
	return whole, "", ""
}

func outside(n *big.Float, least, most string) bool {
	if low, _, err := big.ParseFloat(least, 10, 512, big.ToNearestEven); err == nil && n.Cmp(low) < 0 {
		return true
	}
	high, _, err := big.ParseFloat(most, 10, 512, big.ToNearestEven)
	return err == nil && n.Cmp(high) > 0
}

func rangeHelp(f Field) string {
	switch {
	case f.Min != "" && f.Max != "":
		return fmt.Sprintf("it lies between %s and %s", f.Min, f.Max)
	case f.Min != "":
		return "it is at least " + f.Min
	case f.Max != "":
		return "it is at most " + f.Max
	}
	return "whole numbers lie between -1e18 and 1e18"
}

func truth(v syntax.Value) (any, string, string) {
	if v.Kind == syntax.Bool {
		return v.Bool, "", ""
	}
	if v.Kind == syntax.String && (v.Text == "true" || v.Text == "false") {
		return v.Text == "true", "", ""
	}
	return nil, kindOrText(v, "true or false"), "write true or false"
}

func kindOrText(v syntax.Value, want string) string {
	if v.Kind == syntax.String {
		return "is not " + want
	}
	return kindProblem(v, want)
}

// duration checks unit, sign and range (C10). The plugin gets the text.
func duration(f Field, v syntax.Value) (any, string, string) {
	const shape = `write a number with a unit, e.g. "30s", "5m", "1h30m"`
	if v.Kind == syntax.Number {
		return nil, "has no unit", shape
	}
	if v.Kind != syntax.String {
		return nil, kindProblem(v, "a duration"), shape
	}
	text := strings.TrimSpace(v.Text)
	d, err := time.ParseDuration(text)
	if err != nil {
		if strings.ContainsAny(text, "smhuµn") || strings.Trim(text, "0123456789.") != "" {
			return nil, "is not a duration", shape
		}
		return nil, "has no unit", shape
	}
	least, most := time.Duration(0), maxDuration
	if low, err := time.ParseDuration(f.Min); err == nil {
		least = low
	}
	if high, err := time.ParseDuration(f.Max); err == nil {
		most = high
	}
	if d < least || d > most {
		return nil, "is out of range", fmt.Sprintf("it lies between %s and %s", short(least), short(most))
	}
	return text, "", ""
}

// short writes a duration without empty units.
func short(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	if text == "" {
		return "0s"
	}
	return text
}

func instant(v syntax.Value) (any, string, string) {
	const shape = `write a date or an instant, e.g. "2026-01-31" or "2026-01-31T06:00:00Z"`
	if v.Kind != syntax.String {
		return nil, kindProblem(v, "a time"), shape
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if _, err := time.Parse(layout, v.Text); err == nil {
			return v.Text, "", ""
		}
	}
	return nil, "is not a time", shape
}

func (s *reading) list(f Field, v syntax.Value) (any, string, string) {
	shape := fmt.Sprintf(`write %s = ["…"]`, f.Name)
	if v.Kind != syntax.List {
		return nil, kindProblem(v, "a list"), shape
	}
	out := make([]string, 0, len(v.Items))
	one := f
	one.Type = "string"
	for _, item := range v.Items {
		text, problem, help := s.text(one, item)
		if _, ok := scalarText(item); !ok {
			help = "put each entry in double quotes"
		}
		if problem != "" {
			s.fail(item.Pos, s.path+"."+f.Name+": an entry "+problem, help)
			continue
		}
		out = append(out, fmt.Sprint(text))
	}
	return out, "", ""
}

func (s *reading) dict(f Field, v syntax.Value) (any, string, string) {
	if v.Kind != syntax.Object {
		return nil, kindProblem(v, "a map"), fmt.Sprintf(`write %s = { name = "…" }`, f.Name)
	}
	out := map[string]string{}
	for i, item := range v.Items {
		text, ok := scalarText(item)
		if !ok {
			s.fail(item.Pos, fmt.Sprintf("%s.%s: the value of %q %s", s.path, f.Name, v.Keys[i], kindProblem(item, "a text")), `write name = "…"`)
			continue
		}
		out[v.Keys[i]] = text
	}
	return out, "", ""
}
