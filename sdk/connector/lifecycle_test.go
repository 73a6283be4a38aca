package connector_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endless sends rows until its context ends.
func endless(options ...connector.Option) connector.Stream[*shop] {
	return connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
		for id := int64(0); ; id++ {
			if err := rows.Append(ctx, order{ID: id, Updated: at(1)}); err != nil {
				return err
			}
		}
	}, options...)
}

func TestCloseEndsTheReader(t *testing.T) {
	s := open(t, plugin(endless()), `{}`)
	for _, n := range []int{0, 1, 3} {
		messages, err := s.Read(t.Context(), ask("orders", sdk.FullRefresh, sdk.Cursor{}))
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if messages.Next(t.Context()) {
				release(messages.Message())
			}
		}
		if err := messages.Close(); err != nil {
			t.Error(err)
		}
		if messages.Next(t.Context()) {
			t.Error("a message after Close")
		}
		if fault.CodeOf(messages.Err()) != fault.Cancelled {
			t.Errorf("after Close: %v", messages.Err())
		}
		if err := messages.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	}
}

func release(m connector.Message) {
	if batch, ok := m.(connector.Batch); ok {
		batch.Record.Release()
	}
}

func TestSessionCloseEndsItsReads(t *testing.T) {
	closed := 0
	p := plugin(endless())
	p.Close = func(*shop) error { closed++; return nil }
	c, err := p.Build()
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Open(t.Context(), connector.Open{})
	if err != nil {
		t.Fatal(err)
	}
	var reads []connector.Messages
	for range 3 {
		messages, err := s.Read(t.Context(), ask("orders", sdk.FullRefresh, sdk.Cursor{}))
		if err != nil {
			t.Fatal(err)
		}
		reads = append(reads, messages)
	}
	if err := errors.Join(s.Close(t.Context()), s.Close(t.Context())); err != nil || closed != 1 {
		t.Errorf("closed %d times, %v", closed, err)
	}
	for _, messages := range reads {
		if messages.Next(t.Context()) {
			t.Error("a message after the session's Close")
		}
	}
	if _, err := s.Read(t.Context(), ask("orders", sdk.FullRefresh, sdk.Cursor{})); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("a read in a closed session: %v", err)
	}
}

func TestContextOfReadAndOfNext(t *testing.T) {
	s := open(t, plugin(endless()), `{}`)
	ctx, cancel := context.WithCancel(t.Context())
	messages, err := s.Read(ctx, ask("orders", sdk.FullRefresh, sdk.Cursor{}))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	cancel()
	for messages.Next(t.Context()) {
		release(messages.Message())
	}
	if fault.CodeOf(messages.Err()) != fault.Cancelled {
		t.Errorf("read cancelled: %v", messages.Err())
	}

	quiet := connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, _ *connector.Rows[order]) error {
		<-ctx.Done()
		return ctx.Err()
	})
	s = open(t, plugin(quiet), `{}`)
	waiting, err := s.Read(t.Context(), ask("orders", sdk.Incremental, sdk.Cursor{}))
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	waiting.Next(t.Context()) // the schema
	if waiting.Next(ctx) || fault.CodeOf(waiting.Err()) != fault.Cancelled {
		t.Errorf("Next with an ended context: %v", waiting.Err())
	}
}

func TestWaitingRowsAreSentInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := make(chan struct{})
		stream := connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
			if err := rows.Append(ctx, order{ID: 1}, order{ID: 2}); err != nil {
				return err
			}
			<-next
			return rows.Append(ctx, order{ID: 3})
		})
		c, err := plugin(stream).Build()
		if err != nil {
			t.Fatal(err)
		}
		s, err := c.Open(t.Context(), connector.Open{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(context.Background())
		begin := time.Now()
		messages, err := s.Read(t.Context(), ask("orders", sdk.FullRefresh, sdk.Cursor{}))
		if err != nil {
			t.Fatal(err)
		}
		defer messages.Close()
		batches := 0
		for messages.Next(t.Context()) {
			release(messages.Message())
			if _, ok := messages.Message().(connector.Batch); !ok {
				continue
			}
			if batches++; batches == 1 {
				if waited := time.Since(begin); waited != connector.DefaultFlush {
					t.Errorf("rows waited %s, want %s", waited, connector.DefaultFlush)
				}
				close(next)
			}
		}
		if messages.Err() != nil || batches != 2 {
			t.Errorf("%d batches, %v", batches, messages.Err())
		}
	})
}

func TestPanicBecomesABugAndTheProcessLives(t *testing.T) {
	stream := connector.Table("orders", func(_ context.Context, s *shop, _ connector.Query, _ *connector.Rows[order]) error {
		panic("broken with token s3cr3t-token")
	})
	p := plugin(stream)
	p.Check = func(context.Context, *shop) error { panic("in check") }
	p.Close = func(*shop) error { return nil }
	s := open(t, p, `{"token": "s3cr3t-token"}`)
	o := read(t, s, ask("orders", sdk.FullRefresh, sdk.Cursor{}))
	f, ok := fault.As(o.err)
	if !ok || f.Code != fault.Bug || f.What != "stream orders: the plugin panicked: broken with token [redacted]" {
		t.Fatalf("got %v", o.err)
	}
	if f.Err == nil || !strings.Contains(f.Err.Error(), "lifecycle_test.go:") || strings.Contains(f.Err.Error(), "0x") {
		t.Errorf("the stack reads\n%v", f.Err)
	}
	items, err := s.Check(t.Context())
	if err != nil || len(items) != 1 || items[0].Err == nil || items[0].Err.Code != fault.Bug {
		t.Errorf("check: %v %v", items, err)
	}
	if _, err := s.Discover(t.Context(), nil); err != nil {
		t.Errorf("discover afterwards: %v", err)
	}
}

func TestPanicsElsewhere(t *testing.T) {
	p := plugin(table(nil))
	p.Open = func(context.Context, connector.Runtime, settings) (*shop, error) { panic("in open") }
	p.Validate = func(settings) []connector.Problem { return nil }
	c, err := p.Build()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(t.Context(), connector.Open{}); fault.CodeOf(err) != fault.Bug {
		t.Errorf("open: %v", err)
	}
	p.Validate = func(settings) []connector.Problem { panic("in validate") }
	if c, err = p.Build(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Validate(t.Context(), nil); fault.CodeOf(err) != fault.Bug {
		t.Errorf("validate: %v", err)
	}
	q := plugin()
	q.Discover = func(context.Context, *shop) ([]connector.Stream[*shop], error) { panic("in discover") }
	if _, err := open(t, q, `{}`).Discover(t.Context(), nil); fault.CodeOf(err) != fault.Bug {
		t.Errorf("discover: %v", err)
	}
}

func TestErrorsWithoutClassGetOne(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code fault.Code
	}{
		{errors.New("odd"), fault.Bug},
		{fmt.Errorf("page 3: %w", fault.New(fault.Auth, "the token is wrong")), fault.Auth},
		{fs.ErrNotExist, fault.NotFound},
		{fs.ErrPermission, fault.Permission},
		{context.DeadlineExceeded, fault.Transient},
		{fmt.Errorf("read: %w", context.Canceled), fault.Cancelled},
		{&fault.Fault{What: "no class"}, fault.Bug},
		{&fault.Fault{Code: "odd", What: "wrong class"}, fault.Bug},
	} {
		stream := connector.Table("orders", func(context.Context, *shop, connector.Query, *connector.Rows[order]) error { return tt.err })
		o := read(t, open(t, plugin(stream), `{}`), ask("orders", sdk.FullRefresh, sdk.Cursor{}))
		f, ok := fault.As(o.err)
		if !ok || f.Code != tt.code {
			t.Errorf("%v: got %v, want class %s", tt.err, o.err, tt.code)
		}
	}
}

func TestSeveralGoroutinesMayAppend(t *testing.T) {
	stream := connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
		var group sync.WaitGroup
		errs := make([]error, 8)
		for g := range errs {
			group.Go(func() {
				for i := range 100 {
					errs[g] = errors.Join(errs[g], rows.Append(ctx, order{ID: int64(g*100 + i), Updated: at(1)}))
				}
			})
		}
		group.Wait()
		return errors.Join(errs...)
	})
	request := ask("orders", sdk.FullRefresh, sdk.Cursor{})
	request.Limits.BatchRows = 7
	if o := read(t, open(t, plugin(stream), `{}`), request); o.err != nil || len(o.rows["orders"]) != 800 {
		t.Errorf("%d rows, %v", len(o.rows["orders"]), o.err)
	}
}

func TestRowsSentAfterTheReaderReturned(t *testing.T) {
	var kept *connector.Rows[order]
	stream := connector.Table("orders", func(_ context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
		kept = rows
		return nil
	})
	o := read(t, open(t, plugin(stream), `{}`), ask("orders", sdk.FullRefresh, sdk.Cursor{}))
	if o.err != nil {
		t.Fatal(o.err)
	}
	ctx := t.Context()
	for _, err := range []error{kept.Append(ctx, order{ID: 1}), kept.Checkpoint(ctx, 1, 1, ""), kept.Delete(ctx, order{})} {
		if fault.CodeOf(err) != fault.Bug {
			t.Errorf("got %v, want class bug", err)
		}
	}
}

func TestAcksReachTheAuthor(t *testing.T) {
	var got []string
	stream := connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
		for n := range 4 {
			if err := rows.Checkpoint(ctx, 1, n, fmt.Sprint("point ", n)); err != nil {
				return err
			}
		}
		return rows.SetState(1, "end", "the end")
	})
	p := plugin(stream)
	p.OnAck = func(_ context.Context, _ *shop, state sdk.Cursor) error { got = append(got, state.Human); return nil }
	messages, err := open(t, p, `{}`).Read(t.Context(), ask("orders", sdk.Incremental, sdk.Cursor{}))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Close()
	for messages.Next(t.Context()) {
		if c, ok := messages.Message().(connector.Checkpoint); ok && c.ID%2 == 0 && c.ID < 4 {
			if err := errors.Join(messages.Ack(t.Context(), c.ID), messages.Ack(t.Context(), c.ID)); err != nil {
				t.Error(err)
			}
		}
	}
	if err := errors.Join(messages.Ack(t.Context(), 5), messages.Ack(t.Context(), 5)); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"point 1", "the end"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSecretsLeaveByNoDoor(t *testing.T) {
	const secret = `s3cr3t/"token`
	stream := connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
		err := errors.Join(
			rows.Warn(ctx, "odd", "at "+secret),
			rows.Issue(ctx, connector.Issue{Code: "odd", Sample: secret, Key: secret}),
			rows.SetState(1, 1, "until "+secret))
		if state := rows.SetState(1, map[string]string{"token": "x" + secret}, ""); fault.CodeOf(state) != fault.Bug {
			err = errors.Join(err, fmt.Errorf("a secret in the state gives %w", state))
		}
		return err
	})
	s := open(t, plugin(stream), `{"token": "s3cr3t/\"token"}`)
	o := read(t, s, ask("orders", sdk.FullRefresh, sdk.Cursor{}))
	if o.err != nil {
		t.Fatal(o.err)
	}
	if text := strings.Join(o.lines, "\n"); strings.Contains(text, secret) || strings.Count(text, "[redacted]") != 5 {
		t.Errorf("messages:\n%s", text)
	}
}

func TestProgressIsTold(t *testing.T) {
	stream := connector.Table("orders", func(ctx context.Context, _ *shop, _ connector.Query, rows *connector.Rows[order]) error {
		return errors.Join(rows.Progress(ctx, 3, 10), rows.Quiet(ctx, time.Hour, "asked to wait"))
	})
	o := read(t, open(t, plugin(stream), `{}`), ask("orders", sdk.FullRefresh, sdk.Cursor{}))
	if diff := cmp.Diff([]string{"status read orders 3/10 0s ", "status wait orders 0/0 1h0m0s asked to wait"}, o.only("status")); diff != "" {
		t.Error(diff)
	}
}
