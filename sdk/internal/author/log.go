package author

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
)

// NewLogger writes lines that the host understands, secrets masked.
func NewLogger(to io.Writer, mask Mask) *slog.Logger {
	rename := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey:
			a.Key = "@timestamp"
		case slog.LevelKey:
			return slog.String("@level", strings.ToLower(a.Value.String()))
		case slog.MessageKey:
			a.Key = "@message"
		}
		return a
	}
	return slog.New(slog.NewJSONHandler(maskedWriter{to: to, mask: mask}, &slog.HandlerOptions{ReplaceAttr: rename}))
}

type maskedWriter struct {
	to   io.Writer
	mask Mask
}

// Write implements io.Writer; the handler calls it once for each line.
func (w maskedWriter) Write(line []byte) (int, error) {
	if _, err := io.Copy(w.to, bytes.NewReader([]byte(w.mask.Text(string(line))))); err != nil {
		return 0, errors.Join(errors.New("write the log"), err)
	}
	return len(line), nil
}

// SDKVersion is the version of the module that holds this package, as built into the binary.
func SDKVersion() string {
	const module = "github.com/ai-data-analyst/broker"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "" && m.Version != "(devel)" {
			return m.Version
		}
	}
	return "devel"
}
