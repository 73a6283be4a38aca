package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// openPostgres opens the database that the URL names and asks it once. The URL is never part of an error: it may hold
// a password.
func openPostgres(ctx context.Context, options Options) (*sql.DB, error) {
	config, err := pgx.ParseConfig(options.URL)
	if err != nil {
		return nil, fault.New(fault.Config, "the state URL is not a valid postgres:// URL").
			WithHelp("Write postgres://USER:PASSWORD@HOST:PORT/DATABASE; escape special characters of the password.")
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(4)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		s := &Store{db: db, dialect: Postgres}
		return nil, errors.Join(s.wrap(err, "open the state database"), db.Close())
	}
	return db, nil
}
