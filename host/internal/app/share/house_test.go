package share_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/share"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

const (
	orders   = sdk.TableName("shop.orders")
	items    = sdk.TableName("shop.items")
	salaries = sdk.TableName("hr.salaries")
)

const instance = `instance {
  name     = "Acme"
  data_dir = "data"
}
`

// house is an instance on disk: a real configuration, a real state database, a real lake.
type house struct {
	*manifest.Manifests
	t      testing.TB
	dir    string
	store  *store.Store
	lake   *lake.Lake
	config atomic.Pointer[config.Config]

	mu     sync.Mutex
	now    time.Time
	grants map[string][]sdk.TableName
	sees   sync.Map // person → map[sdk.TableName]bool: a grant of many tables; first
}

// Visible implements manifest.Access.
func (h *house) Visible(_ context.Context, who sdk.Caller) (func(sdk.TableName) bool, string, error) {
	if sees, ok := h.sees.Load(who.User.ID); ok {
		sees := sees.(map[sdk.TableName]bool)
		return func(name sdk.TableName) bool { return sees[name] }, fmt.Sprintf("%p", sees), nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	mine := h.grants[who.User.ID]
	return func(name sdk.TableName) bool { return slices.Contains(mine, name) }, fmt.Sprint(mine), nil
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		grants: map[string][]sdk.TableName{"ada": {orders, items, salaries}, "bob": {orders, items}}}
	h.write("instance.hcl", instance)
	h.reload()
	migrations, err := lake.Migrations("sqlite")
	h.check(err)
	state := filepath.Join(h.dir, "data", "state")
	h.store, err = store.Open(context.Background(), store.Options{Path: filepath.Join(state, "broker.db"), Extra: []store.Migrations{{FS: migrations, Table: lake.MigrationTable}}})
	h.check(err)
	t.Cleanup(func() { h.check(h.store.Close()) })
	h.lake, err = lake.Open(context.Background(), lake.Options{Dir: filepath.Join(h.dir, "data", "lake"), DB: h.store.DB(), Dialect: "sqlite", Now: h.clock, Exclusive: true})
	h.check(err)
	h.open()
	return h
}

// open is a new process over the same folder.
func (h *house) open() {
	h.t.Helper()
	var err error
	h.Manifests, err = share.Open(context.Background(), share.Options{Lake: h.lake, Access: h, Settings: h.store.Settings(), StateDir: filepath.Join(h.dir, "data", "state"),
		Config: h.config.Load, Describe: h.describe, Now: h.clock, Log: slog.New(slog.DiscardHandler)})
	h.check(err)
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) describe() (*config.Description, config.Diagnostics) {
	c := h.config.Load()
	options := config.DescriptionOptions{Dir: c.Dir, Today: h.clock()}
	for _, d := range c.Datasets {
		options.Datasets = append(options.Datasets, d.Name)
	}
	return config.Describe(options)
}

func (h *house) write(path, text string) {
	h.t.Helper()
	path = filepath.Join(h.dir, path)
	h.check(os.MkdirAll(filepath.Dir(path), 0o755))
	h.check(os.WriteFile(path, []byte(text), 0o600))
}

func (h *house) reload() {
	h.t.Helper()
	c, diagnostics := config.Load(config.Options{Path: filepath.Join(h.dir, "instance.hcl")})
	if wrong := diagnostics.Blocking(); len(wrong) > 0 {
		h.t.Fatal(wrong)
	}
	h.config.Store(c)
}

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

var columns = []sdk.Column{
	{Name: "id", Type: sdk.Type{ID: sdk.Int64}, NotNull: true, Doc: "Number of the row"},
	{Name: "name", Type: sdk.Type{ID: sdk.String}},
}

func spec(name sdk.TableName, mode string) lake.Spec {
	s := lake.Spec{Name: name, Source: "demo", Stream: name.Table(), Strategy: sdk.FullRefresh, Description: "All of " + name.Table(), Policy: "evolve", Mode: "replace", Key: []string{"id"}}
	if mode == "append" {
		s.Mode, s.Strategy, s.Key = "append", sdk.Incremental, nil
	}
	return s
}

// publish makes one generation of the tables, whose rows carry its mark.
func (h *house) publish(run string, mark int64, mode string, names ...sdk.TableName) error {
	ctx := context.Background()
	specs := make([]lake.Spec, len(names))
	for i, name := range names {
		specs[i] = spec(name, mode)
		specs[i].Root = i == 0
	}
	d, err := h.lake.Draft(ctx, lake.RunInfo{ID: run, Holder: "test"}, specs)
	if err != nil {
		return err
	}
	defer func() { h.check(d.Discard()) }()
	for _, name := range names {
		if err := deliver(d, name, mark); err != nil {
			return err
		}
	}
	if mode == "append" {
		if err := d.Checkpoint(sdk.Cursor{Version: 1, Data: []byte(run)}, run); err != nil {
			return err
		}
	}
	_, err = d.Publish(ctx, true)
	return err
}

func deliver(d *lake.Draft, name sdk.TableName, mark int64) error {
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		return err
	}
	batch := record(schema, mark)
	defer batch.Release()
	for _, step := range []func() error{
		func() error { return d.Schema(name, columns, nil) },
		func() error { return d.Boundary(name, false) },
		func() error { return d.Append(name, "append", batch) },
		func() error { return d.Boundary(name, true) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func record(schema *arrow.Schema, mark int64) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range int64(3) {
		b.Field(0).(*array.Int64Builder).Append(mark*10 + i)
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("row of ", mark))
	}
	return b.NewRecord()
}

func caller(id string) sdk.Caller {
	return sdk.Caller{User: sdk.User{ID: id, Role: sdk.Standard}, Scopes: []sdk.Scope{sdk.ScopeRead}}
}

// document is a person's manifest, its signature and its rules checked.
func (h *house) document(user string, generation int64) (api.Manifest, api.Signed) {
	h.t.Helper()
	signed, err := h.Document(context.Background(), caller(user), generation)
	h.check(err)
	keys, err := h.Keys(context.Background())
	h.check(err)
	key, err := keys.Keys[0].Public()
	h.check(err)
	h.check(api.Verify(key, signed.Signature, signed.Body))
	m, err := api.DecodeManifest(signed.Body)
	h.check(err)
	return m, signed
}

// read returns the bytes of a hash, which it checks.
func (h *house) read(user, hash string, size int64) ([]byte, error) {
	c, err := h.Content(context.Background(), caller(user), hash)
	if err != nil {
		return nil, err
	}
	file, err := c.Open(context.Background())
	if err != nil {
		return nil, err
	}
	defer file.Close()
	body, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(body)); sum != hash || int64(len(body)) != size || c.Size != size {
		return nil, fmt.Errorf("%s: %d bytes with hash %s, want %d", hash, len(body), sum, size)
	}
	return body, nil
}
