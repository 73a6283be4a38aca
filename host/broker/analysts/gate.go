package analysts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/terminal"
)

func newGate(v Verbs) *cobra.Command {
	var keys bool
	cmd := &cobra.Command{
		Use: "gate NAME", Short: "Serve rsync to one analyst; sshd starts this",
		Long: "Serve rsync to one analyst over the connection that sshd started this for. What the client asks for stands in\nSSH_ORIGINAL_COMMAND: current/ and gen/<n>/ can be read, push/ can be written.",
		Args: func(_ *cobra.Command, args []string) error {
			if keys == (len(args) == 0) && len(args) < 2 {
				return nil
			}
			return errors.New("it takes one name, or --print-authorized-keys")
		},
		Example: "  broker gate --print-authorized-keys",
	}
	cmd.Flags().BoolVar(&keys, "print-authorized-keys", false, "print what sshd reads, e.g. for AuthorizedKeysCommand")
	printKeys := v.ask(func(ctx context.Context, door *app.Analysts, _ []string) error {
		text, err := door.AuthorizedKeys(ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(v.Out, text)
		return err
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if keys {
			return printKeys(cmd, args)
		}
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP) // the connection has gone
		defer stop()
		return v.serve(ctx, args[0])
	}
	return cmd
}

// serve is one connection. At the other end is somebody who may know nothing of this machine.
func (v Verbs) serve(ctx context.Context, name string) (err error) {
	broker, err := v.Open()
	if err != nil {
		return closed()
	}
	defer func() {
		if closing := broker.Close(); err == nil {
			err = closing
		}
	}()
	door, err := broker.Analysts(ctx, true)
	if err != nil {
		return closed()
	}
	told, err := door.Serve(ctx, app.Connection{Name: name, Command: os.Getenv("SSH_ORIGINAL_COMMAND"), From: os.Getenv("SSH_CONNECTION"),
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	if told {
		return terminal.ErrFailed
	}
	return err
}

func closed() error {
	return fault.New(fault.Transient, `the server cannot serve this now; its administrators see why with "broker check"`)
}
