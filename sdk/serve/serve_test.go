package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// binary is the connector that the tests run.
var binary string

func TestMain(m *testing.M) {
	if socket := os.Getenv("STRANGER"); socket != "" {
		fmt.Println(knock(socket))
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("/tmp", "brk")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "broker-connector-numbers")
	build := exec.Command("go", "build", "-o", binary, "../dial/testdata/numbers")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the connector:", err)
		return 1
	}
	return m.Run()
}

// served is a plugin started as broker starts it, without broker.
type served struct {
	cmd      *exec.Cmd
	lifeline *os.File
	line     string
	ended    chan error
}

func start(t *testing.T, name string, args ...string) *served {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "brk")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{cmd: exec.Command(name, args...), lifeline: write, ended: make(chan error, 1)}
	s.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "BROKER_PLUGIN=b1e7c0de5a0f4c1e9d3f52a6c8047be9", "PLUGIN_PROTOCOL_VERSIONS=1",
		"PLUGIN_UNIX_SOCKET_DIR=" + dir, "BROKER_PLUGIN_LIFELINE=3",
	}
	s.cmd.ExtraFiles = []*os.File{read}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.cmd.Start(), read.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		_ = write.Close()
		_ = os.RemoveAll(dir)
	})
	out := bufio.NewReader(stdout)
	if s.line, err = out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, out)
		s.ended <- s.cmd.Wait()
	}()
	return s
}

func (s *served) socket(t *testing.T) string {
	t.Helper()
	parts := strings.Split(strings.TrimSpace(s.line), "|")
	if len(parts) != 6 || parts[0] != "1" || parts[1] != "1" || parts[2] != "unix" || parts[4] != "grpc" || parts[5] != "" {
		t.Fatalf("handshake %q", s.line)
	}
	return parts[3]
}

// end waits for the process and fails the test when it stays.
func (s *served) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the plugin lives on")
		return nil
	}
}

func TestPluginEndsWithItsLifeline(t *testing.T) {
	s := start(t, binary)
	s.socket(t)
	if err := s.lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.end(t); err != nil {
		t.Error(err)
	}
}

func TestPluginEndsOnTerminate(t *testing.T) {
	s := start(t, binary)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.end(t); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.socket(t)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket was left behind: %v", err)
	}
}

// G11: a plugin whose parent was killed ends although its lifeline is still held by somebody.
func TestPluginEndsWithItsParent(t *testing.T) {
	s := start(t, "/bin/sh", "-c", `"$0" 3<&3 & echo $! >&2; exec sleep 1000`, binary)
	s.socket(t)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.cmd.Process.Pid))
	if err != nil || len(bytes.Fields(children)) != 1 {
		t.Fatalf("children %q, %v", children, err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(children)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.end(t); err == nil { // the pipe of stdout ends with the plugin, which holds it last
		t.Error("the parent was not killed")
	}
	for deadline := time.Now().Add(20 * time.Second); alive(pid); {
		if time.Now().After(deadline) {
			t.Fatal("the plugin lives on")
		}
		<-time.After(10 * time.Millisecond)
	}
}

// alive says whether a process runs; one that waits to be reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

// G8: only the process that started a plugin may talk to it, whoever else can reach the socket.
func TestStrangerIsNotServed(t *testing.T) {
	s := start(t, binary)
	if got := knock(s.socket(t)); got != "answered" {
		t.Errorf("the host is %s", got)
	}
	stranger := exec.Command(os.Args[0])
	stranger.Env = append(os.Environ(), "STRANGER="+s.socket(t))
	out, err := stranger.Output()
	if got := strings.TrimSpace(string(out)); err != nil || got != "refused" {
		t.Errorf("a stranger is %q, %v", got, err)
	}
}

// knock opens an HTTP/2 connection as gRPC does and says whether the other end takes part.
func knock(socket string) string {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		return "refused"
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return "refused"
	}
	return "answered"
}

// byHand runs the binary as a person does.
func byHand(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(context.Background(), binary, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Dir = t.TempDir()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func settings(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVerbs(t *testing.T) {
	good := settings(t, `{"rows":25,"token":"hunter2hunter2"}`)
	failing := settings(t, `{"rows":5,"fail":"auth","token":"hunter2hunter2"}`)
	for _, c := range []struct {
		args string
		code int
		want string // in stdout, or stderr if the code is not 0
	}{
		{"", 0, `source "numbers" "NAME"`},
		{"help", 0, "To install it"},
		{"version", 0, "numbers 1.2.3\n"},
		{"describe", 0, "token  string  secret       What must stay unseen."},
		{"describe --json", 0, `"sdk_version"`},
		{"check -c " + good, 0, "ok      read numbers"},
		{"check -c " + failing, 0, "ok      read numbers"},
		{"preview numbers -c " + good + " -n 2", 0, "n  text\n0  number 0\n1  number 1\n"},
		{"preview -n 1 --json numbers -c " + good, 0, `{"n":0,"text":"number 0"}` + "\n"},
		{"preview --help", 0, "preview STREAM -c FILE"},
		{"conformance -c " + good, 0, "ok      read_full"},
		{"read numbers --out out -c " + failing, 1, "the source said no to [redacted]"},
		{"bogus", 2, `there is no verb "bogus"`},
		{"preview", 2, "which stream? It is one of numbers"},
		{"preview numbers more", 2, `unexpected "more"`},
		{"preview numbers -n 0", 2, "at least 1"},
		{"preview nope -c " + good, 1, "nope"},
		{"read numbers", 2, "--out DIR is missing"},
		{"read nope --out out", 2, `no stream "nope"`},
		{"check -c /nope.json", 2, "no such file"},
		{"check -c " + settings(t, "[1]"), 2, "want one JSON object"},
		{"check -c " + settings(t, `{"rows":"many"}`), 2, "rows"},
		{"check --bogus", 2, "bogus"},
		{"read numbers --out out --state /nope.json", 2, "no such file"},
	} {
		t.Run(c.args, func(t *testing.T) {
			out, errs, code := byHand(t, strings.Fields(c.args)...)
			text := out
			if c.code != 0 {
				text = errs
			}
			if code != c.code || !strings.Contains(text, c.want) {
				t.Errorf("exit code %d, want %d with %q\nstdout %s\nstderr %s", code, c.code, c.want, out, errs)
			}
			if strings.Contains(out+errs, "hunter2") {
				t.Error("a secret is shown")
			}
		})
	}
}

func TestReadWritesRowsAndState(t *testing.T) {
	dir := t.TempDir()
	_, errs, code := byHand(t, "read", "numbers", "-c", settings(t, `{"rows":3}`), "--out", dir)
	if code != 0 {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(filepath.Join(dir, "numbers.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	want := "{\"n\":0,\"text\":\"number 0\"}\n{\"n\":1,\"text\":\"number 1\"}\n{\"n\":2,\"text\":\"number 2\"}\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	state, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil || !json.Valid(state) {
		t.Errorf("state %s, %v", state, err)
	}
}
