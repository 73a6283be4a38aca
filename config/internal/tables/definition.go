package tables

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

// What is assumed where a definition says nothing.
const (
	defaultGranularity = "month"
	defaultChunkDays   = 30
	maxDays            = 36_500
)

var (
	strategies  = []string{"full_refresh", "incremental", "partitioned"}
	tableFields = []string{
		"id", "name", "description", "primary_key", "sync_strategy", "incremental_window_days", "partition_by", "partition_granularity",
		"max_history_days", "initial_load_chunk_days", "foreign_keys", "where_filters", "folder", "dataset", "source", "stream", "columns", "rejects", "schema",
	}
	typeGrammar    = regexp.MustCompile(`^(bool|u?int(8|16|32|64)|float(32|64)|decimal\( *\d{1,2} *, *\d{1,2} *\)|string|binary|date|time|timestamp|timestamp\(UTC\)|json|uuid)$`)
	decimalGrammar = regexp.MustCompile(`^decimal\( *(\d+) *, *(\d+) *\)$`)
)

// document reads one YAML document.
func (r *reader) document(p *place, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return
	}
	if depth(n, maxDepth) {
		r.add(diag.At(p.at(n), diag.Error, fmt.Sprintf("the yaml is nested deeper than %d", maxDepth), "flatten it"))
		r.out.Incomplete, r.mappingLost = true, true
		return
	}
	top, ok := r.fields(p, n, "data_description")
	if !ok {
		r.out.Incomplete, r.mappingLost = true, true
		return
	}
	if n, ok := top.value["folder_mapping"]; ok && !null(n) {
		r.folders(p, n)
	}
	if n, ok := top.value["tables"]; ok && !null(n) {
		r.tables(p, n)
	}
}

func (r *reader) folders(p *place, n *yaml.Node) {
	f, ok := r.fields(p, n, "folder_mapping")
	if !ok {
		r.mappingLost = true
		return
	}
	for bucket, key := range f.keys {
		entry := folder{name: f.text(bucket), pos: p.at(key)}
		if !nameGrammar.MatchString(entry.name) {
			f.fail(f.value[bucket], fmt.Sprintf("the folder of %q is not a name", clip(bucket)), nameRule)
			entry.name = ""
		}
		if other, twice := r.mapping[bucket]; twice && other.name != entry.name {
			d := diag.At(entry.pos, diag.Error, fmt.Sprintf("folder_mapping: %q has two folders", clip(bucket)), "keep one of them")
			d.Detail = "first at " + other.pos.String()
			r.add(d)
			entry.name = ""
		}
		r.mapping[bucket] = entry
	}
}

func (r *reader) tables(p *place, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.add(diag.At(p.at(n), diag.Error, "tables is not a list", "start each table with a dash: - id: …"))
		r.out.Incomplete = true
		return
	}
	for _, item := range n.Content {
		r.found = append(r.found, r.table(p, item))
	}
}

// table reads one definition.
func (r *reader) table(p *place, n *yaml.Node) *found {
	out := &found{pos: p.at(n)}
	out.File, out.Line = out.pos.File, out.pos.Line
	f, ok := r.fields(p, n, "table")
	if !ok {
		out.broken = true
		return out
	}
	f.what = "table " + clip(labelOf(f))
	d := &out.Definition
	d.ID, d.Name, d.Description = f.text("id"), f.name("name"), f.text("description")
	d.Strategy = f.oneOf("sync_strategy", "", strategies...)
	for _, required := range []struct{ name, help string }{
		{"id", "write the stream's name at the source"},
		{"name", "write the table's name; " + nameRule},
		{"sync_strategy", "write full_refresh, incremental or partitioned"},
	} {
		if n, ok := f.value[required.name]; !ok || null(n) || n.Kind == yaml.ScalarNode && strings.TrimSpace(n.Value) == "" {
			f.fail(n0(n, f.n), required.name+" is missing", required.help)
		}
	}
	if d.Description == "" && f.value["description"] == nil {
		r.add(diag.At(p.at(f.n), diag.Warning, f.what+": description is missing", "say in a sentence what the rows are; analysts and assistants read it"))
	}
	if strings.HasSuffix(d.Name, "__rejected") {
		f.fail(f.value["name"], "names that end in __rejected are kept for rejected rows", "choose another name")
	}
	d.PrimaryKey = f.texts("primary_key", true)
	d.Folder, d.Dataset = f.name("folder"), f.name("dataset")
	d.Source, d.Stream = f.name("source"), f.text("stream")
	d.Schema = f.oneOf("schema", "evolve", "evolve", "freeze")
	f.windows(d)
	f.partition(d)
	f.rejects(d)
	f.columns(d)
	f.foreignKeys(d)
	f.filters(d)
	f.belongs(d)
	f.only(tableFields...)
	out.broken = f.fails > 0
	return out
}

func n0(n, otherwise *yaml.Node) *yaml.Node {
	if n == nil {
		return otherwise
	}
	return n
}

// labelOf names a table in messages.
func labelOf(f *fields) string {
	for _, key := range []string{"name", "id"} {
		if n, ok := f.value[key]; ok && n.Kind == yaml.ScalarNode && n.Value != "" {
			return n.Value
		}
	}
	return "without name"
}

func (f *fields) windows(d *Definition) {
	if days := f.whole("incremental_window_days", 0, maxDays); days != nil {
		n := int(*days)
		d.WindowDays = &n
	}
	if days := f.whole("max_history_days", 1, maxDays); days != nil {
		d.MaxHistoryDays = int(*days)
	}
	d.ChunkDays = defaultChunkDays
	if days := f.whole("initial_load_chunk_days", 1, maxDays); days != nil {
		at := f.p.at(f.value["initial_load_chunk_days"])
		d.ChunkDays, d.ChunkLine = int(*days), at.Line
		// The same words as host/internal/catalog's, so that one of the two is shown.
		f.r.add(diag.At(at, diag.Warning, f.what+": initial_load_chunk_days has no effect yet: the first load is read in one go", "take it away; max_history_days bounds the first load"))
	}
}

func (f *fields) partition(d *Definition) {
	d.PartitionBy = f.text("partition_by")
	granularity := f.oneOf("partition_granularity", defaultGranularity, "day", "month", "year")
	if d.PartitionBy != "" {
		d.Granularity = granularity
	}
	if d.Strategy == "partitioned" && d.PartitionBy == "" {
		f.fail(n0(f.value["sync_strategy"], f.n), "partitioned needs partition_by", "write partition_by: the name of a date or timestamp column")
	}
	if d.Strategy == "full_refresh" && d.PartitionBy != "" {
		f.r.add(diag.At(f.p.at(f.value["partition_by"]), diag.Warning, f.what+": partition_by has no effect with full_refresh", "remove it, or use partitioned or incremental"))
		d.PartitionBy, d.Granularity = "", ""
	}
}

func (f *fields) rejects(d *Definition) {
	n, ok := f.value["rejects"]
	if !ok || null(n) {
		return
	}
	inner, ok := f.r.fields(f.p, n, f.what+".rejects")
	if ok {
		d.MaxRejectRows = inner.whole("max_rows", 0, 1<<60)
		d.MaxRejectPct = inner.percent("max_pct")
		inner.only("max_rows", "max_pct")
		if d.MaxRejectRows != nil && d.MaxRejectPct != nil {
			inner.fail(n, "max_rows and max_pct exclude each other", "keep one of them")
		}
	}
	f.fails += inner.fails
}

func (f *fields) columns(d *Definition) {
	n, ok := f.value["columns"]
	if !ok || null(n) {
		return
	}
	all, ok := f.r.fields(f.p, n, f.what+".columns")
	f.fails += all.fails
	if !ok {
		return
	}
	d.Columns = map[string]Column{}
	for name, value := range all.value {
		if value.Kind == yaml.ScalarNode {
			d.Columns[name] = Column{Description: strings.TrimSpace(value.Value)}
			continue
		}
		one, ok := f.r.fields(f.p, value, f.what+".columns."+clip(name))
		if ok {
			c := Column{Description: one.text("description"), PII: one.truth("pii"), Type: one.text("type")}
			one.columnType(&c)
			one.only("description", "pii", "type")
			d.Columns[name] = c
		}
		f.fails += one.fails
	}
}

// columnType checks the type that a column is to have.
func (f *fields) columnType(c *Column) {
	if c.Type == "" {
		return
	}
	n := f.value["type"]
	c.Line = f.p.at(n).Line
	if !typeGrammar.MatchString(c.Type) {
		f.fail(n, fmt.Sprintf("%q is not a type", clip(c.Type)), "types: bool, int64, float64, decimal(18,4), string, binary, date, time, timestamp, timestamp(UTC), json, uuid")
		return
	}
	if parts := decimalGrammar.FindStringSubmatch(c.Type); parts != nil {
		precision, _ := strconv.Atoi(parts[1]) // two digits, as the grammar says
		scale, _ := strconv.Atoi(parts[2])
		if precision < 1 || precision > 38 || scale > precision {
			f.fail(n, fmt.Sprintf("%s: precision is 1 to 38, scale 0 to precision", c.Type), "write decimal(18,4) for 14 digits before the point and 4 behind it")
		}
	}
}

func (f *fields) foreignKeys(d *Definition) {
	for _, n := range f.list("foreign_keys") {
		one, ok := f.r.fields(f.p, n, f.what+".foreign_keys")
		if ok {
			key := ForeignKey{Column: one.text("column"), Description: one.text("description")}
			parts := strings.Split(one.text("references"), ".")
			if key.Column == "" || len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
				one.fail(n, "a foreign key needs column and references", `write {column: customer_id, references: customers.id}`)
			} else {
				key.Table, key.RefColumn = strings.Join(parts[:len(parts)-1], "."), parts[len(parts)-1]
				d.ForeignKeys = append(d.ForeignKeys, key)
			}
			one.only("column", "references", "description")
		}
		f.fails += one.fails
	}
}

// belongs checks source and dataset against the configuration.
func (f *fields) belongs(d *Definition) {
	sources := f.r.o.Sources
	switch {
	case d.Source == "" && len(sources) == 1:
		d.Source = sources[0]
	case d.Source == "" && len(sources) > 1 && f.value["source"] == nil:
		f.fail(f.n, "source is missing, and there are several", "write source: one of "+strings.Join(sources, ", "))
	case d.Source != "" && !slices.Contains(sources, d.Source):
		help := diag.DidYouMean(d.Source, sources)
		if help == "" {
			help = "sources: " + strings.Join(sources, ", ")
		}
		f.fail(f.value["source"], fmt.Sprintf("there is no source %q", d.Source), help)
	}
	if d.Stream == "" {
		d.Stream = d.ID
	}
	if d.Dataset != "" && len(f.r.o.Datasets) > 0 && !slices.Contains(f.r.o.Datasets, d.Dataset) {
		f.r.add(diag.At(f.p.at(f.value["dataset"]), diag.Warning, fmt.Sprintf("%s: there is no dataset %q", f.what, d.Dataset), n1(diag.DidYouMean(d.Dataset, f.r.o.Datasets), "add a block dataset to the configuration")))
	}
}

func n1(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
