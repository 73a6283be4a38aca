package watch

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/watch/state"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/schedule"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// picture is how all tables are at one moment.
type picture struct {
	made       time.Time
	generation int64
	tables     []state.Table // by name
	published  map[string]time.Time
	source     map[sdk.TableName]string
	took       map[sdk.TableName]time.Duration // how long the last runs of a table took
	heads      map[sdk.TableName]state.Head
	held       map[sdk.TableName]string // runs whose versions wait
	mask       *state.Mask

	mu      sync.Mutex
	answers map[string]api.States // by digest of the grants
}

// Life of what is kept.
const (
	pictureLife    = time.Second
	pictureMost    = 5 * time.Second // for who does not want to wait
	definitionLife = 10 * time.Second
	mostAnswers    = 256
)

// definition is a table that the configuration names.
type definition struct{ source, stream string }

// current is the picture, made anew when it is older than a second. While one reader has it made, the others go on with the
// one before, unless that is too old.
func (w *Watch) current(ctx context.Context) (*picture, error) {
	if p := w.picture.Load(); w.younger(p, pictureLife) {
		return p, nil
	}
	if !w.mu.TryLock() {
		if p := w.picture.Load(); w.younger(p, pictureMost) {
			return p, nil
		}
		w.mu.Lock()
	}
	defer w.mu.Unlock()
	if p := w.picture.Load(); w.younger(p, pictureLife) { // another made it while this one waited
		return p, nil
	}
	wanted := w.changes.Load()
	p, err := w.paint(ctx, w.options.Now())
	if err != nil {
		return nil, err
	}
	w.picture.Store(p)
	if w.changes.Load() != wanted { // something was done meanwhile: the next reader looks again
		w.picture.Store(nil)
	}
	return p, nil
}

// younger says whether a picture is younger than a time.
func (w *Watch) younger(p *picture, than time.Duration) bool {
	if p == nil {
		return false
	}
	age := w.options.Now().Sub(p.made)
	return age >= 0 && age < than
}

// forget has the next reader see what was just done.
func (w *Watch) forget() {
	w.changes.Add(1)
	w.picture.Store(nil)
}

// paint makes the picture of now. The lock is held.
func (w *Watch) paint(ctx context.Context, now time.Time) (*picture, error) {
	if err := w.follow(ctx); err != nil {
		return nil, err
	}
	if err := w.book.follow(ctx, w.options.Runs, now); err != nil {
		return nil, err
	}
	running, err := w.running(ctx)
	if err != nil {
		return nil, err
	}
	held, err := w.heldTables(ctx)
	if err != nil {
		return nil, err
	}
	w.define(now)
	sources, err := w.schedules(ctx)
	if err != nil {
		return nil, err
	}
	facts, err := w.facts(ctx, sources, running)
	if err != nil {
		return nil, err
	}
	p := &picture{made: now, generation: w.newest, mask: state.NewMask(), answers: map[string]api.States{}, published: map[string]time.Time{},
		source: map[sdk.TableName]string{}, took: map[sdk.TableName]time.Duration{}, heads: map[sdk.TableName]state.Head{}, held: map[sdk.TableName]string{}}
	for name, f := range facts {
		f.Running, f.Held = running[name], held[name]
		if w.options.Scrub != nil {
			f.Unreadable = w.options.Scrub.Unreadable(name)
		}
		p.tables = append(p.tables, state.Of(f, now))
		p.heads[name] = f.Head
		if f.Held != nil {
			p.held[name] = f.Held.Run
		}
		p.published[string(name)], p.source[name] = f.Head.Published, f.Source
		if f.Past != nil {
			p.took[name] = f.Past.Took()
		}
		p.mask.Know(name, w.callings(name, f.Source)...)
	}
	slices.SortFunc(p.tables, func(a, b state.Table) int { return cmp.Compare(a.Name, b.Name) })
	return p, nil
}

// callings are what a table is called at its source.
func (w *Watch) callings(name sdk.TableName, source string) []string {
	stream := w.defined[name].stream
	if stream == "" {
		stream = name.Table()
	}
	if source == "" {
		return []string{stream}
	}
	return []string{stream, source + "." + stream}
}

// follow reads the heads when something was published since.
func (w *Watch) follow(ctx context.Context) error {
	newest, err := w.options.Lake.Newest(ctx)
	if err != nil {
		return fmt.Errorf("find the newest generation: %w", err)
	}
	if newest == w.newest {
		return nil
	}
	heads, err := w.options.Lake.Heads(ctx, math.MaxInt64)
	if err != nil {
		return fmt.Errorf("list what is published: %w", err)
	}
	w.heads, w.newest = heads, newest
	return nil
}

// running are the runs under way, by table.
func (w *Watch) running(ctx context.Context) (map[sdk.TableName]*state.Outcome, error) {
	runs, err := w.options.Runs.List(ctx, store.RunFilter{Status: store.Running, Limit: 10_000})
	if err != nil {
		return nil, err
	}
	all := map[sdk.TableName]*state.Outcome{}
	for _, run := range runs {
		for _, t := range run.Tables {
			all[t.Name] = &state.Outcome{Sync: run.Sync, Run: run.ID, Started: run.Started}
			if w.book.sources != nil && w.book.sources[t.Name] == "" {
				w.book.sources[t.Name] = run.Source
			}
		}
	}
	return all, nil
}

// heldTables are the versions that wait, by table.
func (w *Watch) heldTables(ctx context.Context) (map[sdk.TableName]*state.Held, error) {
	sets, err := w.options.Lake.Held(ctx)
	if err != nil {
		return nil, fmt.Errorf("list what is held: %w", err)
	}
	all := map[sdk.TableName]*state.Held{}
	for _, set := range sets {
		names := make([]sdk.TableName, len(set.Tables))
		for i, t := range set.Tables {
			names[i] = t.Name
		}
		for _, t := range set.Tables {
			all[t.Name] = &state.Held{Run: set.RunID, Sync: w.syncOf(t.Name, set.RunID), Reason: set.Reason, Rows: t.Rows, Since: set.Since, Set: names}
		}
	}
	return all, nil
}

// syncOf is the sync of a run of a table that was held; "" when the journal no longer knows.
func (w *Watch) syncOf(table sdk.TableName, run string) string {
	if past := w.book.pasts[table]; past != nil {
		return past.SyncOf(run)
	}
	return ""
}

// define reads which tables the configuration names.
func (w *Watch) define(now time.Time) {
	if w.defined != nil && now.Sub(w.read) < definitionLife && !now.Before(w.read) {
		return
	}
	description, _ := w.options.Describe() // what is wrong in it is told by check and sync
	w.read, w.defined = now, map[sdk.TableName]definition{}
	sources := w.options.Config().Sources
	taken := map[definition]bool{}
	for _, t := range description.Tables {
		source := t.Source
		if source == "" && len(sources) == 1 {
			source = sources[0].Name
		}
		d := definition{source, t.Stream}
		w.defined[sdk.TableName(t.Folder+"."+t.Name)], taken[d] = d, true
	}
	for _, s := range sources {
		for _, pattern := range s.Tables {
			if stream := sdk.NormalName(pattern); !strings.Contains(pattern, "*") && !taken[definition{s.Name, pattern}] && !taken[definition{s.Name, stream}] {
				w.defined[sdk.TableName("main."+stream)] = definition{s.Name, stream}
			}
		}
	}
}

// timing is when a source is due.
type timing struct {
	words    string
	calendar *state.Calendar
	tick     state.Tick
}

// schedules are the timings of the configured sources, by name.
func (w *Watch) schedules(ctx context.Context) (map[string]timing, error) {
	all := map[string]timing{}
	for _, s := range w.options.Config().Sources {
		t := timing{}
		if t.calendar = w.calendar(s); t.calendar != nil {
			t.words = s.Schedule
			if s.Timezone != "" && s.Timezone != "UTC" {
				t.words += " " + s.Timezone
			}
			newest, err := w.options.Ticks.List(ctx, s.Name, 1)
			if err != nil {
				return nil, err
			}
			for _, tick := range newest {
				t.tick = state.Tick{Instant: tick.Instant, Skipped: tick.Skipped}
			}
		}
		all[s.Name] = t
	}
	return all, nil
}

// calendar is that of a source's schedule; nil when it has none that can be read, which check and sync tell.
func (w *Watch) calendar(s config.Source) *state.Calendar {
	if s.Schedule == "" {
		return nil
	}
	key := s.Schedule + "\x00" + s.Timezone
	if c, known := w.dates[key]; known {
		return c
	}
	plan, err := schedule.Parse(s.Schedule, s.Timezone)
	if err != nil {
		return nil
	}
	if len(w.dates) > 1000 {
		clear(w.dates)
	}
	w.dates[key] = state.NewCalendar(plan)
	return w.dates[key]
}

// facts are what is known of every table: published, named by the configuration, or tried by a source that is still there.
func (w *Watch) facts(ctx context.Context, sources map[string]timing, running map[sdk.TableName]*state.Outcome) (map[sdk.TableName]state.Facts, error) {
	all := map[sdk.TableName]state.Facts{}
	for name, d := range w.defined {
		all[name] = state.Facts{Source: d.source}
	}
	for name := range w.book.pasts {
		if _, there := sources[w.book.sources[name]]; there {
			all[name] = state.Facts{}
		}
	}
	for name := range running {
		all[name] = state.Facts{}
	}
	for _, h := range w.heads {
		all[h.Table] = state.Facts{Head: state.Head{Generation: h.Seq, Run: h.RunID, Published: h.Published, Rows: h.Rows}}
	}
	for name, f := range all {
		f.Name, f.Past = name, w.book.pasts[name]
		f.Source = cmp.Or(w.defined[name].source, w.book.sources[name])
		if f.Source == "" && f.Head.Generation > 0 {
			source, err := w.sourceOf(ctx, name)
			if err != nil {
				return nil, err
			}
			f.Source = source
		}
		t := sources[f.Source]
		f.Schedule, f.Calendar, f.Tick, f.Refused = t.words, t.calendar, t.tick, w.book.refused[f.Source]
		all[name] = f
	}
	return all, nil
}

// sourceOf asks the lake which source a table came from.
func (w *Watch) sourceOf(ctx context.Context, table sdk.TableName) (string, error) {
	if source, known := w.sources[table]; known {
		return source, nil
	}
	at := slices.IndexFunc(w.heads, func(h lake.Head) bool { return h.Table == table })
	v, err := w.options.Lake.At(ctx, w.heads[at])
	if fault.CodeOf(err) == fault.NotFound { // expired while we look
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find the source of %s: %w", table, err)
	}
	w.sources[table] = v.Source
	return v.Source, nil
}

// narrowed is the picture for who sees some tables only. Totals are those of visible tables.
func (p *picture) narrowed(digest string, sees func(sdk.TableName) bool) api.States {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.answers[digest]; ok && digest != "" {
		return known
	}
	out := api.States{Generation: p.generation, Tables: []api.TableState{}}
	var newest time.Time
	for _, t := range p.tables {
		if !sees(sdk.TableName(t.Name)) {
			continue
		}
		row := t.TableState
		row.Message, row.Help = p.mask.Told(row.Message, row.Help, t.Set, sees)
		if row.Held != nil {
			held := *row.Held
			held.Reason, _ = p.mask.Told(held.Reason, "", t.HeldSet, sees)
			row.Held = &held
		}
		out.Tables = append(out.Tables, row)
		if at := p.published[t.Name]; at.After(newest) {
			newest = at
		}
	}
	out.PublishedAt = state.Stamp(newest)
	if len(p.answers) >= mostAnswers {
		clear(p.answers)
	}
	p.answers[digest] = out
	return out
}
