package publish

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/snapshot"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

type seenKey struct {
	table    sdk.TableName
	metadata string
	snapshot int64
}

// seenStats is how many figures of columns of parts the versions in memory may hold together, some 50 MB.
const seenStats = 200_000

// Current returns the table as it is now: its newest snapshot, in the generation that changed it last. A table that does
// not exist has Seq and Snapshot 0.
func (p *Publisher) Current(ctx context.Context, name sdk.TableName) (version.Version, error) {
	location, err := p.Catalog.Location(ctx, name.Namespace(), name.Table())
	if err != nil || location == "" {
		return version.Version{Table: name}, err
	}
	meta, err := p.Catalog.Metadata(location)
	if err != nil {
		return version.Version{}, err
	}
	current := meta.CurrentSnapshot()
	if current == nil {
		return version.Version{Table: name}, fmt.Errorf("table %s has no snapshot: it was not written by broker", name)
	}
	head, err := p.Catalog.HeadOf(ctx, name, math.MaxInt64)
	if err != nil {
		return version.Version{}, err
	}
	return p.read(name, meta, location, current, head)
}

// At returns the table as a head has it: the table's current metadata at the head's snapshot.
func (p *Publisher) At(ctx context.Context, head catalog.Head) (version.Version, error) {
	name := head.Table
	location, err := p.Catalog.Location(ctx, name.Namespace(), name.Table())
	if err != nil {
		return version.Version{}, err
	}
	if location == "" {
		return version.Version{}, fault.Newf(fault.NotFound, "table %s does not exist any more", name)
	}
	meta, err := p.Catalog.Metadata(location)
	if err != nil {
		return version.Version{}, err
	}
	s := meta.SnapshotByID(head.Snapshot)
	if s == nil {
		return version.Version{}, fault.Newf(fault.NotFound, "%s as of generation %d has expired", name, head.Seq)
	}
	return p.read(name, meta, location, s, head)
}

// heldSnapshots are the snapshots that the metadata at a location has.
type heldSnapshots struct {
	location string
	ids      map[int64]bool
}

// Snapshots returns the snapshots that are kept, of every table. A table's metadata is read when it has moved since the
// last call only.
func (p *Publisher) Snapshots(ctx context.Context) (map[sdk.TableName]map[int64]bool, error) {
	locations, err := p.Catalog.Tables(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	before := p.snapshots
	p.mu.Unlock()
	now := make(map[sdk.TableName]heldSnapshots, len(locations))
	all := make(map[sdk.TableName]map[int64]bool, len(locations))
	for text, location := range locations {
		name := sdk.TableName(text)
		held, ok := before[name]
		if !ok || held.location != location {
			meta, err := p.Catalog.Metadata(location)
			if err != nil {
				return nil, err
			}
			held = heldSnapshots{location, map[int64]bool{}}
			for _, s := range meta.Snapshots() {
				held.ids[s.SnapshotID] = true
			}
		}
		now[name], all[name] = held, held.ids
	}
	p.mu.Lock()
	p.snapshots = now
	p.mu.Unlock()
	return all, nil
}

func (p *Publisher) read(name sdk.TableName, meta table.Metadata, location string, s *table.Snapshot, head catalog.Head) (version.Version, error) {
	key := seenKey{name, location, s.SnapshotID}
	p.mu.Lock()
	v, ok := p.seen[key]
	p.mu.Unlock()
	if !ok {
		var err error
		if v, err = snapshot.Read(name, meta, location, s, p.Files, p.Files); err != nil {
			return version.Version{}, err
		}
		p.remember(key, v)
	}
	v.Seq = head.Seq
	if head.Seq > 0 {
		v.RunID, v.Published = head.RunID, head.Published.Format(time.RFC3339Nano)
	}
	return v, nil
}

func (p *Publisher) remember(key seenKey, v version.Version) {
	weight := 10
	for _, part := range v.Parts {
		weight += 1 + len(part.Stats)
	}
	if weight > seenStats/2 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.weight += weight; p.seen == nil || p.weight > seenStats {
		p.seen, p.weight = make(map[seenKey]version.Version), weight
	}
	p.seen[key] = v
}

func (p *Publisher) pause(ctx context.Context, attempt int) error {
	if p.Pause != nil {
		return p.Pause(ctx, attempt)
	}
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(20*time.Millisecond) << attempt)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
