package launch_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/launch"
)

// TestMain lets a copy of this test binary play the processes that are started.
func TestMain(m *testing.M) {
	if mode := os.Getenv("PLAY"); mode != "" {
		play(mode)
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "play" {
		play(os.Args[2])
		return
	}
	os.Exit(m.Run())
}

type report struct {
	Env              []string
	Descriptors      map[string]string
	Group, Session   int
	Files, Core      uint64
	Work, Stdin, Arg string
}

func play(mode string) {
	switch mode {
	case "report":
		time.Sleep(50 * time.Millisecond) // the limits are set from outside, after the start
		r := report{Env: os.Environ(), Descriptors: map[string]string{}, Group: unix.Getpgrp(), Arg: strings.Join(os.Args, " ")}
		fds, _ := os.ReadDir("/proc/self/fd")
		for _, fd := range fds {
			target, err := os.Readlink("/proc/self/fd/" + fd.Name())
			if err == nil && !strings.Contains(target, "eventpoll") && !strings.Contains(target, "eventfd") &&
				!strings.HasPrefix(target, "/sys/fs/cgroup/") { // the Go runtime's own
				r.Descriptors[fd.Name()] = target
			}
		}
		delete(r.Descriptors, selfDir(r.Descriptors))
		r.Session, _ = unix.Getsid(0)
		var limit unix.Rlimit
		_ = unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit)
		r.Files = limit.Max
		_ = unix.Prlimit(0, unix.RLIMIT_CORE, nil, &limit)
		r.Core = limit.Max
		r.Work, _ = os.Getwd()
		_ = json.NewEncoder(os.Stdout).Encode(r)
	case "wait":
		fmt.Println(os.Getpid())
		wait()
	case "ignore": // every signal that can be ignored
		signal.Ignore()
		fmt.Println(os.Getpid())
		wait()
	case "stopped":
		fmt.Println(os.Getpid())
		_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
		wait()
	case "child", "setsid", "bare", "orphan", "bare-orphan":
		fmt.Println(os.Getpid())
		spawn(mode)
		wait()
	case "crash": // leaves an orphan behind
		spawn("orphan")
		fmt.Println(os.Getpid())
		os.Exit(3)
	case "storm": // escapes again and again, for as long as it lives
		fmt.Println(os.Getpid())
		for range 20 {
			spawn("bare-orphan")
		}
		wait()
	case "relay-orphan", "relay-bare-orphan": // the middle of a double fork
		start("wait", mode == "relay-bare-orphan", true)
	}
}

func selfDir(descriptors map[string]string) string {
	for fd, target := range descriptors {
		if strings.HasPrefix(target, "/proc/") {
			return fd
		}
	}
	return ""
}

func wait() { time.Sleep(time.Minute) }

func spawn(mode string) {
	switch mode {
	case "child":
		start("wait", false, false)
	case "setsid":
		start("wait", false, true)
	case "bare":
		start("wait", true, true)
	case "orphan", "bare-orphan":
		middle := start("relay-"+mode, mode == "bare-orphan", true)
		_ = middle.Wait()
	}
}

func start(mode string, bare, setsid bool) *exec.Cmd {
	exe, _ := os.Executable()
	cmd := exec.Command(exe, "play", mode)
	cmd.Stdout = os.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: setsid}
	if bare {
		cmd.Env = []string{"BARE=1"}
	} else {
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PLAY=") })
	}
	if err := cmd.Start(); err != nil {
		fmt.Println(err)
	}
	return cmd
}

// player is a copy of this binary: a process of another program than its host, as a plugin is.
func player(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "player")
	if err := os.WriteFile(path, text, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func children(t *testing.T) (*launch.Children, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	c, err := launch.NewChildren(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, dir
}

func begin(t *testing.T, c *launch.Children, path, mode string) (*launch.Child, launch.Folder) {
	t.Helper()
	folder, err := c.Folder()
	if err != nil {
		t.Fatal(err)
	}
	channelR, channelW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer channelW.Close()
	t.Cleanup(func() { _ = channelR.Close() })
	child, err := c.Start(launch.Spec{
		Path: path, Env: []string{"PLAY=" + mode}, Folder: folder, Lifeline: "LIFELINE", Channel: "CHANNEL", ChannelFile: channelW,
		Stderr: func(r io.Reader) { _, _ = io.Copy(io.Discard, r) }, OpenFiles: 512, KillWithin: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = child.Kill()
		if err := folder.Remove(); err != nil {
			t.Error(err)
		}
	})
	return child, folder
}

// pids reads what the process and its children print of themselves.
func pids(t *testing.T, child *launch.Child, n int) []int {
	t.Helper()
	lines := bufio.NewScanner(child.Stdout())
	var found []int
	for len(found) < n && lines.Scan() {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatalf("%q", lines.Text())
		}
		found = append(found, pid)
	}
	if len(found) < n {
		t.Fatalf("%d of %d processes answered: %v", len(found), n, lines.Err())
	}
	return found
}

func gone(pid int) bool { return unix.Kill(pid, 0) == unix.ESRCH }

// G9: nothing of the host's reaches the process but the lifeline and the channel.
func TestG9_NothingIsInherited(t *testing.T) {
	t.Setenv("HOST_SECRET", "do not tell")
	leak, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	inherited, err := unix.Dup(int(leak.Fd())) // as if the host itself had been started with it
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inherited)
	c, _ := children(t)
	child, folder := begin(t, c, player(t), "report")
	var r report
	if err := json.NewDecoder(child.Stdout()).Decode(&r); err != nil {
		t.Fatal(err)
	}
	if want := []string{"PLAY=report", "BROKER_PLUGIN_RUN=" + folder.Dir, "LIFELINE=3", "CHANNEL=4"}; !slices.Equal(r.Env, want) {
		t.Errorf("environment %q, want %q", r.Env, want)
	}
	for fd, target := range r.Descriptors {
		if n, _ := strconv.Atoi(fd); n > 4 || fd == "0" && target != "/dev/null" || fd != "0" && !strings.HasPrefix(target, "pipe:") {
			t.Errorf("descriptor %s is %s", fd, target)
		}
	}
	if r.Group != child.PID() {
		t.Errorf("group %d, want its own, %d", r.Group, child.PID())
	}
	if r.Files != 512 || r.Core != 0 {
		t.Errorf("limits: %d open files, core of %d", r.Files, r.Core)
	}
	if r.Work != folder.Work {
		t.Errorf("works in %s, want %s", r.Work, folder.Work)
	}
	if err := child.Wait(context.Background()); err != nil {
		t.Error(err)
	}
}

// P19, G11: whatever a process does to get away, Kill reaches it.
func TestP19_KillReachesEveryDescendant(t *testing.T) {
	c, _ := children(t)
	path := player(t)
	for mode, processes := range map[string]int{
		"wait": 1, "ignore": 1, "stopped": 1, "child": 2, "setsid": 2, "bare": 2, "orphan": 2, "bare-orphan": 2, "crash": 2, "storm": 21,
	} {
		t.Run(mode, func(t *testing.T) {
			child, _ := begin(t, c, path, mode)
			found := pids(t, child, processes)
			if mode == "crash" {
				<-child.Done()
			}
			if err := child.Kill(); err != nil {
				t.Error(err)
			}
			for _, pid := range found {
				if !gone(pid) {
					t.Errorf("process %d lives", pid)
				}
			}
			if child.State() == nil {
				t.Error("no state after Kill")
			}
			if err := child.Kill(); err != nil {
				t.Errorf("second Kill: %v", err)
			}
		})
	}
}

// Kill touches nothing that is not the plugin's: the host's other processes, nor those of other plugins.
func TestKillLeavesOthersAlone(t *testing.T) {
	c, _ := children(t)
	path := player(t)
	other := exec.Command(path, "play", "wait")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	neighbour, _ := begin(t, c, path, "orphan")
	theirs := pids(t, neighbour, 2)
	elsewhere, _ := children(t)
	foreign, _ := begin(t, elsewhere, path, "setsid")
	theirs = append(theirs, pids(t, foreign, 2)...)

	child, _ := begin(t, c, path, "bare-orphan")
	pids(t, child, 2)
	if err := child.Kill(); err != nil {
		t.Error(err)
	}
	for _, pid := range append(theirs, other.Process.Pid) {
		if gone(pid) {
			t.Errorf("process %d was killed too", pid)
		}
	}
}

// G11: what a killed host has left is gone once the next one starts; what a living host owns stays.
func TestG11_Sweep(t *testing.T) {
	c, dir := children(t)
	path := player(t)
	child, folder := begin(t, c, path, "orphan")
	found := pids(t, child, 2)

	next, err := launch.NewChildren(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	for _, pid := range found {
		if gone(pid) {
			t.Fatalf("process %d of a living host was swept", pid)
		}
	}

	record := filepath.Join(folder.Dir, "record.json")
	text, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	var left map[string]any
	if err := json.Unmarshal(text, &left); err != nil {
		t.Fatal(err)
	}
	left["host"] = "host1.lock" // nobody holds it
	if text, err = json.Marshal(left); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(record, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder.Home, 0); err != nil {
		t.Fatal(err)
	}
	after, err := launch.NewChildren(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	<-child.Done()
	for _, path := range []string{folder.Dir, folder.Sockets} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	if err := child.Kill(); err != nil {
		t.Error(err)
	}
	for _, pid := range found {
		if !gone(pid) {
			t.Errorf("process %d lives", pid)
		}
	}
}

// A record names a folder to remove: one that a plugin has rewritten must not make the next host remove others.
func TestSweepRemovesOnlySocketFolders(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	precious := filepath.Join(t.TempDir(), "precious")
	left := filepath.Join(dir, "r1")
	for _, d := range []string{precious, left} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf(`{"host":"host1.lock","child":{"pid":%d,"start":1},"sockets":%q}`, os.Getpid(), precious)
	if err := os.WriteFile(filepath.Join(left, "record.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := launch.NewChildren(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("left: %v", err)
	}
}

func TestStartFaults(t *testing.T) {
	c, _ := children(t)
	dir := t.TempDir()
	for _, tc := range []struct{ name, text, want string }{
		{"missing-interpreter", "#!/nowhere/interpreter\n", "interpreter or dynamic loader is missing"},
		{"garbage", "garbage", "exec format error"},
	} {
		path := filepath.Join(dir, tc.name)
		if err := os.WriteFile(path, []byte(tc.text), 0o700); err != nil {
			t.Fatal(err)
		}
		folder, err := c.Folder()
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Start(launch.Spec{Path: path, Folder: folder, Lifeline: "LIFELINE", Stderr: func(io.Reader) {}, KillWithin: time.Second})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
		if err := folder.Remove(); err != nil {
			t.Error(err)
		}
	}
}
