package ingest_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var columns = []sdk.Column{{Name: "id", Type: sdk.Type{ID: sdk.Int64}}}

// world is one lake, one source, one journal, and a record of everything that happened, in order.
type world struct {
	t        *testing.T
	mem      *memory.CheckedAllocator
	mu       sync.Mutex
	log      []string
	scripts  [][]any // of the attempts: connector messages, errors (the end of the stream), and func(ctx)
	sessions func(n int) error
	publish  func(n int, final bool) (ingest.Publication, error)
	cursor   sdk.Cursor
	settled  map[string]ingest.Publication
	asked    []connector.Request
	results  []ingest.Result
	open     []ingest.OpenRun
	rows     map[sdk.TableName]int64
	attempts int
	seq      int64
	exit     string
	journal  func(doing string) error
	watched  []ingest.Progress
}

func newWorld(t *testing.T, scripts ...[]any) *world {
	w := &world{t: t, mem: memory.NewCheckedAllocator(memory.NewGoAllocator()), scripts: scripts, rows: map[sdk.TableName]int64{}}
	t.Cleanup(func() { w.mem.AssertSize(t, 0) })
	return w
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (w *world) runner() *ingest.Runner {
	return &ingest.Runner{Lake: lake{w}, Source: source{w}, Journal: journal{w}, Holder: "test", NewID: func() string { return "r1" },
		Rand: func() float64 { return 1 }, Log: slog.New(slog.DiscardHandler),
		Progress: func(p ingest.Progress) { w.mu.Lock(); w.watched = append(w.watched, p); w.mu.Unlock() }}
}

type lake struct{ *world }

func (l lake) Draft(_ context.Context, run ingest.RunInfo, set ingest.Set) (ingest.Draft, error) {
	l.note("draft %d of %s by %s, %s", run.Attempt, set.Root(), set.Tables[0].Write, run.Holder)
	return &draft{world: l.world, set: set}, nil
}

func (l lake) Cursor(context.Context, sdk.TableName) (sdk.Cursor, error) { return l.cursor, nil }

func (l lake) Settled(_ context.Context, run string) (ingest.Publication, error) {
	return l.settled[run], nil
}

type draft struct {
	*world
	set     ingest.Set
	cursor  sdk.Cursor
	pending map[sdk.TableName]int64
	closed  bool
}

func (d *draft) Schema(table sdk.TableName, columns []sdk.Column, _ []string) error {
	d.note("schema %s %d", table, len(columns))
	return nil
}

func (d *draft) Append(table sdk.TableName, op string, batch arrow.Record) error {
	if d.pending == nil {
		d.pending = map[sdk.TableName]int64{}
	}
	d.pending[table] += batch.NumRows()
	return nil
}

func (d *draft) Boundary(table sdk.TableName, complete bool) error {
	d.note("boundary %s %v", table, complete)
	return nil
}

func (d *draft) Reject(table sdk.TableName, rows int64, column, reason string) error {
	d.note("reject %d of %s.%s: %s", rows, table, column, reason)
	return nil
}

func (d *draft) Checkpoint(cursor sdk.Cursor, watermark string) error {
	d.note("checkpoint %s %s", cursor.Data, watermark)
	d.cursor = cursor
	return nil
}

func (d *draft) Publish(_ context.Context, final bool) (ingest.Publication, error) {
	if d.publish != nil {
		if p, err := d.publish(int(d.seq)+1, final); err != nil || p.Status != "" {
			return p, err
		}
	}
	d.seq++
	p := ingest.Publication{Seq: d.seq, Status: ingest.Published}
	for _, t := range d.set.Tables {
		d.rows[t.Name] += d.pending[t.Name]
		p.Tables = append(p.Tables, ingest.Counts{Name: t.Name, Status: ingest.Published, Rows: d.rows[t.Name], Added: d.pending[t.Name], Bytes: 8 * d.rows[t.Name]})
	}
	if !d.cursor.IsZero() {
		d.world.cursor = d.cursor
	}
	d.note("publish %d final=%v", d.seq, final)
	d.pending = nil
	return p, nil
}

func (d *draft) Discard() error {
	if d.closed {
		d.t.Error("a draft was discarded twice")
	}
	d.closed = true
	d.note("discard")
	return nil
}

type source struct{ *world }

func (s source) Session(context.Context, string, string) (connector.Session, func() string, error) {
	s.attempts++
	if s.sessions != nil {
		if err := s.sessions(s.attempts); err != nil {
			return nil, nil, err
		}
	}
	return session{s.world}, func() string { s.note("release"); return s.exit }, nil
}

type session struct{ *world }

func (s session) Check(context.Context) ([]connector.CheckItem, error)     { return nil, nil }
func (s session) Discover(context.Context, []string) ([]sdk.Stream, error) { return nil, nil }
func (s session) Close(context.Context) error                              { return nil }
func (s session) Read(_ context.Context, r connector.Request) (connector.Messages, error) {
	s.asked = append(s.asked, r)
	script := s.scripts[min(len(s.asked), len(s.scripts))-1]
	return &messages{world: s.world, script: script}, nil
}

// messages plays a script.
type messages struct {
	*world
	script  []any
	current connector.Message
	err     error
}

func (m *messages) Next(ctx context.Context) bool {
	for len(m.script) > 0 {
		step := m.script[0]
		m.script = m.script[1:]
		switch step := step.(type) {
		case rows:
			step.op = cmpOr(step.op, connector.Append)
			m.current = connector.Batch{Stream: step.stream, Epoch: max(step.epoch, 1), Op: step.op, Record: m.record(step.n)}
			return true
		case connector.Message:
			m.current = step
			return true
		case error:
			m.err = step
			return false
		case func(context.Context) error:
			if m.err = step(ctx); m.err != nil {
				return false
			}
		}
	}
	return false
}

func cmpOr(a, b connector.Op) connector.Op {
	if a != "" {
		return a
	}
	return b
}

func (m *messages) Message() connector.Message { return m.current }
func (m *messages) Err() error                 { return m.err }
func (m *messages) Close() error               { m.note("close"); return nil }

func (m *messages) Ack(_ context.Context, checkpoint uint64) error {
	m.note("ack %d", checkpoint)
	return nil
}

// rows stands for a batch of n rows.
type rows struct {
	stream string
	n      int
	op     connector.Op
	epoch  uint32
}

func (w *world) record(n int) arrow.Record {
	b := array.NewInt64Builder(w.mem)
	defer b.Release()
	for i := range n {
		b.Append(int64(i))
	}
	column := b.NewArray()
	defer column.Release()
	return array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil), []arrow.Array{column}, int64(n))
}

type journal struct{ *world }

func (j journal) say(doing string) error {
	if j.journal != nil {
		return j.journal(doing)
	}
	return nil
}

func (j journal) Begin(_ context.Context, run ingest.RunInfo, set ingest.Set) error {
	j.note("begin %s %s", run.ID, set.Root())
	return j.say("begin")
}

func (j journal) Attempt(_ context.Context, run string, n int, because error) error {
	if n > 1 {
		j.note("attempt %d because %v", n, because)
	}
	return j.say("attempt")
}

func (j journal) Finish(ctx context.Context, result ingest.Result) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	j.mu.Lock()
	j.results = append(j.results, result)
	j.open = slices.DeleteFunc(j.open, func(o ingest.OpenRun) bool { return o.ID == result.Run })
	j.mu.Unlock()
	j.note("finish %s", result.Status)
	return j.say("finish")
}

func (j journal) Open(context.Context) ([]ingest.OpenRun, error) { return slices.Clone(j.open), nil }

// Sets and messages that many tests use.

func replaceSet() ingest.Set {
	return ingest.Set{Source: "shop", Tables: []ingest.Table{{Name: "shop.orders", Stream: "orders", Mode: sdk.FullRefresh, Write: "replace"}}}
}

func mergeSet() ingest.Set {
	return ingest.Set{Source: "shop", Tables: []ingest.Table{{Name: "shop.orders", Stream: "orders", Mode: sdk.Incremental, Write: "merge"}}}
}

func familySet() ingest.Set {
	s := replaceSet()
	s.Tables = append(s.Tables, ingest.Table{Name: "shop.items", Stream: "items", Mode: sdk.FullRefresh, Write: "replace"})
	return s
}

func schema(stream string) connector.Schema {
	return connector.Schema{Stream: stream, Epoch: 1, Columns: columns}
}

func begin(stream string) connector.Boundary { return connector.Boundary{Stream: stream} }

func complete(stream string, n uint64) connector.Boundary {
	return connector.Boundary{Stream: stream, Complete: true, Rows: n}
}

func state(s string) sdk.Cursor { return sdk.Cursor{Version: 1, Data: []byte(s)} }

func counts(n uint64) map[string]uint64 { return map[string]uint64{"orders": n} }

func mark(id, n uint64, at string, safe bool) connector.Checkpoint {
	return connector.Checkpoint{ID: id, State: state(at), Rows: counts(n), SafeToStop: safe}
}

func done(n uint64, at string) connector.Done {
	d := connector.Done{Rows: counts(n)}
	if at != "" {
		d.State = state(at)
	}
	return d
}

// whole is a good full delivery of n orders.
func whole(n int) []any {
	return []any{schema("orders"), begin("orders"), rows{stream: "orders", n: n}, complete("orders", uint64(n)), done(uint64(n), "")}
}

func pause(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
}
