// Package fault is the one error vocabulary of host, plugins and programs: an error that a person can act on.
//
// It never speaks HTTP or gRPC: each door has one table of its own from Code to what it answers. Everybody may import it.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is one of the ten classes of failure. It decides retry, exit status and HTTP status, in one table each.
type Code string

// The ten classes. The zero Code is read as Bug.
const (
	Config       Code = "config"        // the configuration or the usage is wrong; never retried
	Auth         Code = "auth"          // credentials are missing, wrong or expired; never retried
	Permission   Code = "permission"    // credentials are good but not allowed; never retried
	NotFound     Code = "not_found"     // the thing does not exist
	RateLimited  Code = "rate_limited"  // asked too often; retried after RetryAfter
	Transient    Code = "transient"     // may work later: network, timeouts, an incomplete stream
	Data         Code = "data"          // the data breaks a rule; retrying does not help
	StateExpired Code = "state_expired" // the resume point is no longer valid at the source
	Cancelled    Code = "cancelled"     // somebody asked to stop
	Bug          Code = "bug"           // a defect of a plugin or of broker
)

// Codes lists the ten classes.
var Codes = []Code{Config, Auth, Permission, NotFound, RateLimited, Transient, Data, StateExpired, Cancelled, Bug}

// Valid says whether c is one of the ten classes.
func (c Code) Valid() bool {
	for _, known := range Codes {
		if c == known {
			return true
		}
	}
	return false
}

// Fault is an error that a person can act on.
type Fault struct {
	Code       Code
	What       string        // what happened, one sentence, no secret
	Help       string        // what to do next, one sentence; may be empty
	Scope      string        // stream or table that is hit; empty = the whole run or command
	Path       string        // path of the setting at fault, e.g. "config.token"; empty if none
	RetryAfter time.Duration // for RateLimited: when to come back; 0 = unknown
	Err        error         // cause, for logs only
}

// New returns a Fault of class code that says what happened.
func New(code Code, what string) *Fault { return &Fault{Code: code, What: what} }

// Newf is New with a format.
func Newf(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, What: fmt.Sprintf(format, args...)}
}

// Wrap returns a Fault of class code that says what was being done when err happened; nil for a nil err.
func Wrap(code Code, err error, doing string) error {
	if err == nil {
		return nil
	}
	return &Fault{Code: code, What: doing + ": " + err.Error(), Err: err}
}

// WithHelp returns a copy of f that says what to do next.
func (f *Fault) WithHelp(help string) *Fault {
	c := *f
	c.Help = help
	return &c
}

// WithScope returns a copy of f that names the stream or table it hits.
func (f *Fault) WithScope(scope string) *Fault {
	c := *f
	c.Scope = scope
	return &c
}

// Error returns What with the class in brackets.
func (f *Fault) Error() string {
	code := f.Code
	if code == "" {
		code = Bug
	}
	return fmt.Sprintf("%s (%s)", f.What, code)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// As finds the outermost Fault in err's chain.
func As(err error) (*Fault, bool) {
	var f *Fault
	ok := errors.As(err, &f)
	return f, ok
}

// CodeOf returns the class of the outermost Fault in err's chain: "" for nil, Bug for an error without class.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if f, ok := As(err); ok && f.Code != "" {
		return f.Code
	}
	return Bug
}

// HelpOf returns the advice of the outermost Fault in err's chain that has one.
func HelpOf(err error) string {
	for err != nil {
		f, ok := As(err)
		if !ok {
			return ""
		}
		if f.Help != "" {
			return f.Help
		}
		err = f.Err
	}
	return ""
}

// TextOf returns err's text with the class in brackets left out, wherever it stands: for places that show the class
// beside it.
func TextOf(err error) string {
	text := err.Error()
	for _, code := range Codes {
		text = strings.ReplaceAll(text, " ("+string(code)+")", "")
	}
	return text
}
