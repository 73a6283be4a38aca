package catalog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func columns(names ...string) []sdk.Column {
	out := make([]sdk.Column, len(names))
	for i, name := range names {
		id := sdk.String
		if strings.HasSuffix(name, "_at") {
			id = sdk.Timestamp
		}
		out[i] = sdk.Column{Name: name, Type: sdk.Type{ID: id}}
	}
	return out
}

func orders() sdk.Stream {
	return sdk.Stream{
		Name: "orders", Doc: "Orders of the shop.", Columns: columns("order_id", "customer_id", "email", "created_at"), Key: []string{"order_id"}, CursorField: "created_at",
		Lookback: 5 * time.Minute, Modes: []sdk.SyncMode{sdk.FullRefresh, sdk.Incremental}, RateKey: "api",
	}
}

func shop(streams ...sdk.Stream) catalog.Source {
	return catalog.Source{Name: "shop", Tables: []string{"*"}, Streams: streams, File: "instance.hcl", Line: 10}
}

func ordersTable() catalog.Definition {
	return catalog.Definition{ID: "orders", Stream: "orders", Source: "shop", Folder: "sales", Name: "orders", Strategy: sdk.Incremental, File: "data_description.md", Line: 7}
}

func resolve(t *testing.T, source catalog.Source, definitions ...catalog.Definition) ([]catalog.Set, []catalog.Problem) {
	t.Helper()
	return catalog.Resolve(catalog.Input{Sources: []catalog.Source{source}, Definitions: definitions, Now: now})
}

// one returns the only table of the only set.
func one(t *testing.T, sets []catalog.Set, problems []catalog.Problem) catalog.Table {
	t.Helper()
	if len(problems) > 0 || len(sets) != 1 || len(sets[0].Tables) != 1 {
		t.Fatalf("got %d sets and problems %v, want one table", len(sets), problems)
	}
	if diff := cmp.Diff(sets[0].Root, sets[0].Tables[0]); diff != "" {
		t.Fatalf("the root is not the first table:\n%s", diff)
	}
	return sets[0].Root
}

func TestStreamWithoutDefinition(t *testing.T) {
	sets, problems := resolve(t, shop(orders()))
	want := catalog.Table{
		Name: "main.orders", Root: true, Source: "shop", Stream: "orders", Description: "Orders of the shop.", Strategy: sdk.FullRefresh, Read: sdk.FullRefresh, Write: "replace",
		CursorField: "created_at", MaxRejects: -1, Docs: map[string]string{}, PII: map[string]bool{}, Types: map[string]sdk.Type{}, TypesAt: map[string]string{}, RateKey: "api", File: "instance.hcl", Line: 10,
	}
	if diff := cmp.Diff(want, one(t, sets, problems)); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestDefinitionInFull(t *testing.T) {
	days, pct := 7, 0.5
	d := ordersTable()
	d.Description, d.Key, d.WindowDays, d.MaxHistoryDays = "Every order.", []string{"Order ID", "customer_id"}, &days, 30
	d.PartitionBy, d.MaxRejectPct, d.Schema, d.Dataset = "created_at", &pct, "freeze", "telemetry"
	d.Columns = map[string]catalog.Column{"email": {Description: "Buyer's address.", PII: true}, "order_id": {Type: "int64", Line: 14}}
	d.Filters = []catalog.Filter{{Column: "created_at", Operator: "ge", Values: []string{"2025-01-01"}}}
	d.ForeignKeys = []catalog.ForeignKey{{Column: "customer_id", Table: "customers", RefColumn: "id"}}
	sets, problems := resolve(t, shop(orders()), d)
	want := catalog.Table{
		Name: "sales.orders", Root: true, Source: "shop", Stream: "orders", ID: "orders", Description: "Every order.", Strategy: sdk.Incremental, Read: sdk.Incremental, Write: "merge",
		Key: []string{"order_id", "customer_id"}, CursorField: "created_at", Lookback: 7 * 24 * time.Hour, HistoryFrom: now.AddDate(0, 0, -30),
		Filters: d.Filters, Partition: &catalog.Partition{Column: "created_at", Granularity: "month"}, Freeze: true, MaxRejects: -1, MaxRejectsP: 0.5,
		Docs: map[string]string{"email": "Buyer's address."}, PII: map[string]bool{"email": true}, Types: map[string]sdk.Type{"order_id": {ID: sdk.Int64}}, TypesAt: map[string]string{"order_id": "data_description.md:14"},
		ForeignKeys: d.ForeignKeys, Dataset: "telemetry", RateKey: "api", File: "data_description.md", Line: 7,
	}
	if diff := cmp.Diff(want, one(t, sets, problems)); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// Decision 9: how strategies read and write.
func TestStrategies(t *testing.T) {
	appendOnly := orders()
	appendOnly.AppendOnly, appendOnly.Key = true, nil
	partitioned := orders()
	partitioned.Modes = append(partitioned.Modes, sdk.Partitioned)
	for _, c := range []struct {
		name     string
		stream   sdk.Stream
		strategy sdk.SyncMode
		read     sdk.SyncMode
		write    string
		lookback time.Duration
	}{
		{"full refresh replaces", orders(), sdk.FullRefresh, sdk.FullRefresh, "replace", 0},
		{"incremental merges, with the stream's lookback", orders(), sdk.Incremental, sdk.Incremental, "merge", 5 * time.Minute},
		{"incremental of an append-only stream appends without key", appendOnly, sdk.Incremental, sdk.Incremental, "append", 5 * time.Minute},
		{"partitions of a stream that delivers them", partitioned, sdk.Partitioned, sdk.Partitioned, "partitions", 0},
		{"partitions of a stream that is read in full", orders(), sdk.Partitioned, sdk.FullRefresh, "partitions", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := ordersTable()
			d.Strategy = c.strategy
			if c.strategy == sdk.Partitioned {
				d.PartitionBy, d.Granularity = "created_at", "day"
			}
			sets, problems := resolve(t, shop(c.stream), d)
			table := one(t, sets, problems)
			if table.Read != c.read || table.Write != c.write || table.Lookback != c.lookback {
				t.Errorf("read %s, write %s, lookback %s; want %s, %s, %s", table.Read, table.Write, table.Lookback, c.read, c.write, c.lookback)
			}
		})
	}
}

func TestZeroWindowOverridesTheStreamsLookback(t *testing.T) {
	none := 0
	d := ordersTable()
	d.WindowDays = &none
	sets, problems := resolve(t, shop(orders()), d)
	if got := one(t, sets, problems).Lookback; got != 0 {
		t.Errorf("lookback %s, want 0", got)
	}
}

func TestProblemsOfOneTable(t *testing.T) {
	keyless := orders()
	keyless.Key = nil
	fullOnly := orders()
	fullOnly.Modes = nil
	for _, c := range []struct {
		name    string
		stream  sdk.Stream
		change  func(*catalog.Definition)
		summary string
		help    string
		warning bool
	}{
		{"incremental without key", keyless, func(d *catalog.Definition) {}, "incremental needs a key", "primary_key", false},
		{"mode not supported", fullOnly, func(d *catalog.Definition) {}, "stream orders of shop cannot be read as incremental", "full_refresh", false},
		{"no such stream", orders(), func(d *catalog.Definition) { d.Stream = "ordres" }, `no stream "ordres"`, `did you mean "orders"?`, false},
		{"key names no column", orders(), func(d *catalog.Definition) { d.Key = []string{"ordre_id"} }, `primary_key names the column "ordre_id"`, `did you mean "order_id"?`, false},
		{"filter names no column", orders(), func(d *catalog.Definition) { d.Filters = []catalog.Filter{{Column: "x"}} }, `where_filters names the column "x"`, "columns: order_id", false},
		{"partition by text", orders(), func(d *catalog.Definition) { d.PartitionBy = "email" }, "partition_by names email, which is string", "date or timestamp", false},
		{"partitioned by nothing", orders(), func(d *catalog.Definition) { d.Strategy = sdk.Partitioned }, "partitioned needs partition_by", "partition_by", false},
		{"unknown strategy", orders(), func(d *catalog.Definition) { d.Strategy = "sometimes" }, `no strategy "sometimes"`, "full_refresh", false},
		{"masked column misspelt", orders(), func(d *catalog.Definition) { d.Columns = map[string]catalog.Column{"emial": {PII: true}} }, `columns names the column "emial"`, `did you mean "email"?`, false},
		{"described column misspelt", orders(), func(d *catalog.Definition) { d.Columns = map[string]catalog.Column{"emial": {Description: "x"}} }, `columns names the column "emial"`, `did you mean "email"?`, true},
		{"typed column misspelt", orders(), func(d *catalog.Definition) { d.Columns = map[string]catalog.Column{"emial": {Type: "uuid"}} }, `columns names the column "emial"`, `did you mean "email"?`, false},
		{"partition by a date that becomes text", orders(), func(d *catalog.Definition) {
			d.PartitionBy, d.Columns = "created_at", map[string]catalog.Column{"created_at": {Type: "string", Line: 9}}
		}, "partition_by names created_at, which is string", "date or timestamp", false},
		{"chunks", orders(), func(d *catalog.Definition) { d.ChunkDays, d.ChunkLine = 7, 7 }, "table orders: initial_load_chunk_days has no effect yet", "max_history_days", true},
		{"foreign key of no column", orders(), func(d *catalog.Definition) { d.ForeignKeys = []catalog.ForeignKey{{Column: "x"}} }, `foreign_keys names the column "x"`, "columns", true},
		{"bad name", orders(), func(d *catalog.Definition) { d.Name = "../x" }, "is not <namespace>.<table>", sdk.NamePattern, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := ordersTable()
			c.change(&d)
			other := orders()
			other.Name = "returns"
			sets, problems := resolve(t, shop(c.stream, other), d)
			if len(problems) != 1 {
				t.Fatalf("problems %v, want one", problems)
			}
			p := problems[0]
			if !strings.Contains(p.Summary, c.summary) || !strings.Contains(p.Help, c.help) || p.Warning != c.warning || p.File != "data_description.md" || p.Line != 7 {
				t.Errorf("problem %+v", p)
			}
			if f := p.Fault(); f.Code != fault.Config || !strings.HasPrefix(f.What, "data_description.md:7: ") {
				t.Errorf("fault %+v", f)
			}
			if !published(sets, "main.returns") {
				t.Error("the other stream is not published")
			}
		})
	}
}

func published(sets []catalog.Set, name sdk.TableName) bool {
	for _, set := range sets {
		for _, t := range set.Tables {
			if t.Name == name {
				return true
			}
		}
	}
	return false
}

func TestIDsThatAreNotNames(t *testing.T) {
	stream := orders()
	stream.Name = "in_c_crm_orders"
	d := ordersTable()
	d.ID, d.Stream = "in.c-crm.orders", "in.c-crm.orders"
	sets, problems := resolve(t, shop(stream), d)
	if got := one(t, sets, problems); got.Name != "sales.orders" || got.Stream != "in_c_crm_orders" {
		t.Errorf("table %s of stream %s", got.Name, got.Stream)
	}
}

func TestUnknownColumnsAreNotChecked(t *testing.T) {
	stream := orders()
	stream.Columns, stream.Key = nil, nil
	d := ordersTable()
	d.Key, d.PartitionBy = []string{"Order Id"}, "created"
	sets, problems := resolve(t, shop(stream), d)
	got := one(t, sets, problems)
	if diff := cmp.Diff([]string{"order_id"}, got.Key); diff != "" || got.Partition.Column != "created" {
		t.Errorf("key %v, partition %v", got.Key, got.Partition)
	}
}
