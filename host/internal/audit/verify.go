package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Verdict is what Verify found.
type Verdict struct {
	Records int64  // that are sound, from the first
	Bad     int64  // number of the first record that is not; 0 = all are
	Reason  string // what is wrong with it
}

// Verify reads the whole chain and compares its end with the head and the seal. An error says that it could not look.
func (l *Log) Verify(ctx context.Context) (Verdict, error) {
	var sealed mark
	found, forged := false, false
	if l.seal != nil { // first: what is written meanwhile makes the chain longer, never shorter
		var err error
		if sealed, found, err = l.seal.read(); err != nil {
			if forged = errors.Is(err, errForged); !forged {
				return Verdict{}, fmt.Errorf("read the seal of the audit log: %w", err)
			}
		}
	}
	v, last, atSeal, err := l.walk(ctx, sealed.seq)
	if err != nil || v.Bad != 0 {
		return v, err
	}
	bad := func(seq int64, reason string) Verdict { return Verdict{Records: v.Records, Bad: seq, Reason: reason} }
	switch {
	case forged:
		return bad(last.seq+1, "the seal of the log was changed: records may be missing from its end"), nil
	case l.seal != nil && !found && last.seq > 0:
		return bad(last.seq+1, "the seal of the log is gone: records may be missing from its end"), nil
	case found && sealed.seq > last.seq:
		return bad(last.seq+1, fmt.Sprintf("the log ended at record %d once: its end was cut off", sealed.seq)), nil
	case found && atSeal != sealed.hash:
		return bad(sealed.seq, "it is not the record that was sealed: the log was written anew"), nil
	}
	return v, nil
}

// walk checks every record against the one before, and the last one against the head, in one snapshot. It returns the
// last record's place, and the hash of the one that is asked for.
func (l *Log) walk(ctx context.Context, want int64) (v Verdict, last mark, atWant string, err error) {
	var head mark
	if err := l.o.DB.QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), -1), COALESCE(MAX(hash), '') FROM audit_head`).Scan(&head.seq, &head.hash); err != nil {
		return v, last, "", fmt.Errorf("read the head of the audit log: %w", err)
	}
	rows, err := l.o.DB.QueryContext(ctx, `SELECT `+columns+` FROM audit_log ORDER BY seq`)
	if err != nil {
		return v, last, "", fmt.Errorf("read the audit log: %w", err)
	}
	defer rows.Close()
	atHead := ""
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return v, last, "", fmt.Errorf("read a record of the audit log: %w", err)
		}
		if reason := follows(r, last); reason != "" {
			v.Bad, v.Reason = last.seq+1, reason
			return v, last, "", nil
		}
		last = mark{r.Seq, r.Hash}
		v.Records++
		if r.Seq == want {
			atWant = r.Hash
		}
		if r.Seq == head.seq {
			atHead = r.Hash
		}
	}
	if err := rows.Err(); err != nil {
		return v, last, "", fmt.Errorf("read the audit log: %w", err)
	}
	if head.seq > last.seq || head.seq < 0 || atHead != head.hash {
		v.Bad, v.Reason = last.seq+1, fmt.Sprintf("the head of the log says that record %d is the last: its end was cut off or written anew", head.seq)
	}
	return v, last, atWant, nil
}

// follows says what is wrong with a record behind another one; "" when all is well.
func follows(r *Record, last mark) string {
	switch {
	case r.Seq != last.seq+1:
		return fmt.Sprintf("it is missing: the next one is %d", r.Seq)
	case r.Prev != last.hash:
		return "it does not follow the record before"
	case r.Hash != r.sum():
		return "it was changed"
	}
	return ""
}

// Filter says which records List returns. Zero values leave nothing out.
type Filter struct {
	Since  time.Time
	Actor  string // user id or e-mail
	Action string // whole, or the part before its dot
	Before int64  // number: only older records, for the next page
	Limit  int    // 0 = 200
}

// List returns records, the newest first.
func (l *Log) List(ctx context.Context, f Filter) ([]Record, error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(clause string, values ...any) { where, args = append(where, clause), append(args, values...) }
	if !f.Since.IsZero() {
		add("at >= ?", f.Since.UnixMicro())
	}
	if f.Actor != "" {
		add("(user_id = ? OR email = ?)", f.Actor, f.Actor)
	}
	if f.Action != "" {
		add("(action = ? OR substr(action, 1, ?) = ?)", f.Action, len(f.Action)+1, f.Action+".")
	}
	if f.Before > 0 {
		add("seq < ?", f.Before)
	}
	if f.Limit <= 0 {
		f.Limit = 200
	}
	rows, err := l.o.DB.QueryContext(ctx, l.rebind(`SELECT `+columns+` FROM audit_log WHERE `+strings.Join(where, " AND ")+` ORDER BY seq DESC LIMIT ?`), append(args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("list the audit log: %w", err)
	}
	defer rows.Close()
	var list []Record
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read a record of the audit log: %w", err)
		}
		list = append(list, *r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list the audit log: %w", err)
	}
	return list, nil
}
