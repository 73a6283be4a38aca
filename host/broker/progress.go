package main

import (
	"fmt"
	"io"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// watcher shows the progress of tables.
type watcher struct{ bars *terminal.Bars }

func newWatcher(w io.Writer) watcher { return watcher{terminal.NewBars(w, false)} }

// ended are the phases after which nothing more comes of a table.
var ended = map[string]bool{"published": true, "unchanged": true, "held": true, "failed": true, "cancelled": true, "skipped": true}

// progress takes a glance at one running table.
func (s watcher) progress(p app.Progress) {
	text := fmt.Sprintf("%-28s %s", p.Table, p.Phase)
	if ended[p.Phase] {
		s.bars.End(p.Table, text)
		return
	}
	if p.Bytes > 0 {
		text += " " + size(p.Bytes)
	}
	done, total := p.Rows, int64(0)
	if p.Total > 0 {
		done, total = int64(p.Done), int64(p.Total)
	}
	s.bars.Set(p.Table, text, done, total)
}

// done takes the bars away, so that the report stands alone.
func (s watcher) done() { s.bars.Close() }
