package connector

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

// guard calls an author's function and turns a panic into an error, so that the process lives.
func guard(doing string, call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fault.Fault{
				Code: fault.Bug, What: fmt.Sprintf("%s: the connector panicked: %v", doing, p),
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

// masker hides the secrets of a session's settings in everything that leaves it.
type masker struct {
	replace *strings.Replacer
	long    []string // secrets long enough that finding them in a state is no accident
}

func newMasker(secrets []string) masker {
	var pairs []string
	var m masker
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

func (m masker) text(s string) string {
	if m.replace == nil {
		return s
	}
	return m.replace.Replace(s)
}

// inside says whether text holds a secret.
func (m masker) inside(text string) bool {
	for _, s := range m.long {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// fault gives every error a class and takes the secrets out of it. nil stays nil.
func (m masker) fault(err error) error {
	if f := m.faultOf(err); f != nil {
		return f
	}
	return nil
}

func (m masker) faultOf(err error) *fault.Fault {
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
	out.What, out.Help, out.Path = m.text(out.What), m.text(out.Help), m.text(out.Path)
	out.Err = nil
	if cause != nil {
		out.Err = errors.New(m.text(cause.Error()))
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
