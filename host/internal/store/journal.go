package store

import (
	"context"
	"strings"
	"time"
)

// Ended lists finished runs in the order in which they ended, from after the run that ended at a time with an id; a zero
// time begins with the oldest. limit 0 = 1000.
func (r Runs) Ended(ctx context.Context, after time.Time, id string, limit int) ([]Run, error) {
	if limit <= 0 {
		limit = 1000
	}
	return r.list(ctx, ` WHERE status <> ? AND (finished > ? OR finished = ? AND id > ?) ORDER BY finished, id LIMIT ?`,
		Running, micros(after), micros(after), id, limit)
}

// Syncs lists the ids of commands and ticks that ran something which fits the filter, the newest first, from before the
// given one; "" = from the newest. A filter's status is that of any of its tables. Ids begin with their time.
func (r Runs) Syncs(ctx context.Context, filter RunFilter, before string) ([]string, error) {
	where, args := []string{`sync <> ''`}, []any{}
	add := func(clause, value string) {
		if value != "" {
			where, args = append(where, clause), append(args, value)
		}
	}
	add(`sync < ?`, before)
	add(`source = ?`, filter.Source)
	add(`EXISTS (SELECT 1 FROM run_tables t WHERE t.run_id = runs.id AND t.name = ?)`, string(filter.Table))
	add(`EXISTS (SELECT 1 FROM run_tables t WHERE t.run_id = runs.id AND t.status = ?)`, filter.Status)
	limit := filter.Limit
	if limit <= 0 {
		limit = 100
	}
	rows, err := r.s.db.QueryContext(ctx, r.s.rebind(`SELECT DISTINCT sync FROM runs WHERE `+strings.Join(where, ` AND `)+` ORDER BY sync DESC LIMIT ?`), append(args, limit)...)
	if err != nil {
		return nil, r.s.wrap(err, "list syncs")
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, r.s.wrap(err, "read a sync")
		}
		ids = append(ids, id)
	}
	return ids, r.s.wrap(rows.Err(), "list syncs")
}

// OfSyncs lists every run of some syncs, the oldest first.
func (r Runs) OfSyncs(ctx context.Context, syncs []string) ([]Run, error) {
	if len(syncs) == 0 {
		return nil, nil
	}
	args := make([]any, len(syncs))
	for i, id := range syncs {
		args[i] = id
	}
	return r.list(ctx, ` WHERE sync IN (?`+strings.Repeat(",?", len(syncs)-1)+`) ORDER BY started, id`, args...)
}

// Refusal is the note of a source that failed before any of its tables was known: a finished run without tables.
func (r Runs) Refusal(ctx context.Context, run Run) error {
	run.Table, run.Tables, run.Attempts = "", nil, 1
	return r.Create(ctx, run)
}
