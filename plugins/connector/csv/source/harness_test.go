package source_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/source"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

type config map[string]any

// noSleep lets no time pass: files written by a test are old anyway, see write.
func noSleep(context.Context, time.Duration) error { return nil }

// write makes a file that has not changed for a while.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	age(t, path)
	return path
}

func age(t testing.TB, path string) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, settings config, sleep func(context.Context, time.Duration) error) (connector.Session, error) {
	t.Helper()
	built, err := source.Plugin(sleep).Build()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	session, err := built.Open(context.Background(), connector.Open{Settings: text, WorkDir: t.TempDir()})
	if err == nil {
		t.Cleanup(func() {
			if err := session.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	return session, err
}

// outcome is what one read gave.
type outcome struct {
	Types  []string // "name type"
	Rows   []string // cells joined by |
	Issues []string // "code column key ×count", "!" before it where rows were rejected
	State  sdk.Cursor
	Err    error
	Begun  bool // the stream's columns were sent
}

// read reads one stream of a fresh session.
func read(t testing.TB, settings config, ask connector.Ask) outcome {
	t.Helper()
	session, err := open(t, settings, noSleep)
	if err != nil {
		return outcome{Err: err}
	}
	return readFrom(t, session, connector.Request{Asks: []connector.Ask{ask}})
}

func readFrom(t testing.TB, session connector.Session, request connector.Request) outcome {
	t.Helper()
	ctx := context.Background()
	messages, err := session.Read(ctx, request)
	if err != nil {
		return outcome{Err: err}
	}
	defer messages.Close()
	var got outcome
	for messages.Next(ctx) {
		switch m := messages.Message().(type) {
		case connector.Schema:
			got.Begun, got.Types = true, nil
			for _, c := range m.Columns {
				got.Types = append(got.Types, c.Name+" "+c.Type.String())
			}
		case connector.Batch:
			got.Rows = append(got.Rows, rowsOf(m.Record)...)
			m.Record.Release()
		case connector.Issue:
			mark := ""
			if m.Rejected {
				mark = "!"
			}
			got.Issues = append(got.Issues, strings.TrimSpace(fmt.Sprintf("%s%s %s", mark, m.Code, strings.TrimSpace(m.Column+" "+m.Key)))+fmt.Sprintf(" ×%d", m.Count))
		case connector.Done:
			got.State = m.State
		}
	}
	got.Err = messages.Err()
	return got
}

func rowsOf(batch arrow.Record) []string {
	rows := make([]string, batch.NumRows())
	for i := range rows {
		cells := make([]string, batch.NumCols())
		for c := range cells {
			cells[c] = batch.Column(c).ValueStr(i) // writes a Z behind every timestamp
		}
		rows[i] = strings.Join(cells, "|")
	}
	return rows
}
