package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// The endings of our verbs, see terminal.
var (
	errFailed = terminal.ErrFailed
	errHeld   = terminal.ErrHeld
	errConfig = terminal.ErrConfig
)

// report writes what went wrong and returns the exit code.
func report(w io.Writer, cmd *cobra.Command, err error) int {
	var problems config.Diagnostics
	if errors.As(err, &problems) {
		fmt.Fprintln(w, problems.Text())
		return terminal.ExitConfig
	}
	return terminal.End(w, cmd, err)
}
