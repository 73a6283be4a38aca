// Package meter tells the figures of an instance for /metrics: runs, rows, plugins, sessions, what was lost on the way. It
// is part of the room app.
//
// It reads the journal at each scrape from where it stopped, so that runs of every process count, and no run waits for it.
package meter

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/web"
)

// Journal is the journal of runs.
type Journal interface {
	Ended(ctx context.Context, after time.Time, id string, limit int) ([]store.Run, error)
	List(ctx context.Context, filter store.RunFilter) ([]store.Run, error)
}

// Visits counts who is signed in.
type Visits interface {
	CountSessions(ctx context.Context, now time.Time) (int64, error)
}

// Options are what is measured.
type Options struct {
	Runs    Journal
	Visits  Visits
	Plugins func(ctx context.Context) ([]supervisor.Plugin, error)
	Lost    func() int64 // entries of the audit log
	Dropped func() int64 // notes of use; nil = none
	Now     func() time.Time
	Log     *slog.Logger
}

// Meter measures. It is safe for concurrent use.
type Meter struct {
	o Options

	mu      sync.Mutex
	after   time.Time // where the journal was read to
	id      string
	runs    map[string]float64 // by status
	rows    map[string]float64 // by source
	seconds web.Spread
	failed  float64

	listing  sync.Mutex
	plugins  []supervisor.Plugin
	unlisted error // why they could not be looked at
}

// bounds of how long publishing runs take, in seconds.
var bounds = []float64{1, 5, 15, 60, 300, 900, 3600}

// New returns a Meter that counts from now on.
func New(o Options) *Meter {
	m := &Meter{o: o, after: o.Now(), runs: map[string]float64{}, rows: map[string]float64{}}
	m.seconds.Buckets = map[float64]uint64{}
	for _, b := range bounds {
		m.seconds.Buckets[b] = 0
	}
	for _, status := range []string{"published", "unchanged", "held", "failed", "cancelled"} {
		m.runs[status] = 0
	}
	return m
}

// Figures are all of this moment. What cannot be read is left out, logged and counted.
func (m *Meter) Figures(ctx context.Context) []web.Sample {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []web.Sample
	for _, part := range []struct {
		what string
		ask  func(context.Context) ([]web.Sample, error)
	}{{"runs", m.ended}, {"runs under way", m.running}, {"plugins", m.states}, {"sessions", m.sessions}} {
		samples, err := part.ask(ctx)
		if err != nil {
			m.failed++
			m.o.Log.Warn("figures are missing from the metrics", "of", part.what, "error", err)
		}
		all = append(all, samples...)
	}
	all = append(all, count("broker_metrics_failures_total", "Figures that could not be read for a scrape.", m.failed))
	if m.o.Lost != nil {
		all = append(all, count("broker_audit_lost_total", "Entries that the audit log could not take.", float64(m.o.Lost())))
	}
	if m.o.Dropped != nil {
		all = append(all, count("broker_usage_dropped_total", "Notes of use that were dropped from a full queue.", float64(m.o.Dropped())))
	}
	return all
}

// batch is how many entries of the journal are read at once.
const batch = 500

func (m *Meter) ended(ctx context.Context) ([]web.Sample, error) {
	for {
		runs, err := m.o.Runs.Ended(ctx, m.after, m.id, batch)
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			m.add(run)
		}
		if len(runs) < batch {
			break
		}
	}
	var samples []web.Sample
	for status, n := range m.runs {
		samples = append(samples, count("broker_runs_total", "Runs that ended, by how.", n, [2]string{"status", status}))
	}
	for source, n := range m.rows {
		samples = append(samples, count("broker_rows_read_total", "Rows that runs brought.", n, [2]string{"source", source}))
	}
	spread := m.seconds
	spread.Buckets = map[float64]uint64{}
	for bound, n := range m.seconds.Buckets {
		spread.Buckets[bound] = n
	}
	return append(samples, web.Sample{Name: "broker_publish_seconds", Help: "How long runs took that published.", Spread: &spread}), nil
}

func (m *Meter) add(run store.Run) {
	m.after, m.id = run.Finished, run.ID
	m.runs[run.Status]++
	for _, t := range run.Tables {
		m.rows[run.Source] += float64(t.Added + t.Updated)
	}
	if run.Status != "published" {
		return
	}
	took := run.Finished.Sub(run.Started).Seconds()
	m.seconds.Count++
	m.seconds.Sum += took
	for _, bound := range bounds {
		if took <= bound {
			m.seconds.Buckets[bound]++
		}
	}
}

func (m *Meter) running(ctx context.Context) ([]web.Sample, error) {
	runs, err := m.o.Runs.List(ctx, store.RunFilter{Status: store.Running})
	if err != nil {
		return nil, err
	}
	return []web.Sample{{Name: "broker_runs_under_way", Help: "Runs that have begun and not ended.", Value: float64(len(runs))}}, nil
}

// listEvery is how often plugins are looked at.
const listEvery = time.Minute

// Run looks at the plugins until ctx ends, so that nobody who asks for figures waits for one.
func (m *Meter) Run(ctx context.Context) error {
	for {
		list, err := m.o.Plugins(ctx)
		m.listing.Lock()
		m.plugins, m.unlisted = list, err
		m.listing.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(listEvery):
		}
	}
}

// Plugins are the plugins as they were when last looked at; none before the first look.
func (m *Meter) Plugins() ([]supervisor.Plugin, error) {
	m.listing.Lock()
	defer m.listing.Unlock()
	return m.plugins, m.unlisted
}

func (m *Meter) states(context.Context) ([]web.Sample, error) {
	plugins, err := m.Plugins()
	if err != nil {
		return nil, err
	}
	samples := []web.Sample{}
	for _, p := range plugins {
		if p.Status == supervisor.Ignored {
			continue // its name is whatever lies in the folder
		}
		samples = append(samples, web.Sample{Name: "broker_plugin_state", Help: "1 for the state in which a plugin is.", Value: 1,
			Labels: [][2]string{{"plugin", p.Name}, {"kind", p.Kind}, {"state", string(p.Status)}}})
	}
	return samples, nil
}

func (m *Meter) sessions(ctx context.Context) ([]web.Sample, error) {
	n, err := m.o.Visits.CountSessions(ctx, m.o.Now())
	if err != nil {
		return nil, err
	}
	return []web.Sample{{Name: "broker_sessions", Help: "Browsers in which somebody is signed in.", Value: float64(n)}}, nil
}

func count(name, help string, value float64, labels ...[2]string) web.Sample {
	return web.Sample{Name: name, Help: help, Counter: true, Value: value, Labels: labels}
}
