// Package care looks after a lake at rest: what earlier processes left behind, retention, verification, and rebuilding
// the catalog from metadata files.
//
// It removes files, and only those that nothing names: under a table's lease, or while nobody else can run. Only
// host/internal/lake imports it.
package care

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/publish"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Drafts is the name of the folder of unfinished runs.
const Drafts = "drafts"

// reserved names cannot be namespaces: they are folders of the lake itself.
var reserved = map[string]bool{Drafts: true, "gen": true}

// Reserved says whether name is a folder of the lake itself, so that no namespace may have it.
func Reserved(name string) bool { return reserved[name] }

// Keeper looks after one lake.
type Keeper struct {
	Catalog    *catalog.Catalog
	Publisher  *publish.Publisher
	Files      depot.Depot
	FS         disk.FS
	Drafts     string // folder of unfinished runs, on FS, absolute
	Lists      int    // folders that are listed at once
	Now        func() time.Time
	RetainDays int
}

// found is a table's folder with its metadata files.
type found struct {
	name     sdk.TableName
	dir      string // below the lake's root
	metadata []string
}

// scan lists the folders of tables, by name, with what metadata they have.
func (k Keeper) scan(ctx context.Context) ([]found, error) {
	namespaces, err := k.Files.List("")
	if err != nil {
		return nil, err
	}
	var all []found
	for _, namespace := range namespaces {
		if reserved[namespace] || !sdk.ValidName(namespace) {
			continue
		}
		tables, err := k.Files.List(namespace)
		if err != nil {
			return nil, err
		}
		for _, table := range tables {
			if sdk.ValidName(strings.TrimSuffix(table, "__rejected")) {
				all = append(all, found{name: sdk.TableName(namespace + "." + table), dir: path.Join(namespace, table)})
			}
		}
	}
	each, ctx := errgroup.WithContext(ctx)
	each.SetLimit(max(k.Lists, 1))
	for i := range all {
		each.Go(func() error { return errors.Join(ctx.Err(), k.findMetadata(&all[i])) })
	}
	if err := each.Wait(); err != nil {
		return nil, err
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all, nil
}

func (k Keeper) findMetadata(f *found) error {
	files, err := k.Files.List(path.Join(f.dir, "metadata"))
	for _, file := range files {
		if strings.HasSuffix(file, ".metadata.json") && catalog.FileVersion(file) >= 0 {
			f.metadata = append(f.metadata, file)
		}
	}
	return err
}

// rebuildHelp is what a person does about a catalog that lost what the lake has.
const rebuildHelp = `Restore the state database from a backup, or run "broker lake rebuild" to read the catalog back from the lake.`

// Check refuses a lake whose database is another's, or knows less than its metadata files do: to sweep it would lose
// published rows. With adopt a new lake and a new database are made for each other.
func (k Keeper) Check(ctx context.Context, adopt bool) error {
	tables, err := k.scan(ctx)
	if err != nil {
		return err
	}
	published := slices.ContainsFunc(tables, func(t found) bool { return len(t.metadata) > 0 })
	if err := k.checkIdentity(ctx, published, adopt); err != nil {
		return err
	}
	known, err := k.Catalog.Tables(ctx)
	if err != nil {
		return err
	}
	for name, location := range known {
		if _, err := k.Files.Path(location); err != nil {
			return fault.Newf(fault.Config, "the lake was moved: the catalog has %s at %s", name, location).
				WithHelp("Put the lake back where it was, or give data_dir (or lake.url) its old value.")
		}
	}
	for _, t := range tables {
		current := catalog.FileVersion(path.Base(known[string(t.name)]))
		for _, file := range t.metadata {
			if catalog.FileVersion(file) > current+1 {
				return fault.Newf(fault.Config, "the lake has newer metadata of %s (%s) than the state database knows", t.name, file).WithHelp(rebuildHelp)
			}
		}
	}
	return nil
}

// Sweep removes what earlier processes left: drafts, unfinished files, metadata that no row names. Nobody else may be
// running. Check comes first.
func (k Keeper) Sweep(ctx context.Context) error {
	if err := disk.RemoveAll(k.FS, k.Drafts); err != nil {
		return fmt.Errorf("remove the drafts of earlier runs: %w", err)
	}
	if err := disk.MkdirAll(k.FS, k.Drafts); err != nil {
		return err
	}
	if err := k.Catalog.ReleaseAll(ctx); err != nil {
		return fmt.Errorf("give back the leases of earlier runs: %w", err)
	}
	if err := k.sweepFolder(""); err != nil {
		return fmt.Errorf("tidy the folder of the lake: %w", err)
	}
	tables, err := k.scan(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		for _, folder := range []string{"data", "metadata"} {
			if err := k.sweepFolder(path.Join(t.dir, folder)); err != nil {
				return fmt.Errorf("tidy %s: %w", t.name, err)
			}
		}
	}
	return k.sweepMetadata(ctx, tables)
}

// sweepFolder removes unfinished files.
func (k Keeper) sweepFolder(dir string) error {
	names, err := k.Files.Unfinished(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := k.Files.Remove(k.Files.URL(path.Join(dir, n))); err != nil {
			return err
		}
	}
	return nil
}

// sweepMetadata removes metadata that no row names. Where the lake is reached by more than one machine the lock of a data
// folder says nothing of others, so what looks left over is looked at again under the catalog's write lock: metadata is
// written and committed under one and the same.
func (k Keeper) sweepMetadata(ctx context.Context, tables []found) error {
	known, err := k.Catalog.Tables(ctx)
	if err != nil {
		return err
	}
	strays := func(known map[string]string) (all []string, err error) {
		for _, t := range tables {
			keep, err := k.keptMetadata(known[string(t.name)])
			if err != nil {
				return nil, fmt.Errorf("tidy %s: %w", t.name, err)
			}
			for _, file := range t.metadata {
				if !keep[file] {
					all = append(all, path.Join(t.dir, "metadata", file))
				}
			}
		}
		return all, nil
	}
	if left, err := strays(known); err != nil || len(left) == 0 {
		return err
	}
	return k.Catalog.Locked(ctx, func(known map[string]string) error {
		left, err := strays(known)
		for _, file := range left {
			err = errors.Join(err, k.Files.Remove(k.Files.URL(file)))
		}
		return err
	})
}

// keptMetadata returns the names of the metadata files that a table's current one needs, itself included.
func (k Keeper) keptMetadata(current string) (map[string]bool, error) {
	keep := map[string]bool{}
	if current == "" {
		return keep, nil
	}
	meta, err := k.Catalog.Metadata(current)
	if err != nil {
		return nil, err
	}
	keep[path.Base(current)] = true
	for entry := range meta.PreviousFiles() {
		keep[path.Base(entry.MetadataFile)] = true
	}
	return keep, nil
}
