package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Exit codes of every program of broker.
const (
	exitOK         = 0
	exitFailed     = 1 // something failed, the rest was done
	exitConfig     = 2 // usage or configuration
	exitHeld       = 3 // a decision is needed
	exitAuth       = 4
	exitPermission = 5
	exitLater      = 75 // sysexits.h EX_TEMPFAIL
)

// exitCodes maps the class of a command's own error; what happens inside a run is exitFailed (decision 14).
var exitCodes = map[fault.Code]int{
	fault.Config: exitConfig, fault.Auth: exitAuth, fault.Permission: exitPermission, fault.RateLimited: exitLater, fault.Transient: exitLater,
}

// Endings that are no error of the command: its report says what there is to say.
var (
	errFailed = errors.New("something failed")
	errHeld   = errors.New("a decision is needed")
	errConfig = errors.New("the configuration has problems")
)

// report writes what went wrong and returns the exit code.
func report(w io.Writer, cmd *cobra.Command, err error) int {
	var problems config.Diagnostics
	var usage usageError
	switch {
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.Is(err, errHeld):
		return exitHeld
	case errors.Is(err, errConfig):
		return exitConfig
	case errors.As(err, &problems):
		fmt.Fprintln(w, problems.Text())
		return exitConfig
	case errors.As(err, &usage):
		fmt.Fprintf(w, "broker: %s\n\n%s", sentence(usage.err), usage.cmd.UsageString())
		return exitConfig
	}
	fmt.Fprintf(w, "%s: %s\n", cmd.CommandPath(), sentence(err))
	if help := fault.HelpOf(err); help != "" {
		fmt.Fprintf(w, "  %s\n", help)
	}
	if code, ok := exitCodes[fault.CodeOf(err)]; ok {
		return code
	}
	return exitFailed
}

// sentence is the error's text with its class once, at the end.
func sentence(err error) string {
	text := err.Error()
	if f, ok := fault.As(err); ok {
		class := fmt.Sprintf(" (%s)", f.Code)
		text = strings.ReplaceAll(text, class, "") + class
	}
	return text
}
