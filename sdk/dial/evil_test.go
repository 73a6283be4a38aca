package dial_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk/dial"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// process is the plainest Process: what a caller of dial has to bring.
type process struct {
	cmd    *exec.Cmd
	stdout io.Reader
	stderr lines
	ended  chan struct{}
	err    error
}

// launch returns a Launch of a test plugin with more environment, and where its process is found afterwards. It hands no
// channel down: as an older host, or a launcher that closes what it does not know.
func launch(name string, env ...string) (func(context.Context, []string, *os.File) (dial.Process, error), *process) {
	p := &process{ended: make(chan struct{})}
	return func(_ context.Context, own []string, _ *os.File) (dial.Process, error) {
		read, write, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		p.cmd = exec.Command(filepath.Join(plugins, name))
		p.cmd.Env = append(append([]string{"PATH=" + os.Getenv("PATH")}, own...), env...)
		p.cmd.Stdout, p.cmd.Stderr, p.stdout = write, &p.stderr, read
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := p.cmd.Start(); err != nil {
			return nil, err
		}
		go func() {
			p.err = errors.Join(p.cmd.Wait(), write.Close())
			close(p.ended)
		}()
		return p, nil
	}, p
}

func (p *process) Stdout() io.Reader { return p.stdout }
func (p *process) PID() int          { return p.cmd.Process.Pid }

func (p *process) Wait(ctx context.Context) error {
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *process) Kill() error {
	err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// socketDir is a private folder with a short path.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "brk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestP5_P10_HandshakesThatAreRefused(t *testing.T) {
	foreign := filepath.Join(socketDir(t), "foreign.sock")
	listener, err := net.Listen("unix", foreign)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, c := range []struct {
		mode string
		want string
		code fault.Code
	}{
		{"banner", `plugin evil: it did not start with a handshake but printed "Welcome to \x1b[31mevil 1.0`, fault.Bug},
		{"long", "the handshake line is too long (over 64 KiB)", fault.Bug},
		{"silent", "no handshake within 300ms", fault.Transient},
		{"exit", "it ended before the handshake (exit status 3)", fault.Bug},
		{"exit after words", `and printed "half a line"`, fault.Bug},
		{"core", "core protocol 2, broker speaks 1", fault.Config},
		{"version", `broker's protocol "7", this broker speaks 1`, fault.Config},
		{"netrpc", `it serves "netrpc", broker speaks grpc only`, fault.Config},
		{"old", "did not start with a handshake", fault.Bug},
		{"tcp", `listens on "tcp" "127.0.0.1:22"`, fault.Permission},
		{"outside", "is no socket", fault.Permission},
		{"unclean", "outside its own folder", fault.Permission},
		{"absent", "is no socket", fault.Permission},
		{"file", "is no socket", fault.Permission},
		{"symlink", "is no socket", fault.Permission},
		{"linked folder", "outside its own folder", fault.Permission},
		{"moved", "belongs to process", fault.Transient},
		{"certificate", "a certificate although none was asked for", fault.Permission},
		{"mute", " time", fault.Transient},
		{"chatter", " time", fault.Transient},
	} {
		t.Run(c.mode, func(t *testing.T) {
			start, p := launch("evil", "EVIL="+c.mode, "FOREIGN="+foreign)
			timeout := 5 * time.Second
			if c.mode == "silent" || c.mode == "mute" || c.mode == "chatter" {
				timeout = 300 * time.Millisecond
			}
			dir := socketDir(t)
			client, err := dial.Connect(t.Context(), dial.Options{Kind: dial.KindConnector, Name: "evil", Launch: start, SocketDir: dir, StartTimeout: timeout})
			if err == nil {
				t.Fatal("connected", client.Close())
			}
			if !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != c.code {
				t.Errorf("error %q of class %s, want %q of class %s", err, fault.CodeOf(err), c.want, c.code)
			}
			if len(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\x1b\r") {
				t.Errorf("text of %d bytes: %q", len(err.Error()), err)
			}
			<-p.ended // nothing is left running
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestP5_BannerComesWithAdvice(t *testing.T) {
	start, _ := launch("evil", "EVIL=banner")
	_, err := dial.Connect(t.Context(), dial.Options{Kind: dial.KindConnector, Launch: start, SocketDir: socketDir(t)})
	if !strings.Contains(fault.HelpOf(err), "write logs to stderr") {
		t.Errorf("help %q", fault.HelpOf(err))
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	start, _ := launch("numbers")
	open := socketDir(t)
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]dial.Options{
		"kind":        {Kind: "teapot", Launch: start, SocketDir: socketDir(t)},
		"no launch":   {Kind: dial.KindConnector, SocketDir: socketDir(t)},
		"relative":    {Kind: dial.KindConnector, Launch: start, SocketDir: "run"},
		"long":        {Kind: dial.KindConnector, Launch: start, SocketDir: "/tmp/" + strings.Repeat("x", 60)},
		"absent":      {Kind: dial.KindConnector, Launch: start, SocketDir: "/tmp/brk-that-is-not-there"},
		"not private": {Kind: dial.KindConnector, Launch: start, SocketDir: open},
	} {
		if _, err := dial.Connect(t.Context(), o); err == nil {
			t.Errorf("%s: connected", name)
		}
	}
}

// G9, G14: a plugin sees go-plugin's variables and what Launch gives it, nothing of the host's environment.
func TestHostEnvironmentStaysAtHome(t *testing.T) {
	t.Setenv("SECRET_DB_PASSWORD", "hunter2")
	var seen []string
	start, _ := launch("numbers")
	client, err := dial.Connect(t.Context(), dial.Options{
		Kind: dial.KindConnector, SocketDir: socketDir(t),
		Launch: func(ctx context.Context, env []string, channel *os.File) (dial.Process, error) {
			seen = env
			return start(ctx, env, channel)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, e := range seen {
		if name, _, _ := strings.Cut(e, "="); name != "BROKER_PLUGIN" && !strings.HasPrefix(name, "PLUGIN_") {
			t.Errorf("the plugin is given %s", name)
		}
	}
}

func TestMutualTLS(t *testing.T) {
	dir := socketDir(t)
	if err := os.Chmod(dir, 0o755); err != nil { // others may enter: that is what it is for
		t.Fatal(err)
	}
	start, _ := launch("numbers")
	client, err := dial.Connect(t.Context(), dial.Options{Kind: dial.KindConnector, Launch: start, SocketDir: dir, MTLS: true})
	if err != nil {
		t.Fatal(err)
	}
	if d, err := client.Connector().Describe(t.Context()); err != nil || d.Name != "numbers" {
		t.Errorf("described %+v, %v", d, err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	start, _ = launch("evil", "EVIL=certificate")
	if _, err := dial.Connect(t.Context(), dial.Options{Kind: dial.KindConnector, Launch: start, SocketDir: dir, MTLS: true}); !strings.Contains(err.Error(), "certificate cannot be read") {
		t.Errorf("P10: malformed certificate: %v", err)
	}
}

// P18, P19: a stopped process answers nothing; its health is asked in vain and Close ends it all the same.
func TestP18_StoppedPlugin(t *testing.T) {
	start, p := launch("numbers")
	client, err := dial.Connect(t.Context(), dial.Options{Kind: dial.KindConnector, Launch: start, SocketDir: socketDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(client.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// The signal stops a process of many threads a moment later: an answer may still come, but not for long.
	err = nil
	for deadline := time.Now().Add(5 * time.Second); err == nil && time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err = client.Health(ctx)
		cancel()
	}
	if fault.CodeOf(err) != fault.Transient {
		t.Errorf("health of a stopped plugin: %v", err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	<-p.ended
}

// P11: what a plugin prints, to stdout too, goes to its stderr, which Launch has; nobody parses it.
func TestP11_WhatAPluginPrintsGoesToStderr(t *testing.T) {
	start, p := launch("numbers")
	client, err := dial.Connect(t.Context(), dial.Options{Kind: dial.KindConnector, Launch: start, SocketDir: socketDir(t)})
	if err != nil {
		t.Fatal(err)
	}
	open(t, client.Connector(), `{}`) // prints to both
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	<-p.ended
	for _, want := range []string{"a session opens\n", `{"@message":1,"@level":{}}`} {
		if !strings.Contains(string(p.stderr.text), want) {
			t.Errorf("stderr %q lacks %q", p.stderr.text, want)
		}
	}
}

type lines struct {
	mu   sync.Mutex
	text []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	return len(b), nil
}
