package supervisor

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const describesAtOnce = 4

// List returns every entry of the plugin folder in name order, unfit ones with the reason. It executes nothing that is
// not trusted, pins nothing, and a plugin that does not answer is listed as such.
func (s *Supervisor) List(ctx context.Context) ([]Plugin, error) {
	all, err := s.scan()
	if err != nil {
		return nil, err
	}
	pins, err := s.pins.All()
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "list the plugins")
	}
	list := make([]Plugin, len(all))
	slots := make(chan struct{}, describesAtOnce)
	var asked sync.WaitGroup
	for i, c := range all {
		list[i] = s.inspect(c, label(c, all), pins)
		if list[i].Status != Ready {
			continue
		}
		asked.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			s.fillVersion(ctx, c, &list[i])
		})
	}
	asked.Wait()
	return list, ctx.Err()
}

// inspect says what is known of a candidate without executing it.
func (s *Supervisor) inspect(c trust.Candidate, label string, pins map[string]trust.Pin) Plugin {
	p := Plugin{Name: label, Kind: c.Kind, Path: c.Path, Status: Ignored, Reason: c.Unfit}
	if info, err := os.Lstat(c.Path); err == nil && info.Mode().IsRegular() {
		hash, err := trust.Hash(c.Path)
		if err != nil && p.Reason == "" {
			p.Reason = "it cannot be read: " + err.Error()
		}
		p.SHA256 = hash
	}
	if p.Reason != "" {
		return p
	}
	if expected := pins[c.File].SHA256; s.options.Trust != Dev && expected != p.SHA256 {
		p.Status, p.Reason = Untrusted, untrustedReason(s.options.Trust, label, expected, p.SHA256)
		return p
	}
	p.Status = Ready
	if parked, ok := s.crashes.Parked(p.SHA256); ok {
		p.Status, p.Reason = Quarantined, parked.Sentence(label)
	}
	return p
}

func untrustedReason(rule Trust, label, expected, found string) string {
	f, _ := fault.As(refusal(label, expected, found))
	if rule == TOFU && expected == "" {
		return "not pinned yet: found SHA-256 " + found + "; the first sync or serve that uses it pins it, or run: broker plugins pin " + label
	}
	return f.What + ". " + f.Help
}

// fillVersion asks a trusted plugin what it is. One that does not answer is not ready.
func (s *Supervisor) fillVersion(ctx context.Context, c trust.Candidate, p *Plugin) {
	description, err := s.describe(ctx, c, p.Name, p.SHA256)
	if err != nil {
		p.Status, p.Reason = Ignored, "it does not say what it is: "+plainText(err)
		return
	}
	p.Version = description.Version
}

// plainText is the error without its class in brackets.
func plainText(err error) string {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f.What
	}
	return err.Error()
}

// Pin trusts the bytes that the file of this plugin has now, and ends its quarantine.
func (s *Supervisor) Pin(ctx context.Context, name string) (Plugin, error) {
	c, label, err := s.find("", name)
	if err != nil {
		return Plugin{}, err
	}
	if c.Unfit != "" {
		return Plugin{}, fault.Newf(fault.Config, "plugin %s cannot be pinned: %s", label, c.Unfit).WithHelp("Mend or replace " + c.Path + " first.")
	}
	hash, err := trust.Hash(c.Path)
	if err != nil {
		return Plugin{}, fault.Wrap(fault.Config, err, "read plugin "+label)
	}
	if _, err := s.copies.Verified(c.Path, hash); err != nil { // the bytes that were seen now are the ones that will run
		return Plugin{}, fault.Wrap(fault.Transient, err, "pin plugin "+label)
	}
	if err := s.pins.Set(c.File, hash); err != nil {
		return Plugin{}, fault.Wrap(fault.Transient, err, "pin plugin "+label)
	}
	s.mu.Lock()
	delete(s.mute, hash)
	s.mu.Unlock()
	if err := s.crashes.Forget(hash); err != nil {
		return Plugin{}, fault.Wrap(fault.Transient, err, "pin plugin "+label)
	}
	return Plugin{Name: label, Kind: c.Kind, Path: c.Path, SHA256: hash, Status: Ready}, ctx.Err()
}

// Unpin takes the trust away and says whether there was any. The file itself may be gone already.
func (s *Supervisor) Unpin(ctx context.Context, name string) (bool, error) {
	c, label, err := s.find("", name)
	file := c.File
	if err != nil {
		if file = s.pinnedFile(name); file == "" {
			return false, err
		}
		label = name
	}
	was, err := s.pins.Remove(file)
	return was, errors.Join(fault.Wrap(fault.Transient, err, "unpin plugin "+label), ctx.Err())
}

// pinnedFile finds the pin of a plugin whose file is gone.
func (s *Supervisor) pinnedFile(name string) string {
	pins, err := s.pins.All()
	if err != nil {
		return ""
	}
	for _, kind := range trust.Kinds {
		for _, file := range []string{"broker-" + kind + "-" + name, "broker-" + name, name} {
			if _, ok := pins[file]; ok {
				return file
			}
		}
	}
	return ""
}

// Verify is List after every private copy of a trusted plugin has been made or hashed again.
func (s *Supervisor) Verify(ctx context.Context) ([]Plugin, error) {
	list, err := s.List(ctx)
	for i, p := range list {
		if p.Status != Ready {
			continue
		}
		if _, copyErr := s.copies.Verified(p.Path, p.SHA256); copyErr != nil {
			list[i].Status, list[i].Reason = Ignored, "its private copy cannot be made: "+copyErr.Error()
		}
	}
	return list, err
}

// Copy returns the path of the verified private copy of a trusted plugin, for those who run its own verbs.
func (s *Supervisor) Copy(ctx context.Context, name string) (string, error) {
	c, label, err := s.find("", name)
	if err != nil {
		return "", err
	}
	hash, err := s.approve(c, label, false)
	if err != nil {
		return "", err
	}
	path, err := s.copies.Verified(c.Path, hash)
	return path, errors.Join(fault.Wrap(fault.Transient, err, "copy plugin "+label), ctx.Err())
}
