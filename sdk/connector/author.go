package connector

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/mark"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/rows"
)

// Author is what sdk/serve serves: Plugin, whatever its type parameters.
type Author interface {
	// Build checks the declaration and returns the connector in process, as host and tests use it.
	Build() (Connector, error)
}

// Plugin declares a connector. C is its settings struct (tags cfg, doc, default, required, secret, oneof, min, max,
// format), S what Open makes of them. Only Name, Version, Open and one of Streams and Discover are needed.
type Plugin[C, S any] struct {
	Name, Version, Doc string

	Open     func(ctx context.Context, rt Runtime, settings C) (S, error)
	Close    func(s S) error
	Check    func(ctx context.Context, s S) error // default: read one row of the first stream
	Validate func(settings C) []Problem           // offline rules beyond the tags

	Streams  []Stream[S]
	Discover func(ctx context.Context, s S) ([]Stream[S], error) // default: Streams

	// OnAck is told that everything up to state is published, so that the source may forget it.
	OnAck func(ctx context.Context, s S, state sdk.Cursor) error
}

// Runtime is what a session may use of its surroundings.
type Runtime struct {
	RunID   string
	WorkDir string           // private temporary folder
	Now     func() time.Time // the clock
	Log     Logger
}

// Logger writes to the plugin's log, which the host keeps. Secrets of the settings are masked in it.
type Logger interface {
	Info(message string, args ...any)
	Warn(message string, args ...any)
}

// Stream is one declared stream with its reader. Make it with Table or Dynamic.
type Stream[S any] struct {
	info  sdk.Stream
	shape *rows.Shape // of struct rows; nil for Dynamic
	read  func(ctx context.Context, s S, q Query, out Output) error
	err   error // of the declaration; Build returns it
}

// Table declares a stream whose rows are structs of type R (tags col:"name[,key][,cursor][,pii][,json|uuid|url|markdown|html]",
// doc, type:"decimal(p,s)|date|time|timestamp"). Session and row type are inferred from the reader. A nil reader goes
// with Parent: the parent's reader delivers the rows.
func Table[S, R any](name string, read func(ctx context.Context, s S, q Query, rows *Rows[R]) error, options ...Option) Stream[S] {
	stream := Stream[S]{info: sdk.Stream{Name: name}}
	shape, err := rows.ShapeOf(reflect.TypeFor[R]())
	if err != nil {
		stream.err = fmt.Errorf("stream %s: %w", name, err)
		return stream
	}
	stream.shape = shape
	stream.info.Columns, stream.info.Key, stream.info.CursorField = shape.Columns, shape.Key, shape.Cursor
	if read != nil {
		stream.read = func(ctx context.Context, s S, q Query, out Output) error {
			return read(ctx, s, q, &Rows[R]{Output: out, shape: shape})
		}
	}
	stream.apply(options)
	return stream
}

// Dynamic declares a stream whose columns are values. columns may be nil when they are known only once reading has
// begun: the reader then calls Records.Schema first. A nil reader goes with Parent.
func Dynamic[S any](name string, columns []sdk.Column, read func(ctx context.Context, s S, q Query, rows *Records) error, options ...Option) Stream[S] {
	stream := Stream[S]{info: sdk.Stream{Name: name, Columns: columns}}
	if read != nil {
		stream.read = func(ctx context.Context, s S, q Query, out Output) error {
			return read(ctx, s, q, &Records{Output: out})
		}
	}
	stream.apply(options)
	return stream
}

func (s *Stream[S]) apply(options []Option) {
	for _, option := range options {
		option(&s.info)
	}
	if s.info.Modes == nil {
		s.info.Modes = []sdk.SyncMode{sdk.FullRefresh}
		if s.info.CursorField != "" {
			s.info.Modes = append(s.info.Modes, sdk.Incremental)
		}
	}
	s.err = s.check()
}

func (s *Stream[S]) check() error {
	if err := s.info.Validate(); err != nil {
		return err
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("stream %s: %s", s.info.Name, fmt.Sprintf(format, args...))
	}
	for _, m := range s.info.Modes {
		if m != sdk.FullRefresh && m != sdk.Incremental && m != sdk.Partitioned {
			return fail("mode %q: want full_refresh, incremental or partitioned", m)
		}
	}
	switch {
	case s.read == nil && s.info.Parent == "":
		return fail("it has no reader; only a stream with a Parent may have none")
	case s.info.Parent == s.info.Name:
		return fail("it is its own parent")
	case s.info.Lookback < 0:
		return fail("the lookback is negative")
	case s.info.CursorField == "" && (s.info.Sorted || s.info.Lookback > 0):
		return fail("Sorted and Lookback need a cursor field")
	}
	for _, c := range s.info.Columns {
		if c.Name != s.info.CursorField {
			continue
		}
		if !mark.Usable(c.Type) {
			return fail("a column of type %s cannot be the cursor field", c.Type)
		}
		if s.info.Lookback > 0 && !mark.Timely(c.Type) {
			return fail("Lookback needs a cursor field that is a timestamp or a date, not %s", c.Type)
		}
	}
	return nil
}
