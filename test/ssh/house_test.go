// Package ssh_test goes through the rsync door as analysts do: with the real sshd, ssh and rsync, over loopback.
package ssh_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/test/binaries"
	"github.com/ai-data-analyst/broker/web/api"
)

const sshd = "/usr/sbin/sshd"

var errMissing = errors.New("missing")

// missing says what the door needs and this machine does not have.
func missing() error {
	for _, program := range []string{"rsync", "ssh", "ssh-keygen", sshd} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s: %w", program, errMissing)
		}
	}
	return nil
}

// binDir is where TestMain has the programs built.
const binDir = "SSH_TEST_BIN"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "door-")
	if err == nil {
		err = os.Setenv(binDir, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// built holds the environment for programs that are built, once.
var built struct {
	once sync.Once
	env  []string
	err  error
}

func programs(t *testing.T) (bin string, env []string) {
	t.Helper()
	bin = os.Getenv(binDir)
	built.once.Do(func() {
		root, err := filepath.Abs("../..")
		if err == nil {
			built.env, err = binaries.Build(root, bin)
		}
		built.err = err
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return bin, built.env
}

// house is an instance with its door open.
type house struct {
	bin, dir, port string
	env            []string
}

// newHouse builds the programs, syncs two tables and opens the door. It skips where sshd or rsync is missing; in CI both
// must be there.
func newHouse(t *testing.T) *house {
	t.Helper()
	return houseOf(t, "")
}

// houseOf is a house with further blocks of configuration and a further environment, sshd's too.
func houseOf(t *testing.T, blocks string, env ...string) *house {
	t.Helper()
	if err := missing(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	bin, ours := programs(t)
	h := &house{bin: bin, dir: t.TempDir(), env: append(slices.Clone(ours), env...)}
	h.write(t, "inst/instance.hcl", `
instance {
  name     = "Door"
  data_dir = "data"
}
plugins {
  dir   = "plugins"
  trust = "dev"
}
access {
  allowed_emails = ["ada@acme.com"]
  private        = ["hr"]
}
source "csv" "local" {
  config {
    path = "files"
  }
}
`+blocks)
	h.write(t, "inst/plugins/broker-connector-csv", string(read(t, filepath.Join(h.bin, "broker-connector-csv"))))
	if err := os.Chmod(filepath.Join(h.dir, "inst/plugins/broker-connector-csv"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.publish(t, 0)
	h.listen(t)
	return h
}

func (h *house) path(elements ...string) string {
	return filepath.Join(append([]string{h.dir}, elements...)...)
}

func (h *house) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path(name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// publish makes generation after generation of two tables; the files of all rounds have the same size.
func (h *house) publish(t *testing.T, round int) {
	t.Helper()
	for _, name := range []string{"orders", "people"} {
		h.put(t, name, fmt.Sprintf("id,round,%s\n1,%06d,1\n2,%06d,2\n", name, round, round), round)
	}
	h.broker(t, "sync")
}

// put writes a CSV file that was last changed at a time of its round.
func (h *house) put(t *testing.T, name, text string, round int) {
	t.Helper()
	file := "inst/files/" + name + ".csv"
	h.write(t, file, text)
	at := time.Date(2020, 1, 1, 0, 0, round, 0, time.UTC)
	if err := os.Chtimes(h.path(file), at, at); err != nil {
		t.Fatal(err)
	}
}

// broker runs a command that must succeed.
func (h *house) broker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("broker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (h *house) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(h.bin, "broker"), append(args, "--config", h.path("inst"))...)
	cmd.Env = append(os.Environ(), h.env...)
	return cmd
}

// listen starts one sshd for each connection, as inetd would: so nobody has to find a free port for it.
func (h *house) listen(t *testing.T) {
	t.Helper()
	keygen(t, h.path("host"))
	if os.Getuid() == 0 { // sshd of root insists on its folder
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, h.port, _ = net.SplitHostPort(listener.Addr().String())
	ctx, cancel := context.WithCancel(context.Background())
	var under sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		listener.Close()
		under.Wait()
	})
	setEnv := "SetEnv=GATE_TEST=1"
	for _, e := range h.env {
		setEnv += " " + e // e.g. the folder that coverage goes into
	}
	under.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			under.Go(func() {
				defer connection.Close()
				socket, err := connection.(*net.TCPConn).File()
				if err != nil {
					t.Error(err)
					return
				}
				defer socket.Close()
				daemon := exec.CommandContext(ctx, sshd, "-i", "-f", "/dev/null", "-E", h.path("sshd.log"), "-o", "HostKey="+h.path("host"),
					"-o", "AuthorizedKeysFile="+h.path("inst/data/ssh/authorized_keys"), "-o", "StrictModes=no", "-o", "PermitRootLogin=yes", "-o", "UsePAM=no",
					"-o", "PasswordAuthentication=no", "-o", "KbdInteractiveAuthentication=no", "-o", "Subsystem=sftp internal-sftp", "-o", setEnv)
				daemon.Stdin, daemon.Stdout = socket, socket
				_ = daemon.Run() // how a session ended is the client's to tell
			})
		}
	})
}

func keygen(t *testing.T, path string, more ...string) string {
	t.Helper()
	args := append([]string{"-q", "-N", "", "-f", path, "-C", "somebody@laptop"}, more...)
	if len(more) == 0 {
		args = append(args, "-t", "ed25519")
	}
	if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(read(t, path+".pub")))
}

// analyst lets somebody in who may read the patterns. Their key is at path(name).
func (h *house) analyst(t *testing.T, name string, patterns ...string) {
	t.Helper()
	h.broker(t, "add-analyst", name, keygen(t, h.path(name)))
	if len(patterns) > 0 {
		h.broker(t, "groups", "create", name)
		h.broker(t, "groups", "add", name, name+"@analysts.invalid")
		h.broker(t, append([]string{"groups", "grant", name}, patterns...)...)
	}
}

func (h *house) options(name string) []string {
	return []string{"-p", h.port, "-i", h.path(name), "-F", "/dev/null", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"}
}

func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username + "@127.0.0.1"
}

// rsync is the client of an analyst; "@:" stands for the server.
func (h *house) rsync(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	all := []string{"-e", "ssh " + strings.Join(h.options(name), " ")}
	for _, a := range args {
		if path, ok := strings.CutPrefix(a, "@:"); ok {
			a = me(t) + ":" + path
		}
		all = append(all, a)
	}
	return exec.CommandContext(t.Context(), "rsync", all...)
}

// run returns what a command says and how it ends.
func run(t *testing.T, cmd *exec.Cmd) (string, int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// pull pulls and must succeed.
func (h *house) pull(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, code := run(t, h.rsync(t, name, append([]string{"-a", "-i"}, args...)...))
	if code != 0 {
		t.Fatalf("rsync %v of %s ends with %d: %s\n%s", args, name, code, out, read(t, h.path("inst/data/ssh/gate.log")))
	}
	return out
}

// check compares a pulled folder with its manifest: these files, with these hashes, and no others.
func check(t *testing.T, dir string) api.Manifest {
	t.Helper()
	m, err := api.DecodeManifest(read(t, filepath.Join(dir, "manifest.json")))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"manifest.json": "", "manifest.sig": ""}
	for _, table := range m.Tables {
		for i, p := range table.Parts {
			want[fmt.Sprintf("%s/%d.parquet", table.Name, i)] = p.SHA256
		}
	}
	for _, d := range m.Docs {
		want[d.Path] = d.SHA256
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		hash, listed := want[name]
		delete(want, name)
		sum := sha256.Sum256(read(t, path))
		if !listed || hash != "" && hash != hex.EncodeToString(sum[:]) {
			t.Errorf("generation %d: %s: listed %t with %s, is %x", m.Generation, name, listed, hash, sum)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(want) > 0 {
		t.Errorf("generation %d: not there: %v", m.Generation, want)
	}
	return m
}

func names(m api.Manifest) string {
	var all []string
	for _, t := range m.Tables {
		all = append(all, t.Name)
	}
	return strings.Join(all, " ")
}

// mentions says whether any file below a folder has a text.
func mentions(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = found || bytes.Contains(read(t, path), []byte(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// big is a CSV file of random text, which does not get smaller by compression.
func big(rows int) string {
	var b strings.Builder
	b.WriteString("id,text\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d,%016x%016x%016x%016x\n", i, rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64())
	}
	return b.String()
}

// await waits for a condition.
func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	for late := time.Now().Add(2 * time.Minute); !met(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func some(pattern string) bool {
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}
