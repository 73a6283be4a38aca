// Package door shows lake and store to ingest: Go needs identical result types, so these files turn one room's words into
// the other's and decide nothing (decision 3). Only host/internal/app imports it.
package door

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Lake shows the lake to ingest.
type Lake struct {
	Lake  *lake.Lake
	Table func(sdk.TableName) (catalog.Table, bool) // how a table under way is described
}

var _ ingest.Lake = (*Lake)(nil)

// Draft implements ingest.Lake.
func (d *Lake) Draft(ctx context.Context, run ingest.RunInfo, set ingest.Set) (ingest.Draft, error) {
	specs := make([]lake.Spec, len(set.Tables))
	for i, t := range set.Tables {
		described, ok := d.Table(t.Name)
		if !ok {
			return nil, fault.Newf(fault.Bug, "table %s is in no resolved set", t.Name)
		}
		specs[i] = specOf(described, t)
	}
	opened, err := d.Lake.Draft(ctx, lake.RunInfo{ID: run.ID, Holder: run.Holder}, specs)
	if err != nil {
		return nil, err
	}
	return draft{opened}, nil
}

func specOf(described catalog.Table, t ingest.Table) lake.Spec {
	spec := lake.Spec{
		Name: t.Name, Root: described.Root, Source: described.Source, Stream: t.Stream, Strategy: described.Strategy, Description: described.Description,
		Docs: described.Docs, PII: described.PII, Types: described.Types, TypesAt: described.TypesAt, Key: described.Key, CursorField: described.CursorField,
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
func (d *Lake) Cursor(ctx context.Context, root sdk.TableName) (sdk.Cursor, error) {
	return d.Lake.Cursor(ctx, root)
}

// Settled implements ingest.Lake.
func (d *Lake) Settled(ctx context.Context, run string) (ingest.Publication, error) {
	p, err := d.Lake.Settled(ctx, run)
	return publicationOf(p), err
}

// draft shows a draft to ingest: all but Publish is the same.
type draft struct{ *lake.Draft }

var _ ingest.Draft = draft{}

// Publish implements ingest.Draft.
func (d draft) Publish(ctx context.Context, final bool) (ingest.Publication, error) {
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
