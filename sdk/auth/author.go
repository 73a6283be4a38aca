package auth

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

// Author is what sdk/serve serves: Plugin, whatever its type parameters.
type Author interface {
	// Build checks the declaration and returns the provider in process, as host and tests use it.
	Build() (Provider, error)
}

// Plugin declares a way to sign in. C is its settings struct (tags cfg, doc, default, required, secret, oneof, min, max,
// format), S what Open makes of them. Only Name, Version, Open and Begin are needed.
type Plugin[C, S any] struct {
	Name, Version, Doc string

	Open     func(ctx context.Context, rt Runtime, settings C) (S, error)
	Close    func(s S) error
	Check    func(ctx context.Context, s S) error // default: nothing to find out
	Validate func(settings C) []Problem           // offline rules beyond the tags

	Begin    func(ctx context.Context, s S, host Host, call Call) (Step, error)
	Complete func(ctx context.Context, s S, host Host, call Call) (Step, error) // nil: Begin always ends it

	Form        func(ctx context.Context, s S) (Form, error)                                   // ability Former
	VerifyToken func(ctx context.Context, s S, host Host, token sdk.Secret) (Identity, error)  // ability Verifier
	Refresh     func(ctx context.Context, s S, host Host, token sdk.Secret) (Tokens, error)    // ability Refresher
	Groups      func(ctx context.Context, s S, host Host, identity Identity) ([]string, error) // ability Grouper
}

// Runtime is what a session may use of its surroundings.
type Runtime struct {
	WorkDir string           // private temporary folder
	Now     func() time.Time // the clock
	Log     Logger
}

// Logger writes to the plugin's log, which the host keeps. Secrets of the settings are masked in it.
type Logger interface {
	Info(message string, args ...any)
	Warn(message string, args ...any)
}

// Build implements Author.
func (p Plugin[C, S]) Build() (Provider, error) {
	form, err := settings.FormOf(reflect.TypeFor[C](), settings.Nouns{Secret: reflect.TypeFor[sdk.Secret](), Name: sdk.ValidName, Pattern: sdk.NamePattern})
	if err != nil {
		return nil, fmt.Errorf("auth %s: %w", p.Name, err)
	}
	switch {
	case !sdk.ValidName(p.Name):
		return nil, fmt.Errorf("auth name %.80q does not match %s", p.Name, sdk.NamePattern)
	case p.Version == "":
		return nil, fmt.Errorf("auth %s has no Version", p.Name)
	case p.Open == nil:
		return nil, fmt.Errorf("auth %s has no Open", p.Name)
	case p.Begin == nil:
		return nil, fmt.Errorf("auth %s has no Begin", p.Name)
	}
	return &built[C, S]{plugin: p, form: form}, nil
}

// built is a plugin whose declaration was found good.
type built[C, S any] struct {
	plugin Plugin[C, S]
	form   *settings.Form
}

// Describe implements Provider.
func (b *built[C, S]) Describe(context.Context) (Description, error) {
	d := Description{Kind: "auth", Name: b.plugin.Name, Version: b.plugin.Version, Doc: b.plugin.Doc,
		SDKVersion: author.SDKVersion(), Abilities: b.plugin.abilities()}
	for _, f := range b.form.Fields {
		d.Settings = append(d.Settings, Field(f))
	}
	return d, nil
}

func (p *Plugin[C, S]) abilities() []string {
	names := []string{}
	for _, a := range []struct {
		name string
		has  bool
	}{{AbilityForm, p.Form != nil}, {AbilityVerify, p.VerifyToken != nil}, {AbilityRefresh, p.Refresh != nil}, {AbilityGroups, p.Groups != nil}} {
		if a.has {
			names = append(names, a.name)
		}
	}
	return names
}

// Validate implements Provider.
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

// Open implements Provider.
func (b *built[C, S]) Open(ctx context.Context, open Open) (Session, error) {
	c, problems, mask, err := b.decode(open.Settings)
	if err != nil {
		return nil, err
	}
	if err := sdk.ProblemsFault(problems); err != nil {
		return nil, err
	}
	rt := Runtime{WorkDir: open.WorkDir, Now: time.Now, Log: author.NewLogger(os.Stderr, mask)}
	s := &session[C, S]{plugin: &b.plugin, mask: mask}
	if err := author.Guard("open", func() (err error) { s.s, err = b.plugin.Open(ctx, rt, c); return err }); err != nil {
		return nil, mask.Fault(err)
	}
	return s, nil
}
