package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/config"
)

var today = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// describe reads a data_description.md, or several files.
func describe(t *testing.T, files map[string]string, sources ...string) (*config.Description, config.Diagnostics) {
	t.Helper()
	o := instance(t, files)
	if len(sources) == 0 {
		sources = []string{"crm"}
	}
	return config.Describe(config.DescriptionOptions{Dir: o.Dir, Today: today, Sources: sources, Datasets: []string{"telemetry"}})
}

func tables(t *testing.T, yaml string) (*config.Description, config.Diagnostics) {
	t.Helper()
	return describe(t, map[string]string{"data_description.md": "# Our data\n\n```yaml\n" + yaml + "\n```\n"})
}

func names(d *config.Description) []string {
	out := []string{}
	for _, table := range d.Tables {
		out = append(out, table.Folder+"."+table.Name)
	}
	return out
}

func short(id, more string) string {
	return "  - id: " + id + "\n    name: " + id + "\n    description: x\n    sync_strategy: full_refresh\n" + more
}

func TestNoDescriptionIsFine(t *testing.T) {
	d, problems := describe(t, nil)
	if len(problems) > 0 || len(d.Tables) > 0 || d.Incomplete {
		t.Errorf("%+v\n%s", d, problems.Text())
	}
}

func TestDefinitionInFull(t *testing.T) {
	d, problems := tables(t, `
folder_mapping:
  "in.c-example": "example"
tables:
  - id: "in.c-example.orders"
    name: "orders"
    description: "Order transactions"
    primary_key: "id, line_no"
    sync_strategy: "incremental"
    incremental_window_days: 7
    partition_by: "created_at"
    max_history_days: 730
    foreign_keys:
      - {column: customer_id, references: customers.id, description: "Buyer"}
    where_filters:
      - {column: created_at, operator: ge, values: ["{{last_6_months}}"]}
      - {column: kind, values: [a, b]}
    dataset: "telemetry"
    stream: "orders_v2"
    columns:
      email: {description: "Buyer's address", pii: true}
      amount: {type: "decimal(18,4)"}
      note: Free text
    rejects: {max_pct: 0.5}
    schema: freeze`)
	if len(problems) > 0 {
		t.Fatal(problems.Text())
	}
	got := d.Tables[0]
	if got.WindowDays == nil || *got.WindowDays != 7 || got.MaxRejectPct == nil || *got.MaxRejectPct != 0.5 || got.MaxRejectRows != nil {
		t.Errorf("window %v, rejects %v, %v", got.WindowDays, got.MaxRejectPct, got.MaxRejectRows)
	}
	got.WindowDays, got.MaxRejectPct = nil, nil
	want := config.TableDefinition{
		ID: "in.c-example.orders", Name: "orders", Folder: "example", Source: "crm", Stream: "orders_v2", Description: "Order transactions", Strategy: "incremental",
		PrimaryKey: []string{"id", "line_no"}, PartitionBy: "created_at", Granularity: "month", MaxHistoryDays: 730, ChunkDays: 30, Dataset: "telemetry", Schema: "freeze",
		File: got.File, Line: 8,
	}
	want.ForeignKeys = append(want.ForeignKeys, got.ForeignKeys...)
	want.Filters, want.Columns = got.Filters, got.Columns
	if diff := cmp.Diff(want, got); diff != "" || filepath.Base(got.File) != "data_description.md" {
		t.Errorf("definition (-want +got):\n%s", diff)
	}
	if k := got.ForeignKeys; len(k) != 1 || k[0].Table != "customers" || k[0].RefColumn != "id" || k[0].Description != "Buyer" {
		t.Errorf("foreign keys %+v", k)
	}
	if f := got.Filters; len(f) != 2 || f[0].Values[0] != "2025-09-02" || f[1].Operator != "eq" || len(f[1].Values) != 2 {
		t.Errorf("filters %+v", f)
	}
	if c := got.Columns; !c["email"].PII || c["amount"].Type != "decimal(18,4)" || c["note"].Description != "Free text" {
		t.Errorf("columns %+v", c)
	}
}

func TestPlaceholders(t *testing.T) {
	for placeholder, want := range map[string]string{
		"{{today}}": "2026-03-01", "{{last_week}}": "2026-02-22", "{{last_month}}": "2026-01-30", "{{last_2_months}}": "2025-12-31", "{{last_3_months}}": "2025-12-01",
		"{{last_6_months}}": "2025-09-02", "{{last_year}}": "2025-03-01", "{{last_2_years}}": "2024-03-01", "from {{today}} on": "from 2026-03-01 on", "{plain}": "{plain}",
	} {
		d, problems := tables(t, "tables:\n"+short("a", "    where_filters: [{column: c, values: [\""+placeholder+"\"]}]"))
		if len(problems) > 0 || d.Tables[0].Filters[0].Values[0] != want {
			t.Errorf("%s: want %s\n%s", placeholder, want, problems.Text())
		}
	}
}

func TestFilesAndBlocksAreMerged(t *testing.T) {
	d, problems := describe(t, map[string]string{
		"data_description.md": "\xef\xbb\xbf# Data\r\n\r\n```yaml\r\nfolder_mapping:\r\n  b: shop\r\n```\r\nText\r\n```yaml\r\ntables:\r\n" + strings.ReplaceAll(short("b.x", "")[:0]+short("one", ""), "\n", "\r\n") + "```\r\n" +
			"```yaml\nmetrics:\n  - broken: [\n```\n```json\n{\"tables\": 1}\n```\n````\n```yaml\ntables: nonsense\n```\n````\n~~~yaml\ntables: no\n~~~\n",
		"datasets/20.md":        "```yaml\ntables:\n" + strings.Replace(short("two", ""), "id: two", "id: b.two", 1) + "```\n",
		"datasets/10.md":        "```yaml\ntables:\n" + short("three", "    folder: web\n") + "```\n",
		"datasets/notes.txt":    "```yaml\ntables: 1\n```\n",
		"datasets/x.md/deep.md": "```yaml\ntables: 1\n```\n",
	})
	if diff := cmp.Diff([]string{"main.one", "web.three", "shop.two"}, names(d)); diff != "" || len(problems) > 0 {
		t.Errorf("%s\n%s", diff, problems.Text())
	}
	if len(d.Files) != 3 {
		t.Errorf("files %v", d.Files)
	}
}

// One bad table is an error at its own line and leaves the others alone.
func TestOneBadTable(t *testing.T) {
	for _, c := range []struct {
		name, more    string
		line          int
		summary, help string
	}{
		{"field twice", "    primary_key: id\n    sync_strategy: sometimes\n", 1, "sync_strategy stands twice", "remove"},
		{"near field", "    partiton_by: a\n", 0, `no field "partiton_by"`, `did you mean "partition_by"?`},
		{"window", "    incremental_window_days: a week\n", 0, "incremental_window_days is not a whole number", "incremental_window_days: 1"},
		{"negative", "    max_history_days: -1\n", 0, "max_history_days is not a whole number from 1", ""},
		{"folder", "    folder: Sales\n", 0, `folder "Sales" is not a name`, "^[a-z]"},
		{"granularity", "    partition_granularity: week\n", 0, `partition_granularity cannot be "week"`, "allowed: day, month, year"},
		{"filter operator", "    where_filters: [{column: a, operator: like, values: [x]}]\n", 0, `operator cannot be "like"`, `did you mean "le"?`},
		{"filter without values", "    where_filters: [{column: a}]\n", 0, "values is missing", "values"},
		{"placeholder", "    where_filters: [{column: a, values: [\"{{last_moth}}\"]}]\n", 0, `no placeholder "{{last_moth}}"`, `did you mean "last_month"?`},
		{"foreign key", "    foreign_keys: [{column: a, references: customers}]\n", 0, "needs column and references", "customers.id"},
		{"rejects", "    rejects: {max_rows: 1, max_pct: 1}\n", 0, "exclude each other", "keep one"},
		{"percent", "    rejects: {max_pct: 101}\n", 0, "max_pct is not a number from 0 to 100", ""},
		{"schema", "    schema: frozen\n", 0, `schema cannot be "frozen"`, "allowed: evolve, freeze"},
		{"source", "    source: cmr\n", 0, `there is no source "cmr"`, `did you mean "crm"?`},
		{"type", "    columns: {a: {type: varchar}}\n", 0, `"varchar" is not a type`, "decimal"},
		{"decimal of too many digits", "    columns: {a: {type: \"decimal(39, 2)\"}}\n", 0, "decimal(39, 2): precision is 1 to 38", "decimal(18,4)"},
		{"decimal of no digits", "    columns: {a: {type: \"decimal(0,0)\"}}\n", 0, "precision is 1 to 38", ""},
		{"scale above precision", "    columns: {a: {type: \"decimal(3,4)\"}}\n", 0, "scale 0 to precision", ""},
		{"pii", "    columns: {a: {pii: maybe}}\n", 0, "pii is neither true nor false", "pii: true"},
		{"merge key", "    <<: {a: b}\n", 0, "merge keys are not supported", "write the fields out"},
		{"list for text", "    dataset: [a]\n", 0, "dataset is not a text", "dataset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, problems := tables(t, "tables:\n"+short("first", "")+short("bad", c.more)+short("last", ""))
			if diff := cmp.Diff([]string{"main.first", "main.last"}, names(d)); diff != "" {
				t.Error(diff)
			}
			p := only(t, problems)
			wantLine := 13 + c.line
			if p.Line != wantLine || !strings.Contains(p.Summary, c.summary) || !strings.Contains(p.Help, c.help) || !strings.HasPrefix(p.Scope, "table") || p.Source == "" {
				t.Errorf("line %d (want %d): %+v", p.Line, wantLine, p)
			}
			if len(d.Broken) != 1 || d.Broken[0].Stream != "bad" || d.Broken[0].Line != 9 || d.Incomplete {
				t.Errorf("broken %+v, incomplete %v", d.Broken, d.Incomplete)
			}
			if len(problems.Blocking()) != 0 || !problems.Failing() {
				t.Error("it stops everything, or nothing")
			}
		})
	}
}

// What a person wrote and nothing does is said at its line; the table is as good as before.
func TestChunksHaveNoEffectYet(t *testing.T) {
	d, problems := tables(t, "tables:\n"+short("a", "    initial_load_chunk_days: 7\n")+short("b", "    columns:\n      x: {type: uuid}\n      y:\n        pii: true\n        type: date\n"))
	if p := only(t, problems); p.Severity != config.Warning || p.Line != 9 || !strings.Contains(p.Summary, "table a: initial_load_chunk_days has no effect yet") || problems.Failing() {
		t.Errorf("%+v", p)
	}
	if len(d.Tables) != 2 || d.Tables[0].ChunkDays != 7 || d.Tables[0].ChunkLine != 9 || d.Tables[1].ChunkLine != 0 {
		t.Errorf("%+v", d.Tables)
	}
	if c := d.Tables[1].Columns; c["x"].Type != "uuid" || c["x"].Line != 15 || c["y"].Line != 18 {
		t.Errorf("columns %+v", c)
	}
}

func TestMissingFields(t *testing.T) {
	_, problems := tables(t, "tables:\n  - folder: a\n  - 7\n  - id: x\n    name: x\n    sync_strategy: partitioned\n    description: y")
	var got []string
	for _, p := range problems {
		got = append(got, p.Place()[len(p.Place())-3:]+" "+p.Summary)
	}
	want := []string{
		"5:5 table without name: id is missing", "5:5 table without name: name is missing", "5:5 table without name: sync_strategy is missing", "5:5 table without name: description is missing",
		"6:5 table: is not a mapping", ":20 table x: partitioned needs partition_by",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// YAML that does not parse costs the entry it stands in, not its neighbours.
func TestBrokenYAMLCostsOneTable(t *testing.T) {
	d, problems := tables(t, "tables:\n"+short("first", "")+"  - id: bad\n    name: [\n    description: x\n"+short("last", ""))
	if diff := cmp.Diff([]string{"main.first", "main.last"}, names(d)); diff != "" {
		t.Error(diff)
	}
	if p := only(t, problems); p.Line < 9 || p.Line > 11 || !strings.Contains(p.Summary, "yaml cannot be read") {
		t.Errorf("%+v", p)
	}
	if len(d.Broken) != 1 || d.Broken[0].Stream != "bad" || d.Incomplete {
		t.Errorf("broken %+v, incomplete %v", d.Broken, d.Incomplete)
	}
	d, problems = tables(t, "tables: [\n  x")
	if only(t, problems); !d.Incomplete {
		t.Error("an unreadable list is taken for an empty one")
	}
}

func TestUnclosedBlock(t *testing.T) {
	d, problems := describe(t, map[string]string{"data_description.md": "text\n```yaml\ntables:\n" + short("a", "")})
	if p := only(t, problems); p.Line != 2 || !strings.Contains(p.Summary, "never closed") || len(d.Tables) != 1 {
		t.Errorf("%+v, tables %v", p, names(d))
	}
}

func TestC21_OneNameTwice(t *testing.T) {
	again := strings.Replace(short("orders", ""), "id: orders", "id: orders_2", 1)
	d, problems := describe(t, map[string]string{"data_description.md": "```yaml\ntables:\n" + short("orders", "") + "```\n", "datasets/more.md": "```yaml\ntables:\n" + again + "```\n"})
	p := only(t, problems)
	if filepath.Base(p.File) != "more.md" || p.Line != 3 || !strings.Contains(p.Summary, "main.orders stands twice") || !strings.HasSuffix(p.Detail, "data_description.md:3") {
		t.Errorf("%+v", p)
	}
	if len(d.Tables) != 1 || len(d.Broken) != 1 || d.Broken[0].Stream != "orders_2" {
		t.Errorf("tables %v, broken %+v", names(d), d.Broken)
	}
	d, problems = tables(t, "tables:\n"+short("orders", "")+strings.Replace(short("orders", ""), "name: orders", "name: again", 1))
	if p := only(t, problems); !strings.Contains(p.Summary, `stream "orders" of crm stands twice`) || len(d.Tables) != 1 {
		t.Errorf("%+v", p)
	}
}

func TestC22_Names(t *testing.T) {
	for _, name := range []string{"../x", "CON", ".hidden", strings.Repeat("a", 300), "a/b", "a*", "a.b", "1a", "ä", "a b", "orders__rejected", "Orders"} {
		_, problems := tables(t, "tables:\n  - id: a\n    name: \""+name+"\"\n    description: x\n    sync_strategy: full_refresh")
		p := only(t, problems)
		if p.Line != 6 || !strings.Contains(p.Help, "^[a-z][a-z0-9_]{0,62}$") && !strings.Contains(p.Summary, "__rejected") || len(p.Summary) > 300 {
			t.Errorf("%.20s: %+v", name, p)
		}
	}
}

func TestFolderMapping(t *testing.T) {
	body := "folder_mapping:\n  in.c-a: Bad Name\ntables:\n" + strings.Replace(short("x", ""), "id: x", "id: in.c-a.x", 1) + strings.Replace(short("y", ""), "id: y", "id: in.c-b.y", 1)
	d, problems := tables(t, body)
	if diff := cmp.Diff([]string{"main.y"}, names(d)); diff != "" || len(problems) != 2 || problems[0].Line != 5 {
		t.Errorf("%s\n%s", diff, problems.Text())
	}
	d, problems = describe(t, map[string]string{"data_description.md": "```yaml\nfolder_mapping:\n  b: one\n```\n```yaml\nfolder_mapping:\n  b: two\n```\n```yaml\ntables:\n" + strings.Replace(short("x", ""), "id: x", "id: b.x", 1) + "```\n"})
	if len(d.Tables) != 0 || len(problems) != 2 || !strings.Contains(problems[0].Detail, "data_description.md:3") {
		t.Errorf("tables %v\n%s", names(d), problems.Text())
	}
}

func TestSourceOfATable(t *testing.T) {
	text := map[string]string{"data_description.md": "```yaml\ntables:\n" + short("a", "") + short("b", "    source: web\n") + "```\n"}
	d, problems := describe(t, text, "crm", "web")
	if diff := cmp.Diff([]string{"main.b"}, names(d)); diff != "" || len(problems) != 1 || !strings.Contains(problems[0].Help, "crm, web") {
		t.Errorf("%s\n%s", diff, problems.Text())
	}
}

func TestAliases(t *testing.T) {
	d, problems := tables(t, "tables:\n"+short("a", "    columns: &c {email: {pii: true}}\n")+short("b", "    columns: *c\n"))
	if len(problems) > 0 || !d.Tables[1].Columns["email"].PII {
		t.Errorf("%s", problems.Text())
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		prev := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+prev+",", 9), ",") + "]\n"
	}
	d, problems = tables(t, bomb+"tables:\n"+short("a", "    columns: *j\n")+short("b", "    primary_key: *j\n")+short("c", ""))
	if diff := cmp.Diff([]string{"main.c"}, names(d)); diff != "" || len(problems) < 2 {
		t.Errorf("%s\n%s", diff, problems.Text())
	}
	_, problems = tables(t, "tables: &t\n  - *t\n  - id: &x [*x]")
	if len(problems) == 0 {
		t.Error("a cycle is accepted")
	}
}

func TestLimitsOfADescription(t *testing.T) {
	for name, yaml := range map[string]string{
		"flow nesting":  "tables: " + strings.Repeat("[", 100_000),
		"deep lists":    "tables:\n" + strings.Repeat("- ", 50_000) + "x",
		"closed":        "tables: " + strings.Repeat("[", 200) + strings.Repeat("]", 200),
		"maps":          "tables: " + strings.Repeat("{a: ", 9_000) + "1" + strings.Repeat("}", 9_000),
		"a large file":  "tables:\n" + strings.Repeat("# padding\n", 110_000),
		"NUL":           "tables:\n\x00",
		"not UTF-8":     "tables:\n  - name: caf\xe9",
		"colons":        "tables:\n" + strings.Repeat("? ", 20_000),
		"tabs":          "tables:\n\t- id: a",
		"a huge number": "tables:\n" + short("a", "    incremental_window_days: 1e999999999\n"),
	} {
		t.Run(name, func(t *testing.T) {
			d, problems := tables(t, yaml)
			if !problems.Failing() || len(d.Tables) > 0 {
				t.Errorf("tables %v\n%.300s", names(d), problems.Text())
			}
			if len(problems.Text()) > 5_000 {
				t.Errorf("%d bytes are shown", len(problems.Text()))
			}
		})
	}
}

func TestUnreadableDescriptionIsNotEmpty(t *testing.T) {
	o := instance(t, nil)
	if err := os.Mkdir(filepath.Join(o.Dir, "data_description.md"), 0o755); err != nil {
		t.Fatal(err)
	}
	d, problems := config.Describe(config.DescriptionOptions{Dir: o.Dir, Today: today})
	if only(t, problems); !d.Incomplete {
		t.Error("unreadable is taken for absent")
	}
}
