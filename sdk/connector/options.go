package connector

import (
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

// Option changes a declared stream: Key, CursorField, Sorted, AppendOnly, Lookback, Modes, Parent, RateKey, Doc.
type Option func(*sdk.Stream)

// Key names the key columns of a stream, in order. Struct rows may say it by the tag option key instead.
func Key(columns ...string) Option { return func(s *sdk.Stream) { s.Key = columns } }

// CursorField names the column that orders changes. Struct rows may say it by the tag option cursor instead.
func CursorField(column string) Option { return func(s *sdk.Stream) { s.CursorField = column } }

// Sorted says that rows come in rising order of the cursor field: a long read can then be resumed in its middle.
func Sorted() Option { return func(s *sdk.Stream) { s.Sorted = true } }

// AppendOnly says that rows never change once written, so that reading what is new needs no key.
func AppendOnly() Option { return func(s *sdk.Stream) { s.AppendOnly = true } }

// Lookback is how far before the resume point an incremental read starts, for rows that show up late.
func Lookback(d time.Duration) Option { return func(s *sdk.Stream) { s.Lookback = d } }

// Modes lists how the stream can be read. Without it: full_refresh, and incremental where there is a cursor field.
func Modes(modes ...sdk.SyncMode) Option { return func(s *sdk.Stream) { s.Modes = modes } }

// Parent names the stream whose reader delivers the rows of this one, through Child.
func Parent(stream string) Option { return func(s *sdk.Stream) { s.Parent = stream } }

// RateKey says that streams of the same key share one rate budget at the source.
func RateKey(key string) Option { return func(s *sdk.Stream) { s.RateKey = key } }

// Doc describes the stream to people.
func Doc(text string) Option { return func(s *sdk.Stream) { s.Doc = text } }
