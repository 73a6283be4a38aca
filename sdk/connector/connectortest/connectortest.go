// Package connectortest checks that a connector keeps its contract: in process or over the wire, in any language.
//
// The checks are plain functions whose outcome is a Report, so that programs can run them as well as tests. They need
// a source that holds still while they run; they never write to it.
package connectortest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk/connector"
)

// Subject is the connector under test, with what it needs.
type Subject struct {
	// New makes a fresh connector and a function that ends it, which may be nil.
	New func(ctx context.Context) (connector.Connector, func() error, error)
	// Settings is one JSON object with which the connector works.
	Settings []byte
	// Bad are settings that must be refused. That unknown names and missing required ones are is checked anyway.
	Bad []Bad
	// Panics names a stream whose reader panics, if the connector has one for this purpose.
	Panics string
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
	report  Report
	texts   map[string]string // everything the connector said, by where, for the search for secrets
	dir     string
}

// Run does all checks. A check that hangs fails after the subject's limit and is left behind.
func Run(ctx context.Context, subject Subject) Report {
	if subject.Limit == 0 {
		subject.Limit = 30 * time.Second
	}
	in := &inspection{subject: subject, texts: map[string]string{}}
	dir, err := os.MkdirTemp("", "connectortest")
	if err != nil {
		return Report{Checks: []Check{{Name: "work_dir", Status: Failed, Detail: err.Error()}}}
	}
	defer os.RemoveAll(dir)
	in.dir = dir
	for _, check := range []struct {
		name string
		run  func(*inspection, context.Context) error
	}{
		{"describe", checkDescribe},
		{"describe_stable", checkDescribeStable},
		{"settings_good", checkSettingsGood},
		{"settings_bad", checkSettingsBad},
		{"settings_unknown", checkSettingsUnknown},
		{"settings_required", checkSettingsRequired},
		{"check", checkCheck},
		{"discover", checkDiscover},
		{"discover_stable", checkDiscoverStable},
		{"discover_only", checkDiscoverOnly},
		{"read_full", checkFull},
		{"read_twice", checkTwice},
		{"read_incremental", checkIncremental},
		{"read_resume", checkResume},
		{"read_columns", checkColumns},
		{"read_unknown", checkUnknownStream},
		{"preview", checkPreview},
		{"close_mid_read", checkClose},
		{"cancel_mid_read", checkCancel},
		{"panic", checkPanic},
		{"secrets", checkSecrets},
	} {
		in.run(ctx, check.name, check.run)
	}
	return in.report
}

func (in *inspection) run(ctx context.Context, name string, check func(*inspection, context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, in.subject.Limit)
	defer cancel()
	// The check works on a copy, so that one left behind cannot disturb those after it.
	own := &inspection{subject: in.subject, texts: map[string]string{}, dir: in.dir}
	for place, text := range in.texts {
		own.texts[place] = text
	}
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				ended <- fmt.Errorf("panic: %v", p)
			}
		}()
		ended <- check(own, ctx)
	}()
	result := Check{Name: name, Status: OK}
	select {
	case err := <-ended:
		var s skip
		switch {
		case errors.As(err, &s):
			result.Status, result.Detail = Skipped, err.Error()
		case err != nil:
			result.Status, result.Detail = Failed, err.Error()
		}
		in.texts = own.texts
	case <-time.After(in.subject.Limit + in.subject.Limit/4):
		result.Status, result.Detail = Failed, fmt.Sprintf("does not return within %s", in.subject.Limit)
	}
	in.report.Checks = append(in.report.Checks, result)
}

// with gives use a fresh connector and ends it.
func (in *inspection) with(ctx context.Context, use func(connector.Connector) error) (err error) {
	c, end, err := in.subject.New(ctx)
	if err != nil {
		return fmt.Errorf("make the connector: %w", err)
	}
	if end != nil {
		defer func() { err = errors.Join(err, end()) }()
	}
	return use(c)
}

// session gives use an open session of a fresh connector and closes both.
func (in *inspection) session(ctx context.Context, use func(connector.Session) error) error {
	return in.with(ctx, func(c connector.Connector) (err error) {
		s, err := c.Open(ctx, connector.Open{Settings: in.subject.Settings, RunID: "conformance", WorkDir: in.dir})
		if err != nil {
			return fmt.Errorf("open: %w", in.heard("open", err))
		}
		defer func() { err = errors.Join(err, s.Close(ctx)) }()
		return use(s)
	})
}

// heard notes what an error says.
func (in *inspection) heard(place string, err error) error {
	if err != nil {
		in.texts["error of "+place] += fmt.Sprintf("%v %+v\n", err, errors.Unwrap(err))
	}
	return err
}

// said notes any text.
func (in *inspection) said(place, text string) { in.texts[place] += text + "\n" }
