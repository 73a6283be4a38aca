package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/ai-data-analyst/broker/host/internal/app"
)

// watcher shows the progress of tables: bars with rows, rate and, where the total is known, the time left on a terminal;
// nothing elsewhere.
type watcher struct {
	mu     sync.Mutex
	bars   progress.Writer
	tables map[string]*progress.Tracker
	ended  chan struct{}
}

func newWatcher(w io.Writer) *watcher {
	if !isTerminal(w) {
		return &watcher{}
	}
	bars := progress.NewWriter()
	bars.SetOutputWriter(w)
	bars.SetUpdateFrequency(200 * time.Millisecond)
	bars.SetTrackerLength(20)
	bars.SetTrackerPosition(progress.PositionRight)
	bars.SetMessageLength(48)
	bars.SetAutoStop(false)
	bars.SetStyle(progress.StyleDefault)
	style := bars.Style()
	style.Options.Separator = " "
	style.Options.PercentIndeterminate, style.Options.PercentFormat = "    ", "%3.0f%%"
	style.Options.TimeInProgressPrecision, style.Options.TimeDonePrecision = 100*time.Millisecond, 100*time.Millisecond
	style.Options.SpeedOverallFormatter = units
	style.Visibility.ETA, style.Visibility.Speed, style.Visibility.TrackerOverall = true, true, false
	if os.Getenv("NO_COLOR") == "" {
		style.Colors = progress.StyleColorsExample
	}
	s := &watcher{bars: bars, tables: map[string]*progress.Tracker{}, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		bars.Render()
	}()
	return s
}

// progress takes a glance at one running table.
func (s *watcher) progress(p app.Progress) {
	if ended[p.Phase] {
		s.end(p.Table, fmt.Sprintf("%-28s %s", p.Table, p.Phase))
		return
	}
	text := fmt.Sprintf("%-28s %s", p.Table, p.Phase)
	if p.Bytes > 0 {
		text += " " + size(p.Bytes)
	}
	done, total := p.Rows, int64(0)
	if p.Total > 0 {
		done, total = int64(p.Done), int64(p.Total)
	}
	s.set(p.Table, text, done, total)
}

// ended are the phases after which nothing more comes of a table.
var ended = map[string]bool{"published": true, "unchanged": true, "held": true, "failed": true, "cancelled": true, "skipped": true}

// end stops the clock of a bar.
func (s *watcher) end(name, text string) {
	if s.bars == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if bar := s.tables[name]; bar != nil {
		bar.UpdateMessage(text)
		bar.MarkAsDone()
	}
}

func (s *watcher) set(name, text string, done, total int64) {
	if s.bars == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bar := s.tables[name]
	if bar == nil {
		bar = &progress.Tracker{Message: text, Units: progress.Units{Notation: " rows", NotationPosition: progress.UnitsNotationPositionAfter, Formatter: units}}
		s.tables[name] = bar
		s.bars.AppendTracker(bar)
	}
	bar.UpdateMessage(text)
	if total > 0 {
		bar.UpdateTotal(total)
	}
	bar.SetValue(done)
}

// done takes the bars away, so that the report stands alone.
func (s *watcher) done() {
	if s.bars == nil {
		return
	}
	s.mu.Lock()
	for _, bar := range s.tables {
		bar.MarkAsDone()
	}
	s.mu.Unlock()
	s.bars.Stop()
	<-s.ended
}

// units writes a number of rows short enough for a bar.
func units(n int64) string {
	switch {
	case n >= 10_000_000:
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	case n >= 10_000:
		return fmt.Sprintf("%.0f k", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}
