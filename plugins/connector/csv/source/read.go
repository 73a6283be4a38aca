package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/files"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/infer"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/read"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

// stateVersion is the format of state.
const stateVersion = 1

// state is what the next run has to know of a file.
type state struct {
	File    files.Identity    `json:"file"`
	Written string            `json:"written"` // digest of the settings that say how the file is written
	Columns []column          `json:"columns"` // in order
	Types   map[string]string `json:"types"`   // of all columns there ever were
}

// column is one column of a state.
type column struct {
	Name     string `json:"name"`
	Original string `json:"original,omitempty"` // what the header says, unless it is the name
}

// mostOriginals is for how many columns a state keeps what the header says; more would make it too large.
const mostOriginals = 1_000

// output is what read needs of connector.Records.
type output interface {
	read.Sink
	SetState(version uint32, state any, human string) error
	Warn(ctx context.Context, code, message string) error
}

// read delivers the rows of one file. In incremental reads a file that has not changed delivers none, and one that is
// still being written is left for the next run.
func (s *source) read(ctx context.Context, f files.File, q connector.Query, to output) error {
	if f.Err != nil {
		return f.Err
	}
	var before state
	known, err := q.State(stateVersion, &before)
	if err != nil {
		return err
	}
	file, err := s.root.Open(ctx, f.Name, s.clock)
	if errors.Is(err, files.ErrGrowing) && known && q.Mode == sdk.Incremental {
		s.log.Info("left for the next run", "file", f.Name, "why", err.Error())
		return errors.Join(to.Warn(ctx, "growing_file", f.Name+" is still being written: it is left for the next run"), s.same(ctx, before, q, to))
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if known && q.Mode == sdk.Incremental && before.File == file.Identity && before.Written == s.written(q) {
		return s.same(ctx, before, q, to)
	}
	result, err := read.File(ctx, file, s.options(file, before, q), to)
	if err != nil {
		return err
	}
	if q.MaxRows > 0 {
		return nil
	}
	if err := file.Unchanged(); err != nil {
		return err
	}
	after := state{File: file.Identity, Written: s.written(q), Types: map[string]string{}}
	maps.Copy(after.Types, before.Types)
	for _, c := range result.Columns {
		kept := column{Name: c.Name}
		if original := c.Meta["original"]; original != c.Name && len(result.Columns) <= mostOriginals {
			kept.Original = original
		}
		after.Columns = append(after.Columns, kept)
		after.Types[c.Name] = c.Type.String()
	}
	human := fmt.Sprintf("%s of %s, %d rows", f.Name, time.Unix(0, file.Changed).UTC().Format("2006-01-02 15:04:05 UTC"), result.Rows)
	return to.SetState(stateVersion, after, human)
}

func (s *source) options(file *files.Opened, before state, q connector.Query) read.Options {
	return read.Options{
		Name: file.Identity.Name, Size: file.Size, Dialect: s.dialect, Header: s.settings.Header, Encoding: s.settings.Encoding,
		Nulls: s.settings.Nulls, Ragged: s.settings.Ragged, Pins: before.Types, Filters: q.Filters, MaxRows: q.MaxRows,
	}
}

// same says that nothing has changed since the state.
func (s *source) same(ctx context.Context, before state, q connector.Query, to output) error {
	columns := make([]sdk.Column, len(before.Columns))
	for i, c := range before.Columns {
		kind, _ := infer.Parse(before.Types[c.Name])
		columns[i] = sdk.Column{Name: c.Name, Type: kind.Type()}
		if s.settings.Header {
			columns[i].Meta = map[string]string{"original": cmp.Or(c.Original, c.Name)}
		}
	}
	return errors.Join(to.Schema(ctx, columns, nil), to.SetState(stateVersion, before, q.Cursor.Human))
}

// written is a digest of what decides what the bytes of a file mean and which of its rows are wanted.
func (s *source) written(q connector.Query) string {
	settings := s.settings
	settings.Path = ""
	text, err := json.Marshal([]any{settings, q.Columns, q.Filters})
	if err != nil {
		return "" // never equal to a digest: the file is read
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
