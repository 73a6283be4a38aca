package query_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/query"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
	"github.com/ai-data-analyst/broker/web/api"
)

// mortal is an engine that can end: what runs in it falls with it, and the next question starts another.
type mortal struct {
	answer service.Querier

	mu   sync.Mutex
	pid  int
	fell chan struct{} // closed when the process ends
	runs map[string]int
}

var errFell = fault.New(fault.Transient, "plugin duckdb ended")

func newMortal(answer service.Querier) *mortal {
	return &mortal{answer: answer, runs: map[string]int{}}
}

// Process implements query.Engine.
func (m *mortal) Process() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fell == nil {
		return 0
	}
	return m.pid
}

func (m *mortal) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fell != nil {
		close(m.fell)
		m.fell = nil
	}
}

// Query implements query.Engine: SQL says how it behaves.
func (m *mortal) Query(ctx context.Context, q service.QueryRequest) (service.Rows, error) {
	m.mu.Lock()
	if m.fell == nil {
		m.pid++
		m.fell = make(chan struct{})
	}
	fell := m.fell
	m.runs[q.SQL]++
	first := m.runs[q.SQL] == 1
	m.mu.Unlock()
	switch q.SQL {
	case "deaf":
	case "crash":
		m.end()
	case "slow":
		if !first {
			return m.answer.Query(ctx, q)
		}
	case "late":
		rows, err := m.answer.Query(ctx, q)
		if first {
			rows = &falling{rows, m}
		}
		return rows, err
	default:
		return m.answer.Query(ctx, q)
	}
	select {
	case <-fell:
		return nil, errFell
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// falling are rows whose engine ends before the first.
type falling struct {
	service.Rows
	m *mortal
}

// Next implements service.Rows.
func (f *falling) Next(context.Context) bool { f.m.end(); return false }

// Err implements service.Rows.
func (f *falling) Err() error { return errFell }

func ask(ctx context.Context, room *query.Room, person, sql string) (int, error) {
	rows, err := room.Run(ctx, sdk.Caller{User: sdk.User{ID: person}}, api.Query{SQL: sql})
	if err != nil {
		return 0, err
	}
	values, err := all(rows)
	return len(values), errors.Join(err, rows.Close())
}

func isRefused(err error) bool {
	f, ok := fault.As(err)
	return ok && f.Code == fault.RateLimited && f.RetryAfter > 0
}

// G8, G16: whose statement ends the engine for everybody is refused for a while; the others' run again, unseen.
func TestG16_WhoEndsTheEngineIsRefusedAndOthersAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMortal(answer(t, numbers, count(3), nil))
		room := query.New(query.Options{AtOnce: 3, Tables: tables(everything), Engine: m})
		gone, cancel := context.WithCancel(t.Context())
		left, kept := make(chan error, 1), make(chan error, 1)
		go func() { _, err := ask(gone, room, "eve", "deaf"); left <- err }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Fatalf("eve left: %v", err)
		}
		time.Sleep(9 * time.Second)
		go func() {
			n, err := ask(t.Context(), room, "bob", "slow")
			if n != 3 {
				err = errors.Join(err, errors.New("not the rows"))
			}
			kept <- err
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		m.end() // as the engine does ten seconds after it was told to stop
		if err := <-kept; err != nil {
			t.Errorf("bob, whose statement fell with it: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := ask(t.Context(), room, "eve", "one"); !isRefused(err) {
			t.Errorf("eve: %v", err)
		}
		for _, person := range []string{"bob", "kim"} {
			if n, err := ask(t.Context(), room, person, "one"); n != 3 || err != nil {
				t.Errorf("%s: %d %v", person, n, err)
			}
		}
		time.Sleep(time.Minute)
		if n, err := ask(t.Context(), room, "eve", "one"); n != 3 || err != nil {
			t.Errorf("eve after a minute: %d %v", n, err)
		}
	})
}

// A statement that outlives its time is known even when its person waits for it, and each time counts for more.
func TestG16_AStatementThatOutlivesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMortal(answer(t, numbers, count(3), nil))
		room := query.New(query.Options{Tables: tables(everything), Engine: m})
		for _, refused := range []time.Duration{time.Minute, 2 * time.Minute} {
			answered := make(chan error, 1)
			go func() { _, err := ask(t.Context(), room, "eve", "deaf"); answered <- err }()
			time.Sleep(40 * time.Second) // 30 s of its own, 10 s of the engine's patience
			m.end()
			if err := <-answered; !isRefused(err) {
				t.Errorf("the statement: %v", err)
			}
			time.Sleep(refused - time.Second)
			if _, err := ask(t.Context(), room, "eve", "one"); !isRefused(err) {
				t.Errorf("before %s are over: %v", refused, err)
			}
			time.Sleep(time.Second)
			if _, err := ask(t.Context(), room, "eve", "one"); err != nil {
				t.Errorf("after %s: %v", refused, err)
			}
		}
	})
}

// A statement that ends each engine it comes into runs twice, not more; one whose engine ends before the first row is not
// noticed, whichever way it is read.
func TestG8_TheSecondAttempt(t *testing.T) {
	m := newMortal(answer(t, numbers, count(3), nil))
	room := query.New(query.Options{Tables: tables(everything), Engine: m})
	if n, err := ask(t.Context(), room, "bob", "late"); n != 3 || err != nil || m.runs["late"] != 2 {
		t.Errorf("%d rows, %v, %d runs", n, err, m.runs["late"])
	}
	if _, err := ask(t.Context(), room, "eve", "crash"); !isRefused(err) || m.runs["crash"] != 2 {
		t.Errorf("%v, %d runs", err, m.runs["crash"])
	}
	if n, err := ask(t.Context(), room, "bob", "one"); n != 3 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

// Leaving is everybody's right: a statement that stopped when it was told to counts against nobody.
func TestG16_WhoLeavesIsNotBlamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMortal(answer(t, numbers, count(3), nil))
		room := query.New(query.Options{Tables: tables(everything), Engine: m})
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := ask(gone, room, "bob", "deaf"); err == nil {
			t.Error("it was answered")
		}
		time.Sleep(time.Minute)
		m.end()
		if n, err := ask(t.Context(), room, "bob", "one"); n != 3 || err != nil {
			t.Errorf("%d %v", n, err)
		}
	})
}
