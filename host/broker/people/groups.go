package people

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/web/terminal"
)

func newGroups(v Verbs) *cobra.Command {
	cmd := &cobra.Command{Use: "groups", Short: "Put people into groups, and grant tables to them"}
	cmd.AddCommand(newGroupsCreate(v), newGroupsList(v),
		newGroupsChange(v, "add", "EMAIL", "Put people into a group", "bob@acme.com eve@acme.com"),
		newGroupsChange(v, "remove", "EMAIL", "Take people out of a group", "bob@acme.com"),
		newGroupsChange(v, "grant", "PATTERN", "Let a group read tables: ns.table, ns.*, * or dataset:NAME", "'shop.*' crm.orders"),
		newGroupsChange(v, "revoke", "PATTERN", "Take a grant back, as it was written", "'shop.*'"))
	return cmd
}

func newGroupsCreate(v Verbs) *cobra.Command {
	return &cobra.Command{
		Use: "create GROUP", Short: "Make an empty group", Args: cobra.ExactArgs(1),
		Example: "  broker groups create finance",
		RunE: v.ask(func(ctx context.Context, people *app.People, args []string) error {
			made, err := people.CreateGroup(ctx, args[0])
			if err != nil {
				return err
			}
			word := "is there already"
			if made {
				word = "is made"
			}
			_, err = fmt.Fprintf(v.Out, "The group %s %s.\n", args[0], word)
			return err
		}),
	}
}

func newGroupsList(v Verbs) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List all groups, their people and tables, and where they are written", Args: cobra.NoArgs,
		Example: "  broker groups list\n  broker groups list --json | jq '.[] | {name, tables}'",
		RunE: v.ask(func(ctx context.Context, people *app.People, _ []string) error {
			groups, err := people.Groups(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(v.Out, groups)
			}
			rows := make([]table.Row, len(groups))
			for i, one := range groups {
				members, origin := strings.Join(one.Members, ", "), one.Origin
				if one.Name == "everyone" {
					members = "(everybody)"
				}
				if one.Line > 0 {
					origin = fmt.Sprintf("%s:%d", origin, one.Line)
				}
				rows[i] = table.Row{one.Name, members, strings.Join(one.Tables, ", "), origin}
			}
			return terminal.Grid(v.Out, table.Row{"GROUP", "PEOPLE", "TABLES", "WRITTEN IN"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newGroupsChange(v Verbs, verb, what, short, example string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " GROUP " + what + "...", Short: short, Args: cobra.MinimumNArgs(2),
		Example: "  broker groups " + verb + " finance " + example,
		RunE: v.ask(func(ctx context.Context, people *app.People, args []string) error {
			changed, err := people.ChangeGroup(ctx, verb, args[0], args[1:])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(v.Out, "%s %s: %d changed, %d were so already.\n", verb, args[0], changed, len(args)-1-changed)
			return err
		}),
	}
}
