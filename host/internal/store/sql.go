package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// inTx runs do in one transaction; doing says what it is for. A panic inside leaves no open transaction.
func (s *Store) inTx(ctx context.Context, doing string, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.wrap(err, doing)
	}
	defer tx.Rollback() // no effect after Commit
	if err := do(tx); err != nil {
		return s.wrap(err, doing)
	}
	return s.wrap(tx.Commit(), doing)
}

// wrap says what was being done and gives the driver's error a class. Faults keep theirs; nil stays nil.
func (s *Store) wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	code, help := classify(err)
	return &fault.Fault{Code: code, What: "state database: " + doing + ": " + err.Error(), Help: help, Err: err}
}

func classify(err error) (fault.Code, string) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Cancelled, ""
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return classifySQLite(lite.Code())
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return classifyPostgres(pg.Code)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) {
		return fault.Transient, "See that the Postgres server of state.url is up and can be reached."
	}
	return fault.Bug, ""
}

func classifySQLite(code int) (fault.Code, string) {
	switch code & 0xff { // the rest of an extended code tells finer kinds apart
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fault.Transient, "Another process holds the database; see that only one broker uses the data folder."
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM:
		return fault.Transient, "See that the disk of the data folder works and has room."
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fault.Data, `Restore the database from a backup, or move it away and run "broker lake rebuild".`
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return fault.Config, "See that broker may read and write the state folder and the database in it."
	}
	return fault.Bug, ""
}

// classifyPostgres reads the class of an SQLSTATE, its first two characters.
func classifyPostgres(state string) (fault.Code, string) {
	if state == "42501" {
		return fault.Permission, "Allow the role of state.url to create and use tables in its schema."
	}
	switch state[:min(2, len(state))] {
	case "08", "40", "53", "55", "57", "58":
		return fault.Transient, "See that the Postgres server of state.url is up and has room."
	case "28":
		return fault.Auth, "Set state.url to a user and password that the Postgres server takes."
	case "3D", "3F":
		return fault.Config, "Create the database or schema that state.url names."
	}
	return fault.Bug, ""
}

// micros is a time as it is kept: microseconds since 1970 UTC, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// text makes any string one that both databases keep: valid UTF-8 without NUL, at most 8 KiB.
func text(s string) string {
	const most = 8 << 10
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
