package chatter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What a plugin may say (plugins.md §11.9).
const (
	maxLine        = 64 << 10 // bytes of one line that are kept
	linesPerSecond = 200
	burst          = 1000
	tailLines      = 200
	tailLine       = 4 << 10 // bytes of one line of the tail
	maxFields      = 32
)

// Pump carries the standard error of one process into the log, line by line.
type Pump struct {
	Log  *slog.Logger // names plugin and run already: a line cannot pretend to be another's
	Mask *Mask
	Now  func() time.Time

	mu       sync.Mutex
	tail     []string // a ring, raw
	next     int
	panicked string
}

// Read reads r to its end, however much comes, and never lets the writer wait for the log.
func (p *Pump) Read(r io.Reader) {
	limiter := rate.NewLimiter(linesPerSecond, burst)
	dropped := 0
	report := func() {
		if dropped > 0 {
			p.Log.Warn("lines dropped: the plugin logs too much", "lines", dropped)
			dropped = 0
		}
	}
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, extra, err := readLine(lines)
		if len(line) > 0 {
			p.keep(line)
			if limiter.AllowN(p.Now(), 1) {
				report()
				p.write(line, extra)
			} else {
				dropped++
			}
		}
		if err != nil {
			report()
			return
		}
	}
}

// readLine returns the next line without its end, cut to what may be shown and what masking needs beyond; extra is how
// many bytes were left out.
func readLine(r *bufio.Reader) (line []byte, extra int, err error) {
	for {
		part, err := r.ReadSlice('\n')
		room := maxLine + longestForm + 1 - len(line) // one more than masking needs: it must see that there was more
		if len(part) > room {
			extra += len(part) - room
			part = part[:room]
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(line, "\r\n"), extra, err
		}
	}
}

func (p *Pump) keep(line []byte) {
	text := string(line[:min(len(line), tailLine+longestForm+1)])
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tail) < tailLines {
		p.tail = append(p.tail, text)
	} else {
		p.tail[p.next] = text
		p.next = (p.next + 1) % tailLines
	}
	if p.panicked == "" && (strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ")) {
		p.panicked = text
	}
}

// Tail returns the last lines, oldest first, fit to be shown.
func (p *Pump) Tail() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := make([]string, 0, len(p.tail))
	for i := range p.tail {
		lines = append(lines, p.Mask.Clean(p.tail[(p.next+i)%len(p.tail)], tailLine))
	}
	return lines
}

// Panic returns the first line that the Go runtime wrote when it gave up; "" if it did not.
func (p *Pump) Panic() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Mask.Clean(p.panicked, 300)
}

// write logs one line. Only a JSON object whose @message and @level are texts counts as structured (P11).
func (p *Pump) write(line []byte, extra int) {
	level, message, fields := slog.LevelInfo, string(line), []slog.Attr(nil)
	if extra == 0 && len(line) <= maxLine && line[0] == '{' {
		if l, m, f, ok := p.structured(line); ok {
			level, message, fields = l, m, f
		}
	}
	attrs := make([]slog.Attr, 0, 2)
	if len(fields) > 0 {
		attrs = append(attrs, slog.Attr{Key: "fields", Value: slog.GroupValue(fields...)})
	}
	if extra > 0 {
		attrs = append(attrs, slog.Int("bytes_dropped", extra))
	}
	p.Log.LogAttrs(context.Background(), level, p.Mask.Clean(message, maxLine), attrs...)
}

func (p *Pump) structured(line []byte) (level slog.Level, message string, fields []slog.Attr, ok bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(line, &object) != nil {
		return 0, "", nil, false
	}
	var name string
	if !isText(object["@message"], &message) || !isText(object["@level"], &name) {
		return 0, "", nil, false
	}
	names := make([]string, 0, len(object))
	for key := range object {
		if !strings.HasPrefix(key, "@") {
			names = append(names, key)
		}
	}
	sort.Strings(names)
	for _, key := range names[:min(len(names), maxFields)] {
		var text string
		if !isText(object[key], &text) {
			text = string(object[key])
		}
		fields = append(fields, slog.String(p.Mask.Clean(key, 64), p.Mask.Clean(text, tailLine)))
	}
	return levelOf(name), message, fields, true
}

// isText reads a JSON text; null is none.
func isText(value json.RawMessage, into *string) bool {
	return len(value) > 0 && value[0] == '"' && json.Unmarshal(value, into) == nil
}

func levelOf(name string) slog.Level {
	switch strings.ToLower(name) {
	case "trace", "debug":
		return slog.LevelDebug
	case "warn", "warning":
		return slog.LevelWarn
	case "error", "fatal":
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}
