// Package authtest checks that a way to sign in keeps its contract: in process or over the wire, in any language.
//
// The checks are plain functions whose outcome is a Report, so that programs can run them as well as tests. What belongs
// to an ability is skipped where the plugin does not have it.
package authtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk/auth"
)

// Subject is the provider under test, with what it needs.
type Subject struct {
	// New makes a fresh provider and a function that ends it, which may be nil.
	New func(ctx context.Context) (auth.Provider, func() error, error)
	// Settings is one JSON object with which the provider works.
	Settings []byte
	// Bad are settings that must be refused. That unknown names are is checked anyway.
	Bad []Bad
	// SignIn signs one person in as a browser would, by calls of session, and returns the last step. nil skips what needs
	// it. It is called several times, and must take the session and the host that it is given.
	SignIn func(ctx context.Context, session auth.Session, host auth.Host) (auth.Step, error)
	// Limit is how long one check may take; 0 = 30 s.
	Limit time.Duration
}

// Bad is a settings object that must be refused.
type Bad struct {
	Settings []byte
	Path     string // setting that must be named; "" = any
}

// Status is the outcome of one check.
type Status string

// The three outcomes.
const (
	OK      Status = "ok"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string
	Status Status
	Detail string // what is wrong, or why it was skipped
}

// Report lists the checks in the order in which they ran.
type Report struct{ Checks []Check }

// Failed returns the checks that failed.
func (r Report) Failed() []Check {
	var failed []Check
	for _, c := range r.Checks {
		if c.Status == Failed {
			failed = append(failed, c)
		}
	}
	return failed
}

// String lists the checks, one a line.
func (r Report) String() string {
	var b strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%-8s%s", c.Status, c.Name)
		if c.Detail != "" {
			fmt.Fprintf(&b, ": %s", c.Detail)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Test fails t for every check that fails.
func Test(t *testing.T, subject Subject) {
	t.Helper()
	for _, c := range Run(t.Context(), subject).Checks {
		t.Run(c.Name, func(t *testing.T) {
			switch c.Status {
			case Failed:
				t.Error(c.Detail)
			case Skipped:
				t.Log("does not apply: " + c.Detail)
			}
		})
	}
}

// skip says that a check does not apply.
type skip string

func (s skip) Error() string { return string(s) }

// inspection is one pass of all checks over one subject.
type inspection struct {
	subject Subject
	dir     string
}

// Run does all checks. A check that hangs fails after the subject's limit and is left behind.
func Run(ctx context.Context, subject Subject) Report {
	if subject.Limit == 0 {
		subject.Limit = 30 * time.Second
	}
	dir, err := os.MkdirTemp("", "authtest")
	if err != nil {
		return Report{Checks: []Check{{Name: "work_dir", Status: Failed, Detail: err.Error()}}}
	}
	defer os.RemoveAll(dir)
	in := &inspection{subject: subject, dir: dir}
	var report Report
	for _, check := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"describe", in.describe},
		{"settings_good", in.settingsGood},
		{"settings_bad", in.settingsBad},
		{"settings_unknown", in.settingsUnknown},
		{"check", in.check},
		{"form", in.form},
		{"begin_with_nothing", in.beginWithNothing},
		{"begin_with_garbage", in.beginWithGarbage},
		{"complete_out_of_nowhere", in.completeOutOfNowhere},
		{"sign_in", in.signIn},
		{"same_person_again", in.samePersonAgain},
		{"once_only", in.onceOnly},
		{"one_browser_only", in.oneBrowserOnly},
		{"tokens_wrong", in.tokensWrong},
		{"many_at_once", in.manyAtOnce},
	} {
		report.Checks = append(report.Checks, in.run(ctx, check.name, check.run))
	}
	return report
}

func (in *inspection) run(ctx context.Context, name string, check func(context.Context) error) Check {
	ctx, cancel := context.WithTimeout(ctx, in.subject.Limit)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				ended <- fmt.Errorf("panic: %v", p)
			}
		}()
		ended <- check(ctx)
	}()
	late := time.NewTimer(in.subject.Limit + in.subject.Limit/4)
	defer late.Stop()
	select {
	case err := <-ended:
		var s skip
		switch {
		case errors.As(err, &s):
			return Check{Name: name, Status: Skipped, Detail: err.Error()}
		case err != nil:
			return Check{Name: name, Status: Failed, Detail: err.Error()}
		}
		return Check{Name: name, Status: OK}
	case <-late.C:
		return Check{Name: name, Status: Failed, Detail: fmt.Sprintf("does not return within %s", in.subject.Limit)}
	}
}

// with gives use a fresh provider and ends it.
func (in *inspection) with(ctx context.Context, use func(auth.Provider) error) (err error) {
	s, end, err := in.subject.New(ctx)
	if err != nil {
		return fmt.Errorf("make the provider: %w", err)
	}
	if end != nil {
		defer func() { err = errors.Join(err, end()) }()
	}
	return use(s)
}

// session gives use an open session of a fresh provider and closes both.
func (in *inspection) session(ctx context.Context, use func(auth.Session) error) error {
	return in.with(ctx, func(p auth.Provider) (err error) {
		session, err := p.Open(ctx, auth.Open{Settings: in.subject.Settings, WorkDir: in.dir})
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		defer func() { err = errors.Join(err, session.Close(context.WithoutCancel(ctx))) }()
		return use(session)
	})
}
