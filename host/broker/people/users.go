package people

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/web/terminal"
)

func newUsers(v Verbs) *cobra.Command {
	cmd := &cobra.Command{Use: "users", Short: "Invite people, list them, shut them out"}
	cmd.AddCommand(newUsersAdd(v), newUsersList(v),
		newUsersSwitch(v, "disable", "Shut a person out; this wins over everything, and revokes all their tokens", "is disabled", true),
		newUsersSwitch(v, "enable", "Let a person in again, as a standard user without tokens", "is let in again", false),
		newUsersRelink(v))
	return cmd
}

func newUsersAdd(v Verbs) *cobra.Command {
	var name, role string
	roles := map[string]*bool{"admin": new(bool), "privileged": new(bool), "standard": new(bool)}
	cmd := &cobra.Command{
		Use: "add EMAIL", Short: "Invite a person, whatever the allow lists say; again: change name or role", Args: cobra.ExactArgs(1),
		Example: "  broker users add bob@acme.com --name \"Bob B.\"\n  broker users add ada@acme.com --admin",
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			for one, chosen := range roles {
				if *chosen && role != "" {
					return terminal.UsageError{Command: cmd, Err: errors.New("--admin, --privileged and --standard exclude each other")}
				}
				if *chosen {
					role = one
				}
			}
			return nil
		},
		RunE: v.ask(func(ctx context.Context, people *app.People, args []string) error {
			state, err := people.AddUser(ctx, args[0], name, role)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(v.Out, "%s is %s.\n", args[0], state)
			return err
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "what to call the person")
	cmd.Flags().BoolVar(roles["admin"], "admin", false, "may read everything and administer")
	cmd.Flags().BoolVar(roles["privileged"], "privileged", false, "may also be granted private namespaces")
	cmd.Flags().BoolVar(roles["standard"], "standard", false, "take a role back that this command gave")
	return cmd
}

func newUsersList(v Verbs) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List everybody who was invited or came", Args: cobra.NoArgs,
		Example: "  broker users list\n  broker users list --json | jq -r '.[].email'",
		RunE: v.ask(func(ctx context.Context, people *app.People, _ []string) error {
			users, err := people.Users(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(v.Out, users)
			}
			rows := make([]table.Row, len(users))
			for i, u := range users {
				rows[i] = table.Row{u.Email, u.Name, u.Role, u.Status, strings.Join(u.Groups, ", "), u.CreatedAt}
			}
			return terminal.Grid(v.Out, table.Row{"EMAIL", "NAME", "ROLE", "STATUS", "GROUPS", "CREATED"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newUsersSwitch(v Verbs, use, short, done string, disable bool) *cobra.Command {
	return &cobra.Command{
		Use: use + " EMAIL", Short: short, Args: cobra.ExactArgs(1),
		Example: "  broker users " + use + " bob@acme.com",
		RunE: v.ask(func(ctx context.Context, people *app.People, args []string) error {
			if err := people.SetDisabled(ctx, args[0], disable); err != nil {
				return err
			}
			_, err := fmt.Fprintf(v.Out, "%s %s.\n", args[0], done)
			return err
		}),
	}
}

func newUsersRelink(v Verbs) *cobra.Command {
	return &cobra.Command{
		Use: "relink EMAIL", Short: "Let the next identity with this address sign in as its user; all sessions and tokens end", Args: cobra.ExactArgs(1),
		Long: `An address links one identity of an issuer to its user. When somebody comes with another one, because the account was
made anew or the address was given to another person, they are refused until this is said.`,
		Example: "  broker users relink bob@acme.com",
		RunE: v.ask(func(ctx context.Context, people *app.People, args []string) error {
			n, err := people.Relink(ctx, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(v.Out, "%s: %d identities forgotten; sessions and tokens have ended.\n", args[0], n)
			return err
		}),
	}
}
