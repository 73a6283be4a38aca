package query_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/host/internal/query"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
	"github.com/ai-data-analyst/broker/web/api"
)

type tables func(who sdk.Caller, generation int64) (query.Snapshot, error)

func (f tables) Tables(_ context.Context, who sdk.Caller, generation int64, _ string) (query.Snapshot, error) {
	return f(who, generation)
}

type engine func(ctx context.Context, request service.QueryRequest) (service.Rows, error)

func (f engine) Process() int { return 1 }

func (f engine) Query(ctx context.Context, request service.QueryRequest) (service.Rows, error) {
	return f(ctx, request)
}

// answer is a service of one batch, built by fill.
func answer(t *testing.T, columns []service.Column, fill func(b *array.RecordBuilder), failure error) service.Querier {
	t.Helper()
	plugin, err := service.Plugin[struct{}, struct{}]{
		Name: "fake", Version: "1",
		Open: func(context.Context, service.Runtime, struct{}) (struct{}, error) { return struct{}{}, nil },
		Query: func(_ context.Context, _ struct{}, _ service.QueryRequest, out *service.Result) error {
			if err := out.Describe(columns); err != nil {
				return err
			}
			named := make([]sdk.Column, len(columns))
			for i, c := range columns {
				named[i] = sdk.Column{Name: c.Name, Type: c.Type}
			}
			schema, err := sdk.ArrowSchema(named)
			if err != nil {
				return err
			}
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
			defer b.Release()
			fill(b)
			record := b.NewRecord()
			defer record.Release()
			return errors.Join(out.Append(record), failure)
		},
	}.Build()
	if err != nil {
		t.Fatal(err)
	}
	session, err := plugin.Open(t.Context(), service.Open{})
	if err != nil {
		t.Fatal(err)
	}
	return session.(service.Querier)
}

var numbers = []service.Column{{Name: "n", Type: sdk.Type{ID: sdk.Int64}, EngineType: "BIGINT"}}

func count(n int64) func(b *array.RecordBuilder) {
	return func(b *array.RecordBuilder) {
		for i := range n {
			b.Field(0).(*array.Int64Builder).Append(i)
		}
	}
}

func everything(sdk.Caller, int64) (query.Snapshot, error) { return query.Snapshot{Generation: 7}, nil }

func all(rows *query.Rows) (values [][]any, err error) {
	for {
		some, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return values, err
		}
		values = append(values, some...)
	}
}

func TestTheEngineGetsTheCallersTablesAndTheLimits(t *testing.T) {
	released := 0
	var asked service.QueryRequest
	fake := answer(t, numbers, count(3), nil)
	room := query.New(query.Options{
		Tables: tables(func(who sdk.Caller, generation int64) (query.Snapshot, error) {
			if who.User.ID != "bob" || generation != 5 {
				t.Errorf("asked for %s at %d", who.User.ID, generation)
			}
			return query.Snapshot{Generation: 5, Tables: []service.Table{{Namespace: "shop", Name: "orders"}}, Release: func() { released++ }}, nil
		}),
		Engine: engine(func(ctx context.Context, r service.QueryRequest) (service.Rows, error) {
			asked = r
			return fake.Query(ctx, r)
		}),
	})
	rows, err := room.Run(t.Context(), sdk.Caller{User: sdk.User{ID: "bob"}}, api.Query{SQL: "SELECT 1", Limit: 2, Generation: 5})
	if err != nil {
		t.Fatal(err)
	}
	values, err := all(rows)
	if err != nil || len(values) != 2 || !rows.Truncated() || rows.Generation() != 5 || rows.Columns()[0] != (api.TypedName{Name: "n", Type: "BIGINT"}) {
		t.Errorf("%v %v %t %v", values, err, rows.Truncated(), rows.Columns())
	}
	if err := errors.Join(rows.Close(), rows.Close()); err != nil || released != 1 {
		t.Errorf("closed twice: %v, released %d times", err, released)
	}
	if asked.SQL != "SELECT 1" || asked.Limit != 2 || len(asked.Tables) != 1 || asked.MemoryBytes != 1<<30 || asked.Timeout != 30*time.Second {
		t.Errorf("asked %+v", asked)
	}
}

func TestWhatIsWrongIsSaidBeforeAnythingIsAsked(t *testing.T) {
	room := query.New(query.Options{Tables: tables(func(sdk.Caller, int64) (query.Snapshot, error) {
		t.Error("asked for tables")
		return query.Snapshot{}, nil
	})})
	for path, q := range map[string]api.Query{
		"sql": {}, "limit": {SQL: "x", Limit: 1_000_001}, "generation": {SQL: "x", Generation: -1},
	} {
		_, err := room.Run(t.Context(), sdk.Caller{}, q)
		if f, ok := fault.As(err); !ok || f.Code != fault.Config || f.Path != path {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := room.Run(t.Context(), sdk.Caller{}, api.Query{SQL: strings.Repeat("x", service.MaxSQLBytes+1)}); fault.CodeOf(err) != fault.Config {
		t.Errorf("a long statement: %v", err)
	}
}

func TestValuesAreThoseOfJSON(t *testing.T) {
	text := func(id sdk.TypeID, logical string) sdk.Type { return sdk.Type{ID: id, Logical: logical} }
	columns := []service.Column{
		{Name: "big", Type: sdk.Type{ID: sdk.Int64}}, {Name: "nan", Type: sdk.Type{ID: sdk.Float64}}, {Name: "dec", Type: sdk.Type{ID: sdk.Decimal, Precision: 38, Scale: 2}},
		{Name: "day", Type: sdk.Type{ID: sdk.Date}}, {Name: "at", Type: sdk.Type{ID: sdk.Timestamp, Zone: "UTC"}}, {Name: "s", Type: text(sdk.String, ""), EngineType: "VARCHAR"},
		{Name: "list", Type: text(sdk.String, "json"), EngineType: "INTEGER[]"}, {Name: "json", Type: text(sdk.String, "json"), EngineType: "JSON"},
		{Name: "blob", Type: sdk.Type{ID: sdk.Binary}}, {Name: "t", Type: sdk.Type{ID: sdk.Time}}, {Name: "none", Type: sdk.Type{ID: sdk.Int32}}, {Name: "u", Type: sdk.Type{ID: sdk.Uint8}},
	}
	fake := answer(t, columns, func(b *array.RecordBuilder) {
		b.Field(0).(*array.Int64Builder).Append(math.MinInt64)
		b.Field(1).(*array.Float64Builder).Append(math.NaN())
		b.Field(2).(*array.Decimal128Builder).Append(decimal128.FromI64(-150))
		b.Field(3).(*array.Date32Builder).Append(arrow.Date32(19_782))
		b.Field(4).(*array.TimestampBuilder).Append(arrow.Timestamp(-1))
		b.Field(5).(*array.StringBuilder).Append(`{"a"`)
		b.Field(6).(*array.StringBuilder).Append("[1,null]")
		b.Field(7).(*array.StringBuilder).Append(`{"a": 1}`)
		b.Field(8).(*array.BinaryBuilder).Append([]byte{0, 255})
		b.Field(9).(*array.Time64Builder).Append(arrow.Time64(45_296_500_000))
		b.Field(10).AppendNull()
		b.Field(11).(*array.Uint8Builder).Append(200)
	}, nil)
	room := query.New(query.Options{Tables: tables(everything), Engine: engine(fake.Query)})
	rows, err := room.Run(t.Context(), sdk.Caller{}, api.Query{SQL: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	values, err := all(rows)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(values)
	const want = `[["-9223372036854775808",null,"-1.50","2024-02-29","1969-12-31 23:59:59.999999+00","{\"a\"",[1,null],"{\"a\": 1}","AP8=","12:34:56.5",null,200]]`
	if err != nil || string(got) != want {
		t.Errorf("%s %v\nwant %s", got, err, want)
	}
}

func TestArrowIsAWholeStreamOrAnError(t *testing.T) {
	for _, failure := range []error{nil, fault.New(fault.Data, "no more")} {
		room := query.New(query.Options{Tables: tables(everything), Engine: engine(answer(t, numbers, count(5), failure).Query)})
		rows, err := room.Run(t.Context(), sdk.Caller{}, api.Query{SQL: "x"})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(rows.Arrow())
		if fault.CodeOf(err) != fault.CodeOf(failure) {
			t.Errorf("%v, want %v", err, failure)
		}
		if _, mixed := rows.Next(); !errors.Is(mixed, query.ErrMixed) {
			t.Errorf("both ways: %v", mixed)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
		if failure != nil {
			continue
		}
		reader, err := ipc.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if !reader.Next() || reader.Record().NumRows() != 5 || reader.Schema().Field(0).Name != "n" || reader.Next() || reader.Err() != nil {
			t.Errorf("not the rows: %v", reader.Err())
		}
		reader.Release()
	}
}

// G16: so many at once, a short line, one place of it for each person; whoever is sent away is told when to come back.
func TestG16_SlotsAndTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		open := make(chan struct{})
		room := query.New(query.Options{AtOnce: 2, Waiting: 3, Tables: tables(everything), Engine: engine(func(context.Context, service.QueryRequest) (service.Rows, error) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-open
			running.Add(-1)
			return nil, fault.New(fault.Data, "it ran")
		})})
		ran, away := make(chan error, 10), 0
		start := func(person string) {
			go func() {
				_, err := room.Run(t.Context(), sdk.Caller{User: sdk.User{ID: person}}, api.Query{SQL: "x"})
				ran <- err
			}()
			synctest.Wait()
		}
		for _, person := range []string{"ada", "ada", "ada", "ada", "bob", "eve", "kim"} { // 2 run; ada, bob, eve wait
			start(person)
		}
		for len(ran) > 0 {
			f, ok := fault.As(<-ran)
			if !ok || f.Code != fault.RateLimited || f.RetryAfter <= 0 {
				t.Errorf("sent away with %v", f)
			}
			away++
		}
		if away != 2 || running.Load() != 2 {
			t.Errorf("%d were sent away, %d run", away, running.Load())
		}
		close(open)
		for range 5 {
			if err := <-ran; fault.CodeOf(err) != fault.Data {
				t.Errorf("%v", err)
			}
		}
		if most.Load() != 2 {
			t.Errorf("%d ran at once", most.Load())
		}
	})
}

func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		room := query.New(query.Options{AtOnce: 1, Time: time.Second, Tables: tables(everything), Engine: engine(func(context.Context, service.QueryRequest) (service.Rows, error) {
			<-hold
			return nil, fault.New(fault.Data, "it ran")
		})})
		first := make(chan error)
		go func() {
			_, err := room.Run(t.Context(), sdk.Caller{}, api.Query{SQL: "x"})
			first <- err
		}()
		synctest.Wait()
		if _, err := room.Run(t.Context(), sdk.Caller{}, api.Query{SQL: "x"}); fault.CodeOf(err) != fault.RateLimited {
			t.Errorf("waited too long: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := room.Run(ctx, sdk.Caller{}, api.Query{SQL: "x"}); fault.CodeOf(err) != fault.Cancelled {
			t.Errorf("gave up: %v", err)
		}
		close(hold)
		<-first
		if _, err := room.Run(t.Context(), sdk.Caller{}, api.Query{SQL: "x"}); fault.CodeOf(err) != fault.Data {
			t.Errorf("afterwards: %v", err)
		}
	})
}
