package terminal

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

// Bars shows what is under way, one bar for each name: figures, rate and, where the total is known, the time left. Off a
// terminal it shows nothing.
type Bars struct {
	mu    sync.Mutex
	out   io.Writer
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
	bars.SetTrackerPosition(progress.PositionRight)
	bars.SetAutoStop(false)
	bars.SetStyle(progress.StyleDefault)
	style := bars.Style()
	style.Options.Separator = " "
	style.Options.PercentIndeterminate, style.Options.PercentFormat = "    ", "%3.0f%%"
	style.Options.TimeInProgressPrecision, style.Options.TimeDonePrecision = 100*time.Millisecond, 100*time.Millisecond
	style.Options.SpeedOverallFormatter = format
	style.Visibility.ETA, style.Visibility.Speed, style.Visibility.TrackerOverall = true, true, false
	fit(bars, columns(w))
	if os.Getenv("NO_COLOR") == "" {
		style.Colors = progress.StyleColorsExample
	}
	b := &Bars{out: w, bars: bars, each: map[string]*progress.Tracker{}, ended: make(chan struct{}),
		units: progress.Units{Notation: notation, NotationPosition: progress.UnitsNotationPositionAfter, Formatter: format}}
	go func() {
		defer close(b.ended)
		bars.Render()
	}()
	return b
}

// fit lays a line out so that it never wraps: a wrapped line cannot be drawn over. 109 columns hold everything.
func fit(bars progress.Writer, columns int) {
	bars.SetTerminalWidth(columns - 1)
	if columns > 109 {
		bars.SetTrackerLength(20)
		bars.SetMessageLength(40)
		return
	}
	bars.SetTrackerLength(6)
	bars.SetMessageLength(min(34, columns/2))
	bars.Style().Visibility.Speed = false
}

// columns is how wide the terminal is; 80 where it does not say.
func columns(w io.Writer) int {
	if file, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(file.Fd())); err == nil && n > 20 {
			return n
		}
	}
	return 80
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

// Close takes bars that have not ended away, so that the report stands alone.
func (b *Bars) Close() {
	if b.bars == nil {
		return
	}
	b.bars.Stop()
	<-b.ended
	b.mu.Lock()
	defer b.mu.Unlock()
	left := 0
	for _, bar := range b.each {
		if !bar.IsDone() {
			left++
		}
	}
	if left > 0 {
		fmt.Fprintf(b.out, "\x1b[%dA\x1b[J", left) // up, and clear what is below
	}
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
