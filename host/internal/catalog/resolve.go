package catalog

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
)

// Resolve makes the table sets: every selected stream of every source, as its definition says, else by default. Sets come
// in order of source and root stream. A problem keeps its own table away, and the set when it is about the root, never
// another set.
func Resolve(in Input) ([]Set, []Problem) {
	r := &resolver{in: in}
	var sets []Set
	for _, source := range in.Sources {
		sets = append(sets, r.source(source)...)
	}
	sets = r.unique(sets)
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return sets, r.problems
}

type resolver struct {
	in       Input
	problems []Problem
}

func (r *resolver) add(p Problem) { r.problems = append(r.problems, p) }

// source resolves one source.
func (r *resolver) source(s Source) []Set {
	selected := r.selected(s)
	defined := r.definitions(s, selected)
	var sets []Set
	for _, stream := range s.Streams {
		if stream.Parent != "" || !selected[stream.Name] {
			continue
		}
		if set, ok := r.set(s, stream, selected, defined); ok {
			sets = append(sets, set)
		}
	}
	r.orphans(s, selected)
	return sets
}

// selected applies the source's patterns. A pattern that matches nothing is a warning.
func (r *resolver) selected(s Source) map[string]bool {
	out := map[string]bool{}
	for _, pattern := range s.Tables {
		hit := false
		for _, stream := range s.Streams {
			if matches(pattern, stream) {
				out[stream.Name], hit = true, true
			}
		}
		if !hit && pattern != "*" {
			r.add(Problem{File: s.File, Line: s.Line, Source: s.Name, Summary: fmt.Sprintf("source %s: tables names %q, which is no stream of it", s.Name, pattern), Help: r.near(pattern, s), Warning: true})
		}
	}
	return out
}

// matches says whether a pattern means a stream, by its name or by the source's own name for it. "*" is any text.
func matches(pattern string, stream sdk.Stream) bool {
	if !strings.Contains(pattern, "*") {
		return means(pattern, stream)
	}
	ok, err := path.Match(strings.NewReplacer(`\`, `\\`, "[", `\[`, "?", `\?`, "/", "\x01").Replace(pattern), strings.ReplaceAll(stream.Name, "/", "\x01"))
	return err == nil && ok
}

// means says whether a stream is called so: exactly, or once the text is turned into a name.
func means(text string, stream sdk.Stream) bool {
	return text == stream.Name || sdk.NormalName(text) == stream.Name
}

func (r *resolver) near(text string, s Source) string {
	names := make([]string, 0, len(s.Streams))
	for _, stream := range s.Streams {
		names = append(names, stream.Name)
	}
	return suggest(text, names, "streams")
}

// definitions finds each definition's stream.
func (r *resolver) definitions(s Source, selected map[string]bool) map[string]*Definition {
	out := map[string]*Definition{}
	for i := range r.in.Definitions {
		d := &r.in.Definitions[i]
		if d.Source != s.Name && !(d.Source == "" && len(r.in.Sources) == 1) {
			continue
		}
		stream, ok := find(s.Streams, d.Stream)
		name := sdk.TableName(d.Folder + "." + d.Name)
		problem := Problem{File: d.File, Line: d.Line, Source: s.Name, Stream: d.Stream, Table: name}
		switch first := out[stream.Name]; {
		case !ok:
			problem.Summary, problem.Help = fmt.Sprintf("table %s: source %s has no stream %q", name, s.Name, d.Stream), r.near(d.Stream, s)
		case first != nil:
			problem.Summary = fmt.Sprintf("table %s: the stream %s is already published as %s.%s (%s:%d)", name, stream.Name, first.Folder, first.Name, first.File, first.Line)
			problem.Help = "remove one of the two definitions"
		case !selected[stream.Name]:
			problem.Summary, problem.Warning = fmt.Sprintf("table %s: its stream %s is not among the tables of source %s", name, stream.Name, s.Name), true
			problem.Help = fmt.Sprintf("add %q to tables of the source, or remove the definition", stream.Name)
		default:
			out[stream.Name] = d
			continue
		}
		r.add(problem)
	}
	return out
}

// find returns the stream that a definition means: by exact name first.
func find(streams []sdk.Stream, text string) (sdk.Stream, bool) {
	for _, stream := range streams {
		if stream.Name == text {
			return stream, true
		}
	}
	for _, stream := range streams {
		if means(text, stream) {
			return stream, true
		}
	}
	return sdk.Stream{}, false
}

// withheld says why a stream without a definition is not published under its default name: a definition with an error may
// be about it, and with it its name, key and personal columns.
func (r *resolver) withheld(s Source, stream sdk.Stream) (Broken, bool) {
	for _, b := range r.in.Broken {
		if (b.Source == "" || b.Source == s.Name) && b.Stream != "" && means(b.Stream, stream) {
			return b, true
		}
	}
	if r.in.Incomplete {
		for _, b := range r.in.Broken {
			if b.Stream == "" {
				return b, true
			}
		}
		return Broken{}, true
	}
	return Broken{}, false
}

// set resolves a root stream and the children that travel with it.
func (r *resolver) set(s Source, root sdk.Stream, selected map[string]bool, defined map[string]*Definition) (Set, bool) {
	table, ok := r.table(s, root, defined[root.Name], nil)
	if !ok {
		for _, child := range children(s, root.Name) {
			if selected[child.Name] {
				r.add(Problem{File: s.File, Line: s.Line, Source: s.Name, Stream: child.Name, Summary: fmt.Sprintf("stream %s of %s is not read: its root %s cannot be", child.Name, s.Name, root.Name), Help: "mend what is reported of " + root.Name})
			}
		}
		return Set{}, false
	}
	table.Root = true
	set := Set{Source: s.Name, Root: table, Tables: []Table{table}}
	for _, child := range children(s, root.Name) {
		if !selected[child.Name] {
			continue
		}
		if t, ok := r.table(s, child, defined[child.Name], &table); ok {
			set.Tables = append(set.Tables, t)
		}
	}
	return set, true
}

func children(s Source, root string) []sdk.Stream {
	var out []sdk.Stream
	for _, stream := range s.Streams {
		if stream.Parent == root {
			out = append(out, stream)
		}
	}
	return out
}

// orphans reports selected children whose root is missing or not selected.
func (r *resolver) orphans(s Source, selected map[string]bool) {
	for _, stream := range s.Streams {
		if stream.Parent == "" || !selected[stream.Name] || selected[stream.Parent] && isRoot(s, stream.Parent) {
			continue
		}
		p := Problem{File: s.File, Line: s.Line, Source: s.Name, Stream: stream.Name}
		p.Summary = fmt.Sprintf("stream %s of %s travels with %s, which is not read", stream.Name, s.Name, stream.Parent)
		p.Help = fmt.Sprintf("add %q to tables of the source", stream.Parent)
		if !isRoot(s, stream.Parent) {
			p.Help = "the connector names a root that it does not offer; report it to its author"
		}
		r.add(p)
	}
}

func isRoot(s Source, name string) bool {
	return slices.ContainsFunc(s.Streams, func(stream sdk.Stream) bool { return stream.Name == name && stream.Parent == "" })
}

// unique refuses the second of two tables with one published name (C21, P22). A definition wins over a default name. The
// rejected rows of a table have a name too.
func (r *resolver) unique(sets []Set) []Set {
	owner := map[sdk.TableName]*Table{}
	for _, wanted := range []bool{true, false} {
		for i := range sets {
			for j := range sets[i].Tables {
				t := &sets[i].Tables[j]
				if (t.ID != "") == wanted && owner[t.Name] == nil {
					owner[t.Name] = t
				}
			}
		}
	}
	var out []Set
	for i := range sets {
		set := Set{Source: sets[i].Source, Root: sets[i].Root}
		for j := range sets[i].Tables {
			t := &sets[i].Tables[j]
			if first := owner[t.Name]; first != t {
				r.add(Problem{
					File: t.File, Line: t.Line, Source: t.Source, Stream: t.Stream, Table: t.Name,
					Summary: fmt.Sprintf("table %s of source %s: the name is taken by stream %s of source %s (%s:%d)", t.Name, t.Source, first.Stream, first.Source, first.File, first.Line),
					Help:    "give one of them another name or folder in data_description.md",
				})
				continue
			}
			set.Tables = append(set.Tables, *t)
		}
		if len(set.Tables) > 0 && set.Tables[0].Root {
			out = append(out, set)
		}
	}
	return out
}
