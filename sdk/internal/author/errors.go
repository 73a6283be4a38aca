// Package author is what the surfaces of all kinds of plugins share towards the author's code: its panics become faults,
// every error gets a class, and the secrets of the settings are taken out of all that leaves (G14).
//
// It knows no contract. The contracts import it.
package author

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"path"
	"runtime"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Guard calls an author's function and turns a panic into an error, so that the process lives.
func Guard(doing string, call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault.Fault{
				Code: fault.Bug, What: fmt.Sprintf("%s: the plugin panicked: %v", doing, p),
				Help: "This is a defect of the plugin; tell its author.", Err: errors.New(stack()),
			}
		}
	}()
	return call()
}

// stack lists the functions below the panic by name, file and line; arguments, which may be secret, are left out.
func stack() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	var lines []string
	for {
		f, more := frames.Next()
		if f.Function != "" {
			lines = append(lines, fmt.Sprintf("%s %s:%d", f.Function, path.Base(f.File), f.Line))
		}
		if !more {
			return "panic at:\n" + strings.Join(lines, "\n")
		}
	}
}

// Mask hides the secrets of a session's settings in everything that leaves it.
type Mask struct {
	replace *strings.Replacer
	long    []string // secrets long enough that finding them in a state is no accident
}

// NewMask hides these texts and their encoded forms; very short ones are left.
func NewMask(secrets []string) Mask {
	var pairs []string
	var m Mask
	for _, s := range secrets {
		if len(s) < 4 {
			continue
		}
		quoted := strings.Trim(strconv.Quote(s), `"`)
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), quoted} {
			pairs = append(pairs, form, "[redacted]")
		}
		if len(s) >= 8 {
			m.long = append(m.long, s, quoted)
		}
	}
	m.replace = strings.NewReplacer(pairs...)
	return m
}

// Text returns s without secrets.
func (m Mask) Text(s string) string {
	if m.replace == nil {
		return s
	}
	return m.replace.Replace(s)
}

// Inside says whether text holds a secret.
func (m Mask) Inside(text string) bool {
	for _, s := range m.long {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// Fault gives every error a class and takes the secrets out of it. nil stays nil.
func (m Mask) Fault(err error) error {
	if f := m.FaultOf(err); f != nil {
		return f
	}
	return nil
}

// FaultOf is Fault with the concrete type; nil for nil.
func (m Mask) FaultOf(err error) *fault.Fault {
	if err == nil {
		return nil
	}
	out := &fault.Fault{Code: classOf(err), What: err.Error()}
	cause := err
	if f, ok := fault.As(err); ok {
		c := *f
		out = &c
		out.What = strings.Replace(err.Error(), f.Error(), f.What, 1)
		if out.Help == "" {
			out.Help = fault.HelpOf(f.Err)
		}
		cause = f.Err
		if !out.Code.Valid() {
			out.Code = fault.Bug
		}
	}
	out.What, out.Help, out.Path = m.Text(out.What), m.Text(out.Help), m.Text(out.Path)
	out.Err = nil
	if cause != nil {
		out.Err = errors.New(m.Text(cause.Error()))
	}
	return out
}

// classOf is the class of an error that has none of its own.
func classOf(err error) fault.Code {
	var network net.Error
	var address *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return fault.Cancelled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network), errors.As(err, &address):
		return fault.Transient
	case errors.Is(err, fs.ErrNotExist):
		return fault.NotFound
	case errors.Is(err, fs.ErrPermission):
		return fault.Permission
	}
	return fault.Bug
}
