package connector

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/internal/author"
	"github.com/ai-data-analyst/broker/sdk/internal/settings"
)

// Build implements Author.
func (p Plugin[C, S]) Build() (Connector, error) {
	form, err := settings.FormOf(reflect.TypeFor[C](), settings.Nouns{Secret: reflect.TypeFor[sdk.Secret](), Name: sdk.ValidName, Pattern: sdk.NamePattern})
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
		Kind: "connector", Name: b.plugin.Name, Version: b.plugin.Version, Doc: b.plugin.Doc, SDKVersion: author.SDKVersion(),
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
func (b *built[C, S]) decode(text []byte) (C, []Problem, author.Mask, error) {
	var c C
	secrets, found := b.form.Decode(text, &c)
	mask := author.NewMask(secrets)
	var problems []Problem
	for _, p := range found {
		problems = append(problems, Problem(p))
	}
	if len(problems) > 0 || b.plugin.Validate == nil {
		return c, problems, mask, nil
	}
	err := author.Guard("validate the settings", func() error { problems = b.plugin.Validate(c); return nil })
	for i, p := range problems {
		problems[i].Summary, problems[i].Help = mask.Text(p.Summary), mask.Text(p.Help)
	}
	return c, problems, mask, mask.Fault(err)
}

// Open implements Connector.
func (b *built[C, S]) Open(ctx context.Context, open Open) (Session, error) {
	c, problems, mask, err := b.decode(open.Settings)
	if err != nil {
		return nil, err
	}
	if err := sdk.ProblemsFault(problems); err != nil {
		return nil, err
	}
	rt := Runtime{RunID: open.RunID, WorkDir: open.WorkDir, Now: time.Now, Log: author.NewLogger(os.Stderr, mask)}
	s := &session[C, S]{plugin: &b.plugin, mask: mask, now: rt.Now, reads: map[*reading]bool{}}
	if err := author.Guard("open", func() (err error) { s.s, err = b.plugin.Open(ctx, rt, c); return err }); err != nil {
		return nil, mask.Fault(err)
	}
	return s, nil
}
