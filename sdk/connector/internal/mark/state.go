package mark

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
)

// Version is that of the state kept here.
const Version = 1

// keeper marks a state as kept by the SDK, so that it is never taken for an author's own.
const keeper = "sdk"

// State is the resume point of the streams of one task.
type State struct {
	Kept    string          `json:"kept"`
	Streams map[string]Edge `json:"streams"`
}

// Edge is how far one stream has been read.
type Edge struct {
	Field string         `json:"field"`
	Type  string         `json:"type"`
	Value string         `json:"value"`
	From  string         `json:"from,omitempty"` // append-only streams: Rows holds all rows from here on
	Rows  map[string]int `json:"rows,omitempty"` // append-only streams: hashes of the rows that will be read again
}

// Kept says whether cursor holds a state kept here.
func Kept(cursor sdk.Cursor) bool {
	var s struct {
		Kept string `json:"kept"`
	}
	return json.Unmarshal(cursor.Data, &s) == nil && s.Kept == keeper
}

// ParseState reads a state kept here; an empty cursor gives an empty one.
func ParseState(cursor sdk.Cursor) (State, error) {
	if cursor.IsZero() {
		return State{Kept: keeper, Streams: map[string]Edge{}}, nil
	}
	var s State
	if err := json.Unmarshal(cursor.Data, &s); err != nil {
		return s, errors.New("the state cannot be read")
	}
	if s.Kept != keeper || cursor.Version != Version || s.Streams == nil {
		return s, errors.New("the state is of another kind or version than this connector keeps")
	}
	return s, nil
}

// Cursor writes the state, with a sentence for people.
func (s State) Cursor(human map[string]string) (sdk.Cursor, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return sdk.Cursor{}, fmt.Errorf("write the state: %w", err)
	}
	names := make([]string, 0, len(human))
	for name := range human {
		names = append(names, name)
	}
	sort.Strings(names)
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = name + " up to " + human[name]
	}
	return sdk.Cursor{Version: Version, Data: text, Human: strings.Join(parts, ", ")}, nil
}
