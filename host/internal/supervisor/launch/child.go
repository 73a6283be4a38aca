package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Spec says what to start.
type Spec struct {
	Path        string
	Env         []string // the whole environment but for the mark and what tells of descriptors
	Folder      Folder
	Lifeline    string          // name of the variable that holds the lifeline's descriptor
	Channel     string          // name of the variable that holds ChannelFile's descriptor
	ChannelFile *os.File        // handed down too, and the caller's to close; nil = none
	Stderr      func(io.Reader) // reads it to its end
	OpenFiles   uint64
	FileBytes   uint64        // largest file it may write
	KillWithin  time.Duration // from the decision to kill until all is gone
}

// Child is one process that was started.
type Child struct {
	children *Children
	cmd      *exec.Cmd
	id       identity
	folder   Folder
	within   time.Duration

	stdout   *os.File
	stderr   *os.File
	lifeline *os.File // the plugin ends when its other end closes
	pumped   chan struct{}
	done     chan struct{} // closed when the process itself has ended
	waitErr  error

	kill    sync.Once
	killErr error
	killed  atomic.Bool // Kill came before the process had ended
}

// Start starts the process in its own process group, with nothing of the host's but the lifeline and the channel: no
// environment, no other descriptor, no input.
func (c *Children) Start(spec Spec) (*Child, error) {
	pipes, err := openPipes()
	if err != nil {
		return nil, err
	}
	defer pipes.closeTheirs()
	start := func() (*exec.Cmd, error) {
		cmd := exec.Command(spec.Path)
		cmd.Args = []string{filepath.Base(spec.Path)}
		cmd.Dir = spec.Folder.Work
		cmd.Env = append(append([]string{}, spec.Env...), markEnv+"="+spec.Folder.Dir)
		cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = pipes.stdoutW, pipes.stderrW, ownGroup()
		handDown(cmd, spec.Lifeline, pipes.lifelineR)
		if spec.ChannelFile != nil {
			handDown(cmd, spec.Channel, spec.ChannelFile)
		}
		return cmd, cmd.Start()
	}
	cmd, err := start()
	for try := 0; errors.Is(err, syscall.ETXTBSY) && try < 50; try++ {
		// A process forked while the copy was being written holds it open until its own exec.
		time.Sleep(5 * time.Millisecond)
		cmd, err = start()
	}
	if err != nil {
		pipes.closeOurs()
		return nil, startFault(spec.Path, err)
	}
	child := &Child{
		children: c, cmd: cmd, id: identify(cmd.Process.Pid), folder: spec.Folder, within: spec.KillWithin,
		stdout: pipes.stdoutR, stderr: pipes.stderrR, lifeline: pipes.lifelineW,
		pumped: make(chan struct{}), done: make(chan struct{}),
	}
	c.add(child.id.PID)
	limit(child.id.PID, spec.OpenFiles, spec.FileBytes)
	go func() { defer close(child.pumped); spec.Stderr(child.stderr) }()
	go child.await()
	if err := c.record(spec.Folder, child.id); err != nil {
		return nil, errors.Join(fmt.Errorf("note the process of a run: %w", err), child.Kill())
	}
	return child, nil
}

func startFault(path string, err error) error {
	if _, statErr := os.Stat(path); errors.Is(err, fs.ErrNotExist) && statErr == nil {
		return fmt.Errorf("start %s: its interpreter or dynamic loader is missing on this machine", filepath.Base(path))
	}
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("start %s: %w", filepath.Base(path), err)
}

type pipes struct {
	stdoutR, stdoutW, stderrR, stderrW, lifelineR, lifelineW *os.File
}

func openPipes() (*pipes, error) {
	p := &pipes{}
	for _, pair := range []struct{ r, w **os.File }{
		{&p.stdoutR, &p.stdoutW}, {&p.stderrR, &p.stderrW}, {&p.lifelineR, &p.lifelineW},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			p.closeTheirs()
			p.closeOurs()
			return nil, fmt.Errorf("open the pipes of a plugin: %w", err)
		}
		*pair.r, *pair.w = r, w
	}
	return p, nil
}

// A nil *os.File may be closed.
func (p *pipes) closeTheirs() { _, _, _ = p.stdoutW.Close(), p.stderrW.Close(), p.lifelineR.Close() }
func (p *pipes) closeOurs()   { _, _, _ = p.stdoutR.Close(), p.stderrR.Close(), p.lifelineW.Close() }

func (c *Child) await() {
	c.waitErr = c.cmd.Wait()
	c.children.remove(c.id.PID)
	close(c.done)
}

// Stdout is the process's standard output.
func (c *Child) Stdout() io.Reader { return c.stdout }

// PID is the number of the process itself.
func (c *Child) PID() int { return c.id.PID }

// Done is closed when the process itself has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// State is how the process ended; nil while it lives.
func (c *Child) State() *os.ProcessState {
	select {
	case <-c.done:
		return c.cmd.ProcessState
	default:
		return nil
	}
}

// Killed says whether Kill came before the process had ended by itself.
func (c *Child) Killed() bool { return c.killed.Load() }

// Wait waits until the process itself has ended.
func (c *Child) Wait(ctx context.Context) error {
	select {
	case <-c.done:
		return c.waitErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill ends the process and all that came of it, by force, and waits until they are gone: group, children, and those
// that left both by setsid and double fork (P19). A process stuck in the kernel is an error, never a wait without end.
func (c *Child) Kill() error {
	c.kill.Do(func() {
		c.killed.Store(c.State() == nil)
		c.killErr = c.killAll()
		_ = c.lifeline.Close()
		_ = c.stdout.Close() // wakes a reader if an unkillable process still holds the other end
		select {
		case <-c.pumped:
		case <-time.After(time.Second):
		}
		_ = c.stderr.Close()
		<-c.pumped
	})
	return c.killErr
}
