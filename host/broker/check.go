package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func newCheck(g *global) *cobra.Command {
	var asJSON, connect bool
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Check configuration, table definitions and plugins' settings",
		Long:    "Check configuration, table definitions and plugins' settings. Every problem is reported at once, with its place and\nthe fix. Nothing is changed or pinned. Exit code 2 when anything is wrong.",
		Example: "  broker check\n  broker check --connect\n  broker check --config /etc/broker/instance.hcl --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := g.open(false)
			if err != nil {
				return checkFailed(g, err, asJSON)
			}
			defer broker.Close()
			report, err := broker.Check(cmd.Context(), connect)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(g.out, report)
			} else {
				err = printCheck(g, report)
			}
			if err == nil && report.Failed() {
				return errConfig
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&connect, "connect", false, "also ask each source whether it can be used")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// checkFailed keeps the promise of one document on stdout when nothing of the configuration can be used.
func checkFailed(g *global, err error, asJSON bool) error {
	var problems config.Diagnostics
	if !errors.As(err, &problems) || !asJSON {
		return err
	}
	if err := printJSON(g.out, app.CheckReport{Files: []string{}, Problems: problems, Sources: []app.SourceReport{}}); err != nil {
		return err
	}
	return errConfig
}

func printCheck(g *global, report app.CheckReport) error {
	if len(report.Problems) > 0 {
		fmt.Fprintln(g.err, report.Problems.Text())
	}
	for _, c := range report.Connections {
		if c.Error != nil {
			fmt.Fprintf(g.err, "source %s: %s: %s\n", c.Source, c.Check, failureText(c.Error))
			continue
		}
		fmt.Fprintf(g.out, "source %s: %s: ok\n", c.Source, c.Check)
	}
	if lake := report.Lake; lake != nil && lake.Error != nil {
		fmt.Fprintf(g.err, "lake: %s: %s\n", lake.Check, failureText(lake.Error))
	} else if lake != nil {
		fmt.Fprintf(g.out, "lake: %s: ok\n", lake.Check)
	}
	errs, warnings := 0, 0
	for _, p := range report.Problems {
		if p.Severity == config.Warning {
			warnings++
		} else {
			errs++
		}
	}
	verdict := fmt.Sprintf("%d problems, %d warnings", errs, warnings)
	if errs == 0 {
		verdict = "ok"
		if warnings > 0 {
			verdict = fmt.Sprintf("ok, %d warnings", warnings)
		}
	}
	_, err := fmt.Fprintf(g.out, "%s: %d sources, %d files read\n", verdict, len(report.Sources), len(report.Files))
	if err != nil {
		return fault.Wrap(fault.Transient, err, "write")
	}
	return nil
}
