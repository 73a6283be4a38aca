package service_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

type settings struct {
	Token sdk.Secret `cfg:"token" doc:"A secret." required:"true"`
}

type query func(ctx context.Context, token string, q service.QueryRequest, out *service.Result) error

func open(t *testing.T, f query) (service.Session, service.Querier) {
	t.Helper()
	built, err := service.Plugin[settings, string]{
		Name: "fake", Version: "1.0.0", Query: f,
		Open: func(_ context.Context, _ service.Runtime, s settings) (string, error) { return string(s.Token), nil },
	}.Build()
	if err != nil {
		t.Fatal(err)
	}
	session, err := built.Open(t.Context(), service.Open{Settings: []byte(`{"token": "s3cr3t-token"}`)})
	if err != nil {
		t.Fatal(err)
	}
	return session, session.(service.Querier)
}

var one = []service.Column{{Name: "n", Type: sdk.Type{ID: sdk.Int64}}}

// give appends batches of so many rows until Append says no.
func give(out *service.Result, batches ...int) error {
	schema, err := sdk.ArrowSchema([]sdk.Column{{Name: "n", Type: one[0].Type}})
	if err != nil {
		return err
	}
	for _, n := range batches {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range n {
			b.Field(0).(*array.Int64Builder).Append(int64(i))
		}
		record := b.NewRecord()
		err := out.Append(record)
		record.Release()
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func drain(t *testing.T, rows service.Rows) (n int64) {
	t.Helper()
	for rows.Next(t.Context()) {
		record := rows.Record()
		n += record.NumRows()
		record.Release()
	}
	return n
}

func TestTheLimitCuts(t *testing.T) {
	for name, c := range map[string]struct {
		limit     int64
		batches   []int
		rows      int64
		truncated bool
	}{
		"less":             {10, []int{3, 3}, 6, false},
		"exactly":          {6, []int{3, 3}, 6, false},
		"within a batch":   {5, []int{3, 3}, 5, true},
		"between batches":  {3, []int{3, 3}, 3, true},
		"in the first":     {1, []int{3}, 1, true},
		"none":             {4, nil, 0, false},
		"an empty one too": {3, []int{3, 0}, 3, false},
	} {
		_, q := open(t, func(_ context.Context, _ string, _ service.QueryRequest, out *service.Result) error {
			return errors.Join(out.Describe(one), give(out, c.batches...))
		})
		rows, err := q.Query(t.Context(), service.QueryRequest{SQL: "x", Limit: c.limit})
		if err != nil {
			t.Fatal(err)
		}
		if n := drain(t, rows); n != c.rows || rows.Err() != nil || rows.Truncated() != c.truncated {
			t.Errorf("%s: %d rows, truncated %t, %v", name, n, rows.Truncated(), rows.Err())
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestHowQueriesEnd(t *testing.T) {
	wait := func(ctx context.Context, _ string, _ service.QueryRequest, out *service.Result) error {
		<-ctx.Done()
		return errors.New("interrupted")
	}
	for name, c := range map[string]struct {
		query   query
		timeout time.Duration
		code    fault.Code
		path    string
	}{
		"no columns": {func(context.Context, string, service.QueryRequest, *service.Result) error { return nil }, 0, fault.Bug, ""},
		"a panic": {func(context.Context, string, service.QueryRequest, *service.Result) error {
			panic("at the s3cr3t-token")
		}, 0, fault.Bug, ""},
		"own fault": {func(context.Context, string, service.QueryRequest, *service.Result) error {
			return fault.New(fault.Data, "no")
		}, 0, fault.Data, ""},
		"a secret": {func(_ context.Context, token string, _ service.QueryRequest, _ *service.Result) error {
			return errors.New(token)
		}, 0, fault.Bug, ""},
		"out of time": {wait, time.Millisecond, fault.Transient, service.TimeoutPath},
		"wrong width": {func(_ context.Context, _ string, _ service.QueryRequest, out *service.Result) error {
			return errors.Join(out.Describe(nil), give(out, 1))
		}, 0, fault.Bug, ""},
	} {
		_, q := open(t, c.query)
		rows, err := q.Query(t.Context(), service.QueryRequest{SQL: "x", Timeout: c.timeout})
		if err == nil {
			drain(t, rows)
			err = errors.Join(rows.Err(), rows.Close())
		}
		f, ok := fault.As(err)
		if !ok || f.Code != c.code || f.Path != c.path || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, q := open(t, wait); q != nil {
		_, err := q.Query(t.Context(), service.QueryRequest{SQL: strings.Repeat("x", service.MaxSQLBytes+1)})
		if f, ok := fault.As(err); !ok || f.Path != service.SQLPath {
			t.Errorf("a long statement: %v", err)
		}
	}
}

func TestClosingASessionEndsItsQueries(t *testing.T) {
	session, q := open(t, func(ctx context.Context, _ string, _ service.QueryRequest, out *service.Result) error {
		return errors.Join(out.Describe(one), give(out, 1, 1, 1, 1))
	})
	rows, err := q.Query(t.Context(), service.QueryRequest{SQL: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows.Next(t.Context()) || fault.CodeOf(rows.Err()) != fault.Cancelled {
		t.Errorf("%v", rows.Err())
	}
	if _, err := q.Query(t.Context(), service.QueryRequest{SQL: "x"}); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("a closed session: %v", err)
	}
}

func TestDeclarationsAreChecked(t *testing.T) {
	fine := service.Plugin[settings, string]{Name: "fake", Version: "1", Open: func(context.Context, service.Runtime, settings) (string, error) { return "", nil },
		Query: func(context.Context, string, service.QueryRequest, *service.Result) error { return nil }}
	for want, change := range map[string]func(p *service.Plugin[settings, string]){
		"name": func(p *service.Plugin[settings, string]) { p.Name = "No Name" }, "Version": func(p *service.Plugin[settings, string]) { p.Version = "" },
		"Open": func(p *service.Plugin[settings, string]) { p.Open = nil }, "ability": func(p *service.Plugin[settings, string]) { p.Query = nil },
	} {
		p := fine
		change(&p)
		if _, err := p.Build(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
