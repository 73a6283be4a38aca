package answers

import (
	"context"
	"path"
	"sync"

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

	mu   sync.Mutex
	kept map[string]query.Snapshot // by ETag of the manifest they were read from
}

// keptSnapshots is how many manifests stay read: one for each set of grants, as long as they are few.
const keptSnapshots = 16

// Tables implements query.Tables.
func (t *tables) Tables(ctx context.Context, who sdk.Caller, generation int64) (query.Snapshot, error) {
	signed, err := t.manifests.Document(ctx, who, generation)
	if err != nil {
		return query.Snapshot{}, err
	}
	t.mu.Lock()
	known, ok := t.kept[signed.ETag]
	t.mu.Unlock()
	if ok {
		return known, nil
	}
	m, err := api.DecodeManifest(signed.Body)
	if err != nil {
		return query.Snapshot{}, fault.Wrap(fault.Bug, err, "read the caller's manifest")
	}
	snapshot := query.Snapshot{Generation: m.Generation}
	for _, table := range m.Tables {
		read, err := t.table(table)
		if err != nil {
			return query.Snapshot{}, err
		}
		snapshot.Tables = append(snapshot.Tables, read)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil || len(t.kept) >= keptSnapshots {
		t.kept = map[string]query.Snapshot{}
	}
	t.kept[signed.ETag] = snapshot
	return snapshot, nil
}

func (t *tables) table(in api.Table) (service.Table, error) {
	out := service.Table{Namespace: in.Namespace, Name: in.Table}
	for _, c := range in.Columns {
		out.Columns = append(out.Columns, service.TableColumn{ID: c.ID, Name: c.Name, Type: c.Type})
	}
	for _, p := range in.Parts {
		file := t.lake.Path(lake.Part{Path: path.Join(in.Namespace, in.Table, "data", p.SHA256+".parquet")}) // as the lake names parts (lake.md §4)
		if file == "" {
			return out, fault.New(fault.NotFound, "this broker answers no queries: its lake lies in an object store").WithScope("engine").
				WithHelp("Pull the data and query it locally.")
		}
		out.Parts = append(out.Parts, file)
	}
	return out, nil
}
