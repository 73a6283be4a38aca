package answer

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/api/tools"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// NewLs is the verb ls.
func NewLs(g *ground.Ground) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "List your tables",
		Example: "  analyst ls\n  analyst ls --json | jq '.[].name'",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, m, err := g.Held()
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(g.Out, assistantLines(m))
			}
			rows := make([]table.Row, len(m.Tables))
			for i, t := range m.Tables {
				rows[i] = table.Row{t.Name, terminal.Count(t.Rows), len(t.Columns), terminal.Size(t.Bytes), age(g, t.PublishedAt), short(t.Description, 60)}
			}
			if err := terminal.Grid(g.Out, table.Row{"TABLE", "ROWS", "COLUMNS", "SIZE", "AGE", "WHAT IT IS"}, rows, 2, 3, 4); err != nil {
				return err
			}
			_, err = fmt.Fprintf(g.Out, "\nGeneration %d. Columns of one: analyst schema TABLE\n", m.Generation)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func assistantLines(m api.Manifest) []tools.TableLine {
	lines := []tools.TableLine{}
	for _, t := range m.Tables {
		lines = append(lines, tools.TableLine{Name: t.Name, Description: t.Description, Rows: t.Rows, Bytes: t.Bytes, Columns: len(t.Columns), PublishedAt: t.PublishedAt})
	}
	return lines
}

func age(g *ground.Ground, published string) string {
	at, err := time.Parse(time.RFC3339, published)
	if err != nil {
		return "?"
	}
	return terminal.Age(g.Now().Sub(at))
}

// short is a description on one line of at most n characters.
func short(text string, n int) string {
	runes := []rune(terminal.Plain(strings.Join(strings.Fields(text), " ")))
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return string(runes)
}

// NewSchema is the verb schema.
func NewSchema(g *ground.Ground) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "schema TABLE",
		Short:   "Show the columns of a table",
		Example: "  analyst schema shop.orders\n  analyst schema orders --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			_, _, t, err := g.HeldTable(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(g.Out, t.Columns)
			}
			return printColumns(g, t)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func printColumns(g *ground.Ground, t api.Table) error {
	key := map[string]bool{}
	for _, k := range t.PrimaryKey {
		key[k] = true
	}
	rows := make([]table.Row, len(t.Columns))
	for i, c := range t.Columns {
		var marks []string
		if key[c.Name] {
			marks = append(marks, "key")
		}
		if !c.Nullable {
			marks = append(marks, "not null")
		}
		if c.PII {
			marks = append(marks, "personal data")
		}
		rows[i] = table.Row{c.Name, c.Type, strings.Join(marks, ", "), short(c.Description, 70)}
	}
	return terminal.Grid(g.Out, table.Row{"COLUMN", "TYPE", "", "WHAT IT IS"}, rows)
}

// NewDescribe is the verb describe.
func NewDescribe(g *ground.Ground) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "describe TABLE",
		Short:   "Say what a table is: meaning, key, freshness, columns, relations",
		Example: "  analyst describe shop.orders",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, _, t, err := g.HeldTable(args[0])
			if err != nil {
				return err
			}
			d, err := local(g, w).DescribeTable(cmd.Context(), t.Name)
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(g.Out, d)
			}
			key := strings.Join(d.PrimaryKey, ", ")
			if key == "" {
				key = "none"
			}
			fmt.Fprintf(g.Out, "%s\n%s\n\n%s rows in %s, %s; published %s (generation %d, %s ago); key: %s\n\n", d.Name, short(d.Description, 1000),
				terminal.Count(d.Rows), terminal.Size(d.Bytes), d.Strategy, d.PublishedAt, d.Generation, age(g, d.PublishedAt), key)
			if err := printColumns(g, t); err != nil {
				return err
			}
			for _, r := range d.Relations {
				fmt.Fprintf(g.Out, "\n%s → %s.%s  %s", r.Column, r.Table, r.RefColumn, short(r.Description, 70))
			}
			_, err = fmt.Fprintln(g.Out)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
