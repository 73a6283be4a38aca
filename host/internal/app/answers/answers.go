// Package answers introduces the room that runs people's SQL to what it needs: the caller's tables with the files of their
// parts, and the query engine, a service plugin in one shared process. It is part of the room app and decides nothing
// itself.
package answers

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/query"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
)

// Manifests says what a caller may have of a generation, 0 = the current one.
type Manifests interface {
	Granted(ctx context.Context, who sdk.Caller, generation int64) (api.Signed, error)
}

// Options are the open parts of an instance.
type Options struct {
	Config     func() *config.Config // as it was last read
	Manifests  Manifests
	Lake       *lake.Lake
	Supervisor *supervisor.Supervisor
	StateDir   string // <data_dir>/state
	CopyBytes  int64  // of copies of parts that lie in an object store, for the engine; 0 = 16 GiB
	Log        *slog.Logger
}

// copyBytes is how much is copied where nothing is said.
const copyBytes = 16 << 30

// Answers runs people's queries. Close it.
type Answers struct {
	room   *query.Room
	engine *engine
}

var _ web.Queries = (*Answers)(nil)

// Open starts nothing: the engine starts with the first query.
func Open(o Options) *Answers {
	e := &engine{options: o}
	asked := limitsOf(e.configured())
	if o.CopyBytes <= 0 {
		o.CopyBytes = copyBytes
	}
	return &Answers{engine: e, room: query.New(query.Options{
		Tables: &tables{manifests: o.Manifests, lake: o.Lake, folder: filepath.Join(o.StateDir, "copies"), most: o.CopyBytes}, Engine: e,
		AtOnce: asked.AtOnce, Time: asked.time(), Memory: asked.memory(),
	})}
}

// Run implements web.Queries.
func (a *Answers) Run(ctx context.Context, who sdk.Caller, q api.Query) (web.Rows, error) {
	if a.engine.configured().Plugin == "" { // before anything is looked up for it
		return nil, a.engine.missing()
	}
	rows, err := a.room.Run(ctx, who, q)
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// PID is the number of the engine's process, 0 while there is none.
func (a *Answers) PID() int { return a.engine.Process() }

// Close ends the engine.
func (a *Answers) Close() error { return a.engine.close() }

// limits are the settings that the host asks of a query engine, whichever it is; zero = the host's own.
type limits struct {
	AtOnce   int   `json:"at_once"`
	MemoryMB int64 `json:"memory_mb"`
	Timeout  any   `json:"timeout"` // text of a duration
}

// limitsOf reads them from the engine's block. Of settings that cannot be read nothing is taken: the plugin refuses them.
func limitsOf(p config.Plugin) (l limits) {
	if json.Unmarshal(p.Settings.JSON, &l) != nil {
		return limits{}
	}
	return l
}

func (l limits) time() time.Duration {
	text, _ := l.Timeout.(string)
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return d
}

func (l limits) memory() int64 { return l.MemoryMB << 20 }

// What the engine's process may take beside its queries, and what they take where nothing is set.
const (
	beside       = 1 << 30
	memoryUnset  = 1 << 30
	queriesUnset = 2
)

// process is how large the engine's process may grow.
func (l limits) process() int64 {
	each, count := l.memory(), int64(l.AtOnce)
	if each <= 0 {
		each = memoryUnset
	}
	if count <= 0 {
		count = queriesUnset
	}
	return each*count + beside
}
