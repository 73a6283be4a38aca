// Package analysts holds the verbs of the rsync door of the program broker: add-analyst, list-analysts, remove-analyst for
// administrators, and gate, which sshd starts.
//
// It decides nothing. Only host/broker imports it.
package analysts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// Verbs is what the verbs need of the program.
type Verbs struct {
	Open func() (*app.App, error) // reads the configuration
	Out  io.Writer                // documents
	Err  io.Writer                // people's text
}

// Commands are the verbs.
func (v Verbs) Commands() []*cobra.Command {
	return []*cobra.Command{newAdd(v), newList(v), newRemove(v), newGate(v)}
}

// Args are the arguments of the program by its name: called through a link that is named like one of the three verbs, it
// is that verb.
func Args(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	name := strings.TrimSuffix(filepath.Base(argv[0]), ".exe")
	if slices.Contains([]string{"add-analyst", "list-analysts", "remove-analyst"}, name) {
		return append([]string{name}, argv[1:]...)
	}
	return argv[1:]
}

// Refuse fails when an argument looks like a private key, before anything can show or keep it. The error does not repeat it.
func Refuse(args []string) error {
	looks := func(arg string) bool {
		return strings.Contains(strings.ToUpper(arg), "PRIVATE KEY") || strings.Contains(strings.ToUpper(arg), "PUTTY-USER-KEY") || strings.Contains(arg, "b3BlbnNzaC1rZXktdjE")
	}
	if slices.ContainsFunc(args, looks) {
		return fault.New(fault.Config, "that is a private key; it was not used, and should be replaced now that it was shown").
			WithHelp(`Give the public one: the line of the file that ends with ".pub".`)
	}
	return nil
}

// ask runs do with the instance's door, and closes the instance afterwards.
func (v Verbs) ask(do func(ctx context.Context, door *app.Analysts, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		broker, err := v.Open()
		if err != nil {
			return err
		}
		defer func() {
			if closing := broker.Close(); err == nil {
				err = closing
			}
		}()
		door, err := broker.Analysts(cmd.Context(), false)
		if err != nil {
			return err
		}
		return do(cmd.Context(), door, args)
	}
}

func newAdd(v Verbs) *cobra.Command {
	var r app.AnalystRequest
	cmd := &cobra.Command{
		Use: "add-analyst NAME \"KEY\"", Short: "Let somebody pull and push with rsync, by their SSH key",
		Long: "Let somebody pull and push with rsync, by their SSH key. No account is made on this machine: the key may start\nbroker's gate and nothing else. They see what their groups are granted; with --private the private namespaces too.",
		Args: func(_ *cobra.Command, args []string) error { // says nothing of the arguments: one may be a secret
			if len(args) == 2 {
				return nil
			}
			return errors.New("it takes a name and a key; the key is one argument, in quotes")
		},
		Example: "  broker add-analyst bob \"$(cat bob.pub)\" --email bob@acme.com\n  broker add-analyst ci \"ssh-ed25519 AAAA… ci@build\" --private",
		RunE: v.ask(func(ctx context.Context, door *app.Analysts, args []string) error {
			r.Name, r.Key = args[0], args[1]
			added, err := door.Add(ctx, r)
			if err != nil {
				return err
			}
			said := "is let in"
			if !added {
				said = "was let in already"
			}
			_, err = fmt.Fprintf(v.Out, "%s %s.\n", r.Name, said)
			return err
		}),
	}
	cmd.Flags().StringVar(&r.Email, "email", "", "whose tables: a person who is invited or admitted (default: a user of its own, without grants)")
	cmd.Flags().BoolVar(&r.Private, "private", false, "role privileged, and the private namespaces")
	return cmd
}

func newList(v Verbs) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list-analysts", Short: "List who may come in by SSH", Args: cobra.NoArgs,
		Example: "  broker list-analysts\n  broker list-analysts --json | jq -r '.[].name'",
		RunE: v.ask(func(ctx context.Context, door *app.Analysts, _ []string) error {
			analysts, err := door.List(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(v.Out, analysts)
			}
			rows := make([]table.Row, len(analysts))
			for i, a := range analysts {
				private := "no"
				if a.Private {
					private = "yes"
				}
				rows[i] = table.Row{a.Name, a.Email, a.Role, private, a.Status, a.KeyType, a.Fingerprint, a.CreatedAt}
			}
			return terminal.Grid(v.Out, table.Row{"NAME", "EMAIL", "ROLE", "PRIVATE", "STATUS", "KEY", "FINGERPRINT", "CREATED"}, rows)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newRemove(v Verbs) *cobra.Command {
	var r app.AnalystRemoval
	cmd := &cobra.Command{
		Use: "remove-analyst NAME", Short: "Take a key away again, at once", Args: cobra.ExactArgs(1),
		Long:    "Take a key away again, at once: a transfer that runs is ended. What they pushed stays, unless --delete-files is given.",
		Example: "  broker remove-analyst bob\n  broker remove-analyst bob --force --delete-files",
		RunE: v.ask(func(ctx context.Context, door *app.Analysts, args []string) error {
			r.Name = args[0]
			done, err := door.Remove(ctx, r)
			if err != nil {
				return err
			}
			switch {
			case done.Held:
				fmt.Fprintf(v.Err, "%s has pushed %d files (%s), in %s.\nRemove the key with --force; the files stay, unless --delete-files is given too.\n",
					r.Name, done.Files, terminal.Size(done.Bytes), done.Dir)
				return terminal.ErrHeld
			case done.Dir != "":
				_, err = fmt.Fprintf(v.Out, "%s is shut out. What they pushed stays in %s.\n", r.Name, done.Dir)
			default:
				_, err = fmt.Fprintf(v.Out, "%s is shut out.\n", r.Name)
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&r.Force, "force", false, "also somebody who has pushed files")
	cmd.Flags().BoolVar(&r.DeleteFiles, "delete-files", false, "with --force: delete what they pushed")
	return cmd
}
