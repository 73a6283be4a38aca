package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Exit codes of every program of broker (interface.md §3).
const (
	ExitOK         = 0
	ExitFailed     = 1 // something failed, the rest was done
	ExitConfig     = 2 // usage or configuration
	ExitHeld       = 3 // held, stale or not at hand: a decision is needed
	ExitAuth       = 4
	ExitPermission = 5
	ExitLater      = 75 // sysexits.h EX_TEMPFAIL
)

// exitCodes maps the class of a command's own error; what happens inside a run is ExitFailed (decision 14).
var exitCodes = map[fault.Code]int{
	fault.Config: ExitConfig, fault.Auth: ExitAuth, fault.Permission: ExitPermission, fault.RateLimited: ExitLater,
	fault.Transient: ExitLater, fault.StateExpired: ExitHeld,
}

// Endings that are no error of the command: its report says what there is to say.
var (
	ErrFailed     = errors.New("something failed")
	ErrHeld       = errors.New("a decision is needed")
	ErrConfig     = errors.New("the configuration has problems")
	ErrPermission = errors.New("not permitted")
)

// endings are the exit codes of the endings.
var endings = map[error]int{ErrFailed: ExitFailed, ErrHeld: ExitHeld, ErrConfig: ExitConfig, ErrPermission: ExitPermission}

// stable is an error with a code that scripts may rely on.
type stable interface{ Stable() string }

// StableCode is the code that scripts may rely on; "" without one.
func StableCode(err error) string {
	var s stable
	if errors.As(err, &s) {
		return s.Stable()
	}
	return ""
}

// End writes what went wrong and returns the exit code.
func End(w io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return ExitOK
	}
	for ending, code := range endings {
		if errors.Is(err, ending) {
			return code
		}
	}
	var usage UsageError
	if errors.As(err, &usage) {
		fmt.Fprintf(w, "%s: %s\n\n%s", usage.Command.Root().Name(), Sentence(usage.Err), usage.Command.UsageString())
		return ExitConfig
	}
	if ctx := cmd.Context(); ctx != nil && ctx.Err() != nil && (errors.Is(err, context.Canceled) || fault.CodeOf(err) == fault.Cancelled) {
		fmt.Fprintf(w, "%s: interrupted\n", cmd.CommandPath()) // what it was about to do, the person knows
		return ExitFailed
	}
	fmt.Fprintf(w, "%s: %s\n", cmd.CommandPath(), Sentence(err))
	if help := fault.HelpOf(err); help != "" {
		fmt.Fprintf(w, "  %s\n", help)
	}
	if code, ok := exitCodes[fault.CodeOf(err)]; ok {
		return code
	}
	return ExitFailed
}

// Sentence is the error's text with its class once, at the end; a stable code stands in square brackets before it.
func Sentence(err error) string {
	text := err.Error()
	if f, ok := fault.As(err); ok {
		class := fmt.Sprintf(" (%s)", f.Code)
		text = strings.ReplaceAll(text, class, "")
		if code := StableCode(err); code != "" {
			return text + " [" + code + "]"
		}
		return text + class
	}
	return text
}
