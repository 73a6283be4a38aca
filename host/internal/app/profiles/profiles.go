// Package profiles introduces profile to the lake, which shows it the rows of every writer, and to web and the documents for
// analysts, which show what it knows. It is part of the room app and decides nothing itself.
package profiles

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/host/internal/profile"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// open returns the profiles that are kept in the folder of the state.
func open(stateDir string, now func() time.Time, log *slog.Logger) *profile.Profiles {
	return profile.New(profile.Options{Dir: filepath.Join(stateDir, "profiles"), Now: now, Log: log})
}

// Tidy removes what a killed process left half written. Only who holds the lock of the data folder may call it.
func Tidy(stateDir string) error {
	names, err := filepath.Glob(filepath.Join(stateDir, "profiles", ".*.tmp"))
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	return fault.Wrap(fault.Config, err, "tidy the statistics of parts")
}

// Observe returns what the lake is to show its rows to.
func Observe(stateDir string, now func() time.Time, log *slog.Logger) lake.Observe {
	kept := open(stateDir, now, log)
	return func(table sdk.TableName, key []string) lake.Observer { return kept.Watch(table, key) }
}

// Book answers what the tables of a lake hold.
type Book struct {
	lake *lake.Lake
	kept *profile.Profiles
	log  *slog.Logger

	mu      sync.Mutex
	written map[uint64][]byte // documents, by what they are of; nil = nothing is known
	size    int               // of them, in bytes
}

// mostWritten is how many bytes of documents are kept to be handed out again.
const mostWritten = 64 << 20

// NewBook returns the book of an open lake.
func NewBook(l *lake.Lake, stateDir string, now func() time.Time, log *slog.Logger) *Book {
	return &Book{lake: l, kept: open(stateDir, now, log), log: log}
}

// table is the profile of a version as its readers know the table. A column that they do not know is taken for personal.
func (b *Book) table(ctx context.Context, v lake.Version, fields []api.Column, relations []api.ProfileRelation) (api.Profile, error) {
	in := profile.Input{Table: v.Table, Generation: v.Seq, Bytes: v.Bytes, Key: v.Key}
	for _, c := range v.Columns {
		at := slices.IndexFunc(fields, func(f api.Column) bool { return f.Name == c.Name })
		in.Columns = append(in.Columns, profile.Column{Name: c.Name, Type: typeOf(c), PII: at < 0 || fields[at].PII})
	}
	for _, p := range v.Parts {
		in.Parts = append(in.Parts, profile.Part{SHA256: p.SHA256, Rows: p.Rows})
	}
	out, err := b.kept.Table(ctx, in)
	if relations != nil {
		out.Relations = relations
	}
	return out, err
}

func typeOf(c parquet.Column) sdk.Type {
	t := c.Type
	t.Children = nil
	for _, child := range c.Children {
		t.Children = append(t.Children, sdk.Column{Name: child.Name, Type: typeOf(child), NotNull: child.Required})
	}
	return t
}

func related(to, from []api.Relation) []api.ProfileRelation {
	out := []api.ProfileRelation{}
	for _, r := range to {
		out = append(out, api.ProfileRelation{Table: r.Table, Column: r.Column, RefColumn: r.RefColumn, Direction: "belongs_to", Description: r.Description})
	}
	for _, r := range from {
		out = append(out, api.ProfileRelation{Table: r.Table, Column: r.RefColumn, RefColumn: r.Column, Direction: "has_many", Description: r.Description})
	}
	return out
}

// mostTrend is how many versions of a table a trend has.
const mostTrend = 100

func trend(heads []lake.Head) []api.ProfileTrend {
	out := make([]api.ProfileTrend, 0, min(len(heads), mostTrend))
	for _, h := range heads[:min(len(heads), mostTrend)] {
		out = append(out, api.ProfileTrend{Generation: h.Seq, PublishedAt: h.Published.UTC().Format(time.RFC3339Nano), Rows: h.Rows, Bytes: h.Bytes})
	}
	slices.Reverse(out)
	return out
}

// at finds the version of a generation among the heads of a table.
func (b *Book) at(ctx context.Context, name sdk.TableName, generation int64) (lake.Version, []lake.Head, error) {
	heads, err := b.lake.HeadsOf(ctx, name)
	if err != nil {
		return lake.Version{}, nil, err
	}
	at := slices.IndexFunc(heads, func(h lake.Head) bool { return h.Seq == generation })
	if at < 0 {
		return lake.Version{}, nil, fault.Newf(fault.NotFound, "there is no such table")
	}
	v, err := b.lake.At(ctx, heads[at])
	return v, heads[at:], err
}

// Reader shows the book to people, each what they may see. It implements web's Profiles.
type Reader struct {
	*Book
	Manifests *manifest.Manifests
}

// Profile is the profile of a table, without the metrics that name it.
func (r Reader) Profile(ctx context.Context, who sdk.Caller, name sdk.TableName) (api.Profile, error) {
	detail, err := r.Manifests.Table(ctx, who, name)
	if err != nil {
		return api.Profile{}, err
	}
	from, err := r.Manifests.Referring(ctx, who, name)
	if err != nil {
		return api.Profile{}, err
	}
	v, heads, err := r.at(ctx, name, detail.Generation)
	if err != nil {
		return api.Profile{}, err
	}
	out, err := r.table(ctx, v, detail.Fields, related(detail.Relations, from))
	out.Trend = trend(heads)
	return out, err
}

// Document is the profile of a table for analysts; from are the foreign keys of other tables to it that they see. nil when
// nothing is known. It has no trend, which changes while the table does not; metrics stand in documents of their own.
func (b *Book) Document(ctx context.Context, e manifest.Exhibit, from []api.Relation) ([]byte, error) {
	relations := related(e.Relations, from)
	said := fmt.Sprint(e.Name, e.Table.Generation, relations)
	for _, c := range e.Columns {
		if c.PII {
			said += "\n" + c.Name
		}
	}
	key := xxh3.HashString(said)
	b.mu.Lock()
	text, ok := b.written[key]
	b.mu.Unlock()
	if ok {
		return text, nil
	}
	text, err := b.write(ctx, e, relations)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	const each = 64 // beside the text
	if b.size += len(text) + each; b.written == nil || b.size > mostWritten {
		b.written, b.size = map[uint64][]byte{}, len(text)+each
	}
	b.written[key] = text
	return text, nil
}

func (b *Book) write(ctx context.Context, e manifest.Exhibit, relations []api.ProfileRelation) ([]byte, error) {
	v, _, err := b.at(ctx, sdk.TableName(e.Name), e.Table.Generation)
	if err != nil {
		return nil, err
	}
	found, err := b.table(ctx, v, e.Columns, relations)
	if err != nil || found.Incomplete && found.CoveredRows != nil && *found.CoveredRows == 0 {
		return nil, err
	}
	text, err := json.Marshal(found)
	if err != nil {
		return nil, fmt.Errorf("write the profile of %s: %w", e.Name, err)
	}
	return text, nil
}

// sweepEvery is how often the sketches of parts that are gone are removed.
const sweepEvery = 24 * time.Hour

// Run keeps the folder of sketches tidy until ctx ends.
func (b *Book) Run(ctx context.Context) error {
	for {
		if err := b.Sweep(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("old statistics cannot be removed; it is tried again tomorrow", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(sweepEvery):
		}
	}
}

// Sweep removes the sketches of parts that the lake has no more. Where parts cannot be listed, those of current versions
// stay.
func (b *Book) Sweep(ctx context.Context) error {
	there := map[string]bool{}
	newest, err := b.lake.Newest(ctx)
	if err != nil {
		return err
	}
	heads, err := b.lake.Heads(ctx, newest)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if err := b.parts(ctx, h, there); err != nil {
			return err
		}
	}
	_, err = b.kept.Sweep(func(sha256 string) bool { return there[sha256] })
	return err
}

// parts notes the parts of a table by their hashes.
func (b *Book) parts(ctx context.Context, h lake.Head, there map[string]bool) error {
	folder := b.lake.Path(lake.Part{Path: h.Table.Namespace() + "/" + h.Table.Table() + "/data"})
	if folder == "" { // an object store
		v, err := b.lake.At(ctx, h)
		for _, p := range v.Parts {
			there[p.SHA256] = true
		}
		if fault.CodeOf(err) == fault.NotFound {
			return nil
		}
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list the parts of %s: %w", h.Table, err)
	}
	for _, entry := range entries {
		there[strings.TrimSuffix(entry.Name(), ".parquet")] = true
	}
	return nil
}
