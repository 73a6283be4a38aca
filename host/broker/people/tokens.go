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

func newTokens(v Verbs) *cobra.Command {
	cmd := &cobra.Command{Use: "tokens", Short: "Make, list and revoke tokens of programs"}
	cmd.AddCommand(newTokensCreate(v), newTokensList(v), newTokensRevoke(v))
	return cmd
}

func newTokensCreate(v Verbs) *cobra.Command {
	var days int
	var label string
	var scopes []string
	cmd := &cobra.Command{
		Use: "create EMAIL", Short: "Make a token for a person and print it, alone, on stdout", Args: cobra.ExactArgs(1),
		Long:    "Make a token for a person and print it, alone, on stdout. It is shown this once and kept nowhere. Hand it over by\na pipe or a file, never as an argument of a command.",
		Example: "  broker tokens create bob@acme.com --label laptop | analyst login https://data.acme.com --token-stdin",
		RunE: v.ask(func(ctx context.Context, people *app.People, args []string) error {
			token, secret, err := people.CreateToken(ctx, args[0], label, days, scopes)
			if err != nil {
				return err
			}
			fmt.Fprintf(v.Err, "Token %s of %s (%s), good until %s. It is shown this once.\n", token.ID, token.User, strings.Join(token.Scopes, ", "), token.ExpiresAt)
			_, err = fmt.Fprintln(v.Out, secret.Reveal())
			return err
		}),
	}
	cmd.Flags().IntVar(&days, "days", 90, "how long it lives, 1 to 366")
	cmd.Flags().StringVar(&label, "label", "", "what to call it")
	cmd.Flags().StringSliceVar(&scopes, "scopes", []string{"read", "push"}, "what it may be used for: read, push, admin")
	return cmd
}

func newTokensList(v Verbs) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [EMAIL]", Short: "List tokens, without their secrets", Args: cobra.MaximumNArgs(1),
		Example: "  broker tokens list bob@acme.com\n  broker tokens list --json | jq '.[] | select(.status == \"active\") | .id'",
		RunE: v.ask(func(ctx context.Context, people *app.People, args []string) error {
			tokens, err := people.Tokens(ctx, strings.Join(args, ""))
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(v.Out, tokens)
			}
			rows := make([]table.Row, len(tokens))
			for i, t := range tokens {
				rows[i] = table.Row{t.ID, t.User, t.Label, strings.Join(t.Scopes, ", "), t.Status, t.ExpiresAt, t.LastUsedAt}
			}
			return terminal.Grid(v.Out, table.Row{"ID", "USER", "LABEL", "SCOPES", "STATUS", "EXPIRES", "LAST USED"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newTokensRevoke(v Verbs) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a token: the next request with it is refused", Args: cobra.ExactArgs(1),
		Example: "  broker tokens revoke $(broker tokens list bob@acme.com --json | jq -r '.[0].id')",
		RunE: v.ask(func(ctx context.Context, people *app.People, args []string) error {
			if err := people.RevokeToken(ctx, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(v.Out, "The token %s is revoked.\n", args[0])
			return err
		}),
	}
}
