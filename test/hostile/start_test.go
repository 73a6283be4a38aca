//go:build linux

package hostile_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// starts wants the animal's start to fail with these words, all of it printable.
func starts(t *testing.T, h *house, name string, words ...string) {
	t.Helper()
	o, _ := h.one(name)
	contains(t, "lend and help", o.Lend+"\n"+o.Help, words...)
	contains(t, "lend", o.Lend, "plugin "+name)
	without(t, "lend", o.Lend, "\x1b", "\x00", "\r")
	if len(o.Lend) > 3_000 {
		t.Errorf("the error has %d bytes", len(o.Lend))
	}
}

func TestP7_Silent(t *testing.T) {
	h := settle(t, "silent")
	h.limits["Start"] = 3 * time.Second
	starts(t, h, "silent", "no handshake within 3s")
}

func TestP5_Banner(t *testing.T) {
	starts(t, settle(t, "banner"), "banner", `Welcome to \x1b[31mAcme`, "stdout")
}

func TestP6_LongLine(t *testing.T) {
	starts(t, settle(t, "long_line"), "long_line", "handshake line is too long")
}

func TestP8_CoreVersion(t *testing.T) {
	starts(t, settle(t, "bad_core"), "bad_core", "core protocol 7")
}
func TestP8_BadVersion(t *testing.T) {
	starts(t, settle(t, "bad_version"), "bad_version", "protocol", "9")
}
func TestP8_NetRPC(t *testing.T)    { starts(t, settle(t, "netrpc"), "netrpc", "netrpc", "grpc only") }
func TestP8_EmptyLine(t *testing.T) { starts(t, settle(t, "empty_line"), "empty_line", "handshake") }
func TestP8_HalfLine(t *testing.T)  { starts(t, settle(t, "half_line"), "half_line", "handshake") }
func TestP8_OnlyBars(t *testing.T)  { starts(t, settle(t, "numbers"), "numbers", "handshake") }

func TestP9_TCPAddress(t *testing.T) {
	starts(t, settle(t, "tcp"), "tcp", "tcp", "only a unix socket")
}

// P9: another plugin's socket is not this one's, wherever a path leads.
func TestP9_ForeignAddress(t *testing.T) {
	h := settle(t, "foreign")
	if err := os.Mkdir(filepath.Join(h.run, "victim"), 0o700); err != nil {
		t.Fatal(err)
	}
	victim, err := net.Listen("unix", filepath.Join(h.run, "victim", "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	starts(t, h, "foreign", "socket")
}

func TestP9_ForeignLink(t *testing.T) {
	starts(t, settle(t, "foreign_link"), "foreign_link", "no socket")
}

func TestP10_CertificateWithoutTLS(t *testing.T) {
	starts(t, settle(t, "certificate"), "certificate", "certificate although none was asked for")
}

// P10: with certificates asked for, a healthy plugin of this zoo has none either, so that only the start is tried.
func TestP10_NoTLSWithTLSAsked(t *testing.T) {
	h := settle(t, "certificate")
	h.options["MTLS"], h.plan["Crowd"] = true, true
	r := h.try("certificate")
	for _, p := range r.List {
		if p.Status != "ignored" {
			t.Errorf("%s is %s", p.Name, p.Status)
		}
		contains(t, p.Name, p.Reason, "certificate")
	}
}

func TestP12_CrashAtStart(t *testing.T) {
	starts(t, settle(t, "crash_start"), "crash_start", "code 3", `panic: no disk for \x1b[2J tables`)
}

// P11: the line that would end a host which lets go-plugin read it.
func TestP11_LastWordsOfACrash(t *testing.T) {
	starts(t, settle(t, "crash_host"), "crash_host", "code 3", `{"@message":1`)
}

// P12: the fifth crash parks the plugin, at the start or in a read, and the next host knows.
func TestP12_ParkedAfterFiveCrashes(t *testing.T) {
	for name, words := range map[string]string{"crash_start": "no disk", "crash_read": "index out of range"} {
		t.Run(name, func(t *testing.T) {
			h := settle(t, name)
			h.plan["Tries"] = 6
			r := h.try(name)
			for i, o := range r.Tries {
				if quarantined := strings.Contains(o.Lend, "quarantined"); quarantined != (i == 5) {
					t.Errorf("try %d: %s", i+1, o.Lend)
				}
			}
			contains(t, "the last try", r.Tries[5].Lend, words, "broker plugins pin "+name)
			h.plan["Tries"] = 1
			o, _ := h.one(name)
			contains(t, "the next host", o.Lend, "quarantined")
		})
	}
}

func TestP13_Descriptions(t *testing.T) {
	for name, words := range map[string][]string{
		"false_name":   {"somebody_else", "broker-connector-false_name"},
		"many_streams": {"10001 streams"},
		"same_streams": {"numbers", "twice"},
	} {
		t.Run(name, func(t *testing.T) { starts(t, settle(t, name), name, words...) })
	}
}

func TestP13_Mute(t *testing.T) {
	h := settle(t, "mute")
	h.limits["Start"] = 3 * time.Second
	starts(t, h, "mute")
}

// One plugin that does not answer, crashes or lies spoils neither the list nor the examination of another.
func TestListOfACrowd(t *testing.T) {
	h := settle(t, "silent", "crash_start", "banner", "false_name", "deaf")
	h.limits["Start"], h.plan["Crowd"] = 5*time.Second, true
	if err := os.Symlink("broker-connector-healthy", filepath.Join(h.plugins, "broker-connector-link")); err != nil {
		t.Fatal(err)
	}
	r := h.try("healthy")
	want := map[string]string{
		"silent": "ignored", "crash_start": "ignored", "banner": "ignored", "false_name": "ignored", "link": "ignored",
		"healthy": "ready", "deaf": "ready",
	}
	for _, p := range r.List {
		if p.Status != want[p.Name] || (p.Reason == "") != (p.Status == "ready") || (p.Version == "1.0.0") != (p.Status == "ready") {
			t.Errorf("%s %s: %s (%s), want %s", p.Name, p.Version, p.Status, p.Reason, want[p.Name])
		}
		delete(want, p.Name)
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
	for _, step := range r.Doctor.Steps {
		if !step.OK {
			t.Errorf("doctor of healthy: %s: %s", step.Name, step.Note)
		}
	}
	if len(r.Doctor.Steps) != 5 || r.Doctor.Plugin.Status != "ready" {
		t.Errorf("doctor of healthy: %+v", r.Doctor)
	}
}
