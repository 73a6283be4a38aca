//go:build linux

package hostile_test

import (
	"strings"
	"testing"
	"time"
)

func TestP18_StopsItself(t *testing.T) {
	h := settle(t, "stopped")
	h.limits["Answer"] = 700 * time.Millisecond
	fails(t, h, "stopped", "did not answer 2 health questions")
}

func TestP19_IgnoresSignals(t *testing.T) { lives(t, settle(t, "deaf"), "deaf", 20_000) }
func TestP19_Setsid(t *testing.T)         { lives(t, settle(t, "setsid"), "setsid", 20_000) }
func TestP19_DoubleFork(t *testing.T)     { lives(t, settle(t, "double_fork"), "double_fork", 20_000) }
func TestP19_NakedOrphan(t *testing.T)    { lives(t, settle(t, "naked_orphan"), "naked_orphan", 20_000) }

// P19: what a plugin leaves when it crashes goes at once, not only when the run is closed.
func TestP19_CrashLeavesAnOrphan(t *testing.T) {
	h := settle(t, "crash_orphan")
	h.plan["Linger"] = true
	o, _ := h.one("crash_orphan")
	contains(t, "exit", o.Exit, "exited by itself with code 5")
}

// limited wants the animal to be stopped at a limit, by name.
func limited(t *testing.T, h *house, name string, words ...string) {
	t.Helper()
	h.plan["Linger"] = true
	o, _ := h.one(name)
	contains(t, "exit", o.Lend+o.Exit, words...) // it may be over before the session is open
}

func TestP20_MemoryHog(t *testing.T) {
	h := settle(t, "memory_hog")
	h.limits["Memory"] = 128 << 20
	limited(t, h, "memory_hog", "MiB of memory; the limit is 128 MiB")
}

func TestP20_DiskHog(t *testing.T) {
	h := settle(t, "disk_hog")
	h.limits["Disk"] = 50 << 20
	limited(t, h, "disk_hog", "temporary files take", "the limit is 50 MiB")
}

func TestP20_DescriptorHog(t *testing.T) {
	h := settle(t, "descriptor_hog")
	h.limits["OpenFiles"] = 100
	limited(t, h, "descriptor_hog", "code 4", "files")
}

func TestP20_ForkHog(t *testing.T) { lives(t, settle(t, "fork_hog"), "fork_hog", 20_000) }

func TestG11_FolderLockedAgainstRemoval(t *testing.T) {
	lives(t, settle(t, "locked_folder"), "locked_folder", 20_000)
}

// G8, G11: fifty starts and ends leave no descriptor open.
func TestG11_ManyRuns(t *testing.T) {
	h := settle(t, "setsid")
	h.plan["Tries"] = 50
	r := h.try("setsid")
	for i, o := range r.Tries {
		if o.Lend != "" || strings.Join(o.Errors, "") != "" || o.Rows != 20_000 {
			t.Errorf("run %d: lend %q, errors %q, %d rows", i+1, o.Lend, o.Errors, o.Rows)
		}
	}
	if len(r.Files) > 3 { // the healthy plugin's own come and go meanwhile
		t.Errorf("descriptors that were not open before: %q", r.Files)
	}
}

// G11: a host that is killed takes its plugins with it, by their lifeline; the next host clears away what got out of
// its reach.
func TestG11_KilledHost(t *testing.T) {
	h := settle(t, "double_fork")
	before := census(h)
	h.plan["Linger"] = true
	host := h.host("double_fork")
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	processes := func() (n int) {
		for what := range census(h) {
			if strings.HasPrefix(what, "process ") && !before[what] {
				n++
			}
		}
		return n
	}
	await(t, "healthy plugin, hostile plugin and its orphan", func() bool { return processes() == 3 })
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	await(t, "only the orphan", func() bool { return processes() == 1 })

	h.plan["Linger"] = false
	lives(t, h, "double_fork", 20_000)
	for what := range census(h) {
		if !before[what] {
			t.Errorf("left behind: %s", what)
		}
	}
}

func await(t *testing.T, what string, until func() bool) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	late := time.After(30 * time.Second)
	for !until() {
		select {
		case <-look.C:
		case <-late:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}
