// Package usage counts what people really use: pulls, the tables whose parts they took, queries with the tables that stand
// in them, and where each token pulled last. Counters are one a day, person, table and kind; no statement and no row is
// kept.
//
// Whoever notes something never waits: notes pass through a bounded queue and are written in batches. What does not fit
// is dropped and counted.
package usage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
)

// Access says who may see what.
type Access interface {
	Visible(ctx context.Context, who sdk.Caller) (sees func(sdk.TableName) bool, digest string, err error)
	Authorize(ctx context.Context, who sdk.Caller, action sdk.Action, table sdk.TableName) error
	Tokens(ctx context.Context, who sdk.Caller) ([]sdk.Token, error)
}

// Team is a group with the ids of its people.
type Team struct {
	Name    string
	Members []string
}

// Options are what a Book needs.
type Options struct {
	DB       *sql.DB
	Postgres bool
	Access   Access
	Teams    func(ctx context.Context) ([]Team, error)
	// Tables are all that a person may ask; Asked looks for their names in statements.
	Tables func(ctx context.Context, who sdk.Caller) ([]sdk.TableName, error)
	Queue  int // notes that may wait; 0 = 8192
	Now    func() time.Time
	Log    *slog.Logger
}

// Book counts. It is safe for concurrent use.
type Book struct {
	o       Options
	queue   chan note
	dropped atomic.Int64
}

// The kinds of use.
const (
	kindPull  = "pull"
	kindQuery = "query"
)

// note is one use, not yet counted.
type note struct {
	at         time.Time
	who        sdk.Caller
	kind       string
	table      sdk.TableName // of a part that was taken; "" = none
	sql        string        // of a query
	generation int64         // of a pull
	client     string
}

// New returns a Book. Nothing is written before Run.
func New(o Options) *Book {
	if o.Queue <= 0 {
		o.Queue = 8192
	}
	return &Book{o: o, queue: make(chan note, o.Queue)}
}

// Pulled notes that somebody asked for a manifest and holds it now.
func (b *Book) Pulled(who sdk.Caller, generation int64, client string) {
	b.put(note{who: who, kind: kindPull, generation: generation, client: clip(client, 200)})
}

// Fetched notes that somebody took a part of a table.
func (b *Book) Fetched(who sdk.Caller, table sdk.TableName) {
	b.put(note{who: who, kind: kindPull, table: table})
}

// Asked notes a statement that ran. It is looked at for names of tables, and forgotten.
func (b *Book) Asked(who sdk.Caller, statement string) {
	b.put(note{who: who, kind: kindQuery, sql: statement})
}

// Dropped counts the notes that did not fit into the queue.
func (b *Book) Dropped() int64 { return b.dropped.Load() }

func (b *Book) put(n note) {
	n.at = b.o.Now().UTC()
	select {
	case b.queue <- n:
	default:
		b.dropped.Add(1)
	}
}

// clip makes a text one that both databases keep, of at most so many bytes.
func clip(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "")
}

// Times of the writer.
const (
	writeEvery = 500 * time.Millisecond
	writeTime  = 30 * time.Second
	keepDays   = 400
	pruneEvery = 24 * time.Hour
)

// Run writes what is noted until ctx ends, and then the rest.
func (b *Book) Run(ctx context.Context) error {
	w := newWriter(b)
	ticks := time.NewTicker(writeEvery)
	defer ticks.Stop()
	pruned := time.Time{}
	for {
		select {
		case <-ctx.Done():
			w.drain(context.WithoutCancel(ctx))
			return nil
		case n := <-b.queue:
			w.add(ctx, n)
			continue
		case <-ticks.C:
		}
		w.flush(ctx)
		if now := b.o.Now(); now.Sub(pruned) >= pruneEvery {
			pruned = now
			if err := b.prune(ctx, now); err != nil && ctx.Err() == nil {
				b.o.Log.Error("old counts of use stay; they are removed tomorrow", "error", err)
			}
		}
	}
}

func (b *Book) prune(ctx context.Context, now time.Time) error {
	before := day(now.AddDate(0, 0, -keepDays))
	for _, table := range []string{"usage_days", "usage_pairs"} {
		if _, err := b.o.DB.ExecContext(ctx, b.rebind(`DELETE FROM `+table+` WHERE day < ?`), before); err != nil {
			return fmt.Errorf("remove old counts: %w", err)
		}
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// rebind turns the "?" of a statement into "$1", "$2", … for Postgres. No statement of this room holds one in a literal.
func (b *Book) rebind(statement string) string {
	if !b.o.Postgres {
		return statement
	}
	var out strings.Builder
	for i, piece := range strings.Split(statement, "?") {
		if i > 0 {
			out.WriteString("$" + strconv.Itoa(i))
		}
		out.WriteString(piece)
	}
	return out.String()
}

// counter is one row of counts.
type counter struct{ day, user, table, kind string }

type pair struct{ day, table, other string }

type tally struct {
	times int64
	last  time.Time
}

type machine struct {
	user       string
	generation int64
	at         time.Time
	client     string
}

// writer gathers notes and writes them. It belongs to Run alone.
type writer struct {
	book     *Book
	counts   map[counter]tally
	pairs    map[pair]int64
	machines map[string]machine
	taken    map[string]map[sdk.TableName]bool // by holder: tables counted since its last manifest
}

// mostHolders bounds what is remembered of pulls under way; beyond it a table may count twice.
const mostHolders = 10_000

func newWriter(b *Book) *writer {
	w := &writer{book: b, taken: map[string]map[sdk.TableName]bool{}}
	w.clear()
	return w
}

func (w *writer) clear() {
	w.counts, w.pairs, w.machines = map[counter]tally{}, map[pair]int64{}, map[string]machine{}
}

func (w *writer) add(ctx context.Context, n note) {
	switch {
	case n.kind == kindQuery:
		w.count(n, "")
		w.asked(ctx, n)
	case n.table != "":
		w.fetched(n)
	default:
		w.count(n, "")
		delete(w.taken, holder(n.who))
		if n.who.TokenID != "" {
			w.machines[n.who.TokenID] = machine{n.who.User.ID, n.generation, n.at, n.client}
		}
	}
}

func (w *writer) count(n note, table sdk.TableName) {
	key := counter{day(n.at), n.who.User.ID, string(table), n.kind}
	w.counts[key] = tally{w.counts[key].times + 1, n.at}
}

// holder is whoever pulls: a token, or a person in a browser.
func holder(who sdk.Caller) string {
	if who.TokenID != "" {
		return who.TokenID
	}
	return "user " + who.User.ID
}

// fetched counts a table once a pull, however many parts it has.
func (w *writer) fetched(n note) {
	seen := w.taken[holder(n.who)]
	if seen == nil {
		if len(w.taken) >= mostHolders {
			clear(w.taken)
		}
		seen = map[sdk.TableName]bool{}
		w.taken[holder(n.who)] = seen
	}
	if !seen[n.table] {
		seen[n.table] = true
		w.count(n, n.table)
	}
}

func (w *writer) asked(ctx context.Context, n note) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer cancel()
	known, err := w.book.o.Tables(ctx, n.who)
	if err != nil {
		w.book.o.Log.Warn("a query is not counted for its tables", "error", err)
		return
	}
	named := Named(n.sql, known)
	for _, table := range named {
		w.count(n, table)
		for _, other := range named {
			if other != table {
				w.pairs[pair{day(n.at), string(table), string(other)}]++
			}
		}
	}
}

// drain writes everything that was noted before the end.
func (w *writer) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	for {
		select {
		case n := <-w.book.queue:
			w.add(ctx, n)
		default:
			w.flush(ctx)
			return
		}
	}
}

// flush writes what is gathered in one transaction. When that fails it stays, for the next time.
func (w *writer) flush(ctx context.Context) {
	if len(w.counts)+len(w.machines) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if err := w.write(ctx); err != nil {
		if !errors.Is(err, context.Canceled) {
			w.book.o.Log.Warn("counts of use could not be written; they are kept for the next time", "error", err)
		}
		return
	}
	w.clear()
}

func (w *writer) write(ctx context.Context) error {
	tx, err := w.book.o.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // no effect after Commit
	for key, t := range w.counts {
		if _, err := tx.ExecContext(ctx, w.book.rebind(`INSERT INTO usage_days (day, user_id, name, kind, times, last) VALUES (?,?,?,?,?,?)
			ON CONFLICT (day, user_id, name, kind) DO UPDATE SET times = usage_days.times + excluded.times,
			last = CASE WHEN usage_days.last > excluded.last THEN usage_days.last ELSE excluded.last END`),
			key.day, key.user, key.table, key.kind, t.times, t.last.UnixMicro()); err != nil {
			return err
		}
	}
	for key, times := range w.pairs {
		if _, err := tx.ExecContext(ctx, w.book.rebind(`INSERT INTO usage_pairs (day, name, other, times) VALUES (?,?,?,?)
			ON CONFLICT (day, name, other) DO UPDATE SET times = usage_pairs.times + excluded.times`), key.day, key.table, key.other, times); err != nil {
			return err
		}
	}
	for token, m := range w.machines {
		if _, err := tx.ExecContext(ctx, w.book.rebind(`INSERT INTO usage_machines (token, user_id, generation, pulled, client) VALUES (?,?,?,?,?)
			ON CONFLICT (token) DO UPDATE SET user_id = excluded.user_id, generation = excluded.generation, pulled = excluded.pulled, client = excluded.client`),
			token, m.user, m.generation, m.at.UnixMicro(), m.client); err != nil {
			return err
		}
	}
	return tx.Commit()
}
