package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/web/terminal"
)

// global holds what every verb shares: where it is, and where it reads and writes.
type global struct {
	dir    string // --dir
	in     io.Reader
	out    io.Writer // documents
	err    io.Writer // people's text and progress
	getenv func(string) string
	now    func() time.Time
}

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	g := &global{in: in, out: out, err: errs, getenv: os.Getenv, now: time.Now}
	root := newRoot(g)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	var refused hookRefusal
	if errors.As(err, &refused) { // Claude Code takes the text to the model as it stands
		_, _ = io.WriteString(errs, refused.Error()+"\n") //nolint:errcheck // nobody is left to tell
		return terminal.ExitConfig
	}
	return terminal.End(errs, cmd, err)
}

func newRoot(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:           "analyst",
		Short:         "Your company's data on your own machine, verified and ready to query",
		Long:          "analyst keeps a verified copy of the tables that you may see and answers questions from it: for you, your scripts\nand AI assistants.\n\nNew here?  analyst login URL && analyst init && analyst pull",
		Version:       version,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.PersistentFlags().StringVar(&g.dir, "dir", "", "workspace, or any folder in it (default the current folder)")
	root.AddCommand(
		newLogin(g), newLogout(g), newInit(g), newPull(g), newStatus(g), newDoctor(g),
		newQuery(g), newSQL(g), newLs(g), newSchema(g), newDescribe(g), newSample(g), newDiff(g), newReceipt(g),
		newMetrics(g), newMemory(), newSubscribe("subscribe"), newSubscribe("unsubscribe"),
		newPush(g), newPrivate(g), newMCP(g), newHook(g), newVersion(g))
	terminal.Polish(root)
	return root
}

// place is the folder that the person means.
func (g *global) place() (string, error) {
	if g.dir != "" {
		return filepath.Abs(g.dir)
	}
	return os.Getwd()
}

// interactive says whether a person is at both ends.
func (g *global) interactive() bool {
	file, ok := g.in.(*os.File)
	return ok && terminal.IsTerminal(file) && terminal.IsTerminal(g.err)
}
