// Package metrics holds the verb metrics of the program broker. Only host/broker imports it.
package metrics

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// Verbs is what the verb needs of the program.
type Verbs struct {
	Open  func() (*app.App, error) // reads the configuration
	Wrong error                    // what is returned when definitions are wrong and it was said
	Out   io.Writer                // documents
	Err   io.Writer                // people's text
}

// Command is the verb.
func (v Verbs) Command() *cobra.Command {
	cmd := &cobra.Command{Use: "metrics", Short: "Check the definitions of metrics"}
	cmd.AddCommand(v.check())
	return cmd
}

func (v Verbs) check() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check", Args: cobra.NoArgs, Short: "Check every file metrics/CATEGORY/NAME.yml beside the configuration",
		Long:    "Check every file metrics/CATEGORY/NAME.yml beside the configuration: that it can be read, has the fields that a\ndefinition needs, and names published tables. Exit code 2 when anything is wrong.",
		Example: "  broker metrics check\n  broker metrics check --json | jq .problems",
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := v.Open()
			if err != nil {
				return err
			}
			report, err := broker.CheckMetrics(cmd.Context())
			if err := errors.Join(err, broker.Close()); err != nil {
				return err
			}
			if asJSON {
				err = terminal.JSON(v.Out, report)
			} else {
				err = v.print(report.Files, report.Problems)
			}
			if err == nil && report.Problems.Failing() {
				return v.Wrong
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func (v Verbs) print(files int, problems config.Diagnostics) error {
	if len(problems) > 0 {
		fmt.Fprintln(v.Err, problems.Text())
	}
	verdict := "ok"
	if n := len(problems); n > 0 {
		verdict = fmt.Sprintf("%d found", n)
	}
	if _, err := fmt.Fprintf(v.Out, "%s: %d files of metrics read\n", verdict, files); err != nil {
		return fault.Wrap(fault.Transient, err, "write")
	}
	return nil
}
