package sdk

import (
	"fmt"
	"time"
)

// SyncMode says how a stream is read.
type SyncMode string

// The three strategies, as data_description.md names them.
const (
	FullRefresh SyncMode = "full_refresh" // everything, replacing what was
	Incremental SyncMode = "incremental"  // what changed since the cursor
	Partitioned SyncMode = "partitioned"  // whole partitions, replacing exactly the delivered ones
)

// Stream is what a source offers: rows of one shape.
type Stream struct {
	Name        string // NamePattern
	Doc         string
	Columns     []Column // nil when known only once reading has begun
	Key         []string // names of key columns, in order; empty = no key
	CursorField string   // column that orders changes; "" = none
	Sorted      bool     // rows come in rising order of CursorField
	AppendOnly  bool     // rows never change once written: incremental needs no key
	Lookback    time.Duration
	Modes       []SyncMode // supported modes; empty = FullRefresh only
	Parent      string     // name of the root stream whose run delivers this one; "" = own root
	RateKey     string     // streams with one key share a rate budget at the source; "" = none
}

// Supports says whether s can be read in mode m.
func (s Stream) Supports(m SyncMode) bool {
	if len(s.Modes) == 0 {
		return m == FullRefresh
	}
	for _, mode := range s.Modes {
		if mode == m {
			return true
		}
	}
	return false
}

// Validate checks names, columns, key and cursor field.
func (s Stream) Validate() error {
	if !ValidName(s.Name) {
		return fmt.Errorf("stream name %.80q does not match %s", s.Name, NamePattern)
	}
	if s.Columns == nil {
		return nil
	}
	if err := ValidateColumns(s.Columns); err != nil {
		return fmt.Errorf("stream %s: %w", s.Name, err)
	}
	for _, k := range s.Key {
		if !hasColumn(s.Columns, k) {
			return fmt.Errorf("stream %s: key column %q does not exist", s.Name, k)
		}
	}
	if s.CursorField != "" && !hasColumn(s.Columns, s.CursorField) {
		return fmt.Errorf("stream %s: cursor field %q does not exist", s.Name, s.CursorField)
	}
	return nil
}

func hasColumn(columns []Column, name string) bool {
	for _, c := range columns {
		if c.Name == name {
			return true
		}
	}
	return false
}

// Cursor is a connector's opaque resume point, with what people may read of it. The host stores it beside the rows it
// stands for (I2) and never looks inside.
type Cursor struct {
	Version uint32 `json:"version"` // of Data's format, the connector's own
	Data    []byte `json:"data"`
	Human   string `json:"human,omitempty"` // e.g. "orders up to 2026-08-01 12:00 UTC"
}

// IsZero says whether there is no resume point.
func (c Cursor) IsZero() bool { return c.Version == 0 && len(c.Data) == 0 }

// MaxCursorBytes caps Cursor.Data.
const MaxCursorBytes = 1 << 20
