package wire_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func TestMessagesOfEveryKindArriveAsSent(t *testing.T) {
	record := rows(memory.DefaultAllocator, 0, 5)
	defer record.Release()
	state := sdk.Cursor{Version: 2, Data: []byte(`{"at":7}`), Human: "up to 7"}
	record.Retain() // the sender gives one reference away
	sent := []connector.Message{
		connector.Status{Phase: "list", Done: 1, Total: 2, QuietFor: time.Minute, Note: "waiting"},
		connector.Schema{Stream: "orders", Epoch: 1, Columns: columns(), Key: []string{"id"}},
		connector.Schema{Stream: "empty", Epoch: 1, Columns: columns()},
		connector.Boundary{Stream: "orders"},
		connector.Batch{Stream: "orders", Epoch: 1, Op: connector.Upsert, Record: record},
		connector.Checkpoint{ID: 1, State: state, Rows: map[string]uint64{"orders": 5, "empty": 0}, Watermark: "7", SafeToStop: true},
		connector.Issue{Stream: "orders", Column: "at", Code: "bad_value", Count: 2, Sample: "x", Key: "orders.csv:7", Rejected: true},
		connector.Boundary{Stream: "orders", Complete: true, Rows: 5},
		connector.StreamDone{Stream: "orders", Rows: 5, Complete: true},
		connector.Done{Rows: map[string]uint64{"orders": 5, "empty": 0}, State: state},
	}
	s := session(t, near(t, playing(&script{messages: sent})), "{}")
	got, err := collect(t, s, ask("orders", "empty"))
	if err != nil {
		t.Fatal(err)
	}
	defer release(got)
	if diff := cmp.Diff(sent, got, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Record" }, cmp.Ignore())); diff != "" {
		t.Errorf("messages (-sent +got):\n%s", diff)
	}
	if batch := got[4].(connector.Batch); !array.RecordEqual(record, batch.Record) {
		t.Errorf("record %v", batch.Record)
	}
}

func TestRequestArrivesAsAsked(t *testing.T) {
	want := connector.Request{
		Asks: []connector.Ask{
			{
				Stream: "orders", Mode: sdk.Incremental, Columns: []string{"id"}, Lookback: time.Hour,
				Filters:     []connector.Filter{{Column: "id", Operator: "ge", Values: []string{"1", "2"}}},
				State:       sdk.Cursor{Version: 1, Data: []byte("x"), Human: "h"},
				HistoryFrom: time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC),
			},
			{Stream: "lines", Mode: sdk.FullRefresh},
		},
		Limits: connector.Limits{BatchRows: 10, BatchBytes: 20, Flush: 30 * time.Millisecond}, Attempt: 2, MaxRows: 7,
	}
	var got connector.Request
	f := &fake{read: func(_ context.Context, r connector.Request) (connector.Messages, error) {
		got = r
		return nil, fault.New(fault.Cancelled, "enough")
	}}
	if _, err := collect(t, session(t, near(t, f), "{}"), want); fault.CodeOf(err) != fault.Cancelled {
		t.Fatalf("error %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestUnaryCallsPassEverything(t *testing.T) {
	stream := sdk.Stream{
		Name: "orders", Doc: "All\norders", Key: []string{"id"}, CursorField: "at", Sorted: true, AppendOnly: true, Lookback: time.Hour,
		Modes: []sdk.SyncMode{sdk.FullRefresh, sdk.Incremental}, RateKey: "api",
		Columns: []sdk.Column{
			{Name: "id", Type: sdk.Type{ID: sdk.Decimal, Precision: 18, Scale: 4}, NotNull: true, Doc: "d", PII: true, Meta: map[string]string{"original": "ID"}},
			{Name: "at", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}},
			{Name: "j", Type: sdk.Type{ID: sdk.String, Logical: "json"}},
			{Name: "l", Type: sdk.Type{ID: sdk.List, Children: []sdk.Column{column("item", sdk.Bool)}}},
		},
	}
	f := &fake{
		description: connector.Description{
			Kind: "connector", Name: "shop", Version: "1.2", SDKVersion: "0.1", Doc: "Shop.", Streams: []sdk.Stream{stream},
			Settings: []connector.Field{{
				Name: "n", Type: "int", Doc: "d", Required: true, Secret: true, Default: "1", OneOf: []string{"1", "2"}, Min: "0", Max: "9", Format: "url",
			}},
		},
		validate: func(settings []byte) ([]connector.Problem, error) {
			return []connector.Problem{{Path: "n", Summary: string(settings), Help: "h", Warning: true}}, nil
		},
		check: func() ([]connector.CheckItem, error) {
			return []connector.CheckItem{{Name: "login"}, {Name: "orders", Err: &fault.Fault{Code: fault.Permission, What: "no", Help: "ask", Path: "n"}}}, nil
		},
		streams: []sdk.Stream{stream},
		closed:  make(chan struct{}),
	}
	client := near(t, f)
	ctx := context.Background()
	d, err := client.Describe(ctx)
	if diff := cmp.Diff(f.description, d); diff != "" || err != nil {
		t.Errorf("description %v (-want +got):\n%s", err, diff)
	}
	problems, err := client.Validate(ctx, []byte(`{"n":1}`))
	if diff := cmp.Diff([]connector.Problem{{Path: "n", Summary: `{"n":1}`, Help: "h", Warning: true}}, problems); diff != "" || err != nil {
		t.Errorf("problems %v (-want +got):\n%s", err, diff)
	}
	s := session(t, client, "{}")
	items, err := s.Check(ctx)
	want, _ := f.check()
	if diff := cmp.Diff(want, items); diff != "" || err != nil {
		t.Errorf("items %v (-want +got):\n%s", err, diff)
	}
	streams, err := s.Discover(ctx, nil)
	if diff := cmp.Diff(f.streams, streams); diff != "" || err != nil {
		t.Errorf("streams %v (-want +got):\n%s", err, diff)
	}
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
	<-f.closed
	if _, err := s.Check(ctx); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a closed session answers %v", err)
	}
}

// Faults keep class, advice, place and delay on every path; texts are one line, short, and without secrets.
func TestFaultsTravelTyped(t *testing.T) {
	const secret = "p@ss word/42"
	cause := &fault.Fault{Code: fault.RateLimited, What: "asked too often with " + secret, Help: "wait", Scope: "orders", Path: "token", RetryAfter: 90 * time.Second}
	wrapped := fmt.Errorf("page 3: %w", cause)
	f := playing(&script{err: wrapped})
	f.check = func() ([]connector.CheckItem, error) { return nil, wrapped }
	f.open = func(o connector.Open) error {
		if strings.Contains(string(o.Settings), "refuse") {
			return wrapped
		}
		return nil
	}
	client := near(t, f)
	settings := `{"token":"p@ss word/42","path":"%s"}`
	s := session(t, client, fmt.Sprintf(settings, ""))
	_, openErr := client.Open(context.Background(), connector.Open{Settings: []byte(fmt.Sprintf(settings, "refuse"))})
	_, checkErr := s.Check(context.Background())
	_, readErr := collect(t, s, ask("orders"))
	for name, err := range map[string]error{"open": openErr, "check": checkErr, "read": readErr} {
		got, ok := fault.As(err)
		if !ok || got.Code != fault.RateLimited || got.Help != "wait" || got.Scope != "orders" || got.Path != "token" || got.RetryAfter != 90*time.Second {
			t.Errorf("%s: fault %+v of %v", name, got, err)
		}
		if text := fmt.Sprintf("%+v %s", got, err); strings.Contains(text, secret) || strings.Contains(text, "word") || !strings.HasSuffix(got.What, "page 3: asked too often with [redacted]") {
			t.Errorf("%s: text %q", name, text)
		}
	}
}

func TestPlainErrorsGetAClass(t *testing.T) {
	for _, c := range []struct {
		err  error
		code fault.Code
		want string
	}{
		{errors.New("boom\x1b[31m\nline two"), fault.Bug, `boom\x1b[31m\nline two`},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), fault.Transient, "x: context deadline exceeded"},
		{fault.New("", "no class"), fault.Bug, "no class"},
		{fault.New(fault.Data, strings.Repeat("é", 5000)), fault.Data, strings.Repeat("é", 510) + "…"},
	} {
		_, err := collect(t, session(t, near(t, playing(&script{err: c.err})), "{}"), ask("orders"))
		f, _ := fault.As(err)
		if fault.CodeOf(err) != c.code || f.What != c.want {
			t.Errorf("%.40q arrived as %s %.60q (%d bytes)", c.err.Error(), fault.CodeOf(err), f.What, len(f.What))
		}
	}
}

func TestPanicEndsOneCallOnly(t *testing.T) {
	f := &fake{read: func(context.Context, connector.Request) (connector.Messages, error) { panic("reader fell over") }}
	f.check = func() ([]connector.CheckItem, error) { panic("check fell over") }
	client := near(t, f)
	s := session(t, client, "{}")
	if _, err := collect(t, s, ask("orders")); fault.CodeOf(err) != fault.Bug || !strings.Contains(err.Error(), "reader fell over") {
		t.Errorf("read: %v", err)
	}
	if _, err := s.Check(context.Background()); fault.CodeOf(err) != fault.Bug || !strings.Contains(err.Error(), "check fell over") {
		t.Errorf("check: %v", err)
	}
	if h, err := client.Health(context.Background()); err != nil || !h.GetReady() {
		t.Errorf("health %v %v", h, err)
	}
}

// I9: an end without Done is a failure on either side of the wire.
func TestEndWithoutDoneIsAFailure(t *testing.T) {
	_, err := collect(t, session(t, near(t, playing(&script{})), "{}"), ask("orders"))
	if fault.CodeOf(err) != fault.Bug || !strings.Contains(err.Error(), "without a Done") {
		t.Errorf("error %v", err)
	}
}

func TestAcknowledgementsReachThePluginUntilClose(t *testing.T) {
	s := &script{messages: []connector.Message{
		connector.Checkpoint{ID: 3, Rows: map[string]uint64{}}, connector.Checkpoint{ID: 9, Rows: map[string]uint64{}}, connector.Done{},
	}}
	messages, err := session(t, near(t, playing(s)), "{}").Read(context.Background(), ask("orders"))
	if err != nil {
		t.Fatal(err)
	}
	for messages.Next(context.Background()) {
		if c, ok := messages.Message().(connector.Checkpoint); ok && c.ID == 3 {
			if err := messages.Ack(context.Background(), c.ID); err != nil {
				t.Error(err)
			}
		}
	}
	if err := messages.Ack(context.Background(), 9); err != nil { // after the Done, before Close
		t.Error(err)
	}
	if err := messages.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]uint64{3, 9}, s.acked()); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	if err := messages.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := messages.Ack(context.Background(), 10); err == nil {
		t.Error("a closed read takes acknowledgements")
	}
}

func TestCloseAndContextEndAReadThatHangs(t *testing.T) {
	ended := make(chan struct{}, 2)
	f := &fake{read: func(ctx context.Context, _ connector.Request) (connector.Messages, error) {
		context.AfterFunc(ctx, func() { ended <- struct{}{} })
		return &script{messages: []connector.Message{connector.Status{Phase: "begun"}}, wait: make(chan struct{})}, nil
	}}
	s := session(t, near(t, f), "{}")

	messages, err := s.Read(context.Background(), ask("orders"))
	if err != nil {
		t.Fatal(err)
	}
	if !messages.Next(context.Background()) {
		t.Fatal(messages.Err())
	}
	if err := messages.Close(); err != nil {
		t.Error(err)
	}
	if messages.Next(context.Background()) || fault.CodeOf(messages.Err()) != fault.Cancelled {
		t.Errorf("after Close: %v", messages.Err())
	}
	<-ended

	messages, err = s.Read(context.Background(), ask("orders"))
	if err != nil {
		t.Fatal(err)
	}
	if !messages.Next(context.Background()) {
		t.Fatal(messages.Err())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if messages.Next(ctx) || fault.CodeOf(messages.Err()) != fault.Transient {
		t.Errorf("after the deadline: %v", messages.Err())
	}
	if err := messages.Close(); err != nil {
		t.Error(err)
	}
	<-ended
}

func TestDrainStopsAtASafeCheckpoint(t *testing.T) {
	hold := make(chan struct{})
	s := &script{messages: []connector.Message{connector.Status{Phase: "reading"}}, wait: hold} // nothing to stop at yet
	client := near(t, playing(s))
	sess := session(t, client, "{}")
	messages, err := sess.Read(context.Background(), ask("orders"))
	if err != nil {
		t.Fatal(err)
	}
	if !messages.Next(context.Background()) {
		t.Fatal(messages.Err())
	}
	if n, err := client.Drain(context.Background(), 10*time.Millisecond); n != 1 || err != nil {
		t.Errorf("drain: %d unfinished, %v", n, err)
	}
	if _, err := collect(t, sess, ask("orders")); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("a draining plugin reads: %v", err)
	}
	s.mu.Lock()
	s.messages = append(s.messages, connector.Checkpoint{ID: 1, Rows: map[string]uint64{}, SafeToStop: true})
	s.mu.Unlock()
	close(hold)
	for messages.Next(context.Background()) {
		messages.Message()
	}
	if err := messages.Close(); err != nil {
		t.Error(err)
	}
	if n, err := client.Drain(context.Background(), time.Second); n != 0 || err != nil {
		t.Errorf("drain: %d unfinished, %v", n, err)
	}
	if h, err := client.Health(context.Background()); err != nil || h.GetReady() {
		t.Errorf("health %v, %v", h, err)
	}
}

// Every reference that the sender and the receiver get is given back, buffers return to their pool, whole batches,
// slices and halves alike.
func TestRecordsAreGivenBackOnBothEnds(t *testing.T) {
	checked := memory.NewCheckedAllocator(memory.NewGoAllocator())
	big := rows(checked, 0, 600_000) // about 20 MiB: sent in halves
	slice := big.NewSlice(100, 5_000)
	small := rows(checked, 0, 3)
	sent := []connector.Message{connector.Schema{Stream: "orders", Epoch: 1, Columns: columns()}}
	total := uint64(0)
	for _, r := range []struct {
		n int64
		m connector.Batch
	}{{big.NumRows(), batch(big)}, {slice.NumRows(), batch(slice)}, {small.NumRows(), batch(small)}} {
		sent = append(sent, r.m)
		total += uint64(r.n)
	}
	sent = append(sent, connector.Done{Rows: map[string]uint64{"orders": total}})
	client := near(t, playing(&script{messages: sent}))
	got, err := collect(t, session(t, client, "{}"), ask("orders"))
	if err != nil {
		t.Fatal(err)
	}
	var seen uint64
	for _, m := range got {
		if b, ok := m.(connector.Batch); ok {
			seen += uint64(b.Record.NumRows())
			if b.Record.NumRows() > 0 && b.Record.Column(1).(*array.String).Value(0) == "" {
				t.Error("an empty name")
			}
		}
	}
	release(got)
	if seen != total || len(got) < 6 {
		t.Errorf("%d rows in %d messages, want %d", seen, len(got), total)
	}
	waitFor(t, func() bool { return checked.CurrentAlloc() == 0 })
}

func batch(record arrow.Record) connector.Batch {
	return connector.Batch{Stream: "orders", Epoch: 1, Op: connector.Append, Record: record}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-deadline:
			t.Fatal("it did not happen")
		case <-time.After(time.Millisecond):
		}
	}
}
