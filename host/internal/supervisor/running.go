package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/chatter"
	"github.com/ai-data-analyst/broker/host/internal/supervisor/launch"
	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
	"github.com/ai-data-analyst/broker/sdk/dial"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const maxText = 1 << 10 // bytes of any one text that a plugin says (P24)

// running is one plugin process that has shaken hands.
type running struct {
	label  string
	hash   string
	limits Limits
	mask   *chatter.Mask
	pump   *chatter.Pump
	folder launch.Folder
	child  *launch.Child
	client *dial.Client

	mu     sync.Mutex
	phase  string // what it was doing, for the exit's sentence
	reason string // why it was stopped by force; "" = it was not
	ended  bool   // it was alive when it was asked to end
	last   string // the exit's sentence, once it has ended
}

// start runs the verified copy of a plugin and shakes hands with it, within limits.Start. On error nothing is left.
func (s *Supervisor) start(ctx context.Context, c trust.Candidate, label, hash string, limits Limits, secrets []string, about ...any) (*running, error) {
	path, err := s.copies.Verified(c.Path, hash)
	if err != nil {
		return nil, fault.Wrap(fault.Transient, err, "start plugin "+label)
	}
	folder, err := s.children.Folder()
	if err != nil {
		return nil, fault.Wrap(fault.Transient, err, "start plugin "+label)
	}
	mask := chatter.NewMask(secrets)
	log := s.options.Log.With(append([]any{slog.String("plugin", label)}, about...)...)
	r := &running{
		label: label, hash: hash, limits: limits, mask: mask, folder: folder, phase: "before it was ready",
		pump: &chatter.Pump{Log: log, Mask: mask, Now: s.options.Now},
	}
	ctx, cancel := context.WithTimeout(ctx, r.limits.Start)
	defer cancel()
	r.client, err = dial.Connect(ctx, dial.Options{
		Kind: c.Kind, Name: label, SocketDir: folder.Sockets, StartTimeout: r.limits.Start,
		MTLS: s.options.MTLS || runtime.GOOS != "linux",
		Launch: func(_ context.Context, env []string, channel *os.File) (dial.Process, error) {
			return r.launch(s, path, env, channel)
		},
	})
	if err != nil {
		err = r.startFault(err)
		return nil, errors.Join(err, r.end())
	}
	r.enter("while idle")
	return r, nil
}

func (r *running) launch(s *Supervisor, path string, env []string, channel *os.File) (dial.Process, error) {
	child, err := s.children.Start(launch.Spec{
		Path: path, Env: append(launch.Environ(s.options.Environ, r.folder, r.limits.Memory), env...), Folder: r.folder,
		Lifeline: dial.LifelineEnv, Channel: dial.ChannelEnv, ChannelFile: channel, Stderr: r.pump.Read, OpenFiles: r.limits.OpenFiles, FileBytes: uint64(r.limits.Disk),
		KillWithin: r.limits.Kill,
	})
	if err != nil {
		return nil, err
	}
	r.child = child
	return child, nil
}

// startFault says why a start failed: how the process ended if it did, and what it last said.
func (r *running) startFault(err error) error {
	if errors.Is(err, context.Canceled) {
		return fault.Wrap(fault.Cancelled, err, "start plugin "+r.label)
	}
	cause := strings.TrimPrefix(plainText(err), "plugin "+r.label+": ")
	what := "plugin " + r.label + " did not start: " + r.mask.Clean(cause, maxText)
	if r.child != nil && r.child.State() != nil && !r.child.Killed() {
		what += "; " + r.exit()
	} else if last := r.lastWords(); last != "" {
		what += "; it last said: " + last
	}
	help := fault.HelpOf(err)
	if help == "" {
		help = "Try it by itself with broker plugins doctor " + r.label + "."
	}
	return &fault.Fault{Code: fault.Transient, What: what, Help: help, Err: err}
}

func (r *running) enter(phase string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = phase
}

func (r *running) reasonGiven() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reason
}

func (r *running) endedInOrder() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// condemn notes why the process is stopped by force and kills it with all its descendants. The first reason counts.
func (r *running) condemn(reason string) {
	r.mu.Lock()
	if r.reason == "" && r.child.State() == nil {
		r.reason = reason
	}
	r.mu.Unlock()
	_ = r.child.Kill() // end reports what cannot be killed
}

// exit is the one sentence about how the process ended; "" while it lives.
func (r *running) exit() string {
	if r.child.State() == nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == "" {
		r.last = r.sentence()
	}
	return r.last
}

func (r *running) sentence() string {
	if r.reason != "" {
		return fmt.Sprintf("plugin %s was stopped %s: %s", r.label, r.phase, r.reason)
	}
	if r.ended {
		return "plugin " + r.label + " was ended in order"
	}
	what, why, _ := r.child.Ending()
	sentence := fmt.Sprintf("plugin %s %s %s%s", r.label, what, r.phase, why)
	if last := r.lastWords(); last != "" {
		sentence += "; it last said: " + last
	}
	return sentence
}

// lastWords is the panic, or else the last line, that the process wrote to its standard error.
func (r *running) lastWords() string {
	if p := r.pump.Panic(); p != "" {
		return p
	}
	tail := r.pump.Tail()
	for i := len(tail) - 1; i >= 0; i-- {
		if line := strings.TrimSpace(tail[i]); line != "" {
			return r.mask.Clean(line, 300)
		}
	}
	return ""
}

// drain lets open reads finish at their next safe place, for at most d.
func (r *running) drain(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d+r.limits.Answer)
	defer cancel()
	_, _ = r.client.Drain(ctx, d) // what it leaves unfinished the next run repeats
}

// end closes the connection, kills what is left and removes the private folders. It waits for nothing without limit.
func (r *running) end() error {
	r.mu.Lock()
	r.ended = r.ended || r.child != nil && r.child.State() == nil
	r.mu.Unlock()
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if r.client != nil {
			_ = r.client.Close() // the kill below decides
		}
	}()
	timer := time.NewTimer(r.limits.Kill)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
	var err error
	if r.child != nil {
		err = r.child.Kill()
	}
	return errors.Join(err, r.folder.Remove())
}
