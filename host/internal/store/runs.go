package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Running is the status of a run that has begun and not finished.
const Running = "running"

// Run is one entry of the journal of runs.
type Run struct {
	ID         string
	Sync       string // id of the command or tick that asked for it
	Source     string
	Table      sdk.TableName // root of the set
	Trigger    string
	Status     string // Running, then published, unchanged, held, failed, cancelled
	Attempts   int
	Note       string // why the last attempt before the current one failed
	Generation int64
	Started    time.Time
	Finished   time.Time // zero while running
	Code       string    // class of the error; "" = none
	Message    string
	Help       string
	Tables     []RunTable
}

// RunTable is one table's part of a run.
type RunTable struct {
	Name     sdk.TableName
	Status   string
	Rows     int64
	Added    int64
	Updated  int64
	Deleted  int64
	Rejected int64
	Bytes    int64
}

// RunFilter narrows List; zero fields do not.
type RunFilter struct {
	Table  sdk.TableName // any table of the set
	Source string
	Sync   string
	Status string
	Limit  int // 0 = 1000
}

// Runs is the journal of runs.
type Runs struct{ s *Store }

// Create writes a new entry, with the tables of its set.
func (r Runs) Create(ctx context.Context, run Run) error {
	return r.s.inTx(ctx, fmt.Sprintf("note the start of run %s", run.ID), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, r.s.rebind(`INSERT INTO runs
			(id, sync, source, root, "trigger", status, attempts, note, generation, started, finished, code, message, help)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)`),
			run.ID, run.Sync, run.Source, string(run.Table), run.Trigger, run.Status, run.Attempts, text(run.Note), run.Generation,
			micros(run.Started), micros(run.Finished), run.Code, text(run.Message), text(run.Help))
		if err != nil {
			return err
		}
		return r.writeTables(ctx, tx, run)
	})
}

// Attempt notes that attempt n of a running run begins, and why the one before it failed.
func (r Runs) Attempt(ctx context.Context, id string, n int, note string) error {
	result, err := r.s.db.ExecContext(ctx, r.s.rebind(`UPDATE runs SET attempts = ?, note = ? WHERE id = ? AND status = ?`), n, text(note), id, Running)
	return r.one(result, err, id, "note an attempt of")
}

// Finish closes an entry with how the run ended. A run that is already closed stays as it is and is an error.
func (r Runs) Finish(ctx context.Context, run Run) error {
	return r.s.inTx(ctx, fmt.Sprintf("note the end of run %s", run.ID), func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, r.s.rebind(`UPDATE runs SET status = ?, attempts = ?, generation = ?, finished = ?,
			code = ?, message = ?, help = ? WHERE id = ? AND status = ?`),
			run.Status, run.Attempts, run.Generation, micros(run.Finished), run.Code, text(run.Message), text(run.Help), run.ID, Running)
		if err := r.one(result, err, run.ID, "close"); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, r.s.rebind(`DELETE FROM run_tables WHERE run_id = ?`), run.ID); err != nil {
			return err
		}
		return r.writeTables(ctx, tx, run)
	})
}

// Find returns one entry.
func (r Runs) Find(ctx context.Context, id string) (Run, error) {
	runs, err := r.list(ctx, ` WHERE id = ?`, id)
	if err != nil {
		return Run{}, err
	}
	if len(runs) == 0 {
		return Run{}, fault.Newf(fault.NotFound, "there is no run %.80q", id).WithHelp(`List runs with "broker runs".`)
	}
	return runs[0], nil
}

// List returns entries, the newest first.
func (r Runs) List(ctx context.Context, filter RunFilter) ([]Run, error) {
	var where []string
	var args []any
	add := func(clause string, value string) {
		if value != "" {
			where, args = append(where, clause), append(args, value)
		}
	}
	add(`id IN (SELECT run_id FROM run_tables WHERE name = ?)`, string(filter.Table))
	add(`source = ?`, filter.Source)
	add(`sync = ?`, filter.Sync)
	add(`status = ?`, filter.Status)
	clause := ""
	if len(where) > 0 {
		clause = ` WHERE ` + strings.Join(where, ` AND `)
	}
	limit := filter.Limit
	if limit <= 0 {
		limit = 1000
	}
	return r.list(ctx, clause+` ORDER BY started DESC, id DESC LIMIT ?`, append(args, limit)...)
}

// Prune forgets finished runs that started before the given time and returns how many those were.
func (r Runs) Prune(ctx context.Context, before time.Time) (int64, error) {
	result, err := r.s.db.ExecContext(ctx, r.s.rebind(`DELETE FROM runs WHERE status <> ? AND started < ?`), Running, micros(before))
	if err != nil {
		return 0, r.s.wrap(err, "forget old runs")
	}
	return result.RowsAffected()
}

func (r Runs) writeTables(ctx context.Context, tx *sql.Tx, run Run) error {
	for i, t := range run.Tables {
		_, err := tx.ExecContext(ctx, r.s.rebind(`INSERT INTO run_tables
			(run_id, place, name, status, "rows", added, updated, deleted, rejected, bytes) VALUES (?,?,?,?,?,?,?,?,?,?)`),
			run.ID, i, string(t.Name), t.Status, t.Rows, t.Added, t.Updated, t.Deleted, t.Rejected, t.Bytes)
		if err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return nil
}

func (r Runs) list(ctx context.Context, clause string, args ...any) ([]Run, error) {
	rows, err := r.s.db.QueryContext(ctx, r.s.rebind(`SELECT id, sync, source, root, "trigger", status, attempts, note, generation,
		started, finished, code, message, help FROM runs`+clause), args...)
	if err != nil {
		return nil, r.s.wrap(err, "list runs")
	}
	defer rows.Close()
	var runs []Run
	for rows.Next() {
		var run Run
		var started, finished int64
		if err := rows.Scan(&run.ID, &run.Sync, &run.Source, &run.Table, &run.Trigger, &run.Status, &run.Attempts, &run.Note,
			&run.Generation, &started, &finished, &run.Code, &run.Message, &run.Help); err != nil {
			return nil, r.s.wrap(err, "read a run")
		}
		run.Started, run.Finished = fromMicros(started), fromMicros(finished)
		runs = append(runs, run)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, r.s.wrap(err, "list runs")
	}
	return runs, r.readTables(ctx, runs)
}

// readTables fills in the tables of runs, 500 runs a question.
func (r Runs) readTables(ctx context.Context, runs []Run) error {
	const chunk = 500
	for len(runs) > 0 {
		part := runs[:min(chunk, len(runs))]
		runs = runs[len(part):]
		if err := r.readTablesOf(ctx, part); err != nil {
			return r.s.wrap(err, "read the tables of runs")
		}
	}
	return nil
}

func (r Runs) readTablesOf(ctx context.Context, runs []Run) error {
	at := make(map[string]int, len(runs))
	args := make([]any, len(runs))
	for i, run := range runs {
		at[run.ID], args[i] = i, run.ID
	}
	rows, err := r.s.db.QueryContext(ctx, r.s.rebind(`SELECT run_id, name, status, "rows", added, updated, deleted, rejected, bytes
		FROM run_tables WHERE run_id IN (?`+strings.Repeat(",?", len(runs)-1)+`) ORDER BY run_id, place`), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var t RunTable
		if err := rows.Scan(&id, &t.Name, &t.Status, &t.Rows, &t.Added, &t.Updated, &t.Deleted, &t.Rejected, &t.Bytes); err != nil {
			return err
		}
		runs[at[id]].Tables = append(runs[at[id]].Tables, t)
	}
	return rows.Err()
}

func (r Runs) one(result sql.Result, err error, id, doing string) error {
	if err != nil {
		return r.s.wrap(err, doing+" run "+id)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return r.s.wrap(err, doing+" run "+id)
	}
	if n != 1 {
		return fault.Newf(fault.NotFound, "cannot %s run %.80q: no such run is going", doing, id)
	}
	return nil
}
