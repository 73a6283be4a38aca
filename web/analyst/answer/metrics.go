package answer

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/assistant"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// NewMetrics is the verb metrics.
func NewMetrics(g *ground.Ground) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "metrics [NAME]",
		Short:   "List the agreed metric definitions, or show one",
		Example: "  analyst metrics\n  analyst metrics total_revenue",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, _, err := g.Held()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				m, err := local(g, w).Metric(cmd.Context(), args[0])
				if err != nil {
					return noMetric(err)
				}
				if asJSON {
					return terminal.JSON(g.Out, m)
				}
				return printMetric(g.Out, m)
			}
			metrics, err := assistant.Metrics(ground.Docs(w))
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(g.Out, append([]tools.Metric{}, metrics...))
			}
			if len(metrics) == 0 {
				_, err := fmt.Fprintln(g.Out, "No metric definitions came with the data.")
				return err
			}
			rows := make([]table.Row, len(metrics))
			for i, m := range metrics {
				rows[i] = table.Row{terminal.Plain(m.Name), terminal.Plain(m.Category), terminal.Plain(m.Unit), short(m.Description, 60)}
			}
			return terminal.Grid(g.Out, table.Row{"METRIC", "CATEGORY", "UNIT", "WHAT IT IS"}, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// noMetric is the error of a metric that was not found, as people read it.
func noMetric(err error) error {
	var refused *tools.Refusal
	if errors.As(err, &refused) {
		return fault.New(fault.NotFound, refused.Message).WithHelp("All of them: analyst metrics")
	}
	return err
}

// printMetric writes what a definition says; what it leaves open is left out.
func printMetric(out io.Writer, m tools.Metric) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", terminal.Plain(m.Label), terminal.Plain(m.Name))
	if m.Description != "" {
		fmt.Fprintf(&b, "%s\n", short(m.Description, 2000))
	}
	b.WriteString("\n")
	for _, line := range [][2]string{{"Category", m.Category}, {"Unit", m.Unit}, {"Grain", m.Grain}, {"Time", m.TimeColumn}, {"Tables", strings.Join(m.Tables, ", ")},
		{"By", strings.Join(m.Dimensions, ", ")}, {"Also", strings.Join(m.Synonyms, ", ")}, {"Is", m.Expression}} {
		if line[1] != "" {
			fmt.Fprintf(&b, "%-9s %s\n", line[0]+":", short(line[1], 2000))
		}
	}
	for _, note := range m.Notes {
		fmt.Fprintf(&b, "Note:     %s\n", short(note, 2000))
	}
	statements := map[string]string{"": m.SQL}
	maps.Copy(statements, m.Variants)
	for _, name := range slices.Sorted(maps.Keys(statements)) {
		if statements[name] == "" {
			continue
		}
		b.WriteString("\n")
		if name != "" {
			fmt.Fprintf(&b, "-- %s\n", terminal.Plain(name))
		}
		for line := range strings.Lines(statements[name]) {
			fmt.Fprintln(&b, terminal.Plain(strings.TrimRight(line, "\r\n")))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
