package gate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/gate"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const serveIn = "GATE_TEST_SERVE_IN"

// TestMain is also the far end: rsync's client starts this program in place of ssh.
func TestMain(m *testing.M) {
	if dir := os.Getenv(serveIn); dir != "" {
		os.Exit(farEnd(dir))
	}
	os.Exit(m.Run())
}

// farEnd is a gate whose person loses their table when a file "narrow" appears in dir. It writes how it ended to "end".
func farEnd(dir string) int {
	body, err := os.ReadFile(filepath.Join(dir, "big"))
	if err != nil {
		panic(err)
	}
	h := &house{lake: filepath.Join(dir, "lake"), doc: []byte("doc"), parts: [][]byte{body}}
	h.Gate = gate.Gate{Dir: filepath.Join(dir, "ssh"), Push: filepath.Join(dir, "push"), Quota: 1 << 20, Manifests: h, Access: fileAccess{h, dir}, Now: time.Now,
		Known: func(context.Context) error { return nil },
		Pin: func(context.Context, int64, time.Duration) (func(context.Context) error, error) {
			return func(context.Context) error { return nil }, nil
		}}
	if err := os.WriteFile(filepath.Join(dir, "pid"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		panic(err)
	}
	c, err := gate.ParseCommand(strings.Join(os.Args[2:], " "))
	if err == nil {
		err = h.Serve(context.Background(), "bob", who(), c, gate.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	}
	if err := os.WriteFile(filepath.Join(dir, "end"), []byte(string(fault.CodeOf(err))+" "+fmt.Sprint(err)), 0o600); err != nil {
		panic(err)
	}
	if err != nil {
		return 5
	}
	return 0
}

type fileAccess struct {
	*house
	dir string
}

func (a fileAccess) Visible(context.Context, sdk.Caller) (func(sdk.TableName) bool, string, error) {
	_, err := os.Stat(filepath.Join(a.dir, "narrow"))
	return func(sdk.TableName) bool { return err != nil }, "", nil
}

// needsRsync skips where there is no rsync, or nothing that confines it; in CI both must be there.
func needsRsync(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("rsync")
	if _, abi := landlock(); err != nil || !abi {
		if os.Getenv("CI") != "" {
			t.Fatalf("rsync or Landlock is missing: %v", err)
		}
		t.Skipf("rsync or Landlock is missing: %v", err)
	}
}

func landlock() (int, bool) {
	const createRuleset, version = 444, 1 // landlock_create_ruleset(2)
	v, _, code := syscall.Syscall(createRuleset, 0, 0, version)
	return int(v), code == 0
}

// scene makes a folder with one big part, and the environment for a client of it.
func scene(t *testing.T, size int) (dir string, client func(args ...string) *exec.Cmd) {
	t.Helper()
	needsRsync(t)
	dir = t.TempDir()
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(rand.Uint32())
	}
	if err := os.MkdirAll(filepath.Join(dir, "lake"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"big", "lake/" + hashOf(body) + ".parquet"} {
		if err := os.WriteFile(filepath.Join(dir, path), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return dir, func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "rsync", append([]string{"-a", "-e", self}, args...)...)
		cmd.Env = append(os.Environ(), serveIn+"="+dir)
		return cmd
	}
}

// await waits for a condition.
func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	for late := time.Now().Add(time.Minute); !met(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func some(pattern string) func() bool {
	return func() bool {
		found, err := filepath.Glob(pattern)
		return err == nil && len(found) > 0
	}
}

func trees(dir string) int {
	found, err := filepath.Glob(filepath.Join(dir, "ssh", "trees", "bob-*"))
	if err != nil {
		return -1
	}
	return len(found)
}

func TestPullByRsync(t *testing.T) {
	dir, client := scene(t, 300_000)
	to := filepath.Join(dir, "to")
	if out, err := client("host:current/", to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, _ := os.ReadFile(filepath.Join(dir, "big"))
	if got, err := os.ReadFile(filepath.Join(to, "shop.orders/0.parquet")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes: %v", len(got), err)
	}
	if out, err := client("-i", "host:current/", to).CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("the second pull says %q: %v", out, err)
	}
	if trees(dir) != 0 {
		t.Error("a tree is left")
	}
}

// A filter that names a file of ours would make rsync read it, and tell of its lines.
func TestRsyncReadsNothingElse(t *testing.T) {
	dir, client := scene(t, 1000)
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("CANARY line\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, filter := range []string{"dir-merge " + secret, ": ../../../../secret", ": ../../../../../secret", "dir-merge,- " + secret, "dir-merge /etc/passwd"} {
		out, err := client("-vv", "--filter="+filter, "host:current/", filepath.Join(dir, "to"+strconv.Itoa(i))).CombinedOutput()
		if strings.Contains(string(out), "CANARY") || strings.Contains(string(out), "root:") {
			t.Errorf("%s: %v\n%s", filter, err, out)
		}
	}
}

// G12: a transfer that runs ends when the person loses the table, and its tree with it.
func TestG12_RevokedWhileItRuns(t *testing.T) {
	dir, client := scene(t, 20<<20)
	to := filepath.Join(dir, "to")
	pull := client("--bwlimit=64", "host:current/", to) // five minutes, if nothing ends it
	if err := pull.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the part is under way", some(filepath.Join(to, "shop.orders", ".0.parquet.*")))
	if err := os.WriteFile(filepath.Join(dir, "narrow"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := pull.Wait(); !errors.As(err, &exit) || exit.ExitCode() == 0 {
		t.Errorf("the pull ended with %v", err)
	}
	await(t, "the gate has ended", some(filepath.Join(dir, "end")))
	if end, err := os.ReadFile(filepath.Join(dir, "end")); err != nil || !strings.HasPrefix(string(end), "permission ") {
		t.Errorf("%s: %v", end, err)
	}
	if trees(dir) != 0 {
		t.Error("the tree is left")
	}
	if _, err := os.Stat(filepath.Join(to, "shop.orders", "0.parquet")); err == nil {
		t.Error("the part arrived")
	}
}

// G16: a push that grows over the quota is ended.
func TestG16_QuotaWhileItRuns(t *testing.T) {
	dir, client := scene(t, 1000)
	from := filepath.Join(dir, "from")
	if err := os.MkdirAll(from, 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(from, "huge"))
	if err == nil {
		err = errors.Join(file.Truncate(1<<40), file.Close()) // it has no end that anybody would see
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := client("--bwlimit=20000", from+"/", "host:push/").CombinedOutput(); err == nil {
		t.Errorf("it was taken: %s", out)
	}
	await(t, "the gate has ended", some(filepath.Join(dir, "end")))
	if end, err := os.ReadFile(filepath.Join(dir, "end")); err != nil || !strings.Contains(string(end), "quota") {
		t.Errorf("%s: %v", end, err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "push", "u1", "ssh-bob")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// G11: rsync does not outlive a gate that is killed; the next one sweeps its tree.
func TestG11_GateKilled(t *testing.T) {
	dir, client := scene(t, 20<<20)
	to := filepath.Join(dir, "to")
	pull := client("--bwlimit=64", "host:current/", to)
	if err := pull.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "the part is under way", some(filepath.Join(to, "shop.orders", ".0.parquet.*")))
	text, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := pull.Wait(); err == nil { // it would go on for minutes if its server lived
		t.Error("the pull went on")
	}
	if trees(dir) == 0 {
		t.Error("who removed the tree?")
	}
	if out, err := client("host:current/docs/", filepath.Join(dir, "docs")).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if trees(dir) != 0 {
		t.Error("the tree of the dead gate is left")
	}
}

func TestPushByRsync(t *testing.T) {
	dir, client := scene(t, 1000)
	from := filepath.Join(dir, "from")
	if err := os.MkdirAll(filepath.Join(from, "notes"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(from, "notes", "a.md"), []byte("note"), 0o644), os.Chmod(filepath.Join(from, "notes", "a.md"), 0o777|os.ModeSetuid),
		os.Symlink("/etc/passwd", filepath.Join(from, "link")), syscall.Mkfifo(filepath.Join(from, "pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if out, err := client("--mkpath", from+"/", "host:push/deep/er/").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	home := filepath.Join(dir, "push", "u1", "ssh-bob", "deep", "er")
	if got, err := os.ReadFile(filepath.Join(home, "notes", "a.md")); err != nil || string(got) != "note" {
		t.Errorf("%q: %v", got, err)
	}
	if mode := stat(t, filepath.Join(home, "notes", "a.md")).Mode(); mode != 0o600 {
		t.Errorf("mode %s", mode)
	}
	if mode := stat(t, filepath.Dir(home)).Mode().Perm(); mode != 0o700 {
		t.Errorf("mode of a folder %s", mode)
	}
	if to, err := os.Readlink(filepath.Join(home, "link")); err != nil || !strings.HasPrefix(to, "/rsyncd-munged/") {
		t.Errorf("the link leads to %s: %v", to, err)
	}
	if _, err := os.Lstat(filepath.Join(home, "pipe")); err == nil {
		t.Error("a pipe was made, and would hold up whoever reads here")
	}
}
