// Package people holds the verbs users, groups, tokens and access of the program broker.
//
// It decides nothing: what may be is access's. Only host/broker imports it.
package people

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
)

// Verbs is what the verbs need of the program.
type Verbs struct {
	Open func() (*app.App, error) // reads the configuration
	Out  io.Writer                // documents
	Err  io.Writer                // people's text
}

// Commands are the verbs.
func (v Verbs) Commands() []*cobra.Command {
	return []*cobra.Command{newUsers(v), newGroups(v), newTokens(v), newAccess(v)}
}

// ask runs do with the instance's people, and closes the instance afterwards.
func (v Verbs) ask(do func(ctx context.Context, people *app.People, args []string) error) func(*cobra.Command, []string) error {
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
		people, err := broker.People(cmd.Context())
		if err != nil {
			return err
		}
		return do(cmd.Context(), people, args)
	}
}
