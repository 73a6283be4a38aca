package people

import (
	"context"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/web/terminal"
)

func newAccess(v Verbs) *cobra.Command {
	cmd := &cobra.Command{Use: "access", Short: "Say who may read what, and why"}
	cmd.AddCommand(newAccessExplain(v))
	return cmd
}

func newAccessExplain(v Verbs) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "explain EMAIL TABLE", Short: "Say whether a person may read a table, by which grants, and where they are written", Args: cobra.ExactArgs(2),
		Example: "  broker access explain bob@acme.com shop.orders\n  broker access explain bob@acme.com shop.orders --json | jq .allowed",
		RunE: v.ask(func(ctx context.Context, people *app.People, args []string) error {
			e, err := people.Explain(ctx, args[0], args[1])
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(v.Out, e)
			}
			word := "denied"
			if e.Allowed {
				word = "allowed"
			}
			fmt.Fprintf(v.Out, "%s: %s.\n", word, e.Why)
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
			return terminal.Grid(v.Out, table.Row{"GROUP", "PATTERN", "WRITTEN IN"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
