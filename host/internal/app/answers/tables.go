package answers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/app/answers/copies"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/query"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
	"github.com/ai-data-analyst/broker/web/api"
)

// tables are the tables of the caller's own manifest: what is not in it does not exist for a query (G12).
type tables struct {
	manifests Manifests
	lake      *lake.Lake
	folder    string // of local copies, where the lake lies in an object store
	most      int64  // bytes of copies

	mu     sync.Mutex
	kept   map[string]edition // by ETag of the manifest they were read from
	copies *copies.Copies     // nil = none was needed yet
}

// edition is a manifest as it was read.
type edition struct {
	generation int64
	tables     []table
}

// table is one table without the files of its parts.
type table struct {
	service.Table
	parts []lake.Part
}

// keptSnapshots is how many manifests stay read: one for each set of grants, as long as they are few.
const keptSnapshots = 16

// Tables implements query.Tables. Of a lake in an object store only the tables that the statement names are fetched; of
// one that names none all of them, where they fit.
func (t *tables) Tables(ctx context.Context, who sdk.Caller, generation int64, sql string) (query.Snapshot, error) {
	e, err := t.edition(ctx, who, generation)
	if err != nil {
		return query.Snapshot{}, err
	}
	wanted := e.tables
	if t.lake.Distant() {
		wanted = named(e.tables, sql)
	}
	if wanted, err = t.readable(ctx, wanted, sql); err != nil {
		return query.Snapshot{}, err
	}
	snapshot := query.Snapshot{Generation: e.generation, Tables: make([]service.Table, len(wanted))}
	var parts []lake.Part
	for i, one := range wanted {
		snapshot.Tables[i] = one.Table
		parts = append(parts, one.parts...)
	}
	files, release, err := t.files(ctx, parts)
	if err != nil {
		return query.Snapshot{}, err
	}
	snapshot.Release = release
	for i, one := range wanted {
		snapshot.Tables[i].Parts = files[:len(one.parts):len(one.parts)]
		files = files[len(one.parts):]
	}
	return snapshot, nil
}

// edition is the caller's manifest of a generation.
func (t *tables) edition(ctx context.Context, who sdk.Caller, generation int64) (edition, error) {
	signed, err := t.manifests.Granted(ctx, who, generation)
	if err != nil {
		return edition{}, err
	}
	t.mu.Lock()
	known, ok := t.kept[signed.ETag]
	t.mu.Unlock()
	if ok {
		return known, nil
	}
	m, err := api.DecodeManifest(signed.Body)
	if err != nil {
		return edition{}, fault.Wrap(fault.Bug, err, "read the caller's manifest")
	}
	e := edition{generation: m.Generation, tables: make([]table, len(m.Tables))}
	for i, in := range m.Tables {
		e.tables[i] = tableOf(in)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil || len(t.kept) >= keptSnapshots {
		t.kept = map[string]edition{}
	}
	t.kept[signed.ETag] = e
	return e, nil
}

func tableOf(in api.Table) table {
	out := table{Table: service.Table{Namespace: in.Namespace, Name: in.Table}}
	for _, c := range in.Columns {
		out.Columns = append(out.Columns, service.TableColumn{ID: c.ID, Name: c.Name, Type: c.Type})
	}
	for _, p := range in.Parts {
		at := path.Join(in.Namespace, in.Table, "data", p.SHA256+".parquet") // as the lake names parts (lake.md §4)
		out.parts = append(out.parts, lake.Part{Path: at, SHA256: p.SHA256, Bytes: p.Size, Rows: p.Rows})
	}
	return out
}

// names says whether a statement can mean the table: its name stands in it, whatever for.
func (t table) names(sql string) bool { return strings.Contains(sql, strings.ToLower(t.Name)) }

// named are the tables that a statement names; all of them when it names none.
func named(all []table, sql string) []table {
	sql = strings.ToLower(sql)
	var some []table
	for _, one := range all {
		if one.names(sql) {
			some = append(some, one)
		}
	}
	if some == nil {
		return all
	}
	return some
}

// readable leaves out tables with damaged parts, or fails when the statement names one (G5, G6).
func (t *tables) readable(ctx context.Context, all []table, sql string) ([]table, error) {
	sql = strings.ToLower(sql)
	var whole []table
	for _, one := range all {
		damage := ""
		for _, part := range one.parts {
			what, err := t.lake.Damaged(ctx, part)
			if err != nil {
				return nil, err
			}
			if what != "" {
				damage = what
			}
		}
		switch {
		case damage == "":
			whole = append(whole, one)
		case one.names(sql):
			return nil, fault.Newf(fault.Transient, "table %s.%s cannot be read: a part of it is damaged on the server", one.Namespace, one.Name).
				WithHelp(`Tell an administrator: "broker lake verify --full" names the part; an older generation may do.`)
		}
	}
	return whole, nil
}

// files are the files of parts, in their order, until release.
func (t *tables) files(ctx context.Context, parts []lake.Part) (files []string, release func(), err error) {
	if !t.lake.Distant() {
		for _, part := range parts {
			files = append(files, t.lake.Path(part))
		}
		return files, nil, nil
	}
	local, err := t.local()
	if err != nil {
		return nil, nil, err
	}
	files, release, err = local.Hold(ctx, parts)
	if errors.Is(err, copies.ErrRoom) {
		size := int64(0)
		for _, part := range parts {
			size += part.Bytes
		}
		return nil, nil, t.crowded(size)
	}
	return files, release, err
}

// crowded says that the parts of a statement cannot be kept, now or ever.
func (t *tables) crowded(size int64) error {
	if size > t.most {
		return (&fault.Fault{Code: fault.Config, Path: service.SQLPath,
			What: fmt.Sprintf("the tables of the statement have %d MiB, and this server keeps copies of %d MiB of its object store", size>>20, t.most>>20)}).
			WithHelp("Name fewer tables, or pull the data and query it locally.")
	}
	return &fault.Fault{Code: fault.RateLimited, What: "other queries hold the room that this server has for copies of its object store",
		Help: "Try again in a few seconds, or pull the data and query it locally.", RetryAfter: comeBack}
}

// comeBack is when somebody who is sent away should try again.
const comeBack = 5 * time.Second

// local opens the copies when they are first needed.
func (t *tables) local() (*copies.Copies, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.copies == nil {
		opened, err := copies.Open(t.folder, t.most, func(ctx context.Context, part lake.Part) (io.ReadSeekCloser, int64, error) {
			return t.lake.OpenPart(ctx, part)
		})
		if err != nil {
			return nil, err
		}
		t.copies = opened
	}
	return t.copies, nil
}
