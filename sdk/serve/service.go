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

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/services"
	"github.com/ai-data-analyst/broker/sdk/service"
	"github.com/ai-data-analyst/broker/sdk/service/servicetest"
)

// Service is the main of a service plugin. It does not return.
func Service(author service.Author) {
	if os.Getenv(wire.CookieKey) == wire.CookieValue {
		os.Exit(serve(func() (contract, error) {
			built, err := author.Build()
			if err != nil {
				return nil, err
			}
			return services.NewServer(built), nil
		}))
	}
	os.Exit(runServiceVerb(author, os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// asked is one run of a verb of a service.
type asked struct {
	terminal
	author  service.Author
	service service.Service
	about   service.Description

	config string
	json   bool
}

type serviceVerb struct {
	name, args, doc string
	run             func(ctx context.Context, a *asked) error
}

func serviceVerbs() []serviceVerb {
	return []serviceVerb{
		{"describe", "[--json]", "what it is, its settings and abilities", describeService},
		{"check", "-c FILE", "find out whether it can work with the settings", checkService},
		{"conformance", "-c FILE", "run the checks that every service must pass", serviceConformance},
		{"version", "", "print the version", serviceVersion},
	}
}

func runServiceVerb(author service.Author, args []string, t terminal) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return outcome(dispatchService(ctx, author, args, t), t)
}

func dispatchService(ctx context.Context, author service.Author, args []string, t terminal) error {
	built, err := author.Build()
	if err != nil {
		return fmt.Errorf("the service is declared wrongly: %w", err)
	}
	a := &asked{terminal: t, author: author, service: built}
	if a.about, err = built.Describe(ctx); err != nil {
		return err
	}
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		return explainService(a)
	}
	for _, v := range serviceVerbs() {
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
func (a *asked) parse(v serviceVerb, args []string) error {
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

// explainService tells a person what this program is and how it is installed.
func explainService(a *asked) error {
	d := a.about
	fmt.Fprintf(a.out, "%s is a service for broker: %s\n\n", binary(), strings.TrimSpace(d.Doc))
	fmt.Fprintf(a.out, "To install it, copy it into the plugins folder of your broker (plugins.d), run \"broker plugins pin %s\" and add:\n\n", d.Name)
	fmt.Fprintf(a.out, "    service %q {\n      config {\n", d.Name)
	for _, f := range d.Settings {
		if f.Required {
			fmt.Fprintf(a.out, "        %s = …\n", f.Name)
		}
	}
	fmt.Fprintf(a.out, "      }\n    }\n\nOn its own it can do this:\n\n")
	table := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	for _, v := range serviceVerbs() {
		fmt.Fprintf(table, "  %s %s\t%s\n", v.name, v.args, v.doc)
	}
	fmt.Fprintf(table, "\nFILE holds the settings as one JSON object, e.g. %s\n", example(d))
	return table.Flush()
}

func describeService(_ context.Context, a *asked) error {
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

func serviceVersion(_ context.Context, a *asked) error {
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

func checkService(ctx context.Context, a *asked) error {
	text, err := a.settingsFile()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "broker-plugin")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	session, err := a.service.Open(ctx, service.Open{Settings: text, WorkDir: work})
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

// serviceConformance runs the suite on this service and lists its checks.
func serviceConformance(ctx context.Context, a *asked) error {
	text, err := a.settingsFile()
	if err != nil {
		return err
	}
	report := servicetest.Run(ctx, servicetest.Subject{
		New: func(context.Context) (service.Service, func() error, error) {
			built, err := a.author.Build()
			return built, nil, err
		},
		Settings: text,
	})
	if _, err := fmt.Fprint(a.out, report); err != nil {
		return err
	}
	if failed := len(report.Failed()); failed > 0 {
		return fault.Newf(fault.Bug, "%d of %d checks failed", failed, len(report.Checks))
	}
	return nil
}
