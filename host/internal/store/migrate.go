package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ownTable remembers which of this room's migrations are applied.
const ownTable = "store_migrations"

// migrate brings the tables of this room and of the others up to date.
func (s *Store) migrate(ctx context.Context, extra []Migrations) error {
	own, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("open the embedded migrations: %w", err)
	}
	for _, m := range append([]Migrations{{FS: own, Table: ownTable}}, extra...) {
		if err := s.apply(ctx, m); err != nil {
			return s.wrap(err, "bring the state database up to date ("+m.Table+")")
		}
	}
	return nil
}

// apply runs the migrations that are missing. The Provider is not closed: that would close the database.
func (s *Store) apply(ctx context.Context, m Migrations) error {
	dialect := goose.DialectSQLite3
	options := []goose.ProviderOption{goose.WithTableName(m.Table), goose.WithDisableGlobalRegistry(true)}
	if s.dialect == Postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker() // two hosts that start at once take turns
		if err != nil {
			return fmt.Errorf("make the lock of migrations: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, s.db, m.FS, options...)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	for last := int64(-1); ; {
		applied, known, err := provider.GetVersions(ctx)
		if err == nil && applied > known {
			return fault.Newf(fault.Config, "the state database was written by a newer broker (step %d, this one knows %d)", applied, known).
				WithHelp("Use the newer broker, or restore the database from before it was started.")
		}
		if err == nil && applied == known {
			return nil
		}
		if err == nil {
			_, err = provider.Up(ctx)
		}
		// On SQLite two processes that start at once may both try a step; the one that comes second finds it done. As long
		// as the steps go on, somebody's tries succeed.
		now, nowKnown, ask := provider.GetVersions(ctx)
		switch {
		case ask == nil && now == nowKnown:
			return nil
		case ask != nil || now <= last:
			return errors.Join(err, ask)
		}
		last = now
	}
}
