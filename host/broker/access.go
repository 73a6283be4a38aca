package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

func newAccess(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "access", Short: "Say who may read what, and why"}
	cmd.AddCommand(newAccessExplain(g))
	return cmd
}

func newAccessExplain(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "explain EMAIL TABLE", Short: "Say whether a person may read a table, by which grants, and where they are written", Args: cobra.ExactArgs(2),
		Example: "  broker access explain bob@acme.com shop.orders\n  broker access explain bob@acme.com shop.orders --json | jq .allowed",
		RunE: func(cmd *cobra.Command, args []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			people, err := broker.People(cmd.Context())
			if err != nil {
				return err
			}
			e, err := people.Explain(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(g.out, e)
			}
			word := "denied"
			if e.Allowed {
				word = "allowed"
			}
			fmt.Fprintf(g.out, "%s: %s.\n", word, e.Why)
			if len(e.Because) == 0 {
				return nil
			}
			rows := make([]table.Row, len(e.Because))
			for i, r := range e.Because {
				origin := r.Origin
				if r.Line > 0 {
					origin = fmt.Sprintf("%s:%d", origin, r.Line)
				}
				rows[i] = table.Row{r.Group, r.Pattern, origin}
			}
			return grid(g.out, table.Row{"GROUP", "PATTERN", "WRITTEN IN"}, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
