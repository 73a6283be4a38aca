package connector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/settings"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Build implements Author.
func (p Plugin[C, S]) Build() (Connector, error) {
	form, err := settings.FormOf(reflect.TypeFor[C]())
	if err != nil {
		return nil, fmt.Errorf("connector %s: %w", p.Name, err)
	}
	switch {
	case !sdk.ValidName(p.Name):
		return nil, fmt.Errorf("connector name %.80q does not match %s", p.Name, sdk.NamePattern)
	case p.Version == "":
		return nil, fmt.Errorf("connector %s has no Version", p.Name)
	case p.Open == nil:
		return nil, fmt.Errorf("connector %s has no Open", p.Name)
	case len(p.Streams) == 0 && p.Discover == nil:
		return nil, fmt.Errorf("connector %s has neither Streams nor Discover", p.Name)
	}
	if err := checkStreams(p.Streams); err != nil {
		return nil, fmt.Errorf("connector %s: %w", p.Name, err)
	}
	return &built[C, S]{plugin: p, form: form}, nil
}

// built is a plugin whose declaration was found good.
type built[C, S any] struct {
	plugin Plugin[C, S]
	form   *settings.Form
}

// Describe implements Connector.
func (b *built[C, S]) Describe(context.Context) (Description, error) {
	d := Description{
		Kind: "connector", Name: b.plugin.Name, Version: b.plugin.Version, Doc: b.plugin.Doc, SDKVersion: sdkVersion(),
	}
	for _, f := range b.form.Fields {
		d.Settings = append(d.Settings, Field(f))
	}
	for _, s := range b.plugin.Streams {
		d.Streams = append(d.Streams, s.info)
	}
	return d, nil
}

// Validate implements Connector.
func (b *built[C, S]) Validate(_ context.Context, text []byte) ([]Problem, error) {
	_, problems, _, err := b.decode(text)
	return problems, err
}

// decode reads the settings and applies the author's own rules once the tags' are kept.
func (b *built[C, S]) decode(text []byte) (C, []Problem, masker, error) {
	var c C
	secrets, found := b.form.Decode(text, &c)
	mask := newMasker(secrets)
	var problems []Problem
	for _, p := range found {
		problems = append(problems, Problem(p))
	}
	if len(problems) > 0 || b.plugin.Validate == nil {
		return c, problems, mask, nil
	}
	err := guard("validate the settings", func() error { problems = b.plugin.Validate(c); return nil })
	for i, p := range problems {
		problems[i].Summary, problems[i].Help = mask.text(p.Summary), mask.text(p.Help)
	}
	return c, problems, mask, mask.fault(err)
}

// Open implements Connector.
func (b *built[C, S]) Open(ctx context.Context, open Open) (Session, error) {
	c, problems, mask, err := b.decode(open.Settings)
	if err != nil {
		return nil, err
	}
	if err := problemsFault(problems); err != nil {
		return nil, err
	}
	rt := Runtime{RunID: open.RunID, WorkDir: open.WorkDir, Now: time.Now, Log: newLogger(os.Stderr, mask)}
	s := &session[C, S]{plugin: &b.plugin, mask: mask, now: rt.Now, reads: map[*reading]bool{}}
	if err := guard("open", func() (err error) { s.s, err = b.plugin.Open(ctx, rt, c); return err }); err != nil {
		return nil, mask.fault(err)
	}
	return s, nil
}

// problemsFault is one error for all problems that keep a source from being used.
func problemsFault(problems []Problem) error {
	var texts []string
	f := fault.Fault{Code: fault.Config}
	for _, p := range problems {
		if p.Warning {
			continue
		}
		if texts == nil {
			f.Path, f.Help = p.Path, p.Help
		}
		texts = append(texts, strings.TrimSpace(p.Path+" "+p.Summary))
	}
	if texts == nil {
		return nil
	}
	f.What = "the settings are wrong: " + strings.Join(texts, "; ")
	return &f
}

// newLogger writes lines that the host understands, secrets masked.
func newLogger(to io.Writer, mask masker) Logger {
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
	mask masker
}

// Write implements io.Writer; the handler calls it once for each line.
func (w maskedWriter) Write(line []byte) (int, error) {
	if _, err := io.Copy(w.to, bytes.NewReader([]byte(w.mask.text(string(line))))); err != nil {
		return 0, errors.Join(errors.New("write the log"), err)
	}
	return len(line), nil
}

// sdkVersion is the version of the module that holds this package, as built into the binary.
func sdkVersion() string {
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
