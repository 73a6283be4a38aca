package app

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// lakeDoor shows the lake to ingest (decision 3): Go needs identical result types, so this file turns one room's into
// the other's and decides nothing.
type lakeDoor struct {
	lake *lake.Lake
	book *book
}

var _ ingest.Lake = (*lakeDoor)(nil)

// Draft implements ingest.Lake.
func (d *lakeDoor) Draft(ctx context.Context, run ingest.RunInfo, set ingest.Set) (ingest.Draft, error) {
	specs := make([]lake.Spec, len(set.Tables))
	for i, t := range set.Tables {
		described, ok := d.book.table(t.Name)
		if !ok {
			return nil, fault.Newf(fault.Bug, "table %s is in no resolved set", t.Name)
		}
		specs[i] = specOf(described, t)
	}
	opened, err := d.lake.Draft(ctx, lake.RunInfo{ID: run.ID, Holder: run.Holder}, specs)
	if err != nil {
		return nil, err
	}
	return draftDoor{opened}, nil
}

func specOf(described catalog.Table, t ingest.Table) lake.Spec {
	spec := lake.Spec{
		Name: t.Name, Root: described.Root, Source: described.Source, Stream: t.Stream, Strategy: described.Strategy, Description: described.Description,
		Docs: described.Docs, PII: described.PII, Key: described.Key, CursorField: described.CursorField,
		Policy: "evolve", MaxRejects: described.MaxRejects, MaxRejectsP: described.MaxRejectsP,
	}
	word(&spec.Mode, t.Write)
	if described.Freeze {
		spec.Policy = "freeze"
	}
	if described.Partition != nil {
		spec.Partition = &lake.Partition{Column: described.Partition.Column, Granularity: described.Partition.Granularity}
	}
	return spec
}

// word carries a word of one room's vocabulary to another's; the words are the same.
func word[To, From ~string](to *To, from From) { *to = To(from) }

// Cursor implements ingest.Lake.
func (d *lakeDoor) Cursor(ctx context.Context, root sdk.TableName) (sdk.Cursor, error) {
	return d.lake.Cursor(ctx, root)
}

// Settled implements ingest.Lake.
func (d *lakeDoor) Settled(ctx context.Context, run string) (ingest.Publication, error) {
	p, err := d.lake.Settled(ctx, run)
	return publicationOf(p), err
}

// draftDoor shows a draft to ingest: all but Publish is the same.
type draftDoor struct{ *lake.Draft }

var _ ingest.Draft = draftDoor{}

// Publish implements ingest.Draft.
func (d draftDoor) Publish(ctx context.Context, final bool) (ingest.Publication, error) {
	p, err := d.Draft.Publish(ctx, final)
	return publicationOf(p), err
}

func publicationOf(p lake.Publication) ingest.Publication {
	out := ingest.Publication{Seq: p.Seq, Status: ingest.Status(p.Status), Reason: p.Reason, Tables: make([]ingest.Counts, len(p.Tables))}
	for i, t := range p.Tables {
		out.Tables[i] = ingest.Counts{Name: t.Name, Status: ingest.Status(t.Status), Rows: t.Rows, Added: t.Added, Updated: t.Updated,
			Deleted: t.Deleted, Rejected: t.Rejected, Bytes: t.Bytes}
	}
	return out
}
