package terminal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Polish gives every command the same manners: groups say what they hold, wrong usage shows the usage of that command
// alone, and a flag given twice is a mistake (O1).
func Polish(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return UsageError{c, err} })
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return UsageError{c, err}
			}
			return nil
		}
	}
	if cmd.HasSubCommands() {
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return UsageError{c, unknownCommand(c, args[0])}
		}
	}
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		set.VisitAll(func(f *pflag.Flag) {
			if _, wrapped := f.Value.(*once); !wrapped && !strings.HasSuffix(f.Value.Type(), "Array") {
				f.Value = &once{Value: f.Value}
			}
		})
	}
	for _, sub := range cmd.Commands() {
		Polish(sub)
	}
}

func unknownCommand(c *cobra.Command, name string) error {
	c.SuggestionsMinimumDistance = 2
	text := fmt.Sprintf("there is no command %q", name)
	if near := c.SuggestionsFor(name); len(near) > 0 {
		text += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return errors.New(text)
}

// once is a flag value that may be set one time.
type once struct {
	pflag.Value
	set bool
}

// Set implements pflag.Value.
func (o *once) Set(text string) error {
	if o.set {
		return errors.New("it stands twice")
	}
	o.set = true
	return o.Value.Set(text)
}

// UsageError is a mistake of the command line.
type UsageError struct {
	Command *cobra.Command
	Err     error
}

// Error implements error.
func (u UsageError) Error() string { return u.Err.Error() }

// Unwrap gives it a class.
func (u UsageError) Unwrap() error { return fault.New(fault.Config, u.Err.Error()) }
