package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ai-data-analyst/broker/host/internal/manifest/spell"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// heldGenerations is how many generations stay read. Those that follow each other share the versions of all tables that
// did not change.
const heldGenerations = 8

// generation is the state of all tables at once. It does not change.
type generation struct {
	seq       int64
	published string // RFC 3339 UTC
	versions  []*version
	root      string
}

// version is a table as read, with what follows from it alone.
type version struct {
	Table
	types      []string // DuckDB's spelling, by column
	rows       int64
	bytes      int64
	schemaHash string
	digest     [32]byte // of everything in it that never changes

	said atomic.Pointer[spoken] // as the newest edition describes it
}

type versionKey struct {
	table    sdk.TableName
	snapshot int64
}

func (h Head) key() versionKey { return versionKey{h.Table, h.Snapshot} }

// newVersion spells types and adds up. The digest covers what a snapshot fixes: no description, key or strategy, which
// may be said anew of old snapshots.
func newVersion(t Table) (*version, error) {
	v := &version{Table: t, types: make([]string, len(t.Columns))}
	schema := sha256.New()
	for i, c := range t.Columns {
		var err error
		if v.types[i], err = spell.Type(c.Type); err != nil {
			return nil, fault.Newf(fault.Bug, "%s: column %s: %v", t.Table, c.Name, err)
		}
		fmt.Fprintf(schema, "column\t%d\t%s\t%s\t%t\n", c.ID, c.Name, v.types[i], !c.Required)
	}
	sum := schema.Sum(nil)
	v.schemaHash = hex.EncodeToString(sum)
	all := sha256.New()
	fmt.Fprintf(all, "table\t%s\t%s\n", t.ID, v.schemaHash)
	for _, p := range t.Parts {
		v.rows += p.Rows
		v.bytes += p.Size
		fmt.Fprintf(all, "part\t%x\t%d\t%d\n", p.SHA256, p.Size, p.Rows)
	}
	v.digest = [32]byte(all.Sum(nil))
	return v, nil
}

// rootOf is the hash of a generation as the whole instance has it: what every filtered manifest of it is cut from.
func rootOf(instance string, seq int64, versions []*version) string {
	h := sha256.New()
	fmt.Fprintf(h, "broker manifest 1\t%s\t%d\n", instance, seq)
	for _, v := range versions {
		rootLine(h, v)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func rootLine(h hash.Hash, v *version) { fmt.Fprintf(h, "%s\t%d\t%x\n", v.Head.Table, v.Seq, v.digest) }

// archive reads generations and keeps the last ones. Safe for concurrent use.
type archive struct {
	lake     Lake
	instance string
	omit     func(sdk.TableName, error) // told of tables that no manifest can name

	seat chan struct{} // one reader of the lake at a time
	mu   sync.RWMutex
	held []*generation // the last used at the end
}

func newArchive(lake Lake, instance string, omit func(sdk.TableName, error)) *archive {
	return &archive{lake: lake, instance: instance, omit: omit, seat: make(chan struct{}, 1)}
}

// at returns a generation. fault.NotFound says that it has expired: the caller knows that it existed.
func (a *archive) at(ctx context.Context, seq int64) (*generation, error) {
	if g := a.find(seq); g != nil {
		return g, nil
	}
	select {
	case a.seat <- struct{}{}:
		defer func() { <-a.seat }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if g := a.find(seq); g != nil {
		return g, nil
	}
	g, err := a.read(ctx, seq)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held = append(a.held, g); len(a.held) > heldGenerations {
		a.held = append([]*generation(nil), a.held[1:]...)
	}
	return g, nil
}

func (a *archive) find(seq int64) *generation {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, g := range a.held {
		if g.seq == seq {
			return g
		}
	}
	return nil
}

// known are the versions in memory.
func (a *archive) known() map[versionKey]*version {
	a.mu.RLock()
	defer a.mu.RUnlock()
	all := map[versionKey]*version{}
	for _, g := range a.held {
		for _, v := range g.versions {
			all[v.key()] = v
		}
	}
	return all
}

func (a *archive) read(ctx context.Context, seq int64) (*generation, error) {
	heads, err := a.lake.Heads(ctx, seq)
	if err != nil {
		return nil, fmt.Errorf("list the tables of generation %d: %w", seq, err)
	}
	slices.SortFunc(heads, func(x, y Head) int { return strings.Compare(string(x.Table), string(y.Table)) })
	g := &generation{seq: seq, published: time.Unix(0, 0).UTC().Format(time.RFC3339)}
	var newest time.Time
	fit := heads[:0:0]
	for _, h := range heads {
		if err := api.CheckTableName(string(h.Table)); err != nil { // nobody's laptop could keep it (Y1)
			a.omit(h.Table, err)
			continue
		}
		fit = append(fit, h)
		if h.Published.After(newest) {
			newest = h.Published
			g.published = newest.UTC().Format(time.RFC3339Nano)
		}
	}
	known := a.known()
	g.versions = make([]*version, len(fit))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for i, h := range fit {
		if v := known[h.key()]; v != nil && v.Seq == h.Seq {
			g.versions[i] = v
			continue
		}
		group.Go(func() (err error) {
			g.versions[i], err = a.version(reading, h)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	g.root = rootOf(a.instance, seq, g.versions)
	return g, nil
}

func (a *archive) version(ctx context.Context, h Head) (*version, error) {
	t, err := a.lake.Table(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("read %s as of generation %d: %w", h.Table, h.Seq, err)
	}
	t.Head = h
	return newVersion(t)
}
