package supervisor

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/held"
	"github.com/ai-data-analyst/broker/host/internal/supervisor/noted"
	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const muteFor = time.Minute // a plugin that did not answer is not asked again for so long

// Describe returns what a trusted plugin says of itself: kind may be "" when name is unique. The reply is kept by hash,
// so that a plugin is asked once.
func (s *Supervisor) Describe(ctx context.Context, kind, name string) (connector.Description, error) {
	c, label, err := s.find(kind, name)
	if err != nil {
		return connector.Description{}, err
	}
	hash, err := s.approve(c, label, s.options.FirstUse)
	if err != nil {
		return connector.Description{}, err
	}
	return s.describe(ctx, c, label, hash)
}

func (s *Supervisor) describe(ctx context.Context, c trust.Candidate, label, hash string) (connector.Description, error) {
	if description, ok := s.keptDescription(hash); ok {
		return description, checkDescription(c, label, description)
	}
	s.mu.Lock()
	before, silent := s.mute[hash]
	s.mu.Unlock()
	if silent && s.options.Now().Sub(before.at) < muteFor {
		return connector.Description{}, before.err
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.Start)
	defer cancel()
	description, err := s.askDescription(ctx, c, label, hash)
	if err != nil && ctx.Err() != context.Canceled {
		s.mu.Lock()
		s.mute[hash] = muteness{at: s.options.Now(), err: err}
		s.mu.Unlock()
	}
	return description, err
}

func (s *Supervisor) askDescription(ctx context.Context, c trust.Candidate, label, hash string) (connector.Description, error) {
	r, err := s.start(ctx, c, label, hash, s.options.Limits, nil)
	if err != nil {
		return connector.Description{}, err
	}
	description, err := s.learn(ctx, r, c, hash)
	if endErr := r.end(); err == nil {
		err = endErr
	}
	return description, err
}

// learn asks a running plugin what it is, checks the answer and keeps it by hash.
func (s *Supervisor) learn(ctx context.Context, r *running, c trust.Candidate, hash string) (connector.Description, error) {
	description, err := r.client.Connector().Describe(ctx)
	if err != nil {
		return description, fault.Newf(fault.Transient, "plugin %s did not say what it is: %s", r.label, r.mask.Clean(plainText(err), maxText))
	}
	if err := checkDescription(c, r.label, description); err != nil {
		return description, err
	}
	err = noted.Write(s.descriptionFile(hash), description)
	return description, fault.Wrap(fault.Transient, err, "keep the description of plugin "+r.label)
}

// checkDescription holds the answer against the file's name. Its parts are checked where it arrives (P13).
func checkDescription(c trust.Candidate, label string, d connector.Description) error {
	wrong := func(format string, args ...any) error {
		return fault.Newf(fault.Bug, "plugin %s describes itself wrongly: %s", label, fmt.Sprintf(format, args...)).
			WithHelp("This is for the plugin's author to mend.")
	}
	switch {
	case d.Kind != c.Kind || d.Name != c.Name:
		return wrong("it says it is %.40q %.80q, but its file is named %s", d.Kind, d.Name, c.File)
	case d.Version == "" || len(d.Version) > 100:
		return wrong("its version is %.100q", d.Version)
	}
	return nil
}

func (s *Supervisor) descriptionFile(hash string) string {
	return filepath.Join(s.copies.Folder(hash), "describe.json")
}

// keptDescription is a reply kept earlier.
func (s *Supervisor) keptDescription(hash string) (connector.Description, bool) {
	return noted.Read(s.descriptionFile(hash))
}

// Report is what Doctor found, step by step.
type Report struct {
	Plugin Plugin `json:"plugin"`
	Steps  []Step `json:"steps"`
}

// Step is one thing that Doctor tried.
type Step = held.Step

// Doctor starts a trusted plugin, asks it what it is and how it is, and stops it. The report tells how far it came; the
// error is for what keeps it from being tried at all.
func (s *Supervisor) Doctor(ctx context.Context, name string) (Report, error) {
	c, label, err := s.find("", name)
	if err != nil {
		return Report{}, err
	}
	report := Report{Plugin: Plugin{Name: label, Kind: c.Kind, Path: c.Path, Status: Ignored}}
	ctx, cancel := context.WithTimeout(ctx, 2*s.options.Limits.Start)
	defer cancel()
	try := func(name string, step func() (string, error)) bool {
		begun := time.Now()
		note, err := step()
		if err != nil {
			note = plainText(err)
			report.Plugin.Reason = note
		}
		report.Steps = append(report.Steps, Step{Name: name, OK: err == nil, Millis: float64(time.Since(begun).Microseconds()) / 1000, Note: note})
		return err == nil
	}
	if !try("trust", func() (string, error) {
		hash, err := s.approve(c, label, false)
		report.Plugin.SHA256 = hash
		return "SHA-256 " + hash, err
	}) {
		report.Plugin.Status = Untrusted
		return report, nil
	}
	s.examine(ctx, c, &report, try)
	return report, nil
}

// examine is the part of Doctor that runs the plugin.
func (s *Supervisor) examine(ctx context.Context, c trust.Candidate, report *Report, try func(string, func() (string, error)) bool) {
	var r *running
	started := try("start", func() (note string, err error) {
		r, err = s.start(ctx, c, report.Plugin.Name, report.Plugin.SHA256, s.options.Limits, nil)
		return "shook hands", err
	})
	if !started {
		return
	}
	described := try("describe", func() (string, error) {
		description, err := s.learn(ctx, r, c, report.Plugin.SHA256)
		report.Plugin.Version = description.Version
		return fmt.Sprintf("%s %s, %d settings, %d streams", description.Name, description.Version, len(description.Settings), len(description.Streams)), err
	})
	healthy := try("health", func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, s.options.Limits.Answer)
		defer cancel()
		health, err := r.client.Health(ctx)
		return fmt.Sprintf("ready, %d MiB resident, %d goroutines", health.RSSBytes>>20, health.Goroutines), err
	})
	stopped := try("stop", func() (string, error) { return "nothing left", r.end() })
	if described && healthy && stopped {
		report.Plugin.Status = Ready
	}
}
