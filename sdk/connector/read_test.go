package connector_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

type settings struct {
	Token sdk.Secret `cfg:"token" doc:"API token."`
}

type order struct {
	ID      int64     `col:"id,key" doc:"Order number."`
	Status  string    `col:"status"`
	Total   *float64  `col:"total"`
	Updated time.Time `col:"updated_at,cursor"`
	Raw     any       `col:"raw,json"`
}

// shop is the author's session in these tests.
type shop struct{ start time.Time }

// plugin declares a connector with the given streams.
func plugin(streams ...connector.Stream[*shop]) connector.Plugin[settings, *shop] {
	return connector.Plugin[settings, *shop]{
		Name: "acme", Version: "0.1.0",
		Open:    func(context.Context, connector.Runtime, settings) (*shop, error) { return &shop{start: day(1)}, nil },
		Streams: streams,
	}
}

func day(n int) time.Time { return time.Date(2026, 8, n, 12, 0, 0, 0, time.UTC) }

// open builds and opens p.
func open[C, S any](t *testing.T, p connector.Plugin[C, S], config string) connector.Session {
	t.Helper()
	c, err := p.Build()
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Open(t.Context(), connector.Open{Settings: []byte(config)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// outcome is a read told in short: its messages as lines, rows as JSON, and how it ended.
type outcome struct {
	messages []connector.Message
	lines    []string
	rows     map[string][]string
	err      error
}

// read does one read to its end.
func read(t *testing.T, s connector.Session, request connector.Request) outcome {
	t.Helper()
	messages, err := s.Read(t.Context(), request)
	if err != nil {
		return outcome{err: err}
	}
	defer messages.Close()
	o := outcome{rows: map[string][]string{}}
	for messages.Next(t.Context()) {
		o.add(t, messages.Message())
	}
	o.err = messages.Err()
	return o
}

// ask is a request for one stream.
func ask(stream string, mode sdk.SyncMode, state sdk.Cursor) connector.Request {
	return connector.Request{Asks: []connector.Ask{{Stream: stream, Mode: mode, State: state}}}
}

func (o outcome) state(t *testing.T) sdk.Cursor {
	t.Helper()
	if o.err != nil {
		t.Fatal(o.err)
	}
	done, ok := o.messages[len(o.messages)-1].(connector.Done)
	if !ok {
		t.Fatalf("last message is %T, want Done", o.messages[len(o.messages)-1])
	}
	return done.State
}

func TestFullReadTellsItsStory(t *testing.T) {
	s := open(t, plugin(connector.Table("orders",
		func(ctx context.Context, s *shop, q connector.Query, rows *connector.Rows[order]) error {
			total := 2.5
			return rows.Append(ctx,
				order{ID: 1, Status: "new", Updated: day(1), Raw: map[string]any{"a": 1}},
				order{ID: 2, Status: "paid", Total: &total, Updated: day(2)})
		})), `{}`)
	o := read(t, s, ask("orders", sdk.FullRefresh, sdk.Cursor{}))
	if o.err != nil {
		t.Fatal(o.err)
	}
	want := []string{
		"schema orders 1: id int64!, status string, total float64, updated_at timestamp(UTC), raw string",
		"begin orders",
		"append orders 1: 2 rows",
		"complete orders 2",
		"checkpoint 1 map[orders:2] safe=false orders up to 2026-08-02 12:00:00 UTC",
		"stream done orders 2 true",
		"done map[orders:2] orders up to 2026-08-02 12:00:00 UTC",
	}
	if diff := cmp.Diff(want, o.lines); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	rows := []string{
		`{"id":1,"status":"new","total":null,"updated_at":"2026-08-01 12:00:00Z","raw":"{\"a\":1}"}`,
		`{"id":2,"status":"paid","total":2.5,"updated_at":"2026-08-02 12:00:00Z","raw":null}`,
	}
	if diff := cmp.Diff(rows, o.rows["orders"]); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestReaderErrorEndsTheRead(t *testing.T) {
	s := open(t, plugin(connector.Table("orders",
		func(context.Context, *shop, connector.Query, *connector.Rows[order]) error {
			return errors.Join(fault.New(fault.RateLimited, "asked too often, token s3cr3t-token"))
		})), `{"token": "s3cr3t-token"}`)
	o := read(t, s, ask("orders", sdk.FullRefresh, sdk.Cursor{}))
	f, ok := fault.As(o.err)
	if !ok || f.Code != fault.RateLimited || f.What != "asked too often, token [redacted]" {
		t.Fatalf("got %#v", o.err)
	}
}
