package connector

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/mark"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Query is what a reader is asked for.
type Query struct {
	Mode        sdk.SyncMode
	Since       Since // where an incremental or partitioned read starts, lookback already taken off; zero in full reads
	Columns     []string
	Filters     []Filter
	HistoryFrom time.Time  // first load only: nothing older is wanted; zero = everything
	MaxRows     int        // > 0 in previews: the reader may stop early
	Cursor      sdk.Cursor // the raw published state, in every mode; State decodes it
}

// State decodes the JSON state that an earlier run left through SetState or Checkpoint into state and says whether
// there was one. A version other than version is an error of class state_expired.
func (q Query) State(version uint32, state any) (bool, error) {
	if q.Cursor.IsZero() {
		return false, nil
	}
	if q.Cursor.Version != version || mark.Kept(q.Cursor) {
		return false, expired("the state has version %d, this connector reads version %d", q.Cursor.Version, version)
	}
	if err := json.Unmarshal(q.Cursor.Data, state); err != nil {
		return false, expired("the state cannot be read: %v", err)
	}
	return true, nil
}

func expired(format string, args ...any) *fault.Fault {
	return fault.Newf(fault.StateExpired, format, args...).WithHelp("Read the stream from the start, with --full.")
}

// Since is the inclusive lower bound of an incremental read: what lies exactly on it is read again.
type Since struct{ text string }

// Time returns the bound as a time, or otherwise if there is none.
func (s Since) Time(otherwise time.Time) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.Parse(layout, s.text); err == nil {
			return t
		}
	}
	return otherwise
}

// Int returns the bound as an integer, or otherwise if there is none.
func (s Since) Int(otherwise int64) int64 {
	if i, err := strconv.ParseInt(s.text, 10, 64); err == nil {
		return i
	}
	return otherwise
}

// Text returns the bound as text, "" if there is none.
func (s Since) Text() string { return s.text }
