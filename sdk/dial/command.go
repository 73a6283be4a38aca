package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Command starts the connector at path plainly: own socket folder, own process group, this process's PATH. For suites,
// tests and the verbs of tools; the server starts plugins through its supervisor.
func Command(ctx context.Context, path string) (*Client, error) {
	return CommandOf(ctx, KindConnector, path)
}

// CommandOf is Command for a plugin of any kind.
func CommandOf(ctx context.Context, kind, path string) (*Client, error) {
	dir, err := socketDir()
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "make a socket folder")
	}
	tidy := func() { _ = os.RemoveAll(dir) }
	var started *command
	client, err := Connect(ctx, Options{
		Kind: kind, Name: filepath.Base(path), SocketDir: dir,
		Launch: func(_ context.Context, env []string, channel *os.File) (Process, error) {
			started, err = startCommand(path, append(plainEnv(), env...), channel)
			if err != nil {
				return nil, fault.Wrap(fault.Config, err, "start the program")
			}
			return started, nil
		},
	})
	if err != nil {
		tidy()
		return nil, started.explain(err)
	}
	client.also = tidy
	return client, nil
}

// socketDir makes a short private folder: a long TMPDIR does not fit a socket's address.
func socketDir() (string, error) {
	dir, err := os.MkdirTemp("", "brk")
	if err == nil && len(dir) > maxSocketDir {
		if err = os.Remove(dir); err == nil {
			dir, err = os.MkdirTemp("/tmp", "brk")
		}
	}
	return dir, err
}

func plainEnv() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "SystemRoot"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, "TZ=UTC")
}

// command is a plainly started process.
type command struct {
	cmd      *exec.Cmd
	stdout   *os.File
	lifeline *os.File // its closing ends the plugin
	stderr   *tail
	ended    chan struct{}
	err      error // once ended
}

func startCommand(path string, env []string, channel *os.File) (*command, error) {
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	lifeRead, lifeWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, outRead.Close(), outWrite.Close())
	}
	c := &command{cmd: exec.Command(path), stdout: outRead, lifeline: lifeWrite, stderr: &tail{}, ended: make(chan struct{})}
	c.cmd.Env = append(env, LifelineEnv+"=3")
	c.cmd.Stdout, c.cmd.Stderr, c.cmd.ExtraFiles = outWrite, c.stderr, []*os.File{lifeRead}
	if channel != nil {
		c.cmd.ExtraFiles = append(c.cmd.ExtraFiles, channel)
		c.cmd.Env = append(c.cmd.Env, ChannelEnv+"=4")
	}
	c.cmd.WaitDelay = time.Second
	ownGroup(c.cmd)
	err = c.cmd.Start()
	err = errors.Join(err, outWrite.Close(), lifeRead.Close())
	if err != nil {
		return nil, errors.Join(err, outRead.Close(), lifeWrite.Close())
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// Stdout implements Process.
func (c *command) Stdout() io.Reader { return c.stdout }

// PID implements Process.
func (c *command) PID() int { return c.cmd.Process.Pid }

// Wait implements Process.
func (c *command) Wait(ctx context.Context) error {
	select {
	case <-c.ended:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill implements Process.
func (c *command) Kill() error {
	killGroup(c.cmd)
	<-c.ended
	return errors.Join(ignoreClosed(c.lifeline.Close()), ignoreClosed(c.stdout.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// explain adds what the program last wrote to stderr to the reason why it did not start.
func (c *command) explain(err error) error {
	f, ok := fault.As(err)
	if c == nil || !ok || len(c.stderr.bytes()) == 0 {
		return err
	}
	told := *f
	told.What = fmt.Sprintf("%s; its stderr ends with %s", f.What, quote(string(c.stderr.bytes())))
	return &told
}

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailBytes = 200

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b[max(0, len(b)-tailBytes):]...)
	t.kept = t.kept[max(0, len(t.kept)-tailBytes):]
	return len(b), nil
}

func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.kept...)
}
