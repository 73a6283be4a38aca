package connectortest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// tasks calls use for every root stream that can be read in mode, with the request for it and its children.
func (in *inspection) tasks(ctx context.Context, mode sdk.SyncMode, use func(connector.Session, []sdk.Stream, connector.Request) error) error {
	tried := false
	err := in.session(ctx, func(s connector.Session) error {
		streams, err := in.discover(ctx, s)
		if err != nil {
			return err
		}
		for _, root := range streams {
			if root.Parent != "" || root.Name == in.subject.Panics || !root.Supports(mode) {
				continue
			}
			request := connector.Request{Asks: []connector.Ask{{Stream: root.Name, Mode: mode}}, Attempt: 1}
			for _, child := range streams {
				if child.Parent == root.Name && child.Supports(mode) {
					request.Asks = append(request.Asks, connector.Ask{Stream: child.Name, Mode: mode})
				}
			}
			tried = true
			if err := use(s, streams, request); err != nil {
				return fmt.Errorf("%s of %s: %w", mode, root.Name, err)
			}
		}
		return nil
	})
	if err == nil && !tried {
		return skip(fmt.Sprintf("no stream can be read in mode %s", mode))
	}
	return err
}

func checkFull(in *inspection, ctx context.Context) error {
	return in.tasks(ctx, sdk.FullRefresh, func(s connector.Session, streams []sdk.Stream, request connector.Request) error {
		_, err := in.gather(ctx, s, request, streams)
		return err
	})
}

func checkTwice(in *inspection, ctx context.Context) error {
	return in.tasks(ctx, sdk.FullRefresh, func(s connector.Session, streams []sdk.Stream, request connector.Request) error {
		first, err := in.gather(ctx, s, request, streams)
		if err != nil {
			return err
		}
		second, err := in.gather(ctx, s, request, streams)
		if err != nil {
			return err
		}
		for name, d := range first.streams {
			if !maps.Equal(d.rows, second.streams[name].rows) {
				return fmt.Errorf("stream %s: two reads differ: %s", name, difference(d.rows, second.streams[name].rows))
			}
		}
		return nil
	})
}

// difference shows one row that one set has and the other has not as often.
func difference(a, b map[string]int) string {
	for _, row := range slices.Sorted(maps.Keys(a)) {
		if a[row] != b[row] {
			return fmt.Sprintf("%.300s came %d times and %d times", row, a[row], b[row])
		}
	}
	for _, row := range slices.Sorted(maps.Keys(b)) {
		if a[row] != b[row] {
			return fmt.Sprintf("%.300s came %d times and %d times", row, a[row], b[row])
		}
	}
	return "not at all"
}

// checkIncremental reads from nothing, which gives everything, then from there, which gives nothing that was not there.
func checkIncremental(in *inspection, ctx context.Context) error {
	return in.tasks(ctx, sdk.Incremental, func(s connector.Session, streams []sdk.Stream, request connector.Request) error {
		first, err := in.gather(ctx, s, request, streams)
		if err != nil {
			return err
		}
		if root := first.streams[request.Asks[0].Stream]; root.count > 0 && first.done.State.IsZero() && len(first.points) == 0 {
			return errors.New("rows were sent, but no state to go on from")
		}
		return in.continues(ctx, first, point{state: first.done.State, rows: rowsOf(first)}, streams)
	})
}

func rowsOf(r *reading) map[string]map[string]int {
	rows := map[string]map[string]int{}
	for name, d := range r.streams {
		rows[name] = d.rows
	}
	return rows
}

// checkResume stops after each safe checkpoint and goes on from its state in a new session: what came before and what
// comes after must be what one read gives, nothing lost, nothing repeated beyond what a key takes.
func checkResume(in *inspection, ctx context.Context) error {
	resumed := false
	err := in.tasks(ctx, sdk.Incremental, func(s connector.Session, streams []sdk.Stream, request connector.Request) error {
		request.Limits.BatchRows = 2 // many batches, so many checkpoints
		whole, err := in.gather(ctx, s, request, streams)
		if err != nil {
			return err
		}
		for _, p := range spread(whole.points, 12) {
			resumed = true
			if err := in.continues(ctx, whole, p, streams); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && !resumed {
		return skip("no stream has a checkpoint at which a run may stop")
	}
	return err
}

// spread picks at most n points, first and last among them.
func spread(points []point, n int) []point {
	if len(points) <= n {
		return points
	}
	var picked []point
	for i := range n {
		picked = append(picked, points[i*(len(points)-1)/(n-1)])
	}
	return picked
}

// continues reads on from p and compares the union with one whole read.
func (in *inspection) continues(ctx context.Context, whole *reading, p point, streams []sdk.Stream) error {
	request := whole.request
	request.Asks = slices.Clone(request.Asks)
	request.Asks[0].State = p.state
	return in.session(ctx, func(s connector.Session) error {
		rest, err := in.gather(ctx, s, request, streams)
		if err != nil {
			return fmt.Errorf("from %q: %w", p.state.Human, err)
		}
		for name, d := range whole.streams {
			union := maps.Clone(p.rows[name])
			for row, n := range rest.streams[name].rows {
				union[row] += n
			}
			want := d.rows
			if !d.info.AppendOnly || len(d.info.Key) > 0 {
				union, want = asSet(union), asSet(want)
			}
			if !maps.Equal(want, union) {
				return fmt.Errorf("stream %s, stopped at %q and resumed, differs from one read: %s", name, p.state.Human, difference(want, union))
			}
		}
		return nil
	})
}

func asSet(rows map[string]int) map[string]int {
	set := make(map[string]int, len(rows))
	for row := range rows {
		set[row] = 1
	}
	return set
}

func checkColumns(in *inspection, ctx context.Context) error {
	tried := false
	err := in.tasks(ctx, sdk.FullRefresh, func(s connector.Session, streams []sdk.Stream, request connector.Request) error {
		root := streams[slices.IndexFunc(streams, func(s sdk.Stream) bool { return s.Name == request.Asks[0].Stream })]
		if len(root.Columns) < 2 {
			return nil
		}
		tried = true
		wanted := root.Columns[len(root.Columns)-1].Name
		request.Asks = request.Asks[:1]
		request.Asks[0].Columns = []string{wanted}
		r, err := in.gather(ctx, s, request, streams)
		if err != nil {
			return err
		}
		for _, c := range r.streams[root.Name].schema.Columns {
			if c.Name != wanted && c.Name != root.CursorField && !slices.Contains(root.Key, c.Name) {
				return fmt.Errorf("column %s was sent, asked for was %s", c.Name, wanted)
			}
		}
		return nil
	})
	if err == nil && !tried {
		return skip("no stream has known columns to choose from")
	}
	return err
}

func checkUnknownStream(in *inspection, ctx context.Context) error {
	return in.session(ctx, func(s connector.Session) error {
		messages, err := s.Read(ctx, connector.Request{Asks: []connector.Ask{{Stream: "no_such_stream", Mode: sdk.FullRefresh}}})
		if err == nil {
			_, err = drain(ctx, messages)
		}
		if code := fault.CodeOf(in.heard("read", err)); code != fault.NotFound {
			return fmt.Errorf("a stream that does not exist gives class %q, want %s", code, fault.NotFound)
		}
		return nil
	})
}

// drain reads to the end and drops everything.
func drain(ctx context.Context, messages connector.Messages) (n int, err error) {
	for messages.Next(ctx) {
		if batch, ok := messages.Message().(connector.Batch); ok {
			batch.Record.Release()
		}
		n++
	}
	return n, errors.Join(messages.Err(), messages.Close())
}

func checkPreview(in *inspection, ctx context.Context) error {
	const most = 3
	return in.tasks(ctx, sdk.FullRefresh, func(s connector.Session, streams []sdk.Stream, request connector.Request) error {
		request.MaxRows = most
		r, err := in.gather(ctx, s, request, streams)
		if err != nil {
			return err
		}
		for name, d := range r.streams {
			if d.count > most {
				return fmt.Errorf("stream %s: %d rows, asked for %d", name, d.count, most)
			}
		}
		if !r.done.State.IsZero() {
			return errors.New("a preview leaves a state")
		}
		return nil
	})
}

func checkClose(in *inspection, ctx context.Context) error {
	return in.tasks(ctx, sdk.FullRefresh, func(s connector.Session, _ []sdk.Stream, request connector.Request) error {
		messages, err := s.Read(ctx, request)
		if err != nil {
			return err
		}
		if messages.Next(ctx) {
			if batch, ok := messages.Message().(connector.Batch); ok {
				batch.Record.Release()
			}
		}
		if err := messages.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
		for messages.Next(ctx) { // what was on its way may still come, but it ends
			if batch, ok := messages.Message().(connector.Batch); ok {
				batch.Record.Release()
			}
		}
		if ctx.Err() != nil {
			return errors.New("the read goes on after Close")
		}
		return nil
	})
}

func checkCancel(in *inspection, ctx context.Context) error {
	return in.tasks(ctx, sdk.FullRefresh, func(s connector.Session, _ []sdk.Stream, request connector.Request) error {
		inner, cancel := context.WithCancel(ctx)
		defer cancel()
		messages, err := s.Read(inner, request)
		if err != nil {
			return err
		}
		cancel()
		_, err = drain(ctx, messages)
		if code := fault.CodeOf(in.heard("read", err)); code != "" && code != fault.Cancelled {
			return fmt.Errorf("a cancelled read ends with class %s: %w", code, err)
		}
		return nil
	})
}

// checkPanic reads the stream that panics and then does an ordinary thing with the same process.
func checkPanic(in *inspection, ctx context.Context) error {
	if in.subject.Panics == "" {
		return skip("the subject names no stream that panics")
	}
	return in.session(ctx, func(s connector.Session) error {
		messages, err := s.Read(ctx, connector.Request{Asks: []connector.Ask{{Stream: in.subject.Panics, Mode: sdk.FullRefresh}}})
		if err == nil {
			_, err = drain(ctx, messages)
		}
		if code := fault.CodeOf(in.heard("panic", err)); code != fault.Bug {
			return fmt.Errorf("a panic gives class %q, want %s", code, fault.Bug)
		}
		if _, err := in.discover(ctx, s); err != nil {
			return fmt.Errorf("after the panic the connector is no longer there: %w", err)
		}
		return nil
	})
}
