package tables

import (
	"fmt"
	"strings"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

func trim(s string) string { return strings.TrimSpace(s) }

// resolve gives every definition its folder, refuses names and streams that stand twice, and tells good from broken.
func (r *reader) resolve() {
	names, streams := map[string]*found{}, map[string]*found{}
	for _, d := range r.found {
		if !d.broken {
			r.folder(d)
		}
		if !d.broken {
			r.unique(names, strings.ToLower(d.Folder+"."+d.Name), d, fmt.Sprintf("the name %s.%s stands twice", d.Folder, d.Name))
		}
		if !d.broken {
			r.unique(streams, d.Source+"\x00"+d.Stream, d, fmt.Sprintf("the stream %q of %s stands twice", clip(d.Stream), n1(d.Source, "the source")))
		}
		if !d.broken {
			r.out.Tables = append(r.out.Tables, d.Definition)
			continue
		}
		if d.Stream == "" {
			d.Stream = d.ID
		}
		r.out.Incomplete = r.out.Incomplete || d.Stream == ""
		r.out.Broken = append(r.out.Broken, Broken{Source: d.Source, Stream: d.Stream, File: d.File, Line: d.Line})
	}
}

// folder finds the namespace: the table's own folder, else its bucket's, else main.
func (r *reader) folder(d *found) {
	if d.Folder != "" {
		return
	}
	d.Folder = "main"
	dot := strings.LastIndexByte(d.ID, '.')
	if dot < 0 {
		return
	}
	bucket := d.ID[:dot]
	entry, ok := r.mapping[bucket]
	switch {
	case ok && entry.name != "":
		d.Folder = entry.name
	case ok, r.mappingLost:
		d.broken = true
		r.at(d, fmt.Sprintf("table %s: the folder of %q cannot be told, because folder_mapping holds an error", d.Name, clip(bucket)), "mend folder_mapping, or give the table a folder of its own", "")
	}
}

// unique refuses the second of two definitions with one key (C21).
func (r *reader) unique(seen map[string]*found, key string, d *found, what string) {
	if first, twice := seen[key]; twice {
		d.broken = true
		r.at(d, "table "+d.Name+": "+what, "rename or remove one of them", "first at "+first.pos.String())
		return
	}
	seen[key] = d
}

func (r *reader) at(d *found, what, help, detail string) {
	problem := diag.At(d.pos, diag.Error, what, help)
	problem.Scope, problem.Detail = "table."+d.Folder+"."+d.Name, detail
	r.add(problem)
}
