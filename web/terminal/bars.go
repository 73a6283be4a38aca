package terminal

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// Bars shows what is under way, one bar for each name: figures, rate and, where the total is known, the time left. Off a
// terminal it shows nothing.
type Bars struct {
	mu    sync.Mutex
	bars  progress.Writer
	units progress.Units
	each  map[string]*progress.Tracker
	ended chan struct{}
}

// NewBars begins to draw on w. Figures are rows, or bytes.
func NewBars(w io.Writer, bytes bool) *Bars {
	if !IsTerminal(w) {
		return &Bars{}
	}
	format, notation := units, " rows"
	if bytes {
		format, notation = Size, ""
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
	style.Options.SpeedOverallFormatter = format
	style.Visibility.ETA, style.Visibility.Speed, style.Visibility.TrackerOverall = true, true, false
	if os.Getenv("NO_COLOR") == "" {
		style.Colors = progress.StyleColorsExample
	}
	b := &Bars{bars: bars, each: map[string]*progress.Tracker{}, ended: make(chan struct{}),
		units: progress.Units{Notation: notation, NotationPosition: progress.UnitsNotationPositionAfter, Formatter: format}}
	go func() {
		defer close(b.ended)
		bars.Render()
	}()
	return b
}

// Set moves the bar of name; total 0 means unknown.
func (b *Bars) Set(name, text string, done, total int64) {
	if b.bars == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bar := b.each[name]
	if bar == nil {
		bar = &progress.Tracker{Message: text, Units: b.units}
		b.each[name] = bar
		b.bars.AppendTracker(bar)
	}
	bar.UpdateMessage(text)
	if total > 0 {
		bar.UpdateTotal(total)
	}
	bar.SetValue(done)
}

// End stops the clock of a bar.
func (b *Bars) End(name, text string) {
	if b.bars == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if bar := b.each[name]; bar != nil {
		bar.UpdateMessage(text)
		bar.MarkAsDone()
	}
}

// Close takes the bars away, so that the report stands alone.
func (b *Bars) Close() {
	if b.bars == nil {
		return
	}
	b.mu.Lock()
	for _, bar := range b.each {
		bar.MarkAsDone()
	}
	b.mu.Unlock()
	b.bars.Stop()
	<-b.ended
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
