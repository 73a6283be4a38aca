package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/ai-data-analyst/broker/sdk"
)

// Properties of a snapshot's summary that the catalog itself sets.
const (
	SeqProperty   = "broker.seq"   // generation in which the snapshot was published
	GroupProperty = "broker.group" // how many tables that generation moved together
)

// Move is one table's part of a publication.
type Move struct {
	Table    sdk.TableName
	From     string          // metadata location that the new state was built from; "" = the table is new
	Base     table.Metadata  // the metadata at From; for a new table its first metadata, without snapshots
	Updates  []table.Update  // of schema, partitioning, properties; applied before the snapshot
	Snapshot *table.Snapshot // becomes current
	Head     bool            // readers see it as part of a new generation; false = only the cursor moves
	Rows     int64           // of the table afterwards
	Bytes    int64
	Parts    int
	Dropped  bool // the head takes the table out
}

// Publication is what moves together.
type Publication struct {
	RunID  string
	Leases []Lease // must still be held
	Moves  []Move
	Settle string // root of the table set whose held publication is done with by this one; "" = none
}

// Outcome is what a publication came to.
type Outcome struct {
	Seq       int64 // 0 when no move had a head
	Published time.Time
	Locations map[sdk.TableName]string // current metadata afterwards
}

// Publish moves all tables of p in one transaction. Its error is ErrConflict when a table is no longer where it was
// built from, *LeasedError when a lease was lost, and ErrUnknown when the database did not say whether it committed and
// could not be asked afterwards.
func (c *Catalog) Publish(ctx context.Context, p Publication) (Outcome, error) {
	out := Outcome{Published: c.Now().UTC().Truncate(time.Microsecond), Locations: make(map[sdk.TableName]string, len(p.Moves))}
	err := c.write(ctx, func(u *unit) error { return c.publish(ctx, u, p, &out) })
	if errors.Is(err, ErrUnknown) {
		return c.settle(ctx, p, out, err)
	}
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

func (c *Catalog) publish(ctx context.Context, u *unit, p Publication, out *Outcome) error {
	if err := c.checkLeases(ctx, u, p.Leases); err != nil {
		return err
	}
	group := 0
	for _, m := range p.Moves {
		if m.Head {
			group++
		}
	}
	if group > 0 {
		if err := c.row(ctx, u, `UPDATE lake_seq SET value = value + 1 WHERE id = 1 RETURNING value`).Scan(&out.Seq); err != nil {
			return fmt.Errorf("number the generation: %w", err)
		}
	}
	for _, m := range p.Moves {
		location, err := c.publishMove(ctx, u, m, out.Seq, group)
		if err != nil {
			return fmt.Errorf("publish %s: %w", m.Table, err)
		}
		out.Locations[m.Table] = location
		if !m.Head {
			continue
		}
		head := Head{Table: m.Table, Seq: out.Seq, Snapshot: m.Snapshot.SnapshotID, Metadata: location, RunID: p.RunID,
			Published: out.Published, Rows: m.Rows, Bytes: m.Bytes, Parts: m.Parts, Dropped: m.Dropped}
		if err := c.insertHead(ctx, u, head); err != nil {
			return fmt.Errorf("publish %s: %w", m.Table, err)
		}
	}
	if p.Settle != "" {
		if _, err := c.exec(ctx, u, `DELETE FROM lake_held WHERE root = ?`, p.Settle); err != nil {
			return fmt.Errorf("settle what was held of %s: %w", p.Settle, err)
		}
	}
	return nil
}

func (c *Catalog) publishMove(ctx context.Context, u *unit, m Move, seq int64, group int) (string, error) {
	snapshot := *m.Snapshot
	if m.Head {
		summary := table.Summary{Operation: snapshot.Summary.Operation, Properties: make(map[string]string, len(snapshot.Summary.Properties)+2)}
		for k, v := range snapshot.Summary.Properties {
			summary.Properties[k] = v
		}
		summary.Properties[SeqProperty] = strconv.FormatInt(seq, 10)
		summary.Properties[GroupProperty] = strconv.Itoa(group)
		snapshot.Summary = &summary
	}
	updates := append(m.Updates[:len(m.Updates):len(m.Updates)],
		table.NewAddSnapshotUpdate(&snapshot),
		table.NewSetSnapshotRefUpdate(table.MainBranch, snapshot.SnapshotID, table.BranchRef, 0, 0, 0))
	meta, err := table.UpdateTableMetadata(m.Base, updates, m.From)
	if err != nil {
		return "", err
	}
	return c.move(ctx, u, m.Table.Namespace(), m.Table.Table(), m.From, meta)
}

// move makes meta the current metadata of a table that was at from ("" = that did not exist).
func (c *Catalog) move(ctx context.Context, u *unit, namespace, tbl, from string, meta table.Metadata) (string, error) {
	location := fmt.Sprintf("%s/metadata/%05d-%s.metadata.json", strings.TrimRight(meta.Location(), "/"), FileVersion(from)+1, uuid.NewString())
	var n int64
	var err error
	if from == "" {
		n, err = c.exec(ctx, u, `INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, iceberg_type)
			VALUES (?, ?, ?, ?, 'TABLE') ON CONFLICT (catalog_name, table_namespace, table_name) DO NOTHING`, name, namespace, tbl, location)
	} else {
		n, err = c.exec(ctx, u, `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
			WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`, location, from, name, namespace, tbl, from)
	}
	if err != nil {
		return "", err
	}
	if n != 1 {
		return "", ErrConflict
	}
	if err := c.ensureNamespace(ctx, u, namespace, from); err != nil {
		return "", err
	}
	content, err := json.Marshal(meta)
	if err != nil {
		return "", fmt.Errorf("encode metadata: %w", err)
	}
	c.step("before-metadata")
	u.written = append(u.written, location)
	if err := c.IO.WriteFile(location, content); err != nil {
		return "", fmt.Errorf("write metadata: %w", err)
	}
	c.step("after-metadata")
	u.expired, u.left = append(u.expired, c.fallen(from, meta)...), append(u.left, from)
	c.remember(location, meta)
	return location, nil
}

func (c *Catalog) ensureNamespace(ctx context.Context, u *unit, namespace, from string) error {
	if from != "" {
		return nil
	}
	return c.setProperties(ctx, u, namespace, map[string]string{existsProperty: "true"})
}

// fallen returns the metadata files that the log of the table's last metadata names and that of its next does not.
func (c *Catalog) fallen(from string, next table.Metadata) []string {
	if from == "" {
		return nil
	}
	last, err := c.Metadata(from)
	if err != nil {
		return nil // they are swept at the next start
	}
	kept := map[string]bool{from: true}
	for entry := range next.PreviousFiles() {
		kept[entry.MetadataFile] = true
	}
	var gone []string
	for entry := range last.PreviousFiles() {
		if !kept[entry.MetadataFile] {
			gone = append(gone, entry.MetadataFile)
		}
	}
	return gone
}

// FileVersion returns the number in a metadata file's name; -1 when it has none.
func FileVersion(location string) int {
	number, _, ok := strings.Cut(path.Base(location), "-")
	if !ok {
		return -1
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// settle asks a database that did not confirm a commit whether it happened: a table that is where the publication would
// have put it says yes, and so does a head of the run. An answer that cannot be had leaves the outcome unknown.
func (c *Catalog) settle(ctx context.Context, p Publication, out Outcome, unknown error) (Outcome, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for tbl, location := range out.Locations {
		current, err := c.Location(ctx, tbl.Namespace(), tbl.Table())
		if err != nil {
			return Outcome{}, errors.Join(unknown, err)
		}
		if current == location {
			return out, nil
		}
	}
	heads, err := c.HeadsOfRun(ctx, p.RunID)
	if err != nil {
		return Outcome{}, errors.Join(unknown, err)
	}
	for _, h := range heads {
		if out.Seq > 0 && h.Seq == out.Seq {
			return out, nil
		}
	}
	return Outcome{}, fmt.Errorf("publish: the database refused the commit: %v", unknown) //nolint:errorlint // known by now: not ErrUnknown
}
