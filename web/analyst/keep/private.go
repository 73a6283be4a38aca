package keep

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/analyst/session"
)

// NewPrivate is the verb private.
func NewPrivate(g *ground.Ground) *cobra.Command {
	return &cobra.Command{
		Use:       "private [on|off]",
		Short:     "Say whether assistant sessions are private, or change it",
		Long:      "While private is on, sessions are never collected nor shared: not those that begin now, and not one that already\nruns. Turning it off does not make a session public that was private for a moment.",
		Example:   "  analyst private on\n  analyst private",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"on", "off"},
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := g.Workspace()
			if err != nil {
				return err
			}
			book := session.Book{Dir: w.Dir, Now: g.Now}
			if len(args) == 1 {
				if err := book.SetPrivate(args[0] == "on"); err != nil {
					return err
				}
			}
			on, err := book.Private()
			if err != nil {
				return err
			}
			text := "private is off: transcripts are collected in user/sessions; they leave only with \"analyst push\""
			if on {
				text = "private is on: this session and those that begin now are never collected or shared"
			}
			_, err = fmt.Fprintln(g.Out, text)
			return err
		},
	}
}
