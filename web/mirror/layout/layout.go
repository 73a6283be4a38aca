// Package layout shows what a manifest lists under names that people use: tables as folders of Parquet files, documents as
// files. The bytes lie on the shelves; here they get second names.
//
// It fetches and hashes nothing. Imported by mirror.
package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/disk"
	"github.com/ai-data-analyst/broker/web/mirror/shelf"
)

// Layout is where people find what lies on the shelves.
type Layout struct {
	Server      string // folder server of the workspace
	Parts, Docs *shelf.Shelf
	Renewed     map[string]bool // hashes of parts that came just now
}

// Tables lays out tables/<name>/<n>.parquet as second names of the parts. A folder is replaced whole; one that shows the
// same content as before stays. It returns what each folder shows now, for the next time.
func (l Layout) Tables(all []api.Table, before map[string]string) (map[string]string, error) {
	root, after := filepath.Join(l.Server, "tables"), map[string]string{}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, t := range all {
		content := ContentOf(t)
		wanted[filepath.Join(root, t.Name)] = true
		after[t.Name] = hex.EncodeToString(content[:])
		if before[t.Name] == after[t.Name] && l.laidOut(root, t) {
			continue
		}
		if err := l.layOut(root, t); err != nil {
			return nil, err
		}
	}
	return after, RemoveOthers(root, wanted)
}

// laidOut says whether a folder still shows the parts: links to the files that lie there now, or copies of them.
func (l Layout) laidOut(root string, t api.Table) bool {
	links, copies := 0, 0
	for i, part := range t.Parts {
		shown, err := os.Stat(filepath.Join(root, t.Name, fmt.Sprintf("%d.parquet", i+1)))
		if err != nil || l.Renewed[part.SHA256] {
			return false
		}
		lies, err := os.Stat(l.Parts.Path(part.SHA256))
		if err != nil || shown.Size() != lies.Size() {
			return false
		}
		if os.SameFile(shown, lies) {
			links++
		} else {
			copies++
		}
	}
	_, err := os.Stat(filepath.Join(root, t.Name))
	return err == nil && (links == 0 || copies == 0)
}

func (l Layout) layOut(root string, t api.Table) error {
	dir, old := filepath.Join(root, ".new-"+t.Name), filepath.Join(root, ".old-"+t.Name)
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(old)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for i, part := range t.Parts {
		if err := disk.Link(l.Parts.Path(part.SHA256), filepath.Join(dir, fmt.Sprintf("%d.parquet", i+1))); err != nil {
			return err
		}
	}
	if err := os.Rename(filepath.Join(root, t.Name), old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(os.Rename(dir, filepath.Join(root, t.Name)), os.RemoveAll(old))
}

// RemoveOthers removes everything in a folder but these paths.
func RemoveOthers(dir string, these map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := filepath.Join(dir, e.Name()); !these[name] {
			err = errors.Join(err, os.RemoveAll(name))
		}
	}
	return err
}

// Documents lays out docs, and removes those of ours, by their paths, that are no longer listed.
func (l Layout) Documents(docs []api.Doc, ours []string) error {
	for _, d := range docs {
		text, err := os.ReadFile(l.Docs.Path(d.SHA256))
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != d.SHA256 { // G5
			return fmt.Errorf("%s: %w", d.Path, shelf.ErrMismatch)
		}
		if err := disk.Write(l.path(d.Path), text, 0o444); err != nil {
			return err
		}
	}
	for _, old := range ours {
		if slices.ContainsFunc(docs, func(d api.Doc) bool { return d.Path == old }) || api.CheckDocPath(old) != nil {
			continue
		}
		if err := os.Remove(l.path(old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for at := path.Dir(old); strings.Contains(at, "/"); at = path.Dir(at) {
			if os.Remove(l.path(at)) != nil {
				break // not empty: something else is in it
			}
		}
	}
	return nil
}

func (l Layout) path(slashed string) string {
	return filepath.Join(l.Server, filepath.FromSlash(slashed))
}

// ContentOf is equal for two states of a table that hold the same rows in the same columns.
func ContentOf(t api.Table) [32]byte {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", t.ID, t.SchemaHash)
	for _, c := range t.Columns {
		fmt.Fprintf(h, "%d %q %q\n", c.ID, c.Name, c.Type)
	}
	for _, part := range t.Parts {
		fmt.Fprintf(h, "%s\n", part.SHA256)
	}
	return [32]byte(h.Sum(nil))
}

// Check refuses names that are one on systems that do not tell upper from lower case, and parts of two sizes (Y1).
func Check(m api.Manifest) error {
	seen, sizes := map[string]bool{}, map[string]int64{}
	var bad string
	once := func(name string) {
		if seen[name] {
			bad = name
		}
		seen[name] = true
	}
	size := func(sum string, n int64) {
		if before, ok := sizes[sum]; ok && before != n {
			bad = sum
		}
		sizes[sum] = n
	}
	for _, t := range m.Tables {
		for _, p := range t.Parts {
			size(p.SHA256, p.Size)
		}
	}
	for _, d := range m.Docs {
		once(strings.ToLower(d.Path))
		size(d.SHA256, d.Size)
	}
	for _, d := range m.Docs {
		for at, c := range d.Path {
			if c == '/' && seen[strings.ToLower(d.Path[:at])] {
				bad = d.Path
			}
		}
	}
	if bad != "" {
		return fault.Newf(fault.Data, "the manifest names %q twice, in ways that this computer could not keep apart; nothing was changed", bad)
	}
	return nil
}
