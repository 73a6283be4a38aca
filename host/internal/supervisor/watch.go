package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/folder"
)

const (
	overMemoryLooks = 3              // looks in a row above the limit that end a plugin
	diskEvery       = 5              // looks
	keepCopies      = 24 * time.Hour // a copy that nobody wants stays so long, for whoever puts the file back
)

// watch looks after a lent process until its end or ctx's: health, memory, disk, silence.
func (l *Loan) watch(ctx context.Context) {
	defer close(l.watched)
	tick := time.NewTicker(l.running.limits.Health)
	defer tick.Stop()
	var misses, over int
	for look := 1; ; look++ {
		select {
		case <-ctx.Done():
			return
		case <-l.running.child.Done():
			if ctx.Err() == nil {
				l.died()
			}
			return
		case <-tick.C:
		}
		reason := l.silence()
		if reason == "" {
			reason, misses = l.health(ctx, misses)
		}
		if reason == "" {
			reason, over = l.memory(over)
		}
		if reason == "" && look%diskEvery == 0 {
			reason = l.disk()
		}
		if reason != "" && ctx.Err() == nil {
			l.running.condemn(reason)
			l.died()
			return
		}
	}
}

// died clears away what a process that ended before its run has left running, waits for its last words and counts the
// crash if it was one.
func (l *Loan) died() {
	l.crash.Do(func() {
		_ = l.running.child.Kill() // Close reports what cannot be killed
		exit := l.running.exit()
		if _, _, outside := l.running.child.Ending(); !outside || l.running.reasonGiven() != "" {
			l.supervisor.crashed(l.running.label, l.running.hash, exit)
		}
		l.supervisor.options.Log.Warn("a plugin ended before its run did", "plugin", l.running.label, "exit", exit)
	})
}

func (l *Loan) health(ctx context.Context, misses int) (string, int) {
	limits := l.running.limits
	ctx, cancel := context.WithTimeout(ctx, limits.Answer)
	defer cancel()
	if health, err := l.running.client.Health(ctx); err == nil {
		return l.forgotten(health.OpenReads), 0
	}
	if misses++; misses < limits.Misses {
		return "", misses
	}
	return fmt.Sprintf("it did not answer %d health questions in a row, %s each", misses, limits.Answer), misses
}

func (l *Loan) memory(over int) (string, int) {
	limit := l.running.limits.Memory
	used := l.running.child.Memory()
	if used <= limit {
		return "", 0
	}
	if over++; over < overMemoryLooks && used < 2*limit {
		return "", over
	}
	return fmt.Sprintf("it uses %d MiB of memory; the limit is %d MiB", used>>20, limit>>20), over
}

func (l *Loan) disk() string {
	limit := l.running.limits.Disk
	if used := l.running.folder.Size(); used > limit {
		return fmt.Sprintf("its temporary files take %d MiB; the limit is %d MiB", used>>20, limit>>20)
	}
	return ""
}

func (l *Loan) silence() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for m := range l.reads {
		if m.stalled(m.now(), l.running.limits.Stall) {
			return fmt.Sprintf("it sent nothing for %s", l.running.limits.Stall)
		}
	}
	return ""
}

// Run watches the plugin folder until ctx ends: on change and each 60 s it lists what is there and logs what is new,
// changed or gone.
func (s *Supervisor) Run(ctx context.Context) error {
	known := map[string]Plugin{}
	folder.Watch(ctx, s.options.Dir, s.options.Log, func() { known = s.report(ctx, known) })
	return nil
}

// report logs how the folder differs from what was known, removes copies of plugins that are gone, and returns what is
// known now.
func (s *Supervisor) report(ctx context.Context, known map[string]Plugin) map[string]Plugin {
	list, err := s.List(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.options.Log.Warn("the plugin folder cannot be listed", "error", err)
		}
		return known
	}
	now := make(map[string]Plugin, len(list))
	for _, p := range list {
		now[p.Path] = p
		if known[p.Path] != p {
			s.options.Log.Info("plugin", "name", p.Name, "kind", p.Kind, "version", p.Version, "status", p.Status, "reason", p.Reason, "sha256", p.SHA256)
		}
	}
	for path, p := range known {
		if _, ok := now[path]; !ok {
			s.options.Log.Info("plugin is gone", "name", p.Name, "kind", p.Kind, "path", path)
		}
	}
	if err := s.prune(list); err != nil {
		s.options.Log.Warn("old plugin copies stay", "error", err)
	}
	return now
}

// prune keeps the copies of what is there or pinned.
func (s *Supervisor) prune(list []Plugin) error {
	pins, err := s.pins.All()
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, p := range list {
		wanted[p.SHA256] = true
	}
	for _, pin := range pins {
		wanted[pin.SHA256] = true
	}
	return s.copies.Prune(wanted, s.options.Now().Add(-keepCopies))
}
