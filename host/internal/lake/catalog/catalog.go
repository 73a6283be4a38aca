// Package catalog is the lake's Iceberg catalog: which metadata file is current for each table, which generation changed
// what, who may write. One SQL transaction moves any number of tables at once (lake.md §3).
//
// The tables are those of the JDBC catalog, so that other Iceberg readers find the lake without our help, and a few of
// our own beside them. The statements are the same on SQLite and Postgres. It writes metadata files, never parts or
// manifests. Only host/internal/lake and its sub-folders import it.
package catalog

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	icecatalog "github.com/apache/iceberg-go/catalog"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the goose migrations of the tables used here, the same for both dialects.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

// name is the catalog's name in its own tables.
const name = "broker"

// IO reads and writes the files of a lake.
type IO interface {
	iceio.WriteFileIO
	iceio.ReadFileIO
}

// Catalog is the catalog of one lake. Safe for concurrent use.
type Catalog struct {
	DB       *sql.DB
	Postgres bool
	IO       IO
	Root     string // URL of the folder under which tables lie
	Now      func() time.Time
	Step     func(name string) // called between the steps of a publication; nil but in tests

	mu     sync.Mutex
	parsed map[string]table.Metadata // by location: metadata files never change
}

var (
	_ icecatalog.Catalog              = (*Catalog)(nil)
	_ icecatalog.TransactionalCatalog = (*Catalog)(nil)
)

// ErrUnknown says that the database did not confirm a commit: it may have happened or not.
var ErrUnknown = errors.New("the outcome of the commit is unknown")

// ErrConflict says that somebody else moved a table meanwhile. It is also iceberg-go's table.ErrCommitFailed.
var ErrConflict = fmt.Errorf("the table was changed meanwhile: %w", table.ErrCommitFailed)

// cached is how many parsed metadata files are kept.
const cached = 256

// Metadata returns the parsed metadata file at location.
func (c *Catalog) Metadata(location string) (table.Metadata, error) {
	c.mu.Lock()
	meta, ok := c.parsed[location]
	c.mu.Unlock()
	if ok {
		return meta, nil
	}
	content, err := c.IO.ReadFile(location)
	if err != nil {
		return nil, fmt.Errorf("read table metadata: %w", err)
	}
	meta, err = table.ParseMetadataBytes(content)
	if err != nil {
		return nil, fmt.Errorf("read table metadata %s: %w", location, err)
	}
	c.remember(location, meta)
	return meta, nil
}

func (c *Catalog) remember(location string, meta table.Metadata) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil || len(c.parsed) >= cached {
		c.parsed = make(map[string]table.Metadata, cached)
	}
	c.parsed[location] = meta
}

func (c *Catalog) forget(location string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.parsed, location)
}

func (c *Catalog) step(name string) {
	if c.Step != nil {
		c.Step(name)
	}
}

// querier is what *sql.DB and *sql.Tx have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// bind turns ? into the database's own placeholders.
func (c *Catalog) bind(query string) string {
	if !c.Postgres {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}

func (c *Catalog) exec(ctx context.Context, q querier, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, c.bind(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c *Catalog) row(ctx context.Context, q querier, query string, args ...any) *sql.Row {
	return q.QueryRowContext(ctx, c.bind(query), args...)
}

// each calls scan for every row of a query.
func (c *Catalog) each(ctx context.Context, q querier, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, c.bind(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// unit is one write transaction, with the files that stand and fall with it.
type unit struct {
	*sql.Tx
	written []string // metadata files of the tables' new states
	expired []string // metadata files that nobody needs once this is committed
	left    []string // metadata files that were current until then
}

// write runs change in a transaction that holds the lake's one write lock from its first statement on, so it never has
// to be upgraded halfway. On SQLite that is what BEGIN IMMEDIATE does, whatever the driver was told. A panic inside
// leaves no open transaction. When the database does not confirm the commit nothing is deleted: the files may be live.
func (c *Catalog) write(ctx context.Context, change func(u *unit) error) error {
	tx, err := c.DB.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	u := &unit{Tx: tx}
	defer tx.Rollback() // no effect once committed
	if _, err := c.exec(ctx, tx, `UPDATE lake_seq SET value = value WHERE id = 1`); err != nil {
		return fmt.Errorf("take the lake's write lock: %w", err)
	}
	err = change(u)
	if err == nil {
		c.step("before-commit")
		err = ctx.Err()
	}
	if err != nil {
		c.remove(u.written)
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	c.step("after-commit")
	for _, location := range u.left {
		c.forget(location)
	}
	c.remove(u.expired)
	return nil
}

// remove removes metadata files that no row names; what cannot be removed now is swept at the next start.
func (c *Catalog) remove(locations []string) {
	for _, location := range locations {
		c.forget(location)
		_ = c.IO.Remove(location)
	}
}
