// Package audit keeps who did what: an append-only log in the state database whose records are chained by hashes, and a
// seal of its head in a file, so that no record can be edited, removed or reordered, and no tail cut off, without being
// found (G20).
//
// Several processes may write at once; they make one chain. Nothing here changes or removes a record. The plugins never
// get near it.
package audit

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Outcome is how what was tried ended.
type Outcome string

// The outcomes.
const (
	OK     Outcome = "ok"
	Denied Outcome = "denied" // the right to do it was missing
	Failed Outcome = "failed"
)

// System is the e-mail of what the instance does by itself.
const System = "system"

// Entry is one thing that somebody did or tried to.
type Entry struct {
	At      time.Time // zero = now; kept in microseconds
	UserID  string    // "" for the system and for strangers
	Email   string    // or System; "" for strangers
	Action  string    // noun.verb, e.g. "tokens.revoke"
	Object  string    // what it was done to, e.g. a table's name; "" when the action says it
	Outcome Outcome   // "" = OK
	Reason  string    // why it was denied or failed; no secrets
	Address string    // where it came from; "" for this machine
	Request string    // id of the HTTP request
	Via     string    // portal, api, cli, rsync, mcp, or "" for the instance itself
}

// Record is an Entry in its place in the chain.
type Record struct {
	Entry
	Seq  int64 // from 1, without gaps
	Prev string
	Hash string // of everything above, in hex
}

// Options are what a Log needs.
type Options struct {
	DB       *sql.DB
	Postgres bool
	Dir      string // folder of the seal and its key: <data_dir>/state; "" = none is kept
	Now      func() time.Time
	Log      *slog.Logger
	// Origin says where what happens under a context comes from; nil = this machine.
	Origin func(ctx context.Context) (address, request, via string)
}

// Log is the audit log of an instance. It is safe for concurrent use.
type Log struct {
	o    Options
	seal *seal
	lost atomic.Int64
}

// Open returns the log over an open state database.
func Open(o Options) (*Log, error) {
	l := &Log{o: o}
	if o.Dir == "" {
		return l, nil
	}
	var err error
	l.seal, err = openSeal(o.Dir)
	return l, err
}

// noteTime bounds how long Note may keep its caller.
const noteTime = 10 * time.Second

// Note records an entry although ctx may be over; that it could not is logged and counted. It is for deeds that cannot be
// undone when their record fails.
func (l *Log) Note(ctx context.Context, e Entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	if err := l.Record(ctx, e); err != nil {
		l.lost.Add(1)
		l.o.Log.Error("the audit log could not be written", "action", e.Action, "object", e.Object, "email", e.Email, "outcome", string(e.Outcome), "error", err)
	}
}

// Lost counts the entries that Note could not record.
func (l *Log) Lost() int64 { return l.lost.Load() }

// Record appends an entry. When it returns nil, the record is on disk (G3).
func (l *Log) Record(ctx context.Context, e Entry) error {
	e = l.complete(ctx, e)
	if e.Action == "" {
		return fault.New(fault.Bug, "record in the audit log: the action is missing")
	}
	r, err := l.append(ctx, e)
	if err != nil {
		return fault.Wrap(fault.CodeOf(err), err, "record in the audit log")
	}
	if l.seal == nil {
		return nil
	}
	return l.seal.press(ctx, mark{r.Seq, r.Hash}, l.hashOf)
}

func (l *Log) complete(ctx context.Context, e Entry) Entry {
	if e.At.IsZero() {
		e.At = l.o.Now()
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	if e.Outcome == "" {
		e.Outcome = OK
	}
	if l.o.Origin != nil {
		address, request, via := l.o.Origin(ctx)
		for own, found := range map[*string]string{&e.Address: address, &e.Request: request, &e.Via: via} {
			if *own == "" {
				*own = found
			}
		}
	}
	for _, field := range e.texts() {
		*field = clean(*field)
	}
	return e
}

// texts are the fields of text, in the order in which they are hashed.
func (e *Entry) texts() []*string {
	return []*string{&e.UserID, &e.Email, &e.Action, &e.Object, (*string)(&e.Outcome), &e.Reason, &e.Address, &e.Request, &e.Via}
}

// clean makes any string one that both databases give back unchanged: valid UTF-8 without NUL, at most 2 KiB.
func clean(s string) string {
	const most = 2 << 10
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// sum is the hash of a record: SHA-256 over its canonical bytes, each field with its length before it, so that no two
// records have the same bytes.
func (r *Record) sum() string {
	b := []byte("broker audit 1\n")
	field := func(s string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	field(strconv.FormatInt(r.Seq, 10))
	field(strconv.FormatInt(r.At.UnixMicro(), 10))
	for _, text := range r.texts() {
		field(*text)
	}
	field(r.Prev)
	hash := sha256.Sum256(b)
	return hex.EncodeToString(hash[:])
}

// append puts an entry behind the head, whose row is locked meanwhile: that makes the writers of all processes one queue.
func (l *Log) append(ctx context.Context, e Entry) (*Record, error) {
	r := &Record{Entry: e}
	tx, err := l.o.DB.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // no effect after Commit
	err = tx.QueryRowContext(ctx, `UPDATE audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash`).Scan(&r.Seq, &r.Prev)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.Data, "the head of the audit log is gone").WithHelp(`See "broker audit verify".`)
	}
	if err != nil {
		return nil, err
	}
	r.Hash = r.sum()
	if _, err := tx.ExecContext(ctx, l.rebind(`INSERT INTO audit_log (`+columns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`), r.Seq, r.At.UnixMicro(),
		r.UserID, r.Email, r.Action, r.Object, string(r.Outcome), r.Reason, r.Address, r.Request, r.Via, r.Prev, r.Hash); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, l.rebind(`UPDATE audit_head SET hash = ? WHERE id = 1`), r.Hash); err != nil {
		return nil, err
	}
	return r, tx.Commit()
}

const columns = `seq, at, user_id, email, action, object, outcome, reason, address, request, via, prev, hash`

func scan(row interface{ Scan(...any) error }) (*Record, error) {
	r := &Record{}
	var at int64
	err := row.Scan(&r.Seq, &at, &r.UserID, &r.Email, &r.Action, &r.Object, &r.Outcome, &r.Reason, &r.Address, &r.Request, &r.Via, &r.Prev, &r.Hash)
	r.At = time.UnixMicro(at).UTC()
	return r, err
}

// hashOf is the hash of the record of a number; "" when there is none.
func (l *Log) hashOf(ctx context.Context, seq int64) (hash string, err error) {
	err = l.o.DB.QueryRowContext(ctx, l.rebind(`SELECT hash FROM audit_log WHERE seq = ?`), seq).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return hash, err
}

// rebind turns the "?" of a statement into "$1", "$2", … for Postgres. No statement of this room holds one in a literal.
func (l *Log) rebind(statement string) string {
	if !l.o.Postgres {
		return statement
	}
	var b strings.Builder
	for i, piece := range strings.Split(statement, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(piece)
	}
	return b.String()
}
