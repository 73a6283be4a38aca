package watch

import (
	"context"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/app/watch/state"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
)

// tellEvery is how often listeners are told of progress: at most twice a second for each table, however fast it reads.
const tellEvery = 500 * time.Millisecond

// Bounds of what is kept of runs under way.
const (
	rateOver  = 10 * time.Second // the rate is that of about the last ten seconds
	mostLive  = 10_000
	leastRate = time.Second
)

// live is what runs under way told last. glance is called by the runs themselves and never waits for anybody.
type live struct {
	mu   sync.Mutex
	runs map[sdk.TableName]*going // by root
}

// going is one run under way.
type going struct {
	last    ingest.Progress
	changed bool
	over    bool
	began   time.Time
	sync    string
	from    mark // what the rate is measured from
	rate    float64
}

// mark is how many rows were read at a moment.
type mark struct {
	at   time.Time
	rows int64
}

// glance notes what a run tells.
func (l *live) glance(p ingest.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.runs[p.Table]
	switch {
	case p.Run == "" && g == nil:
		return // the end of a run that told nothing
	case p.Run == "":
		g.last.Phase, g.over = p.Phase, true
	case g == nil || g.last.Run != p.Run:
		if l.runs == nil {
			l.runs = map[sdk.TableName]*going{}
		}
		if len(l.runs) >= mostLive {
			return
		}
		g = &going{last: p}
		l.runs[p.Table] = g
	default:
		g.last = p
	}
	g.changed = true
}

// of is what the run of a root table told last.
func (l *live) of(table sdk.TableName) (ingest.Progress, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.runs[table]
	if g == nil || g.over {
		return ingest.Progress{}, false
	}
	return g.last, true
}

// changes takes out what changed since it was last asked, measured at now; runs that are over are forgotten.
func (l *live) changes(now time.Time) []told {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []told
	for table, g := range l.runs {
		if !g.changed {
			continue
		}
		g.changed = false
		g.measure(now)
		all = append(all, told{g, g.over, api.Progress{Run: g.sync, Table: string(table), Source: g.last.Source, Phase: g.last.Phase, Rows: g.last.Rows, Bytes: g.last.Bytes,
			Rate: g.rate, Done: g.last.Done, Total: g.last.Total, Seconds: now.Sub(g.began).Seconds()}})
		if g.over {
			delete(l.runs, table)
		}
	}
	return all
}

// told is a glance on its way to listeners.
type told struct {
	of   *going
	over bool
	api.Progress
}

// measure keeps the rate of about the last ten seconds.
func (g *going) measure(now time.Time) {
	if g.began.IsZero() {
		g.began, g.from = now, mark{now, g.last.Rows}
		return
	}
	if g.last.Rows < g.from.rows { // another attempt began from the start
		g.from, g.rate = mark{now, g.last.Rows}, 0
	}
	passed := now.Sub(g.from.at)
	if passed < leastRate {
		return
	}
	g.rate = float64(g.last.Rows-g.from.rows) / passed.Seconds()
	if passed >= rateOver {
		g.from = mark{now.Add(-rateOver / 2), g.last.Rows - int64(g.rate*(rateOver/2).Seconds())}
	}
}

// tell publishes what changed. A run whose sync is not known yet is asked for in the journal, once.
func (w *Watch) tell(ctx context.Context) {
	now := w.options.Now()
	for _, t := range w.live.changes(now) {
		if t.Run == "" {
			t.Run = w.nameSync(ctx, t.of)
		}
		t.EndsAt = w.endsAt(t, now)
		if w.options.Publish != nil {
			w.options.Publish(web.Event{Name: "run.progress", At: now, Tables: []sdk.TableName{sdk.TableName(t.Table)}, Progress: &t.Progress})
		}
	}
}

// nameSync finds the sync of a run under way; "" when the journal cannot say, which the next glance asks again.
func (w *Watch) nameSync(ctx context.Context, g *going) string {
	w.live.mu.Lock()
	table, run := g.last.Table, g.last.Run
	w.live.mu.Unlock()
	entries, err := w.options.Runs.List(ctx, store.RunFilter{Table: table, Limit: 3})
	if err != nil {
		if ctx.Err() == nil {
			w.options.Log.Warn("the journal cannot say which sync a run belongs to", "run", run, "error", err)
		}
		return ""
	}
	for _, e := range entries {
		if e.ID == run {
			w.live.mu.Lock()
			g.sync = e.Sync
			w.live.mu.Unlock()
			return e.Sync
		}
	}
	return ""
}

// endsAt is when a run should end: by what the source says is done, else by how long the last ones took; "" = nobody knows.
func (w *Watch) endsAt(t told, now time.Time) string {
	passed := time.Duration(t.Seconds * float64(time.Second))
	var whole time.Duration
	switch {
	case t.Total > 0 && t.Done > 0 && t.Done <= t.Total:
		whole = time.Duration(float64(passed) / (float64(t.Done) / float64(t.Total)))
	default:
		if p := w.picture.Load(); p != nil {
			whole = p.took[sdk.TableName(t.Table)]
		}
	}
	if whole <= passed || t.over {
		return ""
	}
	return state.Stamp(now.Add(whole - passed))
}
