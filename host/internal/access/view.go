package access

import (
	"context"
	"slices"
	"sync"

	"github.com/ai-data-analyst/broker/host/internal/access/reach"
	"github.com/ai-data-analyst/broker/sdk"
)

// view is rules and directory of one moment, ready for look-ups. It does not change.
type view struct {
	book     *ruleBook
	version  int64
	byID     map[string]sdk.User
	byEmail  map[string]sdk.User
	groups   map[string]sdk.Group // of the database; those whose name the configuration owns are left out
	memberOf map[string][]string  // user id → names of groups of the database

	reaches sync.Map // user id → *reach.Reach
}

// current is the view that holds now: a change by any process is seen at once (G12).
func (a *Access) current(ctx context.Context) (*view, error) {
	version, err := a.store.Version(ctx)
	if err != nil {
		return nil, err
	}
	return a.viewOf(ctx, version)
}

// viewOf is the view of a version, or of a newer one. The directory is read only when it has changed.
func (a *Access) viewOf(ctx context.Context, version int64) (*view, error) {
	if v := a.held(version); v != nil {
		return v, nil
	}
	a.loading.Lock()
	defer a.loading.Unlock()
	if v := a.held(version); v != nil {
		return v, nil
	}
	book := a.rules.Load()
	directory, err := a.store.Directory(ctx)
	if err != nil {
		return nil, err
	}
	v := newView(book, directory)
	a.view.Store(v)
	return v, nil
}

func (a *Access) held(version int64) *view {
	if v := a.view.Load(); v != nil && v.version == version && v.book == a.rules.Load() {
		return v
	}
	return nil
}

func newView(book *ruleBook, d sdk.Directory) *view {
	v := &view{book: book, version: d.Version, byID: map[string]sdk.User{}, byEmail: map[string]sdk.User{},
		groups: map[string]sdk.Group{}, memberOf: map[string][]string{}}
	for _, u := range d.Users {
		v.byID[u.ID], v.byEmail[u.Email] = u, u
	}
	for _, g := range d.Groups {
		if _, owned := book.groups[g.Name]; owned {
			continue
		}
		v.groups[g.Name] = g
		for _, id := range g.Members {
			v.memberOf[id] = append(v.memberOf[id], g.Name)
		}
	}
	return v
}

// lets says whether a person may come in: not disabled, and invited or admitted by the rules as they are now.
func (v *view) lets(user sdk.User) bool {
	return !user.Disabled && (user.Invited || v.book.admits(user.Email) != "")
}

// groupsOf are the groups of a person, sorted.
func (v *view) groupsOf(user sdk.User) []string {
	names := slices.Concat([]string{Everyone}, v.memberOf[user.ID], v.book.in[user.Email])
	slices.Sort(names)
	return slices.Compact(names)
}

// grantsOf are the grants of groups, each with where it is written.
func (v *view) grantsOf(groups []string) []Reason {
	var grants []Reason
	for _, name := range groups {
		if g, ok := v.book.groups[name]; ok {
			for _, p := range g.Patterns {
				grants = append(grants, Reason{Group: name, Pattern: p.Value, Origin: p.File, Line: p.Line})
			}
			continue
		}
		for _, p := range v.groups[name].Patterns {
			grants = append(grants, Reason{Group: name, Pattern: p, Origin: inDatabase.File})
		}
	}
	return grants
}

// reachOf is what a user may read; closed for one who is gone or shut out.
func (v *view) reachOf(id string) *reach.Reach {
	if r, ok := v.reaches.Load(id); ok {
		return r.(*reach.Reach)
	}
	user, ok := v.byID[id]
	if !ok || !v.lets(user) {
		return reach.Closed()
	}
	r := v.measure(user)
	v.reaches.Store(id, r)
	return r
}

// measure makes the reach of a user who is let in.
func (v *view) measure(user sdk.User) *reach.Reach {
	role := v.book.roleOf(user)
	return reach.New(v.book.tables, role.Role, Reason{Origin: role.origin.File, Line: role.origin.Line}, v.grantsOf(v.groupsOf(user)))
}

// caller is a user as they are now: role and groups by configuration and database together.
func (v *view) caller(user sdk.User, scopes []sdk.Scope) sdk.Caller {
	user.Role = v.book.roleOf(user).Role
	return sdk.Caller{User: user, Groups: v.groupsOf(user), Scopes: scopes}
}
