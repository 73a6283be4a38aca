// Package diag holds what the configuration's readers say to people: problems with file, line and column, the source line
// with secrets masked, and the fix.
//
// It reads no files and knows nothing of HCL or YAML. Only config and its sub-folders import it.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Severity says what a diagnostic does to what it speaks of.
type Severity string

// The severities.
const (
	Error     Severity = "error"     // what it is about cannot be used
	Warning   Severity = "warning"   // it can be used all the same
	Unchecked Severity = "unchecked" // the settings of a plugin could not be checked; everything else is known
)

// Diagnostic is one problem of the configuration.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`   // from 1; 0 = the file as a whole
	Column   int      `json:"column,omitempty"` // in characters, from 1
	Scope    string   `json:"scope,omitempty"`  // what is hit: "source.crm", "auth.google", "access", "table.shop.orders"; "" = the whole instance
	Summary  string   `json:"summary"`          // what is wrong, one sentence, no secret
	Detail   string   `json:"detail,omitempty"` // more about it, e.g. the other place
	Help     string   `json:"help,omitempty"`   // what to do, one sentence
	Source   string   `json:"source,omitempty"` // the line itself, secrets masked
	Marker   string   `json:"marker,omitempty"` // carets under the place in Source

	offset, width int // in the file's bytes; width 0 = unknown
}

// Span is a stretch of bytes of a file.
type Span struct{ Start, End int }

// Pos is a place in a file.
type Pos struct {
	File         string
	Line, Column int
	Offset       int // in bytes; meaningful with Width > 0
	Width        int // in bytes
}

// IsZero says whether there is no place.
func (p Pos) IsZero() bool { return p.File == "" && p.Line == 0 }

// String returns "file:line".
func (p Pos) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// At returns a diagnostic at a place.
func At(p Pos, severity Severity, summary, help string) Diagnostic {
	return Diagnostic{Severity: severity, File: p.File, Line: p.Line, Column: p.Column, Summary: summary, Help: help, offset: p.Offset, width: p.Width}
}

// Place returns "file:line:column", as far as known.
func (d Diagnostic) Place() string {
	switch {
	case d.Line == 0:
		return d.File
	case d.Column == 0:
		return fmt.Sprintf("%s:%d", d.File, d.Line)
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
}

// String returns the diagnostic on one line.
func (d Diagnostic) String() string {
	text := d.Summary
	if place := d.Place(); place != "" {
		text = place + ": " + text
	}
	if d.Severity == Warning {
		text = "warning: " + text
	}
	return text
}

// List is every problem that was found, in order of place.
type List []Diagnostic

// Error returns one line for each diagnostic.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Failing says whether anything at all is wrong: an error, or settings that could not be checked.
func (l List) Failing() bool {
	return slices.ContainsFunc(l, func(d Diagnostic) bool { return d.Severity != Warning })
}

// Blocking returns what stops the use of the given scopes: errors of the whole instance and errors of these scopes. A scope
// covers what is below it: "source.crm" covers "source.crm.config".
func (l List) Blocking(scopes ...string) List {
	var out List
	for _, d := range l {
		if d.Severity == Error && (d.Scope == "" || slices.ContainsFunc(scopes, func(s string) bool { return covers(s, d.Scope) })) {
			out = append(out, d)
		}
	}
	return out
}

func covers(scope, below string) bool {
	return below == scope || strings.HasPrefix(below, scope+".")
}

// Sort orders by file, line and column, and drops repetitions.
func (l List) Sort() List {
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(l)
}

// Text returns the list as a terminal shows it, without colour.
func (l List) Text() string {
	var b strings.Builder
	for i, d := range l {
		if i > 0 {
			b.WriteByte('\n')
		}
		d.write(&b)
	}
	return b.String()
}

func (d Diagnostic) write(b *strings.Builder) {
	if d.Severity == Warning {
		b.WriteString("warning: ")
	} else {
		b.WriteString("error: ")
	}
	b.WriteString(d.Summary + "\n")
	if place := d.Place(); place != "" {
		b.WriteString("  at " + place + "\n")
	}
	if d.Source != "" {
		b.WriteString("    " + d.Source + "\n")
		if d.Marker != "" {
			b.WriteString("    " + d.Marker + "\n")
		}
	}
	if d.Detail != "" {
		b.WriteString("  " + d.Detail + "\n")
	}
	if d.Help != "" {
		b.WriteString("  fix: " + d.Help + "\n")
	}
}

// Cause returns the errors under a scope as one error of class config, nil if there are none.
func (l List) Cause(scope string) error {
	var own List
	for _, d := range l {
		if d.Severity == Error && covers(scope, d.Scope) {
			own = append(own, d)
		}
	}
	if len(own) == 0 {
		return nil
	}
	what := own[0].String()
	if len(own) > 1 {
		what += fmt.Sprintf(" (and %d more)", len(own)-1)
	}
	return &fault.Fault{Code: fault.Config, What: what, Help: own[0].Help, Scope: scope, Err: own}
}

// Within returns what lies between two offsets of one file.
func (l List) Within(from, to int) List {
	var out List
	for _, d := range l {
		if d.width > 0 && d.offset >= from && d.offset < to {
			out = append(out, d)
		}
	}
	return out
}
