package gate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// grower fills a tree with one generation as one person may have it.
type grower struct {
	*tree
	manifests Manifests
	who       sdk.Caller
	twins     map[string]map[look]int // by folder of the lake: how many files look alike
}

// look is what rsync goes by when it decides that a file is the one it has: size and time in whole seconds.
type look struct{ size, second int64 }

// grow fills the tree below root with what a manifest lists, and returns the tables. Parts are hard links of the lake's
// files, copies where the system cannot link.
//
// rsync takes a file of the same size and time for the same file, while one name can hold other bytes in the next
// generation. Copies therefore get a time that is made from their hash; a link has the lake's time, and is a copy when
// another file of that table looks like it (G1).
func (t *tree) grow(ctx context.Context, manifests Manifests, who sdk.Caller, signed api.Signed, root string) ([]sdk.TableName, error) {
	m, err := api.DecodeManifest(signed.Body)
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err, "read our own manifest")
	}
	g := &grower{tree: t, manifests: manifests, who: who, twins: map[string]map[look]int{}}
	base := filepath.Join(t.dir, filepath.FromSlash(root))
	tables := make([]sdk.TableName, 0, len(m.Tables))
	for _, table := range m.Tables {
		tables = append(tables, sdk.TableName(table.Name))
		for i, part := range table.Parts {
			if err := g.part(ctx, part, filepath.Join(base, table.Name, strconv.Itoa(i)+".parquet")); err != nil {
				return nil, fmt.Errorf("serve part %d of %s: %w", i, table.Name, err)
			}
		}
	}
	for _, d := range m.Docs {
		if err := g.document(ctx, d, filepath.Join(base, filepath.FromSlash(d.Path))); err != nil {
			return nil, fmt.Errorf("serve %s: %w", d.Path, err)
		}
	}
	if err := write(filepath.Join(base, "manifest.json"), signed.Body); err != nil {
		return nil, err
	}
	if err := write(filepath.Join(base, "manifest.sig"), []byte(signed.Signature+"\n")); err != nil {
		return nil, err
	}
	published, err := time.Parse(time.RFC3339, m.PublishedAt)
	if err != nil {
		published = time.Unix(0, 0) // nothing was published yet
	}
	return tables, date(base, published)
}

// date gives every folder a time, so that those of an unchanged generation are the same at every connection.
func date(base string, at time.Time) error {
	return filepath.WalkDir(base, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return os.Chtimes(path, at, at)
	})
}

// part puts a part where it belongs: a link, or a copy.
func (g *grower) part(ctx context.Context, p api.Part, target string) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	fetched := filepath.Join(g.cache, p.SHA256+".parquet")
	content, err := g.manifests.Content(ctx, g.who, p.SHA256)
	if err != nil {
		return err // also for a part that was fetched before: the person may have it now, or not (G12)
	}
	if info, err := os.Lstat(fetched); err == nil && info.Size() == p.Size && os.Link(fetched, target) == nil {
		return nil
	}
	file, err := content.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	local, ok := file.(*os.File)
	if !ok {
		return g.fetch(file, p, fetched, target)
	}
	linked, err := g.link(local, target)
	if err != nil || linked {
		return err
	}
	return copied(file, p, target)
}

// link makes target a link of a file of the lake, unless rsync could take it for another one.
func (g *grower) link(file *os.File, target string) (bool, error) {
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	alike, err := g.alike(filepath.Dir(file.Name()), info)
	if err != nil || alike > 1 {
		return false, err
	}
	if !settled(info.ModTime(), g.now) { // a file that is written within this second would look alike too
		return false, nil
	}
	if err := os.Link(file.Name(), target); err != nil {
		return false, nil //nolint:nilerr // another file system, or one without links: a copy does
	}
	made, err := os.Lstat(target)
	if err == nil && !os.SameFile(info, made) {
		err = fault.New(fault.Transient, "a part was replaced while it was linked")
	}
	return err == nil, err
}

// settled waits until the second of a time is over; false for one that lies further ahead.
func settled(at time.Time, now func() time.Time) bool {
	over := at.Truncate(time.Second).Add(time.Second)
	wait := over.Sub(now())
	if wait > 2*time.Second {
		return false
	}
	time.Sleep(wait) // not at all when negative
	return true
}

// alike counts the files in a folder of the lake that look like one of them.
func (g *grower) alike(dir string, info fs.FileInfo) (int, error) {
	seen, ok := g.twins[dir]
	if !ok {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return 0, err
		}
		seen = make(map[look]int, len(entries))
		for _, e := range entries {
			if other, err := e.Info(); err == nil {
				seen[lookOf(other)]++
			} else if !errors.Is(err, fs.ErrNotExist) {
				return 0, err
			}
		}
		g.twins[dir] = seen
	}
	return seen[lookOf(info)], nil
}

func lookOf(info fs.FileInfo) look { return look{info.Size(), info.ModTime().Unix()} }

// fetch copies a part out of an object store, keeps it for the next connection, and links it into the tree.
func (g *grower) fetch(from io.Reader, p api.Part, fetched, target string) error {
	partial := target + ".part"
	if err := copied(from, p, partial); err != nil {
		return err
	}
	if err := os.Rename(partial, fetched); err != nil {
		return err
	}
	return os.Link(fetched, target)
}

// copied writes a part and checks it (G5).
func copied(from io.Reader, p api.Part, target string) error {
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(from, p.Size+1))
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil && (n != p.Size || hex.EncodeToString(hash.Sum(nil)) != p.SHA256) {
		err = fault.Newf(fault.Data, "part %s is damaged", p.SHA256).WithHelp(`Run "broker lake verify --full".`)
	}
	if err != nil {
		return errors.Join(err, os.Remove(target))
	}
	return dateBy(target, hash.Sum(nil))
}

// document writes a document.
func (g *grower) document(ctx context.Context, d api.Doc, target string) (err error) {
	content, err := g.manifests.Content(ctx, g.who, d.SHA256)
	if err != nil {
		return err
	}
	file, err := content.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return copied(file, api.Part{SHA256: d.SHA256, Size: d.Size}, target)
}

func write(target string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(target, body, 0o644); err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	return dateBy(target, sum[:])
}

// dateBy gives a file a time that stands for its content: a second of the years 2001 to 2009, by its hash.
func dateBy(path string, hash []byte) error {
	const from, span = 978_307_200, 1 << 28
	at := time.Unix(from+int64(binary.BigEndian.Uint32(hash)%span), 0)
	return os.Chtimes(path, at, at)
}
