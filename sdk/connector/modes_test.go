package connector_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

func TestPartitionedReadsHaveABoundary(t *testing.T) {
	stream := dynamic("numbers", numbers, func(ctx context.Context, q connector.Query, rows *connector.Records) error {
		return rows.AppendMap(ctx, map[string]any{"id": 1, "text": string(q.Mode)})
	}, connector.Modes(sdk.Partitioned))
	s := open(t, plugin(stream), `{}`)
	o := read(t, s, ask("numbers", sdk.Partitioned, sdk.Cursor{}))
	want := []string{"begin numbers", "append numbers 1: 1 rows", "complete numbers 1"}
	if diff := cmp.Diff(want, o.only("begin", "append", "complete")); diff != "" || o.err != nil {
		t.Errorf("%v (-want +got):\n%s", o.err, diff)
	}
	if items, err := s.Check(t.Context()); err != nil || items[0].Err != nil {
		t.Errorf("the check of a stream that cannot be read in full: %v %v", items, err)
	}
}

// Decision 10: in a full read the state holds decisions that stay, never a position.
func TestFullReadSeesTheStateAndKeepsIt(t *testing.T) {
	type pinned struct{ Types map[string]string }
	stream := dynamic("numbers", numbers, func(ctx context.Context, q connector.Query, rows *connector.Records) error {
		p := pinned{Types: map[string]string{"id": "int64"}}
		found, err := q.State(1, &p)
		if err != nil {
			return err
		}
		if err := rows.AppendMap(ctx, map[string]any{"id": 1, "text": fmt.Sprint(found, p.Types)}); err != nil {
			return err
		}
		return rows.SetState(1, p, "types of 1 column")
	})
	s := open(t, plugin(stream), `{}`)
	first := read(t, s, ask("numbers", sdk.FullRefresh, sdk.Cursor{}))
	second := read(t, s, ask("numbers", sdk.FullRefresh, first.state(t)))
	if diff := cmp.Diff([]string{`{"id":1,"text":"true map[id:int64]"}`}, second.rows["numbers"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(first.state(t), second.state(t)); diff != "" {
		t.Errorf("the state changed:\n%s", diff)
	}
}

// A group: several streams with readers of their own in one task, with one state.
func TestGroupHasOneStateWithEveryStreamsEdge(t *testing.T) {
	named := func(name string, minute int) connector.Stream[*shop] {
		return connector.Table(name, func(ctx context.Context, _ *shop, q connector.Query, rows *connector.Rows[order]) error {
			return rows.Append(ctx, order{ID: 1, Status: q.Since.Text(), Updated: at(minute)})
		}, connector.Sorted())
	}
	s := open(t, plugin(named("a", 1), named("b", 2)), `{}`)
	request := connector.Request{Asks: []connector.Ask{{Stream: "a", Mode: sdk.Incremental}, {Stream: "b", Mode: sdk.Incremental}}}
	first := read(t, s, request)
	if got := first.state(t).Human; got != "a up to 2026-08-01 12:01:00 UTC, b up to 2026-08-01 12:02:00 UTC" {
		t.Errorf("state for people: %q", got)
	}
	request.Asks[0].State = first.state(t)
	second := read(t, s, request)
	var since []string
	for _, name := range []string{"a", "b"} {
		since = append(since, second.rows[name]...)
	}
	want := []string{
		`{"id":1,"status":"2026-08-01T12:01:00Z","total":null,"updated_at":"2026-08-01 12:01:00Z","raw":null}`,
		`{"id":1,"status":"2026-08-01T12:02:00Z","total":null,"updated_at":"2026-08-01 12:02:00Z","raw":null}`,
	}
	if diff := cmp.Diff(want, since); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Read alone, one stream keeps the other's edge.
	alone := read(t, s, ask("a", sdk.Incremental, first.state(t)))
	request.Asks[0].State = alone.state(t)
	if third := read(t, s, request); cmp.Diff(second.rows, third.rows) != "" {
		t.Errorf("after reading one stream alone:\n%s", cmp.Diff(second.rows, third.rows))
	}
}
