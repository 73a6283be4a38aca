package catalog

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

// Head says what one generation made of one table.
type Head struct {
	Table     sdk.TableName
	Seq       int64
	Snapshot  int64
	Metadata  string // where the metadata was then; information only, old files are pruned
	RunID     string
	Published time.Time
	Rows      int64
	Bytes     int64
	Parts     int
	Dropped   bool // the generation took the table out
}

const headColumns = `seq, namespace, name, snapshot_id, metadata_location, run_id, published_at, row_count, byte_count, part_count, dropped`

func scanHead(rows *sql.Rows) (Head, error) {
	var h Head
	var namespace, tbl string
	var published, dropped int64
	err := rows.Scan(&h.Seq, &namespace, &tbl, &h.Snapshot, &h.Metadata, &h.RunID, &published, &h.Rows, &h.Bytes, &h.Parts, &dropped)
	h.Dropped = dropped != 0
	h.Table = sdk.TableName(namespace + "." + tbl)
	h.Published = time.UnixMicro(published).UTC()
	return h, err
}

func (c *Catalog) insertHead(ctx context.Context, q querier, h Head) error {
	_, err := c.exec(ctx, q, `INSERT INTO heads (`+headColumns+`) VALUES (`+headValues+`)`, h.values()...)
	return err
}

const headValues = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?`

// values are those of headColumns.
func (h Head) values() []any {
	dropped := 0
	if h.Dropped {
		dropped = 1
	}
	return []any{h.Seq, h.Table.Namespace(), h.Table.Table(), h.Snapshot, h.Metadata, h.RunID, h.Published.UnixMicro(), h.Rows, h.Bytes, h.Parts, dropped}
}

func (c *Catalog) heads(ctx context.Context, where string, args ...any) ([]Head, error) {
	var found []Head
	err := c.each(ctx, c.DB, func(rows *sql.Rows) error {
		h, err := scanHead(rows)
		found = append(found, h)
		return err
	}, `SELECT `+headColumns+` FROM heads `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read the generations: %w", err)
	}
	return found, nil
}

// HeadsAt returns the newest head of every table up to generation seq, by table name. A table that was dropped has none.
func (c *Catalog) HeadsAt(ctx context.Context, seq int64) ([]Head, error) {
	return c.heads(ctx, `AS h WHERE seq = (SELECT max(seq) FROM heads AS o WHERE o.namespace = h.namespace AND o.name = h.name AND o.seq <= ?) AND dropped = 0
		ORDER BY namespace, name`, seq)
}

// HeadOf returns the newest head of a table up to generation seq; Seq 0 when there is none.
func (c *Catalog) HeadOf(ctx context.Context, tbl sdk.TableName, seq int64) (Head, error) {
	found, err := c.heads(ctx, `WHERE namespace = ? AND name = ? AND seq <= ? ORDER BY seq DESC LIMIT 1`, tbl.Namespace(), tbl.Table(), seq)
	if err != nil || len(found) == 0 {
		return Head{}, err
	}
	return found[0], nil
}

// HeadsOfTable returns every head of a table, the newest first.
func (c *Catalog) HeadsOfTable(ctx context.Context, tbl sdk.TableName) ([]Head, error) {
	return c.heads(ctx, `WHERE namespace = ? AND name = ? ORDER BY seq DESC`, tbl.Namespace(), tbl.Table())
}

// HeadsOfRun returns what a run published, the newest first.
func (c *Catalog) HeadsOfRun(ctx context.Context, runID string) ([]Head, error) {
	return c.heads(ctx, `WHERE run_id = ? ORDER BY seq DESC, namespace, name`, runID)
}

// HeadsBetween returns the heads of the newest limit generations in (after, upTo], the newest first.
func (c *Catalog) HeadsBetween(ctx context.Context, after, upTo int64, limit int) ([]Head, error) {
	return c.heads(ctx, `WHERE seq IN (SELECT DISTINCT seq FROM heads WHERE seq > ? AND seq <= ? ORDER BY seq DESC LIMIT ?)
		ORDER BY seq DESC, namespace, name`, after, upTo, limit)
}

// Seq returns the number of the newest generation; 0 = nothing was ever published.
func (c *Catalog) Seq(ctx context.Context) (int64, error) {
	var seq int64
	if err := c.row(ctx, c.DB, `SELECT value FROM lake_seq WHERE id = 1`).Scan(&seq); err != nil {
		return 0, fmt.Errorf("read the newest generation: %w", err)
	}
	return seq, nil
}
