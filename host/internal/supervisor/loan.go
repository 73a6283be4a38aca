package supervisor

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// Loan is a plugin lent for one run, or a service or way to sign in for as long as it is shared: a process of its own with one open
// session, watched until Close.
type Loan struct {
	supervisor *Supervisor
	running    *running
	session    *session
	service    service.Session                 // of a service
	auth       auth.Session                    // of a way to sign in
	closing    func(ctx context.Context) error // ends the session; nil while none is open
	queries    atomic.Int64                    // under way
	stale      int                             // looks in a row at which the plugin had more under way
	stopWatch  context.CancelFunc
	watched    chan struct{}

	mu    sync.Mutex
	reads map[*messages]bool

	crash    sync.Once
	close    sync.Once
	closeErr error
}

// Lend starts the plugin in a process of its own, opens a session with the settings and watches over it until Close.
// On error nothing is left.
func (s *Supervisor) Lend(ctx context.Context, request Request) (*Loan, error) {
	if !slices.Contains(trust.Kinds, request.Kind) {
		return nil, fault.Newf(fault.Config, "plugins of kind %q cannot be lent", request.Kind)
	}
	c, label, err := s.find(request.Kind, request.Name)
	if err != nil {
		return nil, err
	}
	hash, err := s.approve(c, label, s.options.FirstUse)
	if err != nil {
		return nil, err
	}
	if err := s.admit(ctx, label, hash); err != nil {
		return nil, err
	}
	limits := s.options.Limits
	if request.Memory > 0 {
		limits.Memory = request.Memory
	}
	r, err := s.start(ctx, c, label, hash, limits, request.Secrets, slog.String("run", request.RunID), slog.String("source", request.Source))
	if err != nil {
		if fault.CodeOf(err) != fault.Cancelled {
			s.crashed(label, hash, plainText(err))
		}
		return nil, err
	}
	loan := &Loan{supervisor: s, running: r, reads: map[*messages]bool{}, watched: make(chan struct{})}
	loan.session = &session{loan: loan}
	watch, stop := context.WithCancel(context.Background())
	loan.stopWatch = stop
	if err := s.lent(loan); err != nil {
		stop()
		return nil, errors.Join(err, r.end())
	}
	go loan.watch(watch)
	if _, ok := s.keptDescription(hash); !ok {
		if _, err := s.learn(ctx, r, c, hash); err != nil {
			return nil, errors.Join(loan.fault(ctx, err), loan.Close())
		}
	}
	if err := loan.open(ctx, request); err != nil {
		return nil, errors.Join(err, loan.Close())
	}
	return loan, nil
}

func (s *Supervisor) lent(loan *Loan) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fault.New(fault.Cancelled, "the host is stopping")
	}
	s.loans[loan] = true
	return nil
}

func (l *Loan) open(ctx context.Context, request Request) error {
	l.running.enter("while opening a session")
	ctx, cancel := context.WithTimeout(ctx, l.running.limits.Open)
	defer cancel()
	err := l.openSession(ctx, request)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Newf(fault.Transient, "plugin %s did not open a session within %s", l.running.label, l.running.limits.Open)
	}
	if err != nil {
		return l.fault(ctx, err)
	}
	l.running.enter("while idle")
	return nil
}

func (l *Loan) openSession(ctx context.Context, request Request) (err error) {
	work := l.running.folder.Work
	switch request.Kind {
	case "service":
		if l.service, err = l.running.client.Service().Open(ctx, service.Open{Settings: request.Settings, WorkDir: work}); err == nil {
			l.closing = l.service.Close
		}
		return err
	case "auth":
		if l.auth, err = l.running.client.Auth().Open(ctx, auth.Open{Settings: request.Settings, WorkDir: work}); err == nil {
			l.closing = l.auth.Close
		}
		return err
	}
	inner, err := l.running.client.Connector().Open(ctx, connector.Open{Settings: request.Settings, RunID: request.RunID, WorkDir: work})
	if err == nil {
		l.session.inner, l.closing = inner, inner.Close
	}
	return err
}

// Session is the open session. What it returns is masked and cut to size and, once the process is gone, says why.
func (l *Loan) Session() connector.Session { return l.session }

// Connector is the plugin itself, without the session.
func (l *Loan) Connector() connector.Connector { return l.running.client.Connector() }

// Alive is nil while the process lives, else why it ended, as a fault.
func (l *Loan) Alive() error {
	if sentence := l.Exit(); sentence != "" {
		return fault.New(fault.Transient, sentence).WithHelp("The log holds what it said; broker plugins doctor " + l.running.label + " tries it by itself.")
	}
	return nil
}

func (l *Loan) lives() bool { return l.running.child.State() == nil && l.running.reasonGiven() == "" }

// Exit is one sentence about how the process ended; "" while it lives.
func (l *Loan) Exit() string {
	if l.running.child.State() != nil && !l.running.endedInOrder() {
		l.died() // waits for its last words
	}
	return l.running.exit()
}

// PID is the number of the plugin's process.
func (l *Loan) PID() int { return l.running.child.PID() }

// Close ends the session and the process in order, then by force. When it returns no descendant of the plugin lives,
// setsid ones included, and its private folders are gone (G11).
func (l *Loan) Close() error {
	l.close.Do(func() {
		l.mu.Lock()
		open := len(l.reads) + int(l.queries.Load())
		l.mu.Unlock()
		well := l.lives()
		if well && open > 0 {
			l.running.drain(l.running.limits.Drain)
		}
		if well && l.closing != nil {
			ctx, cancel := context.WithTimeout(context.Background(), l.running.limits.Answer)
			_ = l.closing(ctx) // the process ends next
			cancel()
		}
		l.stopWatch()
		<-l.watched
		if !well {
			l.died() // the watch may not have come to see it
		}
		l.closeErr = l.running.end()
		if well && l.closing != nil {
			l.closeErr = errors.Join(l.closeErr, l.supervisor.crashes.RanWell(l.running.hash))
		}
		l.supervisor.mu.Lock()
		delete(l.supervisor.loans, l)
		l.supervisor.mu.Unlock()
	})
	return l.closeErr
}

// fault turns what the plugin's end of a call gave into what people read: how the process ended if it did, else the
// plugin's own words, masked and cut.
func (l *Loan) fault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	f, ok := fault.As(err)
	if !ok {
		f = fault.New(fault.Bug, err.Error())
	}
	if f.Code == fault.Transient {
		// A connection breaks a little before the process is seen to have ended.
		timer := time.NewTimer(300 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-l.running.child.Done():
			l.died()
			return l.Alive()
		case <-timer.C:
		}
	}
	clean := *f
	clean.What, clean.Help = l.clean(f.What), l.clean(f.Help)
	clean.Scope, clean.Path = l.clean(f.Scope), l.clean(f.Path)
	if f.Err != nil {
		clean.Err = errors.New(l.clean(f.Err.Error()))
	}
	return &clean
}

func (l *Loan) clean(text string) string { return l.running.mask.Clean(text, maxText) }

// admit refuses a plugin that rests after too many crashes and makes one that crashed lately wait.
func (s *Supervisor) admit(ctx context.Context, label, hash string) error {
	if p, ok := s.crashes.Parked(hash); ok {
		return &fault.Fault{Code: fault.Transient, What: "plugin " + label + " is quarantined: " + p.Sentence(label),
			Help: "Find out why with broker plugins doctor " + label + ".", RetryAfter: p.Until.Sub(s.options.Now())}
	}
	wait := s.crashes.Wait(hash)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Cancelled, ctx.Err(), "wait after a crash of plugin "+label)
	}
}

// crashed counts a crash and says so when it was one too many.
func (s *Supervisor) crashed(label, hash, sentence string) {
	p, parked, err := s.crashes.Crashed(hash, sentence)
	if err != nil {
		s.options.Log.Error("cannot note the quarantine of a plugin", "plugin", label, "error", err)
	}
	if parked {
		s.options.Log.Warn("a plugin crashed too often and rests", "plugin", label, "until", p.Until, "reason", sentence)
	}
}
