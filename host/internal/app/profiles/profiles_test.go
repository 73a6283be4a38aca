package profiles_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/profiles"
	"github.com/ai-data-analyst/broker/host/internal/app/share"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

const (
	orders = sdk.TableName("shop.orders")
	people = sdk.TableName("shop.people")
)

var columns = []sdk.Column{
	{Name: "id", Type: sdk.Type{ID: sdk.Int64}, NotNull: true},
	{Name: "email", Type: sdk.Type{ID: sdk.String}, PII: true},
	{Name: "amount", Type: sdk.Type{ID: sdk.Float64}},
}

// house is an instance on disk: a real state database, a real lake that shows its rows.
type house struct {
	t         *testing.T
	dir       string
	lake      *lake.Lake
	book      *profiles.Book
	manifests *manifest.Manifests
	now       time.Time
	runs      int
}

// Visible implements manifest.Access: everybody sees everything, but eve.
func (h *house) Visible(_ context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error) {
	return func(sdk.TableName) bool { return who.User.ID != "eve" }, who.User.ID, nil
}

func newHouse(t *testing.T, observe func(lake.Observe) lake.Observe) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: time.Now()}
	ctx, clock, log := context.Background(), func() time.Time { return h.now }, slog.New(slog.DiscardHandler)
	check(t, os.WriteFile(filepath.Join(h.dir, "instance.hcl"), []byte("instance {\n  name     = \"Acme\"\n  data_dir = \"data\"\n}\n"), 0o600))
	c, diagnostics := config.Load(config.Options{Path: filepath.Join(h.dir, "instance.hcl")})
	if wrong := diagnostics.Blocking(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	migrations, err := lake.Migrations("sqlite")
	check(t, err)
	state := filepath.Join(h.dir, "data", "state")
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(state, "broker.db"), Extra: []store.Migrations{{FS: migrations, Table: lake.MigrationTable}}})
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	h.lake, err = lake.Open(ctx, lake.Options{Dir: filepath.Join(h.dir, "data", "lake"), DB: s.DB(), Dialect: "sqlite", Now: clock, Exclusive: true,
		Observe: observe(profiles.Observe(state, clock, log))})
	check(t, err)
	h.book = profiles.NewBook(h.lake, state, clock, log)
	h.manifests, err = share.Open(ctx, share.Options{Lake: h.lake, Access: h, Settings: s.Settings(), StateDir: state, Config: func() *config.Config { return c },
		Describe: func() (*config.Description, config.Diagnostics) {
			return config.Describe(config.DescriptionOptions{Dir: c.Dir})
		},
		Profile: h.book.Document, Now: clock, Log: log})
	check(t, err)
	return h
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publish merges or replaces the rows from..to of tables by their key.
func (h *house) publish(mode string, from, to int64, names ...sdk.TableName) lake.Publication {
	h.t.Helper()
	h.runs++
	var specs []lake.Spec
	for i, name := range names {
		s := lake.Spec{Name: name, Root: i == 0, Source: "demo", Stream: name.Table(), Strategy: sdk.FullRefresh, Policy: "evolve", Mode: "replace", Key: []string{"id"}, PII: map[string]bool{"email": true}}
		if mode == "merge" {
			s.Mode, s.Strategy = "merge", sdk.Incremental
		}
		specs = append(specs, s)
	}
	d, err := h.lake.Draft(context.Background(), lake.RunInfo{ID: fmt.Sprint("run-", h.runs), Holder: "test"}, specs)
	check(h.t, err)
	defer func() { check(h.t, d.Discard()) }()
	schema, err := sdk.ArrowSchema(columns)
	check(h.t, err)
	batch := rows(schema, from, to)
	defer batch.Release()
	for _, name := range names {
		check(h.t, d.Schema(name, columns, nil))
		check(h.t, d.Boundary(name, false))
	}
	for _, name := range names { // the parts of two tables are open at once
		check(h.t, d.Append(name, map[string]string{"merge": "upsert", "replace": "append"}[mode], batch))
	}
	for _, name := range names {
		check(h.t, d.Boundary(name, true))
	}
	p, err := d.Publish(context.Background(), true)
	check(h.t, err)
	return p
}

func rows(schema *arrow.Schema, from, to int64) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := from; i < to; i++ {
		b.Field(0).(*array.Int64Builder).Append(i)
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("canary%d@example.com", i))
		b.Field(2).(*array.Float64Builder).Append(float64(i) / 2)
	}
	return b.NewRecord()
}

func (h *house) reader() profiles.Reader {
	return profiles.Reader{Book: h.book, Manifests: h.manifests}
}

func caller(id string) sdk.Caller {
	return sdk.Caller{User: sdk.User{ID: id, Role: sdk.Standard}, Scopes: []sdk.Scope{sdk.ScopeRead}}
}

func (h *house) profile(name sdk.TableName) api.Profile {
	h.t.Helper()
	p, err := h.reader().Profile(context.Background(), caller("ada"), name)
	check(h.t, err)
	return p
}

// What is published is profiled: two tables at once, then merged by key, with a trend.
func TestPublishedTablesHaveProfiles(t *testing.T) {
	h := newHouse(t, func(o lake.Observe) lake.Observe { return o })
	h.publish("merge", 0, 100, orders, people)
	h.publish("merge", 50, 300, orders)
	p := h.profile(orders)
	id, amount := p.Columns[0], p.Columns[2]
	if p.Incomplete || p.Rows != 300 || *p.DuplicateKeys != 0 || *id.Distinct != 300 || !id.IsKey || amount.Numeric.Max != 149.5 || amount.Numeric.Median != 74.75 {
		t.Errorf("after a merge: %+v", p)
	}
	if len(p.Trend) != 2 || p.Trend[0].Rows != 100 || p.Trend[1].Rows != 300 || p.Trend[1].Generation != p.Generation {
		t.Errorf("trend: %+v", p.Trend)
	}
	if q := h.profile(people); q.Incomplete || q.Rows != 100 || q.Generation != 1 || *q.Columns[2].Distinct != 100 {
		t.Errorf("the other table: %+v", q)
	}
	text, err := json.Marshal(p)
	check(t, err)
	if strings.Contains(string(text), "canary") || !p.Columns[1].Masked {
		t.Errorf("a masked column is shown: %s", text)
	}
	if _, err := h.reader().Profile(context.Background(), caller("eve"), orders); err == nil {
		t.Error("somebody without a grant gets a profile")
	}
}

// Analysts get the same figures as a document.
func TestDocumentsForAnalysts(t *testing.T) {
	h := newHouse(t, func(o lake.Observe) lake.Observe { return o })
	h.publish("replace", 0, 40, orders)
	signed, err := h.manifests.Document(context.Background(), caller("ada"), 0)
	check(t, err)
	m, err := api.DecodeManifest(signed.Body)
	check(t, err)
	for _, d := range m.Docs {
		if d.Path != "docs/profiles/shop.orders.json" {
			continue
		}
		content, err := h.manifests.Content(context.Background(), caller("ada"), d.SHA256)
		check(t, err)
		file, err := content.Open(context.Background())
		check(t, err)
		text, err := io.ReadAll(file)
		check(t, err)
		check(t, file.Close())
		var p api.Profile
		check(t, json.Unmarshal(text, &p))
		if p.Rows != 40 || *p.Columns[0].Distinct != 40 || strings.Contains(string(text), "canary") {
			t.Errorf("%s", text)
		}
		return
	}
	t.Errorf("no profile among %+v", m.Docs)
}

// panicking is an Observer that fails at one of its calls.
type panicking struct {
	lake.Observer
	at string
}

func (p panicking) Begin(table sdk.TableName, part int) {
	if p.at == "begin" {
		panic("begin")
	}
	p.Observer.Begin(table, part)
}

func (p panicking) Batch(part int, batch arrow.Record) {
	if p.at == "batch" {
		panic("batch")
	}
	p.Observer.Batch(part, batch)
}

func (p panicking) Close(part int, sha256 string, rows, bytes int64) {
	if p.at == "close" {
		panic("close")
	}
	p.Observer.Close(part, sha256, rows, bytes)
}

// A run whose observer fails publishes all the same; the profile says what it does not know.
func TestAPanickingObserverFailsNoRun(t *testing.T) {
	for _, at := range []string{"open", "begin", "batch", "close"} {
		t.Run(at, func(t *testing.T) {
			h := newHouse(t, func(o lake.Observe) lake.Observe {
				return func(table sdk.TableName, key []string) lake.Observer {
					if at == "open" {
						panic("open")
					}
					return panicking{o(table, key), at}
				}
			})
			if p := h.publish("replace", 0, 40, orders); p.Status != lake.Published || p.Tables[0].Rows != 40 {
				t.Fatalf("%+v", p)
			}
			if p := h.profile(orders); !p.Incomplete || p.Rows != 40 || *p.CoveredRows != 0 {
				t.Errorf("%+v", p)
			}
		})
	}
}

// Sketches of parts that the lake has go on; others go.
func TestSweepKeepsWhatIsThere(t *testing.T) {
	h := newHouse(t, func(o lake.Observe) lake.Observe { return o })
	h.publish("replace", 0, 40, orders)
	folder := filepath.Join(h.dir, "data", "state", "profiles")
	check(t, os.WriteFile(filepath.Join(folder, strings.Repeat("0", 64)+".bin"), []byte("of a part that is gone"), 0o600))
	h.now = h.now.Add(72 * time.Hour)
	check(t, h.book.Sweep(context.Background()))
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if p := h.profile(orders); p.Incomplete {
		t.Errorf("%+v", p)
	}
}
