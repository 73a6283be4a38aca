package connectortest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/connector/connectortest"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// mutant is the good connector with some of its answers changed.
type mutant struct {
	connector.Connector
	describe func(connector.Description) connector.Description
	validate func([]connector.Problem) []connector.Problem
	openErr  func(error) error
	check    func([]connector.CheckItem) []connector.CheckItem
	discover func([]sdk.Stream, []string) []sdk.Stream
	message  func(connector.Message) []connector.Message
	readErr  func(error) error
	findErr  func(error) error
	endless  bool // goes on after Close
}

func (m mutant) Describe(ctx context.Context) (connector.Description, error) {
	d, err := m.Connector.Describe(ctx)
	if m.describe != nil {
		d = m.describe(d)
	}
	return d, err
}

func (m mutant) Validate(ctx context.Context, settings []byte) ([]connector.Problem, error) {
	problems, err := m.Connector.Validate(ctx, settings)
	if m.validate != nil {
		problems = m.validate(problems)
	}
	return problems, err
}

func (m mutant) Open(ctx context.Context, open connector.Open) (connector.Session, error) {
	s, err := m.Connector.Open(ctx, open)
	if err != nil {
		if m.openErr != nil {
			err = m.openErr(err)
		}
		return nil, err
	}
	return mutantSession{s, m}, nil
}

type mutantSession struct {
	connector.Session
	m mutant
}

func (s mutantSession) Check(ctx context.Context) ([]connector.CheckItem, error) {
	items, err := s.Session.Check(ctx)
	if s.m.check != nil {
		items = s.m.check(items)
	}
	return items, err
}

func (s mutantSession) Discover(ctx context.Context, only []string) ([]sdk.Stream, error) {
	streams, err := s.Session.Discover(ctx, only)
	if s.m.discover != nil {
		streams = s.m.discover(slices.Clone(streams), only)
	}
	return streams, err
}

func (s mutantSession) Read(ctx context.Context, request connector.Request) (connector.Messages, error) {
	messages, err := s.Session.Read(ctx, request)
	if err != nil {
		if s.m.findErr != nil {
			err = s.m.findErr(err)
		}
		return nil, err
	}
	return &mutantMessages{Messages: messages, m: s.m}, nil
}

type mutantMessages struct {
	connector.Messages
	m       mutant
	queue   []connector.Message
	current connector.Message
	closed  bool
}

func (m *mutantMessages) Close() error {
	m.closed = true
	return m.Messages.Close()
}

func (m *mutantMessages) Next(ctx context.Context) bool {
	if m.closed && m.m.endless {
		m.current = connector.Status{Phase: "still here"}
		return ctx.Err() == nil
	}
	for len(m.queue) == 0 {
		if !m.Messages.Next(ctx) {
			return false
		}
		m.queue = []connector.Message{m.Messages.Message()}
		if m.m.message != nil {
			m.queue = m.m.message(m.Messages.Message())
		}
	}
	m.current, m.queue = m.queue[0], m.queue[1:]
	return true
}

func (m *mutantMessages) Message() connector.Message { return m.current }

func (m *mutantMessages) Err() error {
	if m.m.readErr != nil {
		return m.m.readErr(m.Messages.Err())
	}
	return m.Messages.Err()
}

// change makes a message mutation for one type of message.
func change[M connector.Message](with func(M) []connector.Message) func(connector.Message) []connector.Message {
	return func(m connector.Message) []connector.Message {
		if own, ok := m.(M); ok {
			return with(own)
		}
		return []connector.Message{m}
	}
}

func one(m connector.Message) []connector.Message { return []connector.Message{m} }

// TestMutantsAreCaught breaks the good connector in one way each and names the check that must see it.
func TestMutantsAreCaught(t *testing.T) {
	var calls atomic.Int64
	for _, tt := range []struct {
		name, check string
		m           mutant
	}{
		{"kind", "describe", mutant{describe: func(d connector.Description) connector.Description { d.Kind = "thing"; return d }}},
		{"field type", "describe", mutant{describe: func(d connector.Description) connector.Description {
			d.Settings = slices.Clone(d.Settings)
			d.Settings[0].Type = "regex"
			return d
		}}},
		{"unsteady description", "describe_stable", mutant{describe: func(d connector.Description) connector.Description {
			d.Doc = fmt.Sprint(calls.Add(1))
			return d
		}}},
		{"refuses good settings", "settings_good", mutant{validate: func(p []connector.Problem) []connector.Problem {
			return append(p, connector.Problem{Path: "url", Summary: "is not liked"})
		}}},
		{"ignores bad settings", "settings_bad", mutant{validate: func([]connector.Problem) []connector.Problem { return nil }}},
		{"problem without path", "settings_unknown", mutant{validate: withoutPaths}},
		{"problem without path", "settings_required", mutant{validate: withoutPaths}},
		{"open fails with a bare error", "settings_bad", mutant{openErr: func(err error) error { return errors.New(err.Error()) }}},
		{"secret in an error", "secrets", mutant{openErr: func(err error) error {
			return fault.Wrap(fault.Config, err, "token correct-horse-battery")
		}}},
		{"secret in the state", "secrets", mutant{message: change(func(d connector.Done) []connector.Message {
			d.State.Human = "correct-horse-battery"
			return one(d)
		})}},
		{"secret in an issue", "secrets", mutant{message: change(func(s connector.StreamDone) []connector.Message {
			return []connector.Message{connector.Issue{Stream: s.Stream, Code: "x", Count: 1, Sample: "correct-horse-battery"}, s}
		})}},
		{"check finds nothing", "check", mutant{check: func([]connector.CheckItem) []connector.CheckItem { return nil }}},
		{"check fails", "check", mutant{check: func(items []connector.CheckItem) []connector.CheckItem {
			items[0].Err = fault.New(fault.Auth, "no")
			return items
		}}},
		{"unsteady streams", "discover_stable", mutant{discover: func(s []sdk.Stream, _ []string) []sdk.Stream {
			s[0].Doc = fmt.Sprint(calls.Add(1))
			return s
		}}},
		{"wrong type", "discover", mutant{discover: func(s []sdk.Stream, _ []string) []sdk.Stream {
			s[0].Columns = []sdk.Column{{Name: "id", Type: sdk.Type{ID: "int128"}}}
			return s
		}}},
		{"ignores only", "discover_only", mutant{discover: func(s []sdk.Stream, only []string) []sdk.Stream {
			if len(only) > 0 {
				return append(s, sdk.Stream{Name: "another"})
			}
			return s
		}}},
		{"no schema", "read_full", mutant{message: change(func(connector.Schema) []connector.Message { return nil })}},
		{"no schema of an empty stream", "read_full", mutant{message: change(func(s connector.Schema) []connector.Message {
			if s.Stream == "empty" {
				return nil
			}
			return one(s)
		})}},
		{"schema with another type", "read_full", mutant{message: change(func(s connector.Schema) []connector.Message {
			s.Columns = slices.Clone(s.Columns)
			s.Columns[0].Type = sdk.Type{ID: sdk.Uint64}
			return one(s)
		})}},
		{"epoch 0", "read_full", mutant{message: change(func(s connector.Schema) []connector.Message { s.Epoch = 0; return one(s) })}},
		{"batch of another epoch", "read_full", mutant{message: change(func(b connector.Batch) []connector.Message { b.Epoch = 7; return one(b) })}},
		{"batch of another stream", "read_full", mutant{message: change(func(b connector.Batch) []connector.Message { b.Stream = "else"; return one(b) })}},
		{"batch with a column less", "read_full", mutant{message: change(func(b connector.Batch) []connector.Message {
			return one(dropColumn(b))
		})}},
		{"lost batch", "read_full", mutant{message: change(func(b connector.Batch) []connector.Message { b.Record.Release(); return nil })}},
		{"no boundary", "read_full", mutant{message: change(func(connector.Boundary) []connector.Message { return nil })}},
		{"boundary without end", "read_full", mutant{message: change(func(b connector.Boundary) []connector.Message {
			if b.Complete {
				return nil
			}
			return one(b)
		})}},
		{"boundary counts wrong", "read_full", mutant{message: change(func(b connector.Boundary) []connector.Message { b.Rows += 3; return one(b) })}},
		{"no StreamDone", "read_full", mutant{message: change(func(connector.StreamDone) []connector.Message { return nil })}},
		{"no Done", "read_full", mutant{message: change(func(connector.Done) []connector.Message { return nil })}},
		{"Done counts wrong", "read_full", mutant{message: change(func(d connector.Done) []connector.Message {
			d.Rows = map[string]uint64{}
			return one(d)
		})}},
		{"message after Done", "read_full", mutant{message: change(func(d connector.Done) []connector.Message {
			return []connector.Message{d, connector.Status{Phase: "late"}}
		})}},
		{"state forgotten", "read_incremental", mutant{message: func(m connector.Message) []connector.Message {
			switch m := m.(type) {
			case connector.Checkpoint:
				return nil
			case connector.Done:
				m.State = sdk.Cursor{}
				return one(m)
			}
			return one(m)
		}}},
		{"checkpoint counts wrong", "read_incremental", mutant{message: change(func(c connector.Checkpoint) []connector.Message {
			c.Rows = map[string]uint64{}
			return one(c)
		})}},
		{"checkpoint ids stand still", "read_resume", mutant{message: change(func(c connector.Checkpoint) []connector.Message { c.ID = 1; return one(c) })}},
		{"wrong class for an unknown stream", "read_unknown", mutant{findErr: func(err error) error {
			return fault.Wrap(fault.Transient, err, "read")
		}}},
		{"panic told as data", "panic", mutant{readErr: func(err error) error {
			return fault.Wrap(fault.Data, err, "something")
		}}},
	} {
		t.Run(tt.check+"/"+tt.name, func(t *testing.T) {
			report := connectortest.Run(t.Context(), subject(func() (connector.Connector, error) {
				c, err := good().Build()
				tt.m.Connector = c
				return tt.m, err
			}))
			wantFailed(t, report, tt.check)
		})
	}
}

func wantFailed(t *testing.T, report connectortest.Report, check string) {
	t.Helper()
	for _, c := range report.Failed() {
		if c.Name == check {
			return
		}
	}
	t.Errorf("%s did not fail:\n%s", check, report)
}

func withoutPaths(problems []connector.Problem) []connector.Problem {
	for i := range problems {
		problems[i].Path = ""
	}
	return problems
}

// TestReadersThatLoseOrRepeatAreCaught are wrong readers on the right SDK.
func TestReadersThatLoseOrRepeatAreCaught(t *testing.T) {
	var calls atomic.Int64
	keyed := func(read func(context.Context, settings, connector.Query, *connector.Rows[order]) error, options ...connector.Option) connector.Stream[settings] {
		return connector.Table("orders", read, options...)
	}
	for _, tt := range []struct {
		name, check string
		stream      connector.Stream[settings]
	}{
		{"unsteady rows", "read_twice", keyed(func(ctx context.Context, _ settings, _ connector.Query, rows *connector.Rows[order]) error {
			return rows.Append(ctx, order{ID: calls.Add(1)})
		})},
		{"checkpoint before its rows", "read_resume", keyed(func(ctx context.Context, s settings, q connector.Query, rows *connector.Rows[order]) error {
			next := 0
			if _, err := q.State(1, &next); err != nil {
				return err
			}
			for i, o := range makeOrders(s.Size) {
				if i < next {
					continue
				}
				if err := rows.Checkpoint(ctx, 1, i+1, fmt.Sprint(i+1, " orders")); err != nil {
					return err
				}
				if err := rows.Append(ctx, o); err != nil {
					return err
				}
			}
			return nil
		})},
		{"state of another version", "read_incremental", keyed(func(ctx context.Context, s settings, q connector.Query, rows *connector.Rows[order]) error {
			next := 0
			if _, err := q.State(2, &next); err != nil {
				return err
			}
			if err := rows.Append(ctx, makeOrders(s.Size)...); err != nil {
				return err
			}
			return rows.SetState(1, 7, "7")
		})},
		{"another row on resume", "read_incremental", keyed(func(ctx context.Context, s settings, q connector.Query, rows *connector.Rows[order]) error {
			if q.Since.Text() != "" {
				return rows.Append(ctx, order{ID: 1_000_000, Updated: time.Date(2026, 8, 1, 23, 0, 0, 0, time.UTC)})
			}
			return rows.Append(ctx, makeOrders(s.Size)...)
		})},
		{"panics in every read", "read_full", keyed(func(context.Context, settings, connector.Query, *connector.Rows[order]) error {
			panic("always")
		})},
	} {
		t.Run(tt.check+"/"+tt.name, func(t *testing.T) {
			p := good()
			p.Streams = []connector.Stream[settings]{tt.stream}
			s := subject(p.Build)
			s.Panics = ""
			wantFailed(t, connectortest.Run(t.Context(), s), tt.check)
		})
	}
}

// dropColumn leaves the last column of a batch out.
func dropColumn(b connector.Batch) connector.Batch {
	defer b.Record.Release()
	schema := arrow.NewSchema(b.Record.Schema().Fields()[:b.Record.NumCols()-1], nil)
	b.Record = array.NewRecord(schema, b.Record.Columns()[:b.Record.NumCols()-1], b.Record.NumRows())
	return b
}

// TestConnectorThatHangsFails shows that the suite ends even when the connector does not answer.
func TestConnectorThatHangsFails(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	s := subject(func() (connector.Connector, error) {
		c, err := good().Build()
		return mutant{Connector: c, describe: func(d connector.Description) connector.Description {
			<-release
			return d
		}}, err
	})
	s.Limit = 50 * time.Millisecond
	wantFailed(t, connectortest.Run(t.Context(), s), "describe")
}

func TestReadThatGoesOnAfterCloseFails(t *testing.T) {
	s := subject(func() (connector.Connector, error) {
		c, err := good().Build()
		return mutant{Connector: c, endless: true}, err
	})
	s.Limit = 300 * time.Millisecond
	wantFailed(t, connectortest.Run(t.Context(), s), "close_mid_read")
}
