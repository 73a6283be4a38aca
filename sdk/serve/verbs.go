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
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// terminal is where a verb reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// verb is one thing that a person can ask of a plugin binary.
type verb struct {
	name, args, doc string
	run             func(ctx context.Context, c *call) error
}

func verbs() []verb {
	return []verb{
		{"describe", "[--json]", "what it is, its settings and streams", describe},
		{"check", "-c FILE", "ask the source whether the settings work", checkSource},
		{"preview", "STREAM -c FILE [-n 10] [--json]", "show the first rows of a stream", preview},
		{"read", "STREAM -c FILE --out DIR [--state FILE]", "read a stream into DIR/STREAM.jsonl and DIR/state.json", read},
		{"conformance", "-c FILE", "run the checks that every connector must pass", conformance},
		{"version", "", "print the version", version},
	}
}

// call is one run of a verb.
type call struct {
	terminal
	author    connector.Author
	connector connector.Connector
	about     connector.Description

	stream string
	config string
	folder string
	state  string
	rows   int
	json   bool
}

// usage marks an error that is the person's: it ends with exit code 2.
type usage struct{ error }

func runVerb(author connector.Author, args []string, t terminal) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return outcome(dispatch(ctx, author, args, t), t)
}

// outcome says on stderr what went wrong and returns the exit code.
func outcome(err error, t terminal) int {
	var wrong usage
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintf(t.err, "%v\nTry %q.\n", err, binary()+" help")
		return exitUsage
	}
	fmt.Fprintln(t.err, err)
	if help := fault.HelpOf(err); help != "" {
		fmt.Fprintln(t.err, help)
	}
	if fault.CodeOf(err) == fault.Config {
		return exitUsage
	}
	return exitFailed
}

func binary() string { return filepath.Base(os.Args[0]) }

func dispatch(ctx context.Context, author connector.Author, args []string, t terminal) error {
	built, err := author.Build()
	if err != nil {
		return fmt.Errorf("the connector is declared wrongly: %w", err)
	}
	c := &call{terminal: t, author: author, connector: built}
	if c.about, err = built.Describe(ctx); err != nil {
		return err
	}
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		return explain(c)
	}
	for _, v := range verbs() {
		if v.name == args[0] {
			if err := c.parse(v, args[1:]); err != nil {
				if errors.Is(err, flag.ErrHelp) {
					return nil
				}
				return usage{err}
			}
			return v.run(ctx, c)
		}
	}
	return usage{fmt.Errorf("there is no verb %q", args[0])}
}

// parse reads a verb's arguments; the stream may stand before or after the flags.
func (c *call) parse(v verb, args []string) error {
	flags := flag.NewFlagSet(v.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() { fmt.Fprintf(c.out, "%s %s %s\n\n%s.\n", binary(), v.name, v.args, v.doc) }
	wants := func(flagName string) bool { return strings.Contains(v.args, flagName) }
	if wants("-c ") {
		flags.StringVar(&c.config, "c", "", "JSON file of the settings")
	}
	if wants("--json") {
		flags.BoolVar(&c.json, "json", false, "print JSON")
	}
	if wants("-n ") {
		flags.IntVar(&c.rows, "n", 10, "rows")
	}
	if wants("--out") {
		flags.StringVar(&c.folder, "out", "", "folder")
		flags.StringVar(&c.state, "state", "", "state file of an earlier read")
	}
	var names []string
	for rest := args; ; {
		if err := flags.Parse(rest); err != nil {
			return err
		}
		if flags.NArg() == 0 {
			break
		}
		names, rest = append(names, flags.Arg(0)), flags.Args()[1:]
	}
	return c.complete(v, names)
}

func (c *call) complete(v verb, names []string) error {
	want := 0
	if strings.HasPrefix(v.args, "STREAM") {
		want = 1
	}
	switch {
	case len(names) < want:
		return fmt.Errorf("%s: which stream? It is one of %s", v.name, streamNames(c.about))
	case len(names) > want:
		return fmt.Errorf("%s: unexpected %q", v.name, names[want])
	case strings.Contains(v.args, "--out") && c.folder == "":
		return fmt.Errorf("%s: --out DIR is missing", v.name)
	case strings.Contains(v.args, "-n ") && c.rows < 1:
		return fmt.Errorf("%s: -n must be at least 1", v.name)
	}
	if want == 1 {
		c.stream = names[0]
	}
	return nil
}

func streamNames(d connector.Description) string {
	var names []string
	for _, s := range d.Streams {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return "those that the source has"
	}
	return strings.Join(names, ", ")
}

// explain tells a person what this program is and how it is installed.
func explain(c *call) error {
	d := c.about
	fmt.Fprintf(c.out, "%s is a connector for broker: %s\n\n", binary(), strings.TrimSpace(d.Doc))
	fmt.Fprintf(c.out, "To install it, copy it into the plugins folder of your broker (plugins.d) and add a source:\n\n")
	fmt.Fprintf(c.out, "    source %q \"NAME\" {\n      config {\n", d.Name)
	for _, f := range d.Settings {
		if f.Required {
			fmt.Fprintf(c.out, "        %s = …\n", f.Name)
		}
	}
	fmt.Fprintf(c.out, "      }\n    }\n\nOn its own it can do this:\n\n")
	table := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	for _, v := range verbs() {
		fmt.Fprintf(table, "  %s %s\t%s\n", v.name, v.args, v.doc)
	}
	fmt.Fprintf(table, "\nFILE holds the settings as one JSON object, e.g. %s\n", example(d))
	return table.Flush()
}

// example shows the required settings as JSON.
func example(d connector.Description) string {
	object := map[string]string{}
	for _, f := range d.Settings {
		if f.Required {
			object[f.Name] = "…"
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		return "{}"
	}
	return string(text)
}
