package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/web/analyst/answer"
	"github.com/ai-data-analyst/broker/web/analyst/enter"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/analyst/hooks"
	"github.com/ai-data-analyst/broker/web/analyst/keep"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// run is the whole program: it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	g := &ground.Ground{In: in, Out: out, Err: errs, Getenv: os.Getenv, Now: time.Now, Version: version}
	root := newRoot(g)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	var refused hooks.Refusal
	if errors.As(err, &refused) { // Claude Code takes the text to the model as it stands
		_, _ = io.WriteString(errs, refused.Error()+"\n") //nolint:errcheck // nobody is left to tell
		return terminal.ExitConfig
	}
	return terminal.End(errs, cmd, err)
}

func newRoot(g *ground.Ground) *cobra.Command {
	root := &cobra.Command{
		Use:           "analyst",
		Short:         "Your company's data on your own machine, verified and ready to query",
		Long:          "analyst keeps a verified copy of the tables that you may see and answers questions from it: for you, your scripts\nand AI assistants.\n\nNew here?  analyst login URL && analyst init && analyst pull",
		Version:       version,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.PersistentFlags().StringVar(&g.Dir, "dir", "", "workspace, or any folder in it (default the current folder)")
	root.AddCommand(
		enter.NewLogin(g), enter.NewLogout(g), keep.NewInit(g), keep.NewPull(g), keep.NewStatus(g), keep.NewDoctor(g),
		answer.NewQuery(g), answer.NewSQL(g), answer.NewLs(g), answer.NewSchema(g), answer.NewDescribe(g), answer.NewSample(g), answer.NewDiff(g), answer.NewReceipt(g),
		answer.NewMetrics(g), newMemory(), keep.NewSubscribe(g), keep.NewUnsubscribe(g),
		keep.NewPush(g), keep.NewPrivate(g), answer.NewMCP(g), hooks.NewHook(g), newVersion(g))
	terminal.Polish(root)
	return root
}
