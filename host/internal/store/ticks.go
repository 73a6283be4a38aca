package store

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Tick is one due time of a schedule and what became of it.
type Tick struct {
	Entry    string // what was due, e.g. a source
	Instant  time.Time
	Skipped  string    // reason; "" = it was run
	Recorded time.Time // when this was written
}

// Ticks is the record of due times: each instant of an entry stands there once (G17).
type Ticks struct{ s *Store }

// Record notes what becomes of a due time; skipped is the reason it is not run, "" when it is. It returns false when
// that instant is already on record, which then stays as it is.
func (t Ticks) Record(ctx context.Context, entry string, instant time.Time, skipped string, now time.Time) (bool, error) {
	if instant.IsZero() {
		return false, fault.Newf(fault.Bug, "record a tick of %.80q: the instant is missing", entry)
	}
	result, err := t.s.db.ExecContext(ctx, t.s.rebind(`INSERT INTO ticks (entry, instant, skipped, recorded) VALUES (?,?,?,?)
		ON CONFLICT (entry, instant) DO NOTHING`), entry, micros(instant), text(skipped), micros(now))
	if err != nil {
		return false, t.s.wrap(err, "record a tick of "+entry)
	}
	n, err := result.RowsAffected()
	return n == 1, t.s.wrap(err, "record a tick of "+entry)
}

// Last returns the newest instant of entry on record that is not after the given time; zero when there is none.
func (t Ticks) Last(ctx context.Context, entry string, notAfter time.Time) (time.Time, error) {
	var last int64
	err := t.s.db.QueryRowContext(ctx, t.s.rebind(`SELECT COALESCE(MAX(instant), 0) FROM ticks WHERE entry = ? AND instant <= ?`),
		entry, micros(notAfter)).Scan(&last)
	return fromMicros(last), t.s.wrap(err, "find the last tick of "+entry)
}

// List returns the newest ticks of entry, or of all entries for "", the newest first; limit 0 = 1000.
func (t Ticks) List(ctx context.Context, entry string, limit int) ([]Tick, error) {
	if limit <= 0 {
		limit = 1000
	}
	rows, err := t.s.db.QueryContext(ctx, t.s.rebind(`SELECT entry, instant, skipped, recorded FROM ticks
		WHERE ? = '' OR entry = ? ORDER BY instant DESC, entry LIMIT ?`), entry, entry, limit)
	if err != nil {
		return nil, t.s.wrap(err, "list ticks")
	}
	defer rows.Close()
	var ticks []Tick
	for rows.Next() {
		var tick Tick
		var instant, recorded int64
		if err := rows.Scan(&tick.Entry, &instant, &tick.Skipped, &recorded); err != nil {
			return nil, t.s.wrap(err, "read a tick")
		}
		tick.Instant, tick.Recorded = fromMicros(instant), fromMicros(recorded)
		ticks = append(ticks, tick)
	}
	return ticks, t.s.wrap(rows.Err(), "list ticks")
}

// Prune forgets ticks before the given time, but never the newest of an entry: it says where to go on.
func (t Ticks) Prune(ctx context.Context, before time.Time) (int64, error) {
	result, err := t.s.db.ExecContext(ctx, t.s.rebind(`DELETE FROM ticks WHERE instant < ?
		AND instant < (SELECT MAX(newer.instant) FROM ticks newer WHERE newer.entry = ticks.entry)`), micros(before))
	if err != nil {
		return 0, t.s.wrap(err, "forget old ticks")
	}
	return result.RowsAffected()
}
