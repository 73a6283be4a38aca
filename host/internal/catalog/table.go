package catalog

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

const day = 24 * time.Hour

// table resolves one stream; root is nil for a root. It says false when the stream cannot be published.
func (r *resolver) table(s Source, stream sdk.Stream, d *Definition, root *Table) (Table, bool) {
	if d == nil {
		if b, held := r.withheld(s, stream); held {
			r.add(Problem{File: b.File, Line: b.Line, Source: s.Name, Stream: stream.Name,
				Summary: fmt.Sprintf("stream %s of %s is not read: a definition with an error may be about it", stream.Name, s.Name), Help: "mend the definition"})
			return Table{}, false
		}
		d = defaults(s, stream, root)
	}
	b := &builder{r: r, s: s, stream: stream, d: d, root: root}
	b.t = Table{
		Name: sdk.TableName(d.Folder + "." + d.Name), Source: s.Name, Stream: stream.Name, ID: d.ID, Description: d.Description,
		Strategy: d.Strategy, CursorField: stream.CursorField, Freeze: d.Schema == "freeze", MaxRejects: -1,
		Docs: map[string]string{}, PII: map[string]bool{}, Types: map[string]sdk.Type{}, TypesAt: map[string]string{},
		Dataset: d.Dataset, RateKey: stream.RateKey, File: d.File, Line: d.Line,
	}
	if b.t.Description == "" {
		b.t.Description = stream.Doc
	}
	if _, err := sdk.ParseTableName(string(b.t.Name)); err != nil {
		b.say(false, "names match "+sdk.NamePattern, "the name is not <namespace>.<table>")
	}
	b.rejects()
	b.columns()
	b.key()
	b.mode()
	b.partition()
	b.window()
	b.filters()
	b.foreignKeys()
	return b.t, !b.failed
}

// defaults is the definition of a stream that has none: main.<stream>, full_refresh, without key. A child follows its root,
// since both come in one run; what a run that is not full delivers of it is merged by the stream's key.
func defaults(s Source, stream sdk.Stream, root *Table) *Definition {
	d := &Definition{Name: stream.Name, Folder: "main", Strategy: sdk.FullRefresh, Key: []string{}, File: s.File, Line: s.Line}
	if root != nil && root.Read != sdk.FullRefresh {
		d.Strategy, d.Key = sdk.Incremental, nil
	}
	return d
}

// builder resolves one table.
type builder struct {
	r      *resolver
	s      Source
	stream sdk.Stream
	d      *Definition
	root   *Table
	t      Table
	failed bool
}

func (b *builder) say(warning bool, help, format string, args ...any) {
	b.failed = b.failed || !warning
	b.r.add(Problem{
		File: b.d.File, Line: b.d.Line, Source: b.s.Name, Stream: b.stream.Name, Table: b.t.Name,
		Summary: fmt.Sprintf("table %s: ", b.t.Name) + fmt.Sprintf(format, args...), Help: help, Warning: warning,
	})
}

func (b *builder) rejects() {
	if b.d.MaxRejectRows != nil {
		b.t.MaxRejects = *b.d.MaxRejectRows
	}
	if b.d.MaxRejectPct == nil {
		return
	}
	b.t.MaxRejectsP = *b.d.MaxRejectPct
	if *b.d.MaxRejectPct == 0 {
		b.t.MaxRejects = 0
	}
}

// column finds a column by its name, else by the source's name for it. Without known columns any name is taken.
func (b *builder) column(name string) (string, *sdk.Column) {
	if b.stream.Columns == nil {
		if sdk.ValidName(name) {
			return name, nil
		}
		return sdk.NormalName(name), nil
	}
	for _, wanted := range []string{name, sdk.NormalName(name)} {
		for i := range b.stream.Columns {
			if c := &b.stream.Columns[i]; c.Name == wanted || c.Meta["original"] == wanted {
				return c.Name, c
			}
		}
	}
	return "", nil
}

func (b *builder) missing(what, name string, warning bool) {
	names := make([]string, len(b.stream.Columns))
	for i, c := range b.stream.Columns {
		names[i] = c.Name
	}
	b.say(warning, suggest(name, names, "columns"), "%s names the column %q, which stream %s does not have", what, name, b.stream.Name)
}

func (b *builder) columns() {
	for _, c := range b.stream.Columns {
		if c.PII {
			b.t.PII[c.Name] = true
		}
	}
	for name, note := range b.d.Columns {
		column, known := b.column(name)
		if column == "" {
			// A misspelt column that should be masked must not pass as a mere warning; nor one with a type, which stays
			// what it is at the first publication.
			b.missing("columns", name, !note.PII && note.Type == "")
			continue
		}
		if note.Description != "" {
			b.t.Docs[column] = note.Description
		}
		if note.PII {
			b.t.PII[column] = true
		}
		if note.Type != "" {
			b.asked(column, known, note)
		}
	}
}

func (b *builder) key() {
	if b.d.Key == nil {
		b.t.Key = slices.Clone(b.stream.Key)
		return
	}
	for _, name := range b.d.Key {
		column, _ := b.column(name)
		if column == "" {
			b.missing("primary_key", name, false)
			continue
		}
		if !slices.Contains(b.t.Key, column) {
			b.t.Key = append(b.t.Key, column)
		}
	}
}

// mode chooses how the stream is asked for and how its rows are written (decision 9).
func (b *builder) mode() {
	t := &b.t
	t.Read = t.Strategy
	switch t.Strategy {
	case sdk.FullRefresh:
		t.Write = "replace"
	case sdk.Partitioned:
		t.Write = "partitions"
		if !b.stream.Supports(sdk.Partitioned) {
			t.Read = sdk.FullRefresh
		}
	case sdk.Incremental:
		t.Write = "merge"
		if b.stream.AppendOnly {
			t.Write = "append"
		} else if len(t.Key) == 0 && len(b.d.Key) == 0 {
			b.say(false, "write primary_key, or use full_refresh", "incremental needs a key: neither the definition nor stream %s has one", b.stream.Name)
		}
	default:
		b.say(false, "strategies: full_refresh, incremental, partitioned", "there is no strategy %q", t.Strategy)
		return
	}
	if b.root != nil {
		b.follow()
		return
	}
	if !b.stream.Supports(t.Read) {
		modes := b.stream.Modes
		if len(modes) == 0 {
			modes = []sdk.SyncMode{sdk.FullRefresh}
		}
		b.say(false, fmt.Sprintf("use one of %v", modes), "stream %s of %s cannot be read as %s", b.stream.Name, b.s.Name, t.Read)
	}
}

// follow reads a child as its root is read: one run delivers both. Rows of a run that is not full must not replace a
// child's whole table.
func (b *builder) follow() {
	b.t.Read = b.root.Read
	if b.t.Write == "replace" && b.root.Read != sdk.FullRefresh {
		b.say(false, "write sync_strategy: incremental and a primary_key, or full_refresh for both", "it travels with %s, whose runs are %s: they bring only a part of it, which must not replace the whole", b.root.Name, b.root.Strategy)
	}
}

func (b *builder) partition() {
	if b.d.PartitionBy == "" {
		if b.t.Strategy == sdk.Partitioned {
			b.say(false, "write partition_by: the name of a date or timestamp column", "partitioned needs partition_by")
		}
		return
	}
	if b.t.Strategy == sdk.FullRefresh {
		return
	}
	column, known := b.column(b.d.PartitionBy)
	if column == "" {
		b.missing("partition_by", b.d.PartitionBy, false)
		return
	}
	of, told := b.t.Types[column]
	if !told && known != nil {
		of, told = known.Type, true
	}
	if told && of.ID != sdk.Date && of.ID != sdk.Timestamp {
		b.say(false, "choose a date or timestamp column", "partition_by names %s, which is %s", column, of)
		return
	}
	granularity := b.d.Granularity
	if granularity == "" {
		granularity = "month"
	}
	b.t.Partition = &Partition{Column: column, Granularity: granularity}
}

// window sets what an incremental read overlaps, and how far back the first one goes.
func (b *builder) window() {
	if b.d.ChunkLine > 0 {
		b.r.add(Problem{
			File: b.d.File, Line: b.d.ChunkLine, Source: b.s.Name, Stream: b.stream.Name, Table: b.t.Name, Warning: true,
			Summary: fmt.Sprintf("table %s: initial_load_chunk_days has no effect yet: the first load is read in one go", b.d.Name), Help: "take it away; max_history_days bounds the first load",
		})
	}
	if b.t.Strategy != sdk.Incremental {
		return
	}
	b.t.Lookback = b.stream.Lookback
	if b.d.WindowDays != nil {
		b.t.Lookback = time.Duration(*b.d.WindowDays) * day
	}
	if b.d.MaxHistoryDays > 0 {
		b.t.HistoryFrom = b.r.in.Now.AddDate(0, 0, -b.d.MaxHistoryDays)
	}
}

func (b *builder) filters() {
	for _, f := range b.d.Filters {
		column, _ := b.column(f.Column)
		if column == "" {
			b.missing("where_filters", f.Column, false)
			continue
		}
		b.t.Filters = append(b.t.Filters, Filter{Column: column, Operator: f.Operator, Values: slices.Clone(f.Values)})
	}
}

func (b *builder) foreignKeys() {
	for _, key := range b.d.ForeignKeys {
		column, _ := b.column(key.Column)
		if column == "" {
			b.missing("foreign_keys", key.Column, true)
			continue
		}
		key.Column = column
		b.t.ForeignKeys = append(b.t.ForeignKeys, key)
	}
}
