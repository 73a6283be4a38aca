//go:build linux

package crash_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// tally counts kills by where they fell, over all tests of this package.
type tally struct {
	mu                             sync.Mutex
	host, serve, plugin            int
	before, inside, after, between int
}

func (c *tally) String() string {
	return fmt.Sprintf("%d kills: %d of sync, %d of serve, %d of the plugin; of the host: %d before any publication, %d inside one, %d after one, %d after all",
		c.host+c.serve+c.plugin, c.host, c.serve, c.plugin, c.before, c.inside, c.between, c.after)
}

// G1, G2, G4, G11: whenever host or plugin is killed, readers see every row of the source once, as of one event, and
// never step back; the next run goes on from there, and nothing else is left.
func TestG2_KilledAnywhere(t *testing.T) {
	var count tally
	t.Run("killed", func(t *testing.T) {
		for n := range 2 {
			t.Run(fmt.Sprint("sync", n), func(t *testing.T) { t.Parallel(); killHosts(t, &count, uint64(n), 142) })
		}
		t.Run("serve", func(t *testing.T) { t.Parallel(); killServers(t, &count, 24) })
		t.Run("plugin", func(t *testing.T) { t.Parallel(); killPlugins(t, &count, 6) })
	})
	t.Log(&count)
	if total := count.host + count.serve + count.plugin; total < 300 || count.before == 0 || count.inside == 0 || count.after+count.between == 0 {
		t.Errorf("the kills did not fall everywhere: %s", &count)
	}
}

// killHosts kills syncs: at every change of a file in turn, and at times spread over a run and beyond.
func killHosts(t *testing.T, count *tally, seed uint64, kills int) {
	h, random := settle(t, all, 50), rand.New(rand.NewPCG(seed, 7))
	t.Logf("seed %d", seed)
	changes, took := h.measure()
	before := h.census()
	for done, round := 0, 0; done < kills; round++ {
		h.happen(50 * (2 + random.Int64N(6)))
		var killed bool
		switch {
		case round%25 == 24:
			changes, took = h.measure() // a clean run, and how long one is by now
			h.whole()
			h.must("lake", "expire")
			before = h.census()
			h.check(before.tables)
			continue
		case round%2 == 0:
			killed = h.killAtChange(1 + (round/2*7+random.IntN(7))%changes)
		default:
			killed = h.killAfter(took * time.Duration(1+round*13%40) / 40)
		}
		after := h.census()
		if killed {
			done++
			count.note(before, after, &count.host)
		}
		if before = after; round%2 == 1 { // what the other kills left is seen after the next one
			h.check(after.tables)
		}
	}
	h.must("sync")
	h.whole()
	h.verify()
}

// measure runs a clean sync and says how many changes it made on disk, and how long it took.
func (h *house) measure() (changes int, took time.Duration) {
	h.t.Helper()
	h.happen(500)
	w := watchData(h.t, h.dir, 0, nil)
	began := time.Now()
	h.must("sync")
	took = time.Since(began)
	return w.stop(), took
}

func (h *house) verify() {
	h.t.Helper()
	if out := h.must("lake", "verify", "--full"); !strings.Contains(out, " 0 findings") {
		h.t.Errorf("lake verify --full: %s", out)
	}
}

// killAtChange kills a sync at its n-th change of the data folder and says whether it was still running.
func (h *house) killAtChange(n int) bool {
	h.t.Helper()
	cmd := h.command("sync")
	started := make(chan struct{})
	w := watchData(h.t, h.dir, n, func() {
		<-started
		_ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL)
	})
	defer w.stop()
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	close(started)
	return h.killed(cmd.Wait())
}

// killAfter kills a sync after some time.
func (h *house) killAfter(d time.Duration) bool {
	h.t.Helper()
	cmd := h.command("sync")
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	kill := time.AfterFunc(d, func() { _ = syscall.Kill(cmd.Process.Pid, syscall.SIGKILL) })
	defer kill.Stop()
	return h.killed(cmd.Wait())
}

// killed says whether a sync ended by our kill; if not it has to have ended well.
func (h *house) killed(err error) bool {
	h.t.Helper()
	if code := exitCode(h.t, err); code >= 0 {
		if code != 0 {
			h.t.Fatalf("a sync that was not killed exits with %d", code)
		}
		return false
	}
	return true
}

// census is what a kill can leave of a publication: the tables' files, and which of them readers are told of.
type census struct {
	files  map[string]bool
	events map[string]string // the files that readers use, by table
	tables map[string]table
}

func (h *house) census() census {
	h.t.Helper()
	c := census{files: map[string]bool{}, events: map[string]string{}, tables: h.published()}
	_ = filepath.WalkDir(filepath.Join(h.dir, "data/lake/shop"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			c.files[path] = true
		}
		return nil
	})
	for name, one := range c.tables {
		c.events[name] = strings.Join(one.Files, " ")
	}
	return c
}

// note counts a kill by what it left. A kill was inside a publication when a table has files that nobody is told of.
func (c *tally) note(before, after census, kind *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*kind++
	fresh, published := map[string]bool{}, 0
	for path := range after.files {
		if !before.files[path] {
			fresh[filepath.Base(filepath.Dir(filepath.Dir(path)))] = true
		}
	}
	for name, files := range after.events {
		if before.events[name] != files {
			published++
			delete(fresh, strings.TrimPrefix(name, "shop."))
		}
	}
	switch {
	case len(fresh) > 0:
		c.inside++
	case published == 0:
		c.before++
	case published < len(after.events):
		c.between++
	default:
		c.after++
	}
}

// server is a running "broker serve".
type server struct {
	cmd *exec.Cmd
	err bytes.Buffer
}

func (h *house) serve() *server {
	h.t.Helper()
	s := &server{cmd: h.command("serve")}
	s.cmd.Stderr = &s.err
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(line, "broker serves http://") {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		h.t.Fatalf("serve says %q: %v\n%s", line, err, s.err.String())
	}
	return s
}

// killServers kills a serving host while it does what another process asked for (O2); that process says so and ends.
func killServers(t *testing.T, count *tally, kills int) {
	h, random := settle(t, all, 50), rand.New(rand.NewPCG(3, 7))
	_, took := h.measure()
	before := h.census()
	for done := 0; done < kills; done++ {
		h.happen(50 * (4 + random.Int64N(12)))
		s := h.serve()
		client := h.command("sync")
		if err := client.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(took*time.Duration(1+done)/time.Duration(kills), func() { _ = s.cmd.Process.Kill() })
		code := exitCode(t, client.Wait())
		_ = s.cmd.Process.Kill() // the sync may have been faster
		kill.Stop()
		_ = s.cmd.Wait()
		if code != 0 && code != 75 {
			t.Errorf("the asking process exits with %d", code)
		}
		after := h.census()
		count.note(before, after, &count.serve)
		h.check(after.tables)
		if before = after; done%8 == 7 {
			h.must("sync")
			h.whole()
			before = h.census()
		}
	}
	h.verify()
}

// killPlugins kills the plugin under a running sync, which tries again by the class of the failure.
func killPlugins(t *testing.T, count *tally, kills int) {
	h, random := settle(t, all, 50), rand.New(rand.NewPCG(4, 7))
	h.measure()
	for done, round := 0, 0; done < kills && round < 4*kills; round++ {
		h.happen(50 * (10 + random.Int64N(30)))
		cmd := h.command("sync", "--json")
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		if h.killPlugin(cmd.Process.Pid, time.Duration(random.IntN(70))*time.Millisecond) {
			done++
			count.plugin++
		}
		if code := exitCode(t, <-ended); code != 0 {
			h.lost(code, out.Bytes())
			h.check(h.published())
			h.must("sync")
		}
		h.whole()
	}
	h.verify()
}

// lost wants of a sync whose plugin was killed that it says which source that was: while it is asked for its streams,
// nothing is tried again.
func (h *house) lost(code int, report []byte) {
	h.t.Helper()
	var said struct {
		Sources []struct {
			Name  string
			Error *struct{ Code, Message string }
		}
	}
	if err := json.Unmarshal(report, &said); err != nil || code != 1 {
		h.t.Fatalf("exit code %d, %v: %s", code, err, report)
	}
	if len(said.Sources) != 1 || said.Sources[0].Error == nil || said.Sources[0].Error.Code != "transient" {
		h.t.Errorf("a sync whose plugin was killed once fails with %s", report)
	}
}

// killPlugin kills the plugin of a sync some time after it has shown up.
func (h *house) killPlugin(host int, after time.Duration) bool {
	h.t.Helper()
	var pids []int
	h.await("the plugin is there", func() bool {
		pids = h.plugins()
		return len(pids) > 0 || !alive(host)
	})
	<-time.After(after)
	killed := false
	for _, pid := range pids {
		killed = syscall.Kill(pid, syscall.SIGKILL) == nil || killed
	}
	return killed
}

func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(text), ") Z ")
}
