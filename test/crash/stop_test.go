//go:build linux

package crash_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// block makes the source's readers wait in their middle, and returns the way to let them go on.
func (h *house) block() (release func()) {
	h.t.Helper()
	path := filepath.Join(h.dir, "block")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		h.t.Fatal(err)
	}
	return func() { _ = os.Remove(path) }
}

// waiting waits until the reader of a stream waits, and returns the process that it runs in.
func (h *house) waiting(stream string) (pid int) {
	h.t.Helper()
	path := filepath.Join(h.dir, "block."+stream)
	h.await(stream+" waits", func() bool {
		text, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(string(text))
		return err == nil
	})
	_ = os.Remove(path)
	return pid
}

// newest is the status of the newest runs, one of each table.
func (h *house) newest() map[string]run {
	newest := map[string]run{}
	for _, one := range h.runs() {
		if _, seen := newest[one.Table]; !seen {
			newest[one.Table] = one
		}
	}
	return newest
}

// O4: the first Ctrl-C or SIGTERM ends a sync in order: the runs are cancelled and say so, tables stay as they were, and
// nothing is left even before the next start.
func TestO4_OnceIsGraceful(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			h := settle(t, `"sheet"`, 50)
			h.measure()
			h.whole()
			before := h.published()
			h.happen(500)
			release := h.block()
			cmd := h.command("sync")
			var out strings.Builder
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			h.waiting("sheet")
			_ = cmd.Process.Signal(signal)
			if code := exitCode(t, cmd.Wait()); code != 1 {
				t.Errorf("exit code %d", code)
			}
			if !strings.Contains(out.String(), "cancelled") {
				t.Errorf("the report says nothing of it:\n%s", out.String())
			}
			h.tidy()
			for name, one := range h.newest() {
				if one.Status != "cancelled" || one.EndedAt == nil {
					t.Errorf("journal of %s: %+v", name, one)
				}
			}
			after := h.published()
			h.check(after)
			if before["shop.sheet"].Files[0] != after["shop.sheet"].Files[0] {
				t.Error("the sheet has changed")
			}
			release()
			h.must("sync")
			h.whole()
			h.verify()
		})
	}
}

// O4: the second Ctrl-C ends at once, whatever the plugin does; the next start settles what is left.
func TestO4_TwiceIsAtOnce(t *testing.T) {
	h := settle(t, `"sheet"`, 50)
	h.measure()
	h.happen(500)
	release := h.block()
	cmd := h.command("sync")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	plugin := h.waiting("sheet")
	if err := syscall.Kill(plugin, syscall.SIGSTOP); err != nil { // it cannot help to end in order
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	_ = cmd.Process.Signal(syscall.SIGINT)
	h.await("the sync is gone", func() bool {
		_ = cmd.Process.Signal(syscall.SIGINT)
		return len(ended) > 0
	})
	if err := <-ended; err == nil {
		t.Error("it went well")
	}
	h.check(h.published())
	release()
	h.must("sync")
	h.whole()
	h.verify()
}

// O4: serve ends in order on SIGTERM while it works, with exit code 0, and the process that asked it says that it failed.
func TestO4_Serve(t *testing.T) {
	h := settle(t, `"sheet"`, 50)
	h.measure()
	h.happen(500)
	release := h.block()
	s := h.serve()
	client := h.command("sync")
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	h.waiting("sheet")
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	if code := exitCode(t, s.cmd.Wait()); code != 0 {
		t.Errorf("serve exits with %d: %s", code, s.err.String())
	}
	if code := exitCode(t, client.Wait()); code != 1 && code != 75 {
		t.Errorf("the asking process exits with %d", code)
	}
	h.tidy()
	for name, one := range h.newest() {
		if one.Status != "cancelled" {
			t.Errorf("journal of %s: %+v", name, one)
		}
	}
	release()
	h.must("sync")
	h.whole()
}

// G2, I9: a plugin that dies in the middle of a full refresh publishes nothing of it; the run tries again, and its next
// attempt delivers everything.
func TestG2_PluginKilledInTheMiddleOfAReplace(t *testing.T) {
	h := settle(t, `"sheet"`, 50)
	h.measure()
	h.whole()
	before := h.published()
	h.happen(500)
	release := h.block()
	cmd := h.command("sync", "--full")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := h.waiting("sheet")
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if second := h.waiting("sheet"); second == first {
		t.Error("the second attempt runs in a dead process")
	}
	if now := h.published(); now["shop.sheet"].Files[0] != before["shop.sheet"].Files[0] {
		t.Error("a part of the new edition is published")
	}
	release()
	if code := exitCode(t, cmd.Wait()); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if one := h.newest()["shop.sheet"]; one.Attempts != 2 || one.Status != "published" {
		t.Errorf("%+v", one)
	}
	h.whole()
}

// G2, G4: a long first load is published on its way; wherever it is killed, what was published stays and is not read again.
func TestG2_LongLoadGoesOnWhereItWas(t *testing.T) {
	h := settle(t, `"log"`, 100_000)
	h.happen(3_300_000)
	for kills := 0; kills < 4; {
		seen := h.seen["shop.log"]
		cmd := h.command("sync")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		h.await("something more is published", func() bool {
			return len(ended) > 0 || h.acknowledged()["log"] > seen
		})
		_ = cmd.Process.Kill()
		<-ended
		h.check(h.published())
		if kills++; h.seen["shop.log"] <= seen && seen < h.upstream {
			t.Errorf("nothing was published between %d and the kill", seen)
		}
	}
	h.must("sync")
	h.whole()
	h.verify()
}
