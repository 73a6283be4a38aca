// Package store keeps the state database: the journal of runs, the ticks of the schedule, small settings, and people with
// their groups, grants, tokens and sign-ins.
//
// It runs on SQLite or Postgres through database/sql, with one set of statements. Losing it loses history and people,
// never rows (I7). Several processes may have it open at once. It is the only room with SQL drivers; the lake gets the
// open *sql.DB and owns tables of its own in the same database (decision 5). An unreadable database is an error, never a
// fresh one.
package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/store/visits"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Dialect is the kind of SQL that a database speaks.
type Dialect string

// The two dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// Options say which database to open.
type Options struct {
	URL   string       // "sqlite", or postgres://…
	Path  string       // SQLite: the file; its folder is made when missing
	Extra []Migrations // tables of other rooms in the same database
}

// Migrations are goose migrations of another room.
type Migrations struct {
	FS    fs.FS  // *.sql at its root
	Table string // table of applied versions, e.g. "lake_migrations"
}

// Store is an open state database. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	dialect Dialect
}

// DialectOf says what a state URL speaks.
func DialectOf(url string) (Dialect, error) {
	switch {
	case url == "" || url == "sqlite":
		return SQLite, nil
	case strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://"):
		return Postgres, nil
	}
	return "", fault.New(fault.Config, "the state URL is neither \"sqlite\" nor postgres://…").
		WithHelp(`Set state.url to "sqlite", or to env("BROKER_STATE_URL") with a postgres:// URL.`)
}

// Open opens the database and brings its tables up to date.
func Open(ctx context.Context, options Options) (*Store, error) {
	dialect, err := DialectOf(options.URL)
	if err != nil {
		return nil, err
	}
	open := openPostgres
	if dialect == SQLite {
		open = openSQLite
	}
	db, err := open(ctx, options)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, dialect: dialect}
	if err := s.migrate(ctx, options.Extra); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// DB returns the open database, for the lake. Its owner is the Store.
func (s *Store) DB() *sql.DB { return s.db }

// Dialect returns what the database speaks.
func (s *Store) Dialect() Dialect { return s.dialect }

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Runs is the journal of runs.
func (s *Store) Runs() Runs { return Runs{s} }

// Ticks is the record of due times.
func (s *Store) Ticks() Ticks { return Ticks{s} }

// Visits keeps who is signed in by which identity, and what sign-in plugins remember.
func (s *Store) Visits() visits.Visits {
	return visits.New(s.db, s.rebind, s.wrap)
}

// rebind turns the "?" of a statement into "$1", "$2", … where the dialect wants it. No statement of this room holds a
// "?" in a literal.
func (s *Store) rebind(statement string) string {
	if s.dialect != Postgres {
		return statement
	}
	var b strings.Builder
	n := 0
	for _, r := range statement {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}
