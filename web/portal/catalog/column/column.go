// Package column says in a few words and numbers to draw what a column of a table holds.
package column

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
)

// Kinds of pictures.
const (
	None     = ""
	Unique   = "unique"   // all values differ
	Bars     = "bars"     // a distribution
	Calendar = "calendar" // counts over time
	Shares   = "shares"   // of the most frequent values
	Empty    = "empty"    // no values
	Hidden   = "hidden"   // personal data
)

// View is a column as its row shows it.
type View struct {
	Name, Type, Description string
	Ref                     string // table that it refers to
	Key, PII, New           bool
	Known                   bool    // Filled and Distinct are
	Filled                  float64 // 0 to 1
	Distinct                int64
	Estimated               bool // Distinct is
	Kind                    string
	Counts                  []int64 // of Bars and Calendar
	From, To                string  // of Bars and Calendar, in words
	Rows, Nulls             int64
	Top                     []api.ProfileTop // most frequent values
	Rest                    string           // in words, after Top or alone
	Warnings                []string
}

// ShareOf is the share of a value among the rows that are not empty, 0 to 1.
func (v View) ShareOf(t api.ProfileTop) float64 {
	return float64(t.Count) / float64(max(1, v.Rows-v.Nulls))
}

// Of is the view of a column. p nil = nothing is known of it; rows are those that the figures are of.
func Of(c api.Column, p *api.ProfileColumn, rows int64) View {
	v := View{Name: c.Name, Type: c.Type, Description: c.Description, PII: c.PII}
	if p == nil {
		if v.PII {
			v.Kind = Hidden
		}
		return v
	}
	v.Key, v.PII = p.IsKey, v.PII || p.PII
	if p.CompletenessPct != nil && p.Distinct != nil {
		v.Known, v.Filled, v.Distinct, v.Estimated = true, *p.CompletenessPct/100, *p.Distinct, p.DistinctExact != nil && !*p.DistinctExact
	}
	v.Rows = rows
	if p.Nulls != nil {
		v.Nulls = *p.Nulls
	}
	filled := rows - v.Nulls
	switch {
	case rows == 0 || v.Known && filled <= 0:
		v.Kind = Empty
	case v.PII || p.Masked:
		v.Kind = Hidden
	case p.Boolean != nil:
		v.boolean(*p.Boolean)
	case p.Date != nil:
		v.dates(*p.Date)
	case v.Distinct == filled && p.Numeric == nil:
		v.unique(p)
	case len(p.Top) > 0 && (p.Numeric == nil || v.Distinct > 1 && v.Distinct <= few):
		v.shares(p)
	case p.Numeric != nil:
		v.numbers(*p.Numeric)
	default:
		v.Rest = quoted(p.Samples)
	}
	v.warn(p, rows, filled)
	return v
}

func (v *View) boolean(b api.ProfileBooleans) {
	v.Kind = Shares
	v.Top = []api.ProfileTop{{Value: "true", Count: b.True}, {Value: "false", Count: b.False}}
	if b.False > b.True {
		v.Top[0], v.Top[1] = v.Top[1], v.Top[0]
	}
}

func (v *View) dates(d api.ProfileSpan) {
	first, last := day(d.Earliest), day(d.Latest)
	v.Rest = first + " to " + last
	if first == last {
		v.Rest = "all on " + first
	}
	if d.Histogram == nil {
		return
	}
	v.Kind, v.From, v.To = Calendar, limit(first, d.Histogram.Unit), limit(last, d.Histogram.Unit)
	for _, b := range d.Histogram.Buckets {
		v.Counts = append(v.Counts, b.Count)
	}
	if len(v.Counts) <= most {
		v.Rest += ", by " + d.Histogram.Unit
	}
	v.Counts = fold(v.Counts)
}

// most is how many bars a picture has room for.
const most = 60

// fold adds up neighbours until the bars fit.
func fold(counts []int64) []int64 {
	for len(counts) > most {
		half := make([]int64, 0, (len(counts)+1)/2)
		for i := 0; i < len(counts); i += 2 {
			sum := counts[i]
			if i+1 < len(counts) {
				sum += counts[i+1]
			}
			half = append(half, sum)
		}
		counts = half
	}
	return counts
}

// day is the date of a moment.
func day(text string) string {
	date, _, _ := strings.Cut(text, "T")
	return date
}

// limit is a day as it stands below a picture: as exact as its bars, so short that two fit.
func limit(date, unit string) string {
	at, err := time.Parse(time.DateOnly, date)
	switch {
	case err != nil:
		return Short(date)
	case unit == "hour" || unit == "day":
		return at.Format("2 Jan")
	case unit == "month" || unit == "quarter":
		return at.Format("Jan 2006")
	default:
		return at.Format("2006")
	}
}

func (v *View) unique(p *api.ProfileColumn) {
	v.Kind, v.Rest = Unique, quoted(p.Samples)
	if s := p.String; s != nil && s.Min == s.Max {
		v.Rest += fmt.Sprintf("; each %d characters", s.Max)
	}
}

func (v *View) shares(p *api.ProfileColumn) {
	v.Kind, v.Top = Shares, p.Top
	if more := v.Distinct - int64(len(v.Top)); more > 0 {
		v.Rest = fmt.Sprintf("and %d more", more)
	}
}

func (v *View) numbers(n api.ProfileNumbers) {
	v.From, v.To = Number(n.Min), Number(n.Max)
	if h := n.Histogram; h != nil && len(h.Counts) > 0 {
		v.Kind, v.Counts = Bars, h.Counts
	}
	if n.Min == nil {
		v.Rest = "no number is finite"
		return
	}
	if v.From == v.To && v.Distinct == 1 {
		v.Rest = v.From + " in every row"
		return
	}
	v.Rest = fmt.Sprintf("median %s, p5 %s, p95 %s", Number(n.Median), Number(n.P5), Number(n.P95))
}

// few is how many different numbers are rather names than amounts.
const few = 5

// quoted are a few values in words.
func quoted(values []string) string {
	const most = 3
	if len(values) == 0 {
		return ""
	}
	shown := make([]string, 0, most)
	for _, value := range values[:min(most, len(values))] {
		shown = append(shown, Short(value))
	}
	text := strings.Join(shown, ", ")
	if len(values) > most {
		text += ", …"
	}
	return text
}

// longest is how many characters of a value are shown.
const longest = 40

// Short is a value that fits into a cell.
func Short(value string) string {
	runes := []rune(value)
	if len(runes) <= longest {
		return value
	}
	return string(runes[:longest-1]) + "…"
}

// warn says what may trip somebody up.
func (v *View) warn(p *api.ProfileColumn, rows, filled int64) {
	if rows == 0 {
		return
	}
	if v.Known {
		empty := 1 - v.Filled
		switch {
		case filled <= 0:
			v.Warnings = append(v.Warnings, "no values at all")
		case empty > 0.05: // as the alerts missing and high_missing of profiles
			v.Warnings = append(v.Warnings, Percent(empty)+" empty")
		}
		if v.Distinct == 1 && filled == rows && rows > 1 {
			v.Warnings = append(v.Warnings, "one value only")
			return
		}
	}
	if n := p.Numeric; n != nil && filled > 0 && n.Zeros*2 > filled {
		v.Warnings = append(v.Warnings, Percent(float64(n.Zeros)/float64(filled))+" are zero")
	}
	if len(v.Top) > 1 && v.ShareOf(v.Top[0]) > 0.6 {
		v.Warnings = append(v.Warnings, Percent(v.ShareOf(v.Top[0]))+" are "+Short(v.Top[0].Value))
	}
	if n := p.Numeric; n != nil && n.Histogram != nil && n.Histogram.Outside > 0 {
		v.Warnings = append(v.Warnings, strconv.FormatInt(n.Histogram.Outside, 10)+" are NaN or infinite")
	}
}

// Percent is a share of 0 to 1 in words; what is not all is never 100 %.
func Percent(share float64) string {
	p := math.Round(share*1e6) / 1e4 // what is less is noise of the computation
	switch {
	case p > 99.9 && p < 100:
		return ">99.9\u00a0%"
	case p > 0 && p < 0.1:
		return "<0.1\u00a0%"
	case p == math.Trunc(p):
		return fmt.Sprintf("%.0f\u00a0%%", p)
	default:
		return fmt.Sprintf("%.1f\u00a0%%", p)
	}
}

// Number is a number of a profile in a few characters: 4.99, 1,920.6, 38.4 k.
func Number(value any) string {
	f, ok := api.ProfileFloat(value)
	if !ok {
		if text, isText := value.(string); isText {
			return Short(text)
		}
		return "–"
	}
	abs := math.Abs(f)
	for _, unit := range []struct {
		from float64
		word string
	}{{1e15, ""}, {1e12, "T"}, {1e9, "bn"}, {1e6, "M"}, {1e4, "k"}} {
		if abs < unit.from {
			continue
		}
		if unit.word == "" {
			return strconv.FormatFloat(f, 'e', 2, 64)
		}
		scale := unit.from
		if unit.word == "k" {
			scale = 1e3
		}
		return trim(strconv.FormatFloat(f/scale, 'f', 1, 64)) + "\u00a0" + unit.word
	}
	switch {
	case f == math.Trunc(f):
		return strconv.FormatFloat(f, 'f', 0, 64)
	case abs >= 0.01:
		return trim(strconv.FormatFloat(f, 'f', 2, 64))
	default:
		return strconv.FormatFloat(f, 'g', 3, 64)
	}
}

// trim takes off zeros that say nothing.
func trim(text string) string {
	if !strings.Contains(text, ".") {
		return text
	}
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}
