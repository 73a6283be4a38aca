// Package hook is what Claude Code calls: it reads the event from standard input, guards files and tokens, and keeps
// account of sessions so that their transcripts are collected even when the end of a session is never told.
//
// It never talks to a server and never blocks a session: what takes long works detached. Imported by the verbs.
package hook

import (
	"encoding/json"
	"io"
	"os"
	"time"
)

// Input is an event as Claude Code writes it (fields seen with 2.1).
type Input struct {
	SessionID      string    `json:"session_id"`
	TranscriptPath string    `json:"transcript_path"`
	Cwd            string    `json:"cwd"`
	Event          string    `json:"hook_event_name"`
	Source         string    `json:"source,omitempty"`
	Reason         string    `json:"reason,omitempty"`
	ToolName       string    `json:"tool_name,omitempty"`
	ToolInput      ToolInput `json:"tool_input,omitzero"`
}

// ToolInput holds the members of tool inputs that say which file or command is meant.
type ToolInput struct {
	Command      string `json:"command,omitempty"`
	FilePath     string `json:"file_path,omitempty"`
	NotebookPath string `json:"notebook_path,omitempty"`
	Path         string `json:"path,omitempty"`
	Pattern      string `json:"pattern,omitempty"`
}

// maxInput bounds an event; the content of a file to be written is part of it.
const maxInput = 16 << 20

// Read reads an event. Standard input may be empty (seen on macOS) or a terminal: then the event is empty too.
func Read(r io.Reader, wait time.Duration) (Input, error) {
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return Input{}, nil
		}
	}
	type answer struct {
		text []byte
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		text, err := io.ReadAll(io.LimitReader(r, maxInput))
		read <- answer{text, err}
	}()
	var in Input
	select {
	case a := <-read:
		if a.err != nil {
			return Input{}, a.err
		}
		if len(a.text) == 0 {
			return Input{}, nil
		}
		err := json.Unmarshal(a.text, &in)
		return in, err
	case <-time.After(wait): // nobody closes our input: go on without
		return Input{}, nil
	}
}
