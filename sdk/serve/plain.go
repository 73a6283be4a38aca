package serve

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
)

// subject is a plugin without streams, as its verbs see it.
type subject struct {
	word     string // what it is, for sentences
	describe func(ctx context.Context) (sdk.Description, error)
	open     func(ctx context.Context, settings []byte, work string) (checking, error)
	// suite runs the checks of its kind and says how many failed of how many.
	suite func(ctx context.Context, settings []byte) (report fmt.Stringer, failed, all int)
}

// checking is what the sessions of all kinds have in common.
type checking interface {
	Check(ctx context.Context) ([]sdk.CheckItem, error)
	Close(ctx context.Context) error
}

// asked is one run of a verb of a plugin without streams.
type asked struct {
	terminal
	subject subject
	about   sdk.Description

	config string
	json   bool
}

type plainVerb struct {
	name, args, doc string
	run             func(ctx context.Context, a *asked) error
}

func plainVerbs() []plainVerb {
	return []plainVerb{
		{"describe", "[--json]", "what it is, its settings and abilities", describePlain},
		{"check", "-c FILE", "find out whether it can work with the settings", checkPlain},
		{"conformance", "-c FILE", "run the checks that every plugin of its kind must pass", plainConformance},
		{"version", "", "print the version", plainVersion},
	}
}

func runPlainVerb(s subject, args []string, t terminal) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return outcome(dispatchPlain(ctx, s, args, t), t)
}

func dispatchPlain(ctx context.Context, s subject, args []string, t terminal) error {
	a := &asked{terminal: t, subject: s}
	var err error
	if a.about, err = s.describe(ctx); err != nil {
		return fmt.Errorf("the %s is declared wrongly: %w", s.word, err)
	}
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		return explainPlain(a)
	}
	for _, v := range plainVerbs() {
		if v.name != args[0] {
			continue
		}
		if err := a.parse(v, args[1:]); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil
			}
			return usage{err}
		}
		return v.run(ctx, a)
	}
	return usage{fmt.Errorf("there is no verb %q", args[0])}
}

// parse reads a verb's arguments.
func (a *asked) parse(v plainVerb, args []string) error {
	flags := flag.NewFlagSet(v.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() { fmt.Fprintf(a.out, "%s %s %s\n\n%s.\n", binary(), v.name, v.args, v.doc) }
	if strings.Contains(v.args, "-c ") {
		flags.StringVar(&a.config, "c", "", "JSON file of the settings")
	}
	if strings.Contains(v.args, "--json") {
		flags.BoolVar(&a.json, "json", false, "print JSON")
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s: unexpected %q", v.name, flags.Arg(0))
	}
	return nil
}

// explainPlain tells a person what this program is and how it is installed.
func explainPlain(a *asked) error {
	d := a.about
	fmt.Fprintf(a.out, "%s is a %s for broker: %s\n\n", binary(), a.subject.word, strings.TrimSpace(d.Doc))
	fmt.Fprintf(a.out, "To install it, copy it into the plugins folder of your broker (plugins.d), run \"broker plugins pin %s\" and add:\n\n", d.Name)
	fmt.Fprintf(a.out, "    %s %q {\n      config {\n", d.Kind, d.Name)
	for _, f := range d.Settings {
		if f.Required {
			fmt.Fprintf(a.out, "        %s = …\n", f.Name)
		}
	}
	fmt.Fprintf(a.out, "      }\n    }\n\nOn its own it can do this:\n\n")
	table := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, v := range plainVerbs() {
		fmt.Fprintf(table, "  %s %s\t%s\n", v.name, v.args, v.doc)
	}
	fmt.Fprintf(table, "\nFILE holds the settings as one JSON object, e.g. %s\n", example(d))
	return table.Flush()
}

func describePlain(_ context.Context, a *asked) error {
	if a.json {
		text, err := wire.DescriptionJSON(a.about)
		if err == nil {
			_, err = a.out.Write(text)
		}
		return err
	}
	d := a.about
	fmt.Fprintf(a.out, "%s %s (%s)\n%s\n\nSettings:\n", d.Name, d.Version, d.Kind, strings.TrimSpace(d.Doc))
	table := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, f := range d.Settings {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", f.Name, f.Type, traits(f), f.Doc)
	}
	fmt.Fprintf(table, "\nAbilities: %s\n", strings.Join(d.Abilities, ", "))
	return table.Flush()
}

func plainVersion(_ context.Context, a *asked) error {
	_, err := fmt.Fprintln(a.out, a.about.Version)
	return err
}

// settingsFile reads -c FILE; without it there are no settings.
func (a *asked) settingsFile() ([]byte, error) {
	if a.config == "" {
		return []byte("{}"), nil
	}
	text, err := readFile(a.config)
	if err != nil {
		return nil, usage{err}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, usage{fmt.Errorf("%s: want one JSON object: %w", a.config, err)}
	}
	return text, nil
}

func checkPlain(ctx context.Context, a *asked) error {
	text, err := a.settingsFile()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "broker-plugin")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	session, err := a.subject.open(ctx, text, work)
	if err != nil {
		return err
	}
	items, err := session.Check(ctx)
	for _, i := range items {
		if i.Err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", i.Name, i.Err))
			continue
		}
		fmt.Fprintf(a.out, "%s: ok\n", i.Name)
	}
	return errors.Join(err, session.Close(context.WithoutCancel(ctx)))
}

// plainConformance runs the suite of the plugin's kind and lists its checks.
func plainConformance(ctx context.Context, a *asked) error {
	text, err := a.settingsFile()
	if err != nil {
		return err
	}
	report, failed, all := a.subject.suite(ctx, text)
	if _, err := fmt.Fprint(a.out, report); err != nil {
		return err
	}
	if failed > 0 {
		return fault.Newf(fault.Bug, "%d of %d checks failed", failed, all)
	}
	return nil
}
