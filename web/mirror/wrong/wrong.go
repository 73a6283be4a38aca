// Package wrong is how a copy says what is wrong: failures with a code that scripts may rely on (interface.md §9).
//
// Imported by mirror.
package wrong

import (
	"errors"
	"fmt"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/disk"
)

// Error is a failure with a code that scripts may rely on (interface.md §9). It stands as the cause below a fault.Fault,
// whose class decides the exit code.
type Error struct {
	Code string // hash_mismatch, short_body, signature, key_changed, rollback, disk_full, locked
	Err  error  // cause; may be nil
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code
	}
	return fmt.Sprintf("%s: %v", e.Code, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Stable is the code.
func (e *Error) Stable() string { return e.Code }

// The codes.
const (
	HashMismatch = "hash_mismatch"
	ShortBody    = "short_body"
	Signature    = "signature"
	KeyChanged   = "key_changed"
	Rollback     = "rollback"
	DiskFull     = "disk_full"
	Locked       = "locked"
)

// New is a failure with a code; the class decides the exit code.
func New(code string, class fault.Code, cause error, help, format string, args ...any) error {
	return &fault.Fault{Code: class, What: fmt.Sprintf(format, args...), Help: help, Err: &Error{Code: code, Err: cause}}
}

// OnDisk says what was being done when the disk refused.
func OnDisk(err error, doing string) error {
	if err == nil {
		return nil
	}
	var known *fault.Fault
	if errors.As(err, &known) {
		return err
	}
	if disk.IsFull(err) {
		return New(DiskFull, fault.Data, err, "Free some space and pull again: what has come already is kept.", "the disk is full: %s", doing)
	}
	return fault.Wrap(fault.Config, err, doing)
}
