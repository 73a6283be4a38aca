package care

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/snapshot"
	"github.com/ai-data-analyst/broker/sdk"
)

const (
	// Snapshots is how many a table keeps at most, but for those that readers may be using.
	Snapshots = 100
	// reading is how long a reader may still be using a generation that is no longer the newest.
	reading = 24 * time.Hour
	// tidying is how long the lease of a table is taken for.
	tidying = 10 * time.Minute
)

// Expired counts what was removed.
type Expired struct {
	Snapshots int
	Files     int
	Bytes     int64
}

// Expire applies retention to a table and removes the files that nothing names any more. A table that is being written
// is left for the next time. parts are those that the lake keeps for other reasons, by path.
func (k Keeper) Expire(ctx context.Context, name sdk.TableName, parts map[string]bool) (Expired, error) {
	leases, err := k.Catalog.Take(ctx, []sdk.TableName{name}, "expire-"+k.Now().UTC().Format("20060102T150405.000000000"), "broker", tidying)
	var leased *catalog.LeasedError
	if errors.As(err, &leased) {
		return Expired{}, nil
	}
	if err != nil {
		return Expired{}, err
	}
	gone, err := k.Catalog.Expire(ctx, leases[0], k.choose)
	out := Expired{Snapshots: gone}
	if err == nil {
		err = k.removeUnnamed(ctx, name, parts, &out)
	}
	return out, errors.Join(err, k.Catalog.Release(context.WithoutCancel(ctx), leases))
}

// choose picks the snapshots that go. What a reader may hold stays whatever its number: pinned generations, and every
// generation that was the newest at some time in the last 24 hours. Then at most Snapshots, none that was replaced more
// than RetainDays ago.
func (k Keeper) choose(meta table.Metadata, heads []catalog.Head, pinned []int64) []int64 {
	keep := map[int64]bool{}
	if current := meta.CurrentSnapshot(); current != nil {
		keep[current.SnapshotID] = true
	}
	now := k.Now()
	for i, h := range heads {
		if i == 0 {
			keep[h.Snapshot] = !h.Dropped || !k.Over(h.Published)
			continue
		}
		replaced := heads[i-1].Published
		if now.Sub(replaced) < reading {
			keep[h.Snapshot] = true
		}
		if i < Snapshots && now.Sub(replaced) < time.Duration(k.RetainDays)*24*time.Hour {
			keep[h.Snapshot] = true
		}
	}
	for _, seq := range pinned {
		for _, h := range heads {
			if h.Seq <= seq {
				keep[h.Snapshot] = true
				break
			}
		}
	}
	var gone []int64
	for _, s := range meta.Snapshots() {
		if !keep[s.SnapshotID] {
			gone = append(gone, s.SnapshotID)
		}
	}
	return gone
}

// Over says whether what was taken out of the generations then need not be kept any more.
func (k Keeper) Over(dropped time.Time) bool {
	return k.Now().Sub(dropped) >= max(reading, time.Duration(k.RetainDays)*24*time.Hour)
}

// removeUnnamed removes parts and manifests of a table that no kept snapshot names. The caller has the table's lease:
// age says nothing, a part may be committed long after it was written.
func (k Keeper) removeUnnamed(ctx context.Context, name sdk.TableName, parts map[string]bool, out *Expired) error {
	location, err := k.Catalog.Location(ctx, name.Namespace(), name.Table())
	if err != nil {
		return err
	}
	named := map[string]bool{}
	if location != "" {
		meta, err := k.Catalog.Metadata(location)
		if err != nil {
			return err
		}
		if err := k.name(meta, named); err != nil {
			return fmt.Errorf("list the files of %s: %w", name, err)
		}
	}
	dir := path.Join(name.Namespace(), name.Table())
	endings := map[string][]string{"data": {".parquet"}, "metadata": {".avro", snapshot.CursorEnding}}
	for folder := range endings {
		files, err := k.Files.List(path.Join(dir, folder))
		if err != nil {
			return err
		}
		for _, file := range files {
			below := path.Join(dir, folder, file)
			ours := slices.ContainsFunc(endings[folder], func(ending string) bool { return strings.HasSuffix(file, ending) }) || disk.IsTemp(file)
			if named[below] || parts[below] || !ours {
				continue
			}
			if err := k.drop(below, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k Keeper) drop(below string, out *Expired) error {
	info, err := k.Files.Stat(k.Files.URL(below))
	if err != nil {
		return fmt.Errorf("remove %s: %w", below, err)
	}
	if err := k.Files.Remove(k.Files.URL(below)); err != nil {
		return fmt.Errorf("remove %s: %w", below, err)
	}
	out.Files++
	out.Bytes += info.Size()
	return nil
}

// name marks every file that a snapshot of meta needs, by path below the lake.
func (k Keeper) name(meta table.Metadata, named map[string]bool) error {
	mark := func(location string) (bool, error) {
		below, err := k.Files.Path(location)
		if err != nil {
			return false, err
		}
		before := named[below]
		named[below] = true
		return before, nil
	}
	for _, s := range meta.Snapshots() {
		if _, err := mark(s.ManifestList); err != nil {
			return err
		}
		if s.Summary != nil && s.Summary.Properties[snapshot.CursorFile] != "" {
			if _, err := mark(s.Summary.Properties[snapshot.CursorFile]); err != nil {
				return err
			}
		}
		manifests, err := s.Manifests(k.Files)
		if err != nil {
			return err
		}
		for _, m := range manifests {
			seen, err := mark(m.FilePath())
			if err != nil {
				return err
			}
			if seen {
				continue
			}
			for e, err := range m.Entries(k.Files, true) {
				if err != nil {
					return err
				}
				if _, err := mark(e.DataFile().FilePath()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Trim applies retention to the metadata of a table whose lease the caller holds. Files stay for Expire.
func (k Keeper) Trim(ctx context.Context, lease catalog.Lease) (int, error) {
	return k.Catalog.Expire(ctx, lease, k.choose)
}

// Tables lists the tables that the catalog or the disk knows, by name.
func (k Keeper) Tables(ctx context.Context) ([]sdk.TableName, error) {
	known, err := k.Catalog.Tables(ctx)
	if err != nil {
		return nil, err
	}
	names := map[sdk.TableName]bool{}
	for name := range known {
		names[sdk.TableName(name)] = true
	}
	onDisk, err := k.scan(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range onDisk {
		names[t.name] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}
