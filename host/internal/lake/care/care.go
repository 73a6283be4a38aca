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
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/publish"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Drafts is the folder of unfinished runs, below the lake's.
const Drafts = "drafts"

// reserved names cannot be namespaces: they are folders of the lake itself.
var reserved = map[string]bool{Drafts: true, "gen": true}

// Reserved says whether name is a folder of the lake itself, so that no namespace may have it.
func Reserved(name string) bool { return reserved[name] }

// Keeper looks after one lake.
type Keeper struct {
	Catalog    *catalog.Catalog
	Publisher  *publish.Publisher
	Files      disk.IO
	Now        func() time.Time
	RetainDays int
}

// found is a table's folder with its metadata files.
type found struct {
	name     sdk.TableName
	dir      string // absolute
	metadata []string
}

// scan lists the folders of tables, by name, with what metadata they have.
func (k Keeper) scan() ([]found, error) {
	var all []found
	namespaces, err := k.list(k.Files.Root)
	if err != nil {
		return nil, err
	}
	for _, namespace := range namespaces {
		if reserved[namespace] || !sdk.ValidName(namespace) {
			continue
		}
		tables, err := k.list(filepath.Join(k.Files.Root, namespace))
		if err != nil {
			return nil, err
		}
		for _, table := range tables {
			if !sdk.ValidName(strings.TrimSuffix(table, "__rejected")) {
				continue
			}
			f := found{name: sdk.TableName(namespace + "." + table), dir: filepath.Join(k.Files.Root, namespace, table)}
			files, err := k.list(filepath.Join(f.dir, "metadata"))
			if err != nil {
				return nil, err
			}
			for _, file := range files {
				if strings.HasSuffix(file, ".metadata.json") && catalog.FileVersion(file) >= 0 {
					f.metadata = append(f.metadata, file)
				}
			}
			all = append(all, f)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all, nil
}

// list returns the names in a folder: none when it does not exist or is a file. What cannot be read is an error (G6).
func (k Keeper) list(dir string) ([]string, error) {
	info, err := k.Files.FS.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look into the lake: %w", err)
	}
	names, err := k.Files.FS.List(dir)
	if err != nil {
		return nil, fmt.Errorf("look into the lake: %w", err)
	}
	return names, nil
}

// rebuildHelp is what a person does about a catalog that lost what the lake has.
const rebuildHelp = `Restore the state database from a backup, or run "broker lake rebuild" to read the catalog back from the lake.`

// Check refuses a lake whose database is another's, or knows less than its metadata files do: to sweep it would lose
// published rows. With adopt a new lake and a new database are made for each other.
func (k Keeper) Check(ctx context.Context, adopt bool) error {
	tables, err := k.scan()
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
				WithHelp("Put the lake back where it was, or give data_dir its old path.")
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
	drafts := filepath.Join(k.Files.Root, Drafts)
	if err := disk.RemoveAll(k.Files.FS, drafts); err != nil {
		return fmt.Errorf("remove the drafts of earlier runs: %w", err)
	}
	if err := disk.MkdirAll(k.Files.FS, drafts); err != nil {
		return err
	}
	if err := k.Catalog.ReleaseAll(ctx); err != nil {
		return fmt.Errorf("give back the leases of earlier runs: %w", err)
	}
	if err := k.sweepFolder(k.Files.Root); err != nil {
		return fmt.Errorf("tidy the folder of the lake: %w", err)
	}
	tables, err := k.scan()
	if err != nil {
		return err
	}
	known, err := k.Catalog.Tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := k.sweepTable(t, known[string(t.name)]); err != nil {
			return fmt.Errorf("tidy %s: %w", t.name, err)
		}
	}
	return nil
}

// sweepFolder removes unfinished files.
func (k Keeper) sweepFolder(dir string) error {
	names, err := k.list(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if disk.IsTemp(n) {
			if err := k.Files.FS.Remove(filepath.Join(dir, n)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k Keeper) sweepTable(t found, current string) error {
	for _, folder := range []string{"data", "metadata"} {
		if err := k.sweepFolder(filepath.Join(t.dir, folder)); err != nil {
			return err
		}
	}
	keep := map[string]bool{}
	if current != "" {
		meta, err := k.Catalog.Metadata(current)
		if err != nil {
			return err
		}
		keep[path.Base(current)] = true
		for entry := range meta.PreviousFiles() {
			keep[path.Base(entry.MetadataFile)] = true
		}
	}
	for _, file := range t.metadata {
		if keep[file] {
			continue
		}
		if err := k.Files.FS.Remove(filepath.Join(t.dir, "metadata", file)); err != nil {
			return err
		}
	}
	return nil
}
