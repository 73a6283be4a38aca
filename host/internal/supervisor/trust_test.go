//go:build unix

package supervisor_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

var ctx = context.Background()

// G10: whatever is asked, bytes that are not trusted are not executed.
func TestG10_UntrustedIsNeverExecuted(t *testing.T) {
	for _, rule := range []supervisor.Trust{supervisor.Locked, supervisor.TOFU} {
		h := settle(t)
		h.options.Trust = rule
		mark := h.dropTrap("broker-connector-plain")
		s := h.open()
		list, err := s.List(ctx)
		if err != nil || len(list) != 1 || list[0].Status != supervisor.Untrusted || !strings.Contains(list[0].Reason, "broker plugins pin plain") {
			t.Errorf("%s: list %+v, %v", rule, list, err)
		}
		if _, err := s.Verify(ctx); err != nil {
			t.Error(err)
		}
		_, err = s.Describe(ctx, "connector", "plain")
		refused(t, err, fault.Config, "not trusted", "none (not pinned)", list[0].SHA256, "broker plugins pin plain")
		_, err = s.Lend(ctx, h.request())
		refused(t, err, fault.Config, "not trusted")
		_, err = s.Copy(ctx, "plain")
		refused(t, err, fault.Config, "not trusted")
		report, err := s.Doctor(ctx, "plain")
		if err != nil || report.Plugin.Status != supervisor.Untrusted || len(report.Steps) != 1 || report.Steps[0].OK {
			t.Errorf("%s: doctor %+v, %v", rule, report, err)
		}
		if _, err := os.Stat(mark); !os.IsNotExist(err) {
			t.Errorf("%s: it was executed", rule)
		}
		if _, err := os.Stat(filepath.Join(h.state, "plugins.lock.json")); !os.IsNotExist(err) {
			t.Errorf("%s: something was pinned", rule)
		}
	}
}

// G10: nor is an unfit file, even one whose bytes are pinned.
func TestG10_UnfitIsNeverExecuted(t *testing.T) {
	h := settle(t)
	mark := h.dropTrap("broker-connector-plain")
	s := h.open()
	if _, err := s.Pin(ctx, "plain"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(h.dir, "broker-connector-plain"), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := s.Lend(ctx, h.request())
	refused(t, err, fault.Config, "cannot run", "written by others")
	_, err = s.Pin(ctx, "plain")
	refused(t, err, fault.Config, "cannot be pinned")
	list, err := s.List(ctx)
	if err != nil || list[0].Status != supervisor.Ignored {
		t.Errorf("list %+v, %v", list, err)
	}
	if _, err := os.Stat(mark); !os.IsNotExist(err) {
		t.Error("it was executed")
	}
}

// P2: other bytes than the pinned ones are refused with both hashes in full and the command, under every rule but dev.
func TestP2_ChangedBytes(t *testing.T) {
	for _, rule := range []supervisor.Trust{supervisor.Locked, supervisor.TOFU, supervisor.Dev} {
		t.Run(string(rule), func(t *testing.T) {
			h := settle(t)
			h.options.Trust, h.options.FirstUse = rule, true
			one := h.dropPlain("1.0.0")
			s := h.open()
			if _, err := s.Pin(ctx, "plain"); err != nil {
				t.Fatal(err)
			}
			two := h.dropPlain("2.0.0")
			_, err := s.Describe(ctx, "connector", "plain")
			if rule == supervisor.Dev {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refused(t, err, fault.Config, "expected SHA-256 "+one, "found "+two, "broker plugins pin plain")
			if pinned, err := s.Pin(ctx, "connector-plain"); err != nil || pinned.SHA256 != two {
				t.Fatalf("pin: %+v, %v", pinned, err)
			}
			if d, err := s.Describe(ctx, "connector", "plain"); err != nil || d.Version != "2.0.0" {
				t.Errorf("after pin: %s, %v", d.Version, err)
			}
		})
	}
}

// Decision 11: tofu pins at the first use by sync or serve; list pins nothing.
func TestFirstUse(t *testing.T) {
	h := settle(t)
	h.options.Trust = supervisor.TOFU
	hash := h.dropPlain("1.0.0")
	looking := h.open()
	if _, err := looking.List(ctx); err != nil {
		t.Fatal(err)
	}
	_, err := looking.Describe(ctx, "connector", "plain")
	refused(t, err, fault.Config, "not pinned")

	h.options.FirstUse = true
	serving := h.open()
	lend(t, serving, h.request())
	list, err := looking.List(ctx)
	want := []supervisor.Plugin{{
		Name: "plain", Kind: "connector", Version: "1.0.0", Path: filepath.Join(h.dir, "broker-connector-plain"), SHA256: hash, Status: supervisor.Ready,
	}}
	if diff := cmp.Diff(want, list); diff != "" || err != nil {
		t.Errorf("list (-want +got), %v:\n%s", err, diff)
	}
	h.dropPlain("2.0.0")
	_, err = serving.Lend(ctx, h.request())
	refused(t, err, fault.Config, "expected SHA-256 "+hash)

	if was, err := serving.Unpin(ctx, "plain"); err != nil || !was {
		t.Errorf("unpin: %v, %v", was, err)
	}
	if err := os.Remove(filepath.Join(h.dir, "broker-connector-plain")); err != nil {
		t.Fatal(err)
	}
	_, err = serving.Unpin(ctx, "plain")
	refused(t, err, fault.NotFound, "broker-<kind>-plain")
}

func TestUnpinOfAFileThatIsGone(t *testing.T) {
	h := settle(t)
	h.dropPlain("1.0.0")
	s := h.open()
	if _, err := s.Pin(ctx, "plain"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(h.dir, "broker-connector-plain")); err != nil {
		t.Fatal(err)
	}
	if was, err := s.Unpin(ctx, "plain"); err != nil || !was {
		t.Errorf("unpin: %v, %v", was, err)
	}
}

// P22: a name that two kinds share is asked for by kind; nothing is guessed.
func TestP22_SharedName(t *testing.T) {
	h := settle(t)
	h.drop("broker-connector-acme", []byte("#!/bin/sh\n"))
	h.drop("broker-auth-acme", []byte("#!/bin/sh\n"))
	h.drop("notes.txt", []byte("hello"))
	s := h.open()
	_, err := s.Pin(ctx, "acme")
	refused(t, err, fault.Config, "fits several files", "auth-acme", "connector-acme")
	if p, err := s.Pin(ctx, "auth-acme"); err != nil || p.Kind != "auth" || p.Name != "auth-acme" {
		t.Errorf("pin: %+v, %v", p, err)
	}
	list, err := s.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range list {
		names = append(names, p.Name+" "+string(p.Status))
	}
	if diff := cmp.Diff([]string{"auth-acme ignored", "connector-acme untrusted", "notes.txt ignored"}, names); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func TestUnknownName(t *testing.T) {
	h := settle(t)
	h.dropPlain("1.0.0")
	s := h.open()
	for _, name := range []string{"plane", "", "../plain", "broker-connector-"} {
		_, err := s.Describe(ctx, "connector", name)
		refused(t, err, fault.NotFound, h.dir, "The folder holds plain")
	}
	_, err := s.Lend(ctx, supervisor.Request{Kind: "storage", Name: "plain"})
	refused(t, err, fault.Config, "storage")
}

// I9: a folder that is not there is not an empty one; pins that cannot be read are not none.
func TestI9_MissingAndUnreadable(t *testing.T) {
	h := settle(t)
	h.options.Dir = filepath.Join(h.dir, "absent")
	_, err := h.open().List(ctx)
	refused(t, err, fault.Config, "no such file", "plugins.dir")

	h = settle(t)
	h.options.Trust, h.options.FirstUse = supervisor.TOFU, true
	h.dropPlain("1.0.0")
	s := h.open()
	if err := os.WriteFile(filepath.Join(h.state, "plugins.lock.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.List(ctx)
	refused(t, err, fault.Config, "plugins.lock.json")
	_, err = s.Lend(ctx, h.request())
	refused(t, err, fault.Config, "plugins.lock.json")
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]supervisor.Options{
		"nothing": {}, "no state": {Dir: t.TempDir()}, "unknown trust": {Dir: t.TempDir(), StateDir: t.TempDir(), Trust: "most"},
	} {
		if _, err := supervisor.New(o); fault.CodeOf(err) != fault.Config {
			t.Errorf("%s: %v", name, err)
		}
	}
}
