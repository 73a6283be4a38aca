package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

func newGroups(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "groups", Short: "Put people into groups, and grant tables to them"}
	cmd.AddCommand(newGroupsCreate(g), newGroupsList(g),
		newGroupsChange(g, "add", "EMAIL", "Put people into a group", "bob@acme.com eve@acme.com"),
		newGroupsChange(g, "remove", "EMAIL", "Take people out of a group", "bob@acme.com"),
		newGroupsChange(g, "grant", "PATTERN", "Let a group read tables: ns.table, ns.*, * or dataset:NAME", "'shop.*' crm.orders"),
		newGroupsChange(g, "revoke", "PATTERN", "Take a grant back, as it was written", "'shop.*'"))
	return cmd
}

func newGroupsCreate(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "create GROUP", Short: "Make an empty group", Args: cobra.ExactArgs(1),
		Example: "  broker groups create finance",
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
			made, err := people.CreateGroup(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			word := "is there already"
			if made {
				word = "is made"
			}
			_, err = fmt.Fprintf(g.out, "The group %s %s.\n", args[0], word)
			return err
		},
	}
}

func newGroupsList(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List all groups, their people and tables, and where they are written", Args: cobra.NoArgs,
		Example: "  broker groups list\n  broker groups list --json | jq '.[] | {name, tables}'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			people, err := broker.People(cmd.Context())
			if err != nil {
				return err
			}
			groups, err := people.Groups(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(g.out, groups)
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
			return grid(g.out, table.Row{"GROUP", "PEOPLE", "TABLES", "WRITTEN IN"}, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newGroupsChange(g *global, verb, what, short, example string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " GROUP " + what + "...", Short: short, Args: cobra.MinimumNArgs(2),
		Example: "  broker groups " + verb + " finance " + example,
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
			changed, err := people.ChangeGroup(cmd.Context(), verb, args[0], args[1:])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(g.out, "%s %s: %d changed, %d were so already.\n", verb, args[0], changed, len(args)-1-changed)
			return err
		},
	}
}
