package connector_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func nothing[R any](context.Context, *shop, connector.Query, *connector.Rows[R]) error { return nil }

func TestWrongDeclarationsAreFoundByBuild(t *testing.T) {
	type twoCursors struct {
		A int64 `col:"a,cursor"`
		B int64 `col:"b,cursor"`
	}
	type noColumn struct{ A int64 }
	type badType struct {
		A chan int `col:"a"`
	}
	type hidden struct {
		a int64 `col:"a"` //nolint:unused // the tag on it is what is tested
	}
	type secret struct {
		A sdk.Secret `col:"a"`
	}
	type bare struct {
		A any `col:"a"`
	}
	type option struct {
		A int64 `col:"a,primary"`
	}
	type name struct {
		A int64 `col:"Order ID"`
	}
	type flag struct {
		ID int64 `col:"id,key"`
		A  bool  `col:"a,cursor"`
	}
	type length struct {
		A time.Duration `col:"a"`
	}
	type money struct {
		A string `col:"a" type:"decimal(40,2)"`
	}
	type list struct {
		A []list `col:"a"`
	}
	for want, stream := range map[string]connector.Stream[*shop]{
		"a second cursor":                  connector.Table("x", nothing[twoCursors]),
		"0 columns":                        connector.Table("x", nothing[noColumn]),
		"is not supported":                 connector.Table("x", nothing[badType]),
		"is not exported":                  connector.Table("x", nothing[hidden]),
		"a secret cannot":                  connector.Table("x", nothing[secret]),
		"add the option json":              connector.Table("x", nothing[bare]),
		`col tag option "primary"`:         connector.Table("x", nothing[option]),
		`name "Order ID"`:                  connector.Table("x", nothing[name]),
		"cannot be the cursor field":       connector.Table("x", nothing[flag]),
		"needs type:":                      connector.Table("x", nothing[length]),
		"precision is 1..38":               connector.Table("x", nothing[money]),
		"nest deeper":                      connector.Table("x", nothing[list]),
		"a row is a struct":                connector.Table("x", nothing[int]),
		"stream name":                      connector.Table("X-Y", nothing[order]),
		`key column "nr" does not exist`:   connector.Table("x", nothing[order], connector.Key("nr")),
		`cursor field "t" does not exist`:  connector.Table("x", nothing[order], connector.CursorField("t")),
		"it has no reader":                 connector.Table[*shop, order]("x", nil),
		"its parent y is not declared":     connector.Table[*shop, order]("x", nil, connector.Parent("y")),
		"it is its own parent":             connector.Table[*shop, order]("x", nil, connector.Parent("x")),
		"Sorted and Lookback need":         connector.Dynamic[*shop]("x", nil, func(context.Context, *shop, connector.Query, *connector.Records) error { return nil }, connector.Sorted()),
		`mode "weekly"`:                    connector.Table("x", nothing[order], connector.Modes("weekly")),
		"the lookback is negative":         connector.Table("x", nothing[order], connector.Lookback(-1)),
		"was not made with Table":          {},
		"a timestamp or a date, not int64": connector.Table("x", nothing[order], connector.CursorField("id"), connector.Lookback(time.Hour)),
	} {
		if _, err := plugin(stream).Build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := plugin(table(nil), table(nil)).Build(); err == nil || !strings.Contains(err.Error(), "stands twice") {
		t.Errorf("two of a name: %v", err)
	}
	for want, change := range map[string]func(*connector.Plugin[settings, *shop]){
		"has no Version": func(p *connector.Plugin[settings, *shop]) { p.Version = "" },
		"connector name": func(p *connector.Plugin[settings, *shop]) { p.Name = "Acme" },
		"has no Open":    func(p *connector.Plugin[settings, *shop]) { p.Open = nil },
		"neither":        func(p *connector.Plugin[settings, *shop]) { p.Streams = nil },
	} {
		p := plugin(table(nil))
		change(&p)
		if _, err := p.Build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestDescribeTellsSettingsAndStreams(t *testing.T) {
	p := plugin(table(nil, connector.Doc("All orders."), connector.RateKey("api"), connector.Sorted()))
	p.Doc = "A shop."
	c, err := p.Build()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := connector.Description{
		Kind: "connector", Name: "acme", Version: "0.1.0", Doc: "A shop.", SDKVersion: d.SDKVersion,
		Settings: []connector.Field{{Name: "token", Type: "string", Doc: "API token.", Secret: true}},
		Streams: []sdk.Stream{{
			Name: "orders", Doc: "All orders.", Key: []string{"id"}, CursorField: "updated_at", Sorted: true, RateKey: "api",
			Modes: []sdk.SyncMode{sdk.FullRefresh, sdk.Incremental},
			Columns: []sdk.Column{
				{Name: "id", Type: sdk.Type{ID: sdk.Int64}, NotNull: true, Doc: "Order number."},
				{Name: "status", Type: sdk.Type{ID: sdk.String}},
				{Name: "total", Type: sdk.Type{ID: sdk.Float64}},
				{Name: "updated_at", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}},
				{Name: "raw", Type: sdk.Type{ID: sdk.String, Logical: "json"}},
			},
		}},
	}
	if diff := cmp.Diff(want, d); diff != "" || d.SDKVersion == "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSettingsAreCheckedBeforeOpen(t *testing.T) {
	p := plugin(table(nil))
	p.Validate = func(s settings) []connector.Problem {
		if strings.HasPrefix(s.Token.Reveal(), "old-") {
			return []connector.Problem{{Path: "token", Summary: "is of the old kind: " + s.Token.Reveal()}, {Path: "token", Summary: "think of it", Warning: true}}
		}
		return []connector.Problem{{Path: "token", Summary: "expires soon", Warning: true}}
	}
	c, err := p.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Open(t.Context(), connector.Open{Settings: []byte(`{"tokn": "x", "token": 5}`)})
	f, ok := fault.As(err)
	if !ok || f.Code != fault.Config || f.Path != "token" ||
		f.What != "the settings are wrong: token is not text; tokn is not a setting of this plugin" {
		t.Errorf("got %#v", err)
	}
	problems, err := c.Validate(t.Context(), []byte(`{"tokn": "x"}`))
	want := []connector.Problem{{Path: "tokn", Summary: "is not a setting of this plugin", Help: "Did you mean token?"}}
	if diff := cmp.Diff(want, problems); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, err = c.Open(t.Context(), connector.Open{Settings: []byte(`{"token": "old-s3cr3t"}`)})
	if f, ok := fault.As(err); !ok || f.What != "the settings are wrong: token is of the old kind: [redacted]" {
		t.Errorf("got %v", err)
	}
	s, err := c.Open(t.Context(), connector.Open{Settings: []byte(`{"token": "new-s3cr3t"}`)})
	if err != nil {
		t.Fatalf("a warning keeps the source from opening: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDiscoverAndCheck(t *testing.T) {
	p := plugin()
	calls := 0
	p.Discover = func(context.Context, *shop) ([]connector.Stream[*shop], error) {
		calls++
		return []connector.Stream[*shop]{table([]order{{ID: 1, Updated: at(1)}}), connector.Table("other", nothing[order])}, nil
	}
	s := open(t, p, `{}`)
	if o := read(t, s, ask("orders", sdk.FullRefresh, sdk.Cursor{})); o.err != nil || len(o.rows["orders"]) != 1 || calls != 1 {
		t.Errorf("a read without discovering first: %v after %d calls", o.err, calls)
	}
	streams, err := s.Discover(t.Context(), []string{"other", "stranger"})
	if err != nil || len(streams) != 1 || streams[0].Name != "other" {
		t.Errorf("got %v, %v", streams, err)
	}
	items, err := s.Check(t.Context())
	if diff := cmp.Diff([]connector.CheckItem{{Name: "read orders"}}, items); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for name, request := range map[string]connector.Request{
		"stranger":          ask("stranger", sdk.FullRefresh, sdk.Cursor{}),
		"mode":              ask("orders", sdk.Partitioned, sdk.Cursor{}),
		"nothing asked for": {},
		"twice":             {Asks: []connector.Ask{{Stream: "orders"}, {Stream: "orders"}}},
	} {
		if o := read(t, s, request); o.err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDefaultCheckReportsTheClass(t *testing.T) {
	s := open(t, plugin(connector.Table("orders", func(context.Context, *shop, connector.Query, *connector.Rows[order]) error {
		return fault.New(fault.Auth, "the token is wrong").WithHelp("Make a new one.")
	})), `{}`)
	items, err := s.Check(t.Context())
	if err != nil || len(items) != 1 || items[0].Err == nil || items[0].Err.Code != fault.Auth || items[0].Err.Help != "Make a new one." {
		text, _ := json.Marshal(items)
		t.Errorf("%s, %v", text, err)
	}
}

func TestSinceReadsEveryForm(t *testing.T) {
	got := map[string]any{}
	stream := func(name string, rows func(*connector.Records) error, typ sdk.Type) connector.Stream[*shop] {
		columns := []sdk.Column{{Name: "id", Type: sdk.Type{ID: sdk.Int64}}, {Name: "c", Type: typ}}
		return dynamic(name, columns, func(_ context.Context, q connector.Query, r *connector.Records) error {
			got[name] = []any{q.Since.Text(), q.Since.Time(day(9)).Format(time.RFC3339), q.Since.Int(-1)}
			return rows(r)
		}, connector.Key("id"), connector.CursorField("c"))
	}
	row := func(v any) func(*connector.Records) error {
		return func(r *connector.Records) error { return r.AppendMap(t.Context(), map[string]any{"id": 1, "c": v}) }
	}
	streams := []connector.Stream[*shop]{
		stream("utc", row("2026-01-02T03:04:05.000006Z"), sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}),
		stream("wall", row("2026-01-02 03:04:05"), sdk.Type{ID: sdk.Timestamp}),
		stream("date", row("2026-01-02"), sdk.Type{ID: sdk.Date}),
		stream("number", row(17), sdk.Type{ID: sdk.Int32}),
		stream("unsigned", row(uint64(1<<63)), sdk.Type{ID: sdk.Uint64}),
		stream("float", row(1.5), sdk.Type{ID: sdk.Float64}),
		stream("text", row("b"), sdk.Type{ID: sdk.String}),
		stream("decimal", row("-12.50"), sdk.Type{ID: sdk.Decimal, Precision: 10, Scale: 2}),
	}
	s := open(t, plugin(streams...), `{}`)
	for _, name := range []string{"utc", "wall", "date", "number", "unsigned", "float", "text", "decimal"} {
		state := read(t, s, ask(name, sdk.Incremental, sdk.Cursor{})).state(t)
		if o := read(t, s, ask(name, sdk.Incremental, state)); o.err != nil {
			t.Errorf("%s: %v", name, o.err)
		}
	}
	otherwise := day(9).Format(time.RFC3339)
	want := map[string]any{
		"utc":      []any{"2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05Z", int64(-1)},
		"wall":     []any{"2026-01-02T03:04:05", "2026-01-02T03:04:05Z", int64(-1)},
		"date":     []any{"2026-01-02", "2026-01-02T00:00:00Z", int64(-1)},
		"number":   []any{"17", otherwise, int64(17)},
		"unsigned": []any{"9223372036854775808", otherwise, int64(-1)},
		"float":    []any{"1.5", otherwise, int64(-1)},
		"text":     []any{"b", otherwise, int64(-1)},
		"decimal":  []any{"-12.50", otherwise, int64(-1)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
