package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// People keeps users, groups and grants. Every change makes Version grow in the same transaction: whoever remembers an
// answer of an older version asks again.
type People struct{ s *Store }

// People is the keeper of users, groups and grants.
func (s *Store) People() People { return People{s} }

// Version counts the changes of people, groups, grants and tokens, by whichever process.
func (p People) Version(ctx context.Context) (int64, error) {
	var version int64
	err := p.s.db.QueryRowContext(ctx, `SELECT version FROM access_version WHERE id = 1`).Scan(&version)
	return version, p.s.wrap(err, "read the version of access")
}

// Directory reads everybody, with the version of the same moment.
func (p People) Directory(ctx context.Context) (sdk.Directory, error) {
	options := &sql.TxOptions{ReadOnly: true} // SQLite: a snapshot, which waits for no writer
	if p.s.dialect == Postgres {
		options.Isolation = sql.LevelRepeatableRead
	}
	var d sdk.Directory
	tx, err := p.s.db.BeginTx(ctx, options)
	if err != nil {
		return d, p.s.wrap(err, "read the directory of people")
	}
	defer tx.Rollback() // it only reads
	err = tx.QueryRowContext(ctx, `SELECT version FROM access_version WHERE id = 1`).Scan(&d.Version)
	if err == nil {
		d.Users, err = readUsers(ctx, tx)
	}
	if err == nil {
		d.Groups, err = readGroups(ctx, tx)
	}
	return d, p.s.wrap(err, "read the directory of people")
}

func readUsers(ctx context.Context, tx *sql.Tx) (users []sdk.User, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, email, name, role, invited, disabled, created FROM users ORDER BY email`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u sdk.User
		var invited, disabled, created int64
		if err := rows.Scan(&u.ID, &u.Email, &u.Name, &u.Role, &invited, &disabled, &created); err != nil {
			return nil, err
		}
		u.Invited, u.Disabled, u.Created = invited != 0, disabled != 0, fromMicros(created)
		users = append(users, u)
	}
	return users, rows.Err()
}

func readGroups(ctx context.Context, tx *sql.Tx) (groups []sdk.Group, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT name, created FROM user_groups ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	at := map[string]int{}
	for rows.Next() {
		var g sdk.Group
		var created int64
		if err := rows.Scan(&g.Name, &created); err != nil {
			return nil, err
		}
		g.Created, at[g.Name] = fromMicros(created), len(groups)
		groups = append(groups, g)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	err = readPairs(ctx, tx, `SELECT group_name, user_id FROM group_members ORDER BY group_name, user_id`, func(group, id string) {
		groups[at[group]].Members = append(groups[at[group]].Members, id)
	})
	if err != nil {
		return nil, err
	}
	return groups, readPairs(ctx, tx, `SELECT group_name, pattern FROM group_grants ORDER BY group_name, pattern`, func(group, pattern string) {
		groups[at[group]].Patterns = append(groups[at[group]].Patterns, pattern)
	})
}

func readPairs(ctx context.Context, tx *sql.Tx, statement string, take func(a, b string)) error {
	rows, err := tx.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		take(a, b)
	}
	return rows.Err()
}

// AddUser keeps a new user; false when the address has one already.
func (p People) AddUser(ctx context.Context, u sdk.User) (bool, error) {
	if u.ID == "" || u.Email == "" {
		return false, fault.New(fault.Bug, "add a user: id or address is missing")
	}
	return p.change(ctx, "add a user", `INSERT INTO users (id, email, name, role, invited, disabled, created) VALUES (?,?,?,?,?,?,?)
		ON CONFLICT (email) DO NOTHING`, u.ID, u.Email, text(u.Name), string(u.Role), bit(u.Invited), bit(u.Disabled), micros(u.Created))
}

// SaveUser overwrites name, role and invited of a user.
func (p People) SaveUser(ctx context.Context, u sdk.User) error {
	return p.must(p.change(ctx, "save a user", `UPDATE users SET name = ?, role = ?, invited = ? WHERE id = ?`, text(u.Name), string(u.Role), bit(u.Invited), u.ID))
}

// DisableUser shuts a user out: all sessions end, all tokens are revoked, and the role falls back to standard.
func (p People) DisableUser(ctx context.Context, id string, now time.Time) error {
	return p.s.inTx(ctx, "disable a user", func(tx *sql.Tx) error {
		done, err := p.s.changeIn(ctx, tx, `UPDATE users SET disabled = 1, role = ? WHERE id = ?`, string(sdk.Standard), id)
		if err := p.must(done, err); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, p.s.rebind(`DELETE FROM portal_sessions WHERE user_id = ?`), id); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, p.s.rebind(`UPDATE tokens SET revoked = ? WHERE user_id = ? AND revoked = 0`), micros(now), id)
		return err
	})
}

// EnableUser lets a user in again.
func (p People) EnableUser(ctx context.Context, id string) error {
	return p.must(p.change(ctx, "enable a user", `UPDATE users SET disabled = 0 WHERE id = ?`, id))
}

// AddGroup makes an empty group; false when it is there already.
func (p People) AddGroup(ctx context.Context, name string, now time.Time) (bool, error) {
	return p.change(ctx, "add a group", `INSERT INTO user_groups (name, created) VALUES (?,?) ON CONFLICT (name) DO NOTHING`, name, micros(now))
}

// AddMember puts a user into a group; false when they are in it already.
func (p People) AddMember(ctx context.Context, group, userID string, now time.Time) (bool, error) {
	return p.change(ctx, "add a member", `INSERT INTO group_members (group_name, user_id, added) VALUES (?,?,?)
		ON CONFLICT (group_name, user_id) DO NOTHING`, group, userID, micros(now))
}

// RemoveMember takes a user out of a group; false when they are not in it.
func (p People) RemoveMember(ctx context.Context, group, userID string) (bool, error) {
	return p.change(ctx, "remove a member", `DELETE FROM group_members WHERE group_name = ? AND user_id = ?`, group, userID)
}

// AddGrant gives a group a pattern; false when it has it already.
func (p People) AddGrant(ctx context.Context, group, pattern string, now time.Time) (bool, error) {
	return p.change(ctx, "add a grant", `INSERT INTO group_grants (group_name, pattern, added) VALUES (?,?,?)
		ON CONFLICT (group_name, pattern) DO NOTHING`, group, pattern, micros(now))
}

// RemoveGrant takes a pattern from a group; false when it has none such.
func (p People) RemoveGrant(ctx context.Context, group, pattern string) (bool, error) {
	return p.change(ctx, "remove a grant", `DELETE FROM group_grants WHERE group_name = ? AND pattern = ?`, group, pattern)
}

// change runs one statement about people and says whether it changed anything.
func (p People) change(ctx context.Context, doing, statement string, args ...any) (changed bool, err error) {
	err = p.s.inTx(ctx, doing, func(tx *sql.Tx) error {
		changed, err = p.s.changeIn(ctx, tx, statement, args...)
		return err
	})
	return changed && err == nil, err
}

// changeIn is change within a transaction. The version grows with the change or not at all.
func (s *Store) changeIn(ctx context.Context, tx *sql.Tx, statement string, args ...any) (bool, error) {
	result, err := tx.ExecContext(ctx, s.rebind(statement), args...)
	if err != nil {
		return false, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE access_version SET version = version + 1 WHERE id = 1`)
	return err == nil, err
}

// must turns "nothing changed" into an error, for users who are meant to be there.
func (p People) must(done bool, err error) error {
	if err == nil && !done {
		return fault.New(fault.NotFound, "there is no such user")
	}
	return err
}

// bit is a bool as both databases keep it.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
