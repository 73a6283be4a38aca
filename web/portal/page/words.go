package page

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// funcs are what templates may call, beside the pictures.
func funcs(now func() time.Time) template.FuncMap {
	all := template.FuncMap{
		"num": num, "count": Grouped, "bytes": size, "pct": percent, "plural": plural, "signed": signed,
		"ago":  func(at any) template.HTML { return ago(at, now()) },
		"when": func(at any) template.HTML { return when(at, now()) },
		"day":  func(at any) template.HTML { return day(at, now()) },
		"took": took, "state": state, "icon": icon, "name": name, "flaw": flaw,
	}
	for key, f := range pictures {
		all[key] = f
	}
	return all
}

// whole is a number of any kind as an int64; false for what is none.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(min(n, math.MaxInt64)), true
	case *int64:
		if n != nil {
			return *n, true
		}
	case float64:
		if math.Abs(n) < 1<<62 {
			return int64(math.Round(n)), true
		}
	}
	return 0, false
}

// Grouped is a whole number as people read it: 41,002. "–" for none.
func Grouped(v any) string {
	n, ok := whole(v)
	if !ok {
		return "–"
	}
	text := strings.Replace(strconv.FormatInt(n, 10), "-", "−", 1)
	for at := len(text) - 3; at > 0 && text[at-1] >= '0' && text[at-1] <= '9'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// num is a number; from ten million on it is shortened, with the exact one in the title.
func num(v any) template.HTML {
	n, ok := whole(v)
	text := Grouped(v)
	if !ok || n < 10_000_000 && n > -10_000_000 {
		return template.HTML(text)
	}
	value, unit := float64(n)/1e6, "M"
	if math.Abs(value) >= 1000 {
		value, unit = value/1e3, "bn"
	}
	if math.Abs(value) >= 1000 {
		value, unit = value/1e3, "tn"
	}
	return template.HTML(`<span title="` + text + `">` + short(value) + "\u00a0" + unit + `</span>`)
}

// short is a number with at most three digits that mean something.
func short(v float64) string {
	switch abs := math.Abs(v); {
	case abs >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case abs >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// signed is a change: +6,413, −4, 0.
func signed(v any) string {
	n, ok := whole(v)
	if ok && n > 0 {
		return "+" + Grouped(n)
	}
	return Grouped(v)
}

// size is bytes in decimal units, with the exact number in the title.
func size(v any) template.HTML {
	n, ok := whole(v)
	if !ok {
		return "–"
	}
	value, units := float64(n), []string{"B", "kB", "MB", "GB", "TB", "PB"}
	at := 0
	for math.Abs(value) >= 999.5 && at < len(units)-1 {
		value, at = value/1000, at+1
	}
	text := strconv.FormatFloat(value, 'f', 0, 64)
	if at > 0 && math.Abs(value) < 99.95 {
		text = strconv.FormatFloat(value, 'f', 1, 64)
	}
	return template.HTML(`<span class="nowrap" title="` + Grouped(n) + ` bytes">` + text + "\u00a0" + units[at] + `</span>`)
}

// percent is a share of 0 to 1. What is not all is never shown as 100 %, what is not nothing never as 0 %.
func percent(share float64) string {
	switch p := share * 100; {
	case math.IsNaN(p):
		return "–"
	case p > 0 && p < 0.05:
		return "<0.1\u00a0%"
	case p > 99.9 && p < 100:
		return ">99.9\u00a0%"
	case p == math.Trunc(p):
		return fmt.Sprintf("%.0f\u00a0%%", p)
	default:
		return fmt.Sprintf("%.1f\u00a0%%", p)
	}
}

// plural is a number with its word: "1 table", "3 tables". many "" = one with an s.
func plural(v any, one string, many ...string) string {
	n, _ := whole(v)
	word := one + "s"
	if len(many) > 0 {
		word = many[0]
	}
	if n == 1 {
		word = one
	}
	return Grouped(n) + " " + word
}

// moment is a time of any kind; false for none.
func moment(v any) (time.Time, bool) {
	switch at := v.(type) {
	case time.Time:
		return at.UTC(), !at.IsZero()
	case string:
		parsed, err := time.Parse(time.RFC3339, at)
		if err != nil {
			parsed, err = time.Parse(time.DateOnly, at)
		}
		return parsed.UTC(), err == nil
	}
	return time.Time{}, false
}

// timed is a text about a moment, with the exact time beside it.
func timed(at time.Time, text string) template.HTML {
	exact := at.Format(time.RFC3339)
	return template.HTML(`<time datetime="` + exact + `" title="` + exact + `">` + text + `</time>`)
}

// ago says how long ago something was, or in how long it will be.
func ago(v any, now time.Time) template.HTML {
	at, ok := moment(v)
	if !ok {
		return `<span class="faint">never</span>`
	}
	gone := now.Sub(at)
	text := span(max(gone, -gone))
	switch {
	case gone < time.Minute && gone > -time.Minute:
		text = "just now"
	case gone < 0:
		text = "in " + text
	default:
		text += " ago"
	}
	return timed(at, text)
}

func span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	case d < 60*24*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	default:
		return fmt.Sprintf("%d months", int(d.Hours()/24/30))
	}
}

// when is a time of day in UTC, with the day when that is not today.
func when(v any, now time.Time) template.HTML {
	at, ok := moment(v)
	if !ok {
		return `<span class="faint">never</span>`
	}
	return timed(at, clock(at, now))
}

func clock(at, now time.Time) string {
	switch now = now.UTC(); {
	case at.Format(time.DateOnly) == now.Format(time.DateOnly):
		return at.Format("15:04")
	case now.Sub(at) < 6*24*time.Hour && now.After(at):
		return at.Format("Mon 2 Jan 15:04")
	case at.Year() == now.Year():
		return at.Format("2 Jan 15:04")
	default:
		return at.Format("2 Jan 2006")
	}
}

// day is a date: "today", "yesterday", "Friday", "21 Nov".
func day(v any, now time.Time) template.HTML {
	at, ok := moment(v)
	if !ok {
		return `<span class="faint">never</span>`
	}
	return timed(at, Day(at, now))
}

// Day names the day of a moment as one speaks of it at another: "today", "yesterday", "Friday", "21 Nov".
func Day(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	switch days := int(now.Truncate(24*time.Hour).Sub(at.Truncate(24*time.Hour)).Hours() / 24); {
	case days == 0:
		return "today"
	case days == 1:
		return "yesterday"
	case days > 1 && days < 7:
		return at.Weekday().String()
	case at.Year() == now.Year():
		return at.Format("2 Jan")
	default:
		return at.Format("2 Jan 2006")
	}
}

// took is a length of time in seconds: "0.4 s", "38 s", "4 min 12 s", "2 h 5 min".
func took(seconds float64) string {
	switch whole := int64(math.Round(seconds)); {
	case math.IsNaN(seconds) || seconds < 0:
		return "–"
	case seconds < 10:
		return fmt.Sprintf("%.1f\u00a0s", seconds)
	case whole < 60:
		return fmt.Sprintf("%d\u00a0s", whole)
	case whole < 3600:
		return fmt.Sprintf("%d\u00a0min %d\u00a0s", whole/60, whole%60)
	default:
		return fmt.Sprintf("%d\u00a0h %d\u00a0min", whole/3600, whole%3600/60)
	}
}

// name is the published name of a table, its namespace faint.
func name(table string) template.HTML {
	space, rest, ok := strings.Cut(table, ".")
	if !ok {
		return template.HTML(template.HTMLEscapeString(table))
	}
	return template.HTML("<i>" + template.HTMLEscapeString(space) + ".</i><wbr>" + template.HTMLEscapeString(rest))
}
