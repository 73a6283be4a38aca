package care

import (
	"cmp"
	"context"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/snapshot"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// candidate is a table with its metadata files, the newest first.
type candidate struct {
	name      sdk.TableName
	locations []string
	metas     []table.Metadata
}

// Rebuild reads the catalog back from metadata files and returns the newest generation. Metadata that was written for a
// commit which never came cannot be told from committed metadata by itself; a generation counts only when all the tables
// that it moved together have it. Rows and cursor travel together, so a wrong guess repeats or loses nothing.
func (k Keeper) Rebuild(ctx context.Context) (int64, error) {
	tables, err := k.scan(ctx)
	if err != nil {
		return 0, err
	}
	var candidates []*candidate
	for _, t := range tables {
		c, err := k.read(t)
		if err != nil {
			return 0, err
		}
		if c != nil {
			candidates = append(candidates, c)
		}
	}
	for dropIncomplete(candidates) {
	}
	var restored []catalog.Restored
	for _, c := range candidates {
		if len(c.metas) > 0 {
			restored = append(restored, c.restored())
		}
	}
	seq, err := k.Catalog.Restore(ctx, restored)
	if err != nil {
		return 0, err
	}
	lake, err := k.identity()
	if err != nil {
		return 0, err
	}
	return seq, k.adopt(ctx, lake)
}

// read reads a table's metadata files, the newest first.
func (k Keeper) read(t found) (*candidate, error) {
	if len(t.metadata) == 0 {
		return nil, nil
	}
	c := &candidate{name: t.name}
	byLocation := map[string]table.Metadata{}
	for _, file := range t.metadata {
		location := k.Files.URL(path.Join(t.dir, "metadata", file))
		meta, err := k.Catalog.Metadata(location)
		if err != nil {
			return nil, fault.Wrap(fault.Data, err, "rebuild the catalog: "+string(t.name))
		}
		if want := strings.TrimSuffix(k.Files.URL(t.dir), "/"); meta.Location() != want {
			return nil, fault.Newf(fault.Config, "rebuild the catalog: %s says that it lies at %s, not at %s", t.name, meta.Location(), want).
				WithHelp("Put the lake back where it was, or give data_dir (or lake.url) its old value.")
		}
		byLocation[location] = meta
	}
	// Of two with one number the older was written for a commit that never came, the newer by the run after it.
	c.locations = slices.SortedFunc(maps.Keys(byLocation), func(a, b string) int {
		return cmp.Or(cmp.Compare(catalog.FileVersion(b), catalog.FileVersion(a)),
			cmp.Compare(byLocation[b].LastUpdatedMillis(), byLocation[a].LastUpdatedMillis()), cmp.Compare(a, b))
	})
	for _, location := range c.locations {
		c.metas = append(c.metas, byLocation[location])
	}
	return c, nil
}

// attempt is one try to publish a generation: a number that was never committed is given again.
type attempt struct {
	seq int64
	run string
}

// dropIncomplete gives up the newest metadata of tables whose newest generation lacks some of its tables. It says
// whether it changed anything. Where a later generation is complete the earlier one was committed: the snapshots of its
// other tables have expired.
func dropIncomplete(candidates []*candidate) bool {
	count, complete := map[attempt]int{}, int64(0)
	for _, c := range candidates {
		if len(c.metas) == 0 {
			continue
		}
		for _, s := range c.metas[0].Snapshots() {
			try, group := published(s)
			if count[try]++; try.seq > complete && count[try] == group {
				complete = try.seq
			}
		}
	}
	changed := false
	for _, c := range candidates {
		if len(c.metas) == 0 {
			continue
		}
		current := c.metas[0].CurrentSnapshot()
		if current != nil {
			try, group := published(*current)
			if try.seq < complete || count[try] >= group {
				continue
			}
		}
		c.drop()
		changed = true
	}
	return changed
}

func (c *candidate) drop() { c.locations, c.metas = c.locations[1:], c.metas[1:] }

func published(s table.Snapshot) (try attempt, group int) {
	if s.Summary == nil {
		return attempt{}, 0
	}
	props := s.Summary.Properties
	try.run = props[snapshot.RunProperty]
	try.seq, _ = strconv.ParseInt(props[catalog.SeqProperty], 10, 64) // absent: no generation
	group, _ = strconv.Atoi(props[catalog.GroupProperty])
	return try, group
}

func (c *candidate) restored() catalog.Restored {
	r := catalog.Restored{Table: c.name, Metadata: c.locations[0]}
	for _, s := range c.metas[0].Snapshots() {
		if s.Summary == nil {
			continue
		}
		props := s.Summary.Properties
		if epoch := props.GetInt64(snapshot.EpochProperty, 0); epoch > r.Epoch {
			r.Epoch = epoch
		}
		try, _ := published(s)
		if try.seq == 0 {
			continue
		}
		r.Heads = append(r.Heads, catalog.Head{Table: c.name, Seq: try.seq, Snapshot: s.SnapshotID, Metadata: c.locations[0], RunID: props[snapshot.RunProperty],
			Published: time.UnixMilli(s.TimestampMs).UTC(), Rows: props.GetInt64("total-records", 0), Bytes: props.GetInt64("total-files-size", 0), Parts: int(props.GetInt64("total-data-files", 0)),
			Dropped: props[snapshot.DroppedProperty] != ""})
	}
	return r
}
