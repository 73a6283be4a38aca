package share

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"sync/atomic"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// tables is the lake as manifest wants it.
type tables struct {
	lake   *lake.Lake
	oldest atomic.Int64 // as last found: it only grows
}

// Newest implements manifest.Lake.
func (t *tables) Newest(ctx context.Context) (int64, error) { return t.lake.Newest(ctx) }

// Oldest implements manifest.Lake.
func (t *tables) Oldest(ctx context.Context) (int64, error) {
	oldest, err := t.lake.Oldest(ctx, t.oldest.Load())
	if err == nil {
		t.oldest.Store(oldest)
	}
	return oldest, err
}

// Heads implements manifest.Lake.
func (t *tables) Heads(ctx context.Context, generation int64) ([]manifest.Head, error) {
	heads, err := t.lake.Heads(ctx, generation)
	return headsOf(heads), err
}

// History implements manifest.Lake.
func (t *tables) History(ctx context.Context, after, upTo int64) ([]manifest.Head, error) {
	heads, err := t.lake.History(ctx, after, upTo)
	return headsOf(heads), err
}

func headsOf(heads []lake.Head) []manifest.Head {
	all := make([]manifest.Head, len(heads))
	for i, h := range heads {
		all[i] = manifest.Head{Table: h.Table, Seq: h.Seq, Snapshot: h.Snapshot, Published: h.Published}
	}
	return all
}

// Table implements manifest.Lake.
func (t *tables) Table(ctx context.Context, head manifest.Head) (manifest.Table, error) {
	v, err := t.lake.At(ctx, lake.Head{Table: head.Table, Seq: head.Seq, Snapshot: head.Snapshot, Published: head.Published})
	if err != nil {
		return manifest.Table{}, err
	}
	out := manifest.Table{Head: head, ID: v.ID, Source: v.Source, Strategy: string(v.Strategy), Description: v.Description, Key: v.Key,
		Columns: make([]manifest.Column, len(v.Columns)), Parts: make([]manifest.Part, len(v.Parts)), Location: v.Location}
	for i, c := range v.Columns {
		out.Columns[i] = manifest.Column{ID: c.ID, Name: c.Name, Type: typeOf(c), Required: c.Required, Doc: c.Doc, PII: v.PII[c.Name]}
	}
	for i, p := range v.Parts {
		out.Parts[i] = manifest.Part{Size: p.Bytes, Rows: p.Rows}
		if n, err := hex.Decode(out.Parts[i].SHA256[:], []byte(p.SHA256)); err != nil || n != len(out.Parts[i].SHA256) || p.Path != pathOf(head.Table, p.SHA256) {
			return manifest.Table{}, fault.Newf(fault.Bug, "%s has a part that is not named by its hash: %s", head.Table, p.Path)
		}
	}
	return out, nil
}

// typeOf is the type of a column with its children.
func typeOf(c parquet.Column) sdk.Type {
	t := c.Type
	t.Children = nil
	for _, child := range c.Children {
		t.Children = append(t.Children, sdk.Column{Name: child.Name, Type: typeOf(child), NotNull: child.Required})
	}
	return t
}

// pathOf is where the lake keeps a part (lake.md §4). Both halves come from the lake itself.
func pathOf(table sdk.TableName, sha256 string) string {
	return path.Join(table.Namespace(), table.Table(), "data", sha256+".parquet")
}

// OpenPart implements manifest.Lake.
func (t *tables) OpenPart(ctx context.Context, table sdk.TableName, part manifest.Part) (io.ReadSeekCloser, int64, error) {
	hash := fmt.Sprintf("%x", part.SHA256)
	return t.lake.OpenPart(ctx, lake.Part{Path: pathOf(table, hash), SHA256: hash, Bytes: part.Size, Rows: part.Rows})
}
