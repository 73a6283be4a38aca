package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func newLake(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "lake", Short: "Take care of the published tables"}
	cmd.AddCommand(newLakeVerify(g), newLakeRebuild(g),
		newLakeCare(g, "accept TABLE...", "Publish what is held of a table", "  broker lake accept shop.orders", cobra.MinimumNArgs(1)),
		newLakeCare(g, "discard TABLE...", "Drop what is held of a table; the published version stays", "  broker lake discard shop.orders", cobra.MinimumNArgs(1)),
		newLakeRollback(g), newLakeDrop(g),
		newLakeCare(g, "expire", "Remove generations that are old enough to go, and files that nothing names", "  broker lake expire", cobra.NoArgs))
	return cmd
}

func newLakeVerify(g *global) *cobra.Command {
	var asJSON, full bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that every file of every kept generation is there and whole", Args: cobra.NoArgs,
		Example: "  broker lake verify\n  broker lake verify --full",
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			report, err := broker.VerifyLake(cmd.Context(), full)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(g.out, report)
			} else {
				for _, f := range report.Findings {
					fmt.Fprintf(g.out, "%s: %s: %s\n", f.Table, f.Path, f.What)
				}
				_, err = fmt.Fprintf(g.out, "%d tables, %d findings\n", report.Tables, len(report.Findings))
			}
			if err == nil && len(report.Findings) > 0 {
				return errFailed
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&full, "full", false, "hash every file again")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newLakeRebuild(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "rebuild", Short: "Make the catalog anew from the lake's files, when the state database is lost", Args: cobra.NoArgs,
		Example: "  broker lake rebuild",
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			report, err := broker.RebuildLake(cmd.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(g.out, "rebuilt: generation %d with %d tables\n", report.Generation, len(report.Changed))
			return err
		},
	}
}

func newLakeCare(g *global, use, short, example string, args cobra.PositionalArgs) *cobra.Command {
	verb, _, _ := strings.Cut(use, " ")
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			return care(cmd, g, app.CareRequest{Verb: verb, Tables: args}, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newLakeRollback(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "rollback GENERATION [TABLE...]", Short: "Publish an earlier generation again, of all tables or of some", Args: cobra.MinimumNArgs(1),
		Long:    "Publish an earlier generation again, as a new one: nothing is lost, and the next sync goes on from the cursor that\nthe restored version had.",
		Example: "  broker lake rollback 12\n  broker lake rollback 12 shop.orders",
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || n < 1 {
				return fault.Newf(fault.Config, "%q is no generation", args[0]).WithHelp(`Give a number of "broker generations".`)
			}
			return care(cmd, g, app.CareRequest{Verb: "rollback", Generation: n, Tables: args[1:]}, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newLakeDrop(g *global) *cobra.Command {
	var asJSON, yes bool
	cmd := &cobra.Command{
		Use: "drop TABLE", Short: "Take a table that is not configured any more out of what is published", Args: cobra.ExactArgs(1),
		Long: "Publish a generation without the table. Its rows stay until older generations expire; \"broker lake rollback\" brings it\n" +
			"back until then. A table that is configured still is not dropped: the next sync would publish it again.",
		Example: "  broker lake drop shop.old_orders\n  broker lake drop shop.old_orders --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				if err := typedAgain(cmd, args[0]); err != nil {
					return err
				}
			}
			return care(cmd, g, app.CareRequest{Verb: "drop", Tables: args}, asJSON)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for the name again")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// typedAgain asks for a name once more, so that nobody drops another table than they mean.
func typedAgain(cmd *cobra.Command, name string) error {
	fmt.Fprintf(cmd.ErrOrStderr(), "%s leaves what analysts see. Type its name to drop it: ", name)
	typed, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 1000)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.Wrap(fault.Config, err, "read the name")
	}
	if strings.TrimSpace(typed) != name {
		return fault.Newf(fault.Config, "%s was not typed again; nothing was dropped", name).WithHelp("Type the name as it is, or say --yes.")
	}
	return nil
}

func care(cmd *cobra.Command, g *global, request app.CareRequest, asJSON bool) error {
	broker, err := g.open(false)
	if err != nil {
		return err
	}
	defer broker.Close()
	report, err := broker.Care(cmd.Context(), request)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(g.out, report)
	}
	switch request.Verb {
	case "expire":
		_, err = fmt.Fprintf(g.out, "expired: %d snapshots, %d files, %s\n", report.Snapshots, report.Files, size(report.Bytes))
	case "discard":
		_, err = fmt.Fprintf(g.out, "discarded: %s\n", strings.Join(report.Tables, ", "))
	case "rollback":
		if report.Generation == 0 {
			_, err = fmt.Fprintf(g.out, "nothing to do: these tables are as they were in generation %d\n", request.Generation)
			return err
		}
		fallthrough
	default:
		_, err = fmt.Fprintf(g.out, "generation %d: %s\n", report.Generation, strings.Join(report.Tables, ", "))
	}
	return err
}
