// Package publish makes changes visible: it turns the changes of a table set into snapshots outside any lock, then moves
// all tables at once through the catalog. This is the only moment at which the world changes (I1, I2).
//
// It also reads tables back as versions. It writes no parts and knows no drafts. Only host/internal/lake and its
// sub-folders import it.
package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/ai-data-analyst/broker/host/internal/lake/catalog"
	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
	"github.com/ai-data-analyst/broker/host/internal/lake/snapshot"
	"github.com/ai-data-analyst/broker/host/internal/lake/version"
	"github.com/ai-data-analyst/broker/sdk"
)

// Publisher publishes into one lake and reads from it. Safe for concurrent use.
type Publisher struct {
	Catalog *catalog.Catalog
	Files   depot.Depot
	Now     func() time.Time
	Pause   func(ctx context.Context, attempt int) error // between attempts after a conflict; nil = random back-off

	mu        sync.Mutex
	seen      map[seenKey]version.Version // versions never change
	weight    int                         // of what is seen
	snapshots map[sdk.TableName]heldSnapshots
}

// Set is the changes of one table set, to be published together.
type Set struct {
	RunID     string
	Root      sdk.TableName
	Changes   []version.Change
	Leases    []catalog.Lease
	Cursors   map[sdk.TableName]sdk.Cursor // where the cursor moves; a run's is on its root
	Watermark string
	Force     bool // a person has decided: no shrink guard
	Tidy      bool // maintenance: the same rows in other parts, no generation
	Drop      bool // the generation takes the tables out; rows and cursors stay as they are
}

// Result is what came of a Set.
type Result struct {
	Seq       int64 // 0 = no new generation
	Published time.Time
	Held      string                            // why nothing was published until a person decides; "" = it was
	Changed   map[sdk.TableName]bool            // readers see something new
	Versions  map[sdk.TableName]version.Version // as they are afterwards
	Locations map[sdk.TableName]string          // of metadata, where it moved
}

// attempts is how often a publication is rebuilt after a conflict with maintenance.
const attempts = 6

// Publish publishes set. Its errors are those of catalog.Publish; after a conflict that only maintenance caused it
// rebuilds and tries again.
func (p *Publisher) Publish(ctx context.Context, set Set) (Result, error) {
	for attempt := 1; ; attempt++ {
		result, err := p.once(ctx, set)
		if err == nil || attempt == attempts || !errors.Is(err, table.ErrCommitFailed) && !errors.Is(err, table.ErrCommitDiverged) || errors.Is(err, errMoved) {
			return result, err
		}
		if err := p.pause(ctx, attempt); err != nil {
			return Result{}, err
		}
	}
}

// errMoved says that a table's rows are no longer those that a change was made from: building it again does not help.
var errMoved = fmt.Errorf("the rows of the table are no longer those that the run began with: %w", catalog.ErrConflict)

func (p *Publisher) once(ctx context.Context, set Set) (Result, error) {
	states := make([]state, len(set.Changes))
	for i, change := range set.Changes {
		s, err := p.state(ctx, change)
		if err != nil {
			return Result{}, err
		}
		states[i] = s
	}
	result := Result{Changed: map[sdk.TableName]bool{}, Versions: map[sdk.TableName]version.Version{}}
	if !set.Force {
		if result.Held = shrinks(states); result.Held != "" {
			p.report(&result, states)
			return result, nil
		}
	}
	publication, err := p.build(set, states, &result)
	if err != nil || len(publication.Moves) == 0 {
		p.report(&result, states)
		return result, err
	}
	p.step("before-publish")
	out, err := p.Catalog.Publish(ctx, publication)
	if err != nil {
		return Result{}, err
	}
	result.Seq, result.Published, result.Locations = out.Seq, out.Published, out.Locations
	for _, s := range states {
		v, err := p.Current(ctx, s.change.Spec.Name)
		if err != nil {
			return Result{}, fmt.Errorf("generation %d is published, but %s cannot be read back: %w", out.Seq, s.change.Spec.Name, err)
		}
		result.Versions[s.change.Spec.Name] = v
	}
	return result, nil
}

func (p *Publisher) report(result *Result, states []state) {
	for _, s := range states {
		result.Versions[s.change.Spec.Name] = s.now
	}
}

func (p *Publisher) step(name string) {
	if p.Catalog.Step != nil {
		p.Catalog.Step(name)
	}
}

// state is one change beside the table as it is now.
type state struct {
	change version.Change
	from   string         // location of the current metadata; "" = no such table
	meta   table.Metadata // nil = no such table
	now    version.Version
}

func (p *Publisher) state(ctx context.Context, change version.Change) (state, error) {
	s := state{change: change}
	name := change.Spec.Name
	var err error
	if s.from, err = p.Catalog.Location(ctx, name.Namespace(), name.Table()); err != nil {
		return s, err
	}
	if s.from != "" {
		if s.meta, err = p.Catalog.Metadata(s.from); err != nil {
			return s, err
		}
		if s.now, err = p.Current(ctx, name); err != nil {
			return s, err
		}
	}
	if change.Base.Snapshot != s.now.Snapshot {
		return s, fmt.Errorf("publish %s: %w", name, errMoved)
	}
	return s, nil
}

// changed says whether readers would see something new.
func (s state) changed() bool {
	c := s.change
	switch {
	case s.meta == nil || c.Schema || s.now.Dropped:
		return true
	case c.Replace && c.Content != "" && s.now.Content != "":
		return c.Content != s.now.Content
	case c.Replace: // a merge leaves no digest
		return !sameParts(c.Add, s.now.Parts)
	}
	return len(c.Add)+len(c.Remove) > 0
}

// sameParts says whether two lists name the same parts, in any order: then the rows are the same, for names are hashes.
func sameParts(a, b []version.Part) bool {
	paths := func(parts []version.Part) []string {
		names := make([]string, len(parts))
		for i, part := range parts {
			names[i] = part.Path
		}
		slices.Sort(names)
		return names
	}
	return len(a) == len(b) && slices.Equal(paths(a), paths(b))
}

// build writes manifests and returns the moves of the tables that change, and of those where only the cursor does.
func (p *Publisher) build(set Set, states []state, result *Result) (catalog.Publication, error) {
	publication := catalog.Publication{RunID: set.RunID, Leases: set.Leases, Settle: string(set.Root)}
	if set.Tidy {
		publication.Settle = ""
	}
	for _, s := range states {
		name := s.change.Spec.Name
		cursor, moves := set.Cursors[name]
		moves = moves && !sameCursor(cursor, s.now.Cursor)
		if !moves {
			cursor = s.now.Cursor
		}
		changed := s.changed() || set.Drop
		if !changed && !moves {
			continue
		}
		move, err := p.move(set, s, cursor, changed)
		if err != nil {
			return publication, fmt.Errorf("publish %s: %w", name, err)
		}
		if set.Tidy {
			move.Head, move.Snapshot.Summary.Operation = false, table.OpReplace
		}
		publication.Moves = append(publication.Moves, move)
		if changed {
			result.Changed[name] = true
		}
	}
	slices.SortFunc(publication.Moves, func(a, b catalog.Move) int {
		if a.Table < b.Table {
			return -1
		}
		return 1
	})
	return publication, nil
}

func sameCursor(a, b sdk.Cursor) bool {
	return a.Version == b.Version && string(a.Data) == string(b.Data)
}

func (p *Publisher) move(set Set, s state, cursor sdk.Cursor, changed bool) (catalog.Move, error) {
	change := s.change
	if !changed { // an empty snapshot that carries the cursor alone
		change = version.Change{Spec: change.Spec, Columns: s.now.Columns, Content: s.now.Content}
		change.Spec.Partition, change.Spec.Key = s.now.Partition, s.now.Key
	}
	if err := p.durable(change.Add); err != nil {
		return catalog.Move{}, err
	}
	if err := s.fresh(change); err != nil {
		return catalog.Move{}, err
	}
	name := change.Spec.Name
	staged, err := snapshot.Stage(s.meta, p.Files.URL(name.Namespace()+"/"+name.Table()), change)
	if err != nil {
		return catalog.Move{}, err
	}
	property, saved, err := snapshot.SaveCursor(p.Files, staged.Base.Location(), cursor)
	if err != nil {
		return catalog.Move{}, err
	}
	props := summary(set, s, change)
	if property != "" {
		props[property] = saved
	}
	files := snapshot.Files{Add: change.Add, Remove: change.Remove, Replace: change.Replace}
	if files.Replace {
		files.Remove = nil // whatever is not added goes
	}
	builder := snapshot.Builder{IO: p.Files, Places: p.Files, Now: p.Now}
	snap, err := builder.Build(staged, files, props)
	if err != nil {
		return catalog.Move{}, err
	}
	move := catalog.Move{Table: name, From: s.from, Base: staged.Base, Updates: staged.Updates, Snapshot: snap, Head: changed, Dropped: set.Drop}
	move.Rows, move.Bytes, move.Parts = totals(snap)
	return move, nil
}

func summary(set Set, s state, change version.Change) map[string]string {
	props := map[string]string{snapshot.RunProperty: set.RunID}
	watermark := s.now.Watermark
	if _, moves := set.Cursors[change.Spec.Name]; moves && set.Watermark != "" {
		watermark = set.Watermark
	}
	dropped := ""
	if set.Drop || set.Tidy && s.now.Dropped {
		dropped = "true"
	}
	for key, value := range map[string]string{snapshot.WatermarkProperty: watermark, snapshot.ContentProperty: change.Content, snapshot.DroppedProperty: dropped} {
		if value != "" {
			props[key] = value
		}
	}
	for _, lease := range set.Leases {
		if lease.Table == change.Spec.Name {
			props[snapshot.EpochProperty] = strconv.FormatInt(lease.Epoch, 10)
		}
	}
	return props
}

func totals(s *table.Snapshot) (rows, size int64, parts int) {
	figures := s.Summary.Properties
	return figures.GetInt64("total-records", 0), figures.GetInt64("total-files-size", 0), int(figures.GetInt64("total-data-files", 0))
}

// fresh makes sure that no part is added that the table has already: a path stands in a table once.
func (s state) fresh(change version.Change) error {
	if change.Replace || len(change.Add) == 0 {
		return nil
	}
	there := make(map[string]bool, len(s.now.Parts))
	for _, part := range s.now.Parts {
		there[part.Path] = true
	}
	for _, part := range change.Add {
		if there[part.Path] {
			return fmt.Errorf("part %s is in the table already", part.Path)
		}
	}
	return nil
}

// durable makes sure that every part a commit will name is there, whole: its folder was synced when it was placed.
func (p *Publisher) durable(parts []version.Part) error {
	for _, part := range parts {
		info, err := p.Files.Stat(p.Files.URL(part.Path))
		if err != nil {
			return fmt.Errorf("part %s: %w", part.Path, err)
		}
		if info.Size() != part.Bytes {
			return fmt.Errorf("part %s has %d bytes in the lake, written were %d", part.Path, info.Size(), part.Bytes)
		}
	}
	return nil
}

// shrinks says why a full refresh waits for a person: it leaves nothing, or less than half and 1,000 rows fewer (D10).
func shrinks(states []state) string {
	for _, s := range states {
		if !s.change.Replace || s.now.Seq == 0 || isRejected(s.change.Spec.Name) {
			continue
		}
		was, is := s.now.Rows, rowsOf(s.change.Add)
		if was > 0 && is == 0 || is*2 < was && was-is >= 1000 {
			return fmt.Sprintf("%s would shrink from %d rows to %d", s.change.Spec.Name, was, is)
		}
	}
	return ""
}

func isRejected(name sdk.TableName) bool {
	return strings.HasSuffix(string(name), string(sdk.TableName("").Rejected()))
}

func rowsOf(parts []version.Part) (n int64) {
	for _, part := range parts {
		n += part.Rows
	}
	return n
}
