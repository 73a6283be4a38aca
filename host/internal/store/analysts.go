package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Analysts keeps who may come in by SSH: one name, one public key, one user.
type Analysts struct{ s *Store }

// Analysts is the keeper of analysts.
func (s *Store) Analysts() Analysts { return Analysts{s} }

// Analyst is a name with its key and the user it stands for.
type Analyst struct {
	Name        string
	UserID      string
	Own         bool   // the user was made for this name
	Key         string // "<type> <base64>"
	Fingerprint string
	Comment     string
	Created     time.Time
}

const analystColumns = `name, user_id, own, ssh_key, fingerprint, comment, created`

func scanAnalyst(scan func(...any) error) (Analyst, error) {
	var a Analyst
	var own, created int64
	err := scan(&a.Name, &a.UserID, &own, &a.Key, &a.Fingerprint, &a.Comment, &created)
	a.Own, a.Created = own != 0, fromMicros(created)
	return a, err
}

// FindAnalyst returns the analyst of a name; fault.NotFound when there is none.
func (k Analysts) FindAnalyst(ctx context.Context, name string) (Analyst, error) {
	row := k.s.db.QueryRowContext(ctx, k.s.rebind(`SELECT `+analystColumns+` FROM analysts WHERE name = ?`), name)
	a, err := scanAnalyst(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Analyst{}, fault.Newf(fault.NotFound, "there is no analyst %.60q", name).WithHelp(`See "broker list-analysts".`)
	}
	return a, k.s.wrap(err, "find an analyst")
}

// ListAnalysts lists all by name.
func (k Analysts) ListAnalysts(ctx context.Context) ([]Analyst, error) {
	rows, err := k.s.db.QueryContext(ctx, `SELECT `+analystColumns+` FROM analysts ORDER BY name`)
	if err != nil {
		return nil, k.s.wrap(err, "list analysts")
	}
	defer rows.Close()
	var all []Analyst
	for rows.Next() {
		a, err := scanAnalyst(rows.Scan)
		if err != nil {
			return nil, k.s.wrap(err, "read an analyst")
		}
		all = append(all, a)
	}
	return all, k.s.wrap(rows.Err(), "list analysts")
}

// AddAnalyst keeps a new analyst; false when the name or the key is there already.
func (k Analysts) AddAnalyst(ctx context.Context, a Analyst) (bool, error) {
	if a.Name == "" || a.UserID == "" || a.Key == "" {
		return false, fault.New(fault.Bug, "add an analyst: name, user or key is missing")
	}
	return k.s.People().change(ctx, "add an analyst", `INSERT INTO analysts (`+analystColumns+`) VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
		a.Name, a.UserID, bit(a.Own), a.Key, a.Fingerprint, text(a.Comment), micros(a.Created))
}

// RemoveAnalyst forgets a name and its key; false when there is none such.
func (k Analysts) RemoveAnalyst(ctx context.Context, name string) (bool, error) {
	return k.s.People().change(ctx, "remove an analyst", `DELETE FROM analysts WHERE name = ?`, name)
}
