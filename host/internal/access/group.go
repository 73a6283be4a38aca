package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/access/reach"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Group is a group as it holds: the configuration's, or the database's.
type Group struct {
	Name     string
	Members  []string // addresses; nil for Everyone
	Patterns []string
	Origin
}

// Groups lists all groups by name, Everyone among them.
func (a *Access) Groups(ctx context.Context) ([]Group, error) {
	view, err := a.current(ctx)
	if err != nil {
		return nil, err
	}
	var groups []Group
	for _, g := range view.book.groups {
		patterns := make([]string, len(g.Patterns))
		for i, p := range g.Patterns {
			patterns[i] = p.Value
		}
		groups = append(groups, Group{Name: g.Name, Members: slices.Sorted(slices.Values(g.Members)), Patterns: patterns, Origin: g.Origin})
	}
	for _, g := range view.groups {
		var members []string
		for _, id := range g.Members {
			members = append(members, view.byID[id].Email)
		}
		slices.Sort(members)
		groups = append(groups, Group{Name: g.Name, Members: members, Patterns: g.Patterns, Origin: inDatabase})
	}
	slices.SortFunc(groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return groups, nil
}

// CreateGroup makes an empty group; false when it is there already.
func (a *Access) CreateGroup(ctx context.Context, name string) (bool, error) {
	if !groupGrammar.MatchString(name) {
		return false, fault.Newf(fault.Config, "%.100q is not the name of a group", name).WithHelp("Names match " + groupGrammar.String() + ".")
	}
	if err := a.owned(name); err != nil {
		return false, err
	}
	if name == Everyone {
		return false, nil
	}
	return a.store.AddGroup(ctx, name, a.now())
}

// AddMembers puts people into a group of the database. All are looked up first: one unknown address changes nothing.
// It returns how many are new.
func (a *Access) AddMembers(ctx context.Context, group string, emails []string) (int, error) {
	users, err := a.members(ctx, group, emails, a.ensure)
	if err != nil {
		return 0, err
	}
	return each(users, func(u sdk.User) (bool, error) { return a.store.AddMember(ctx, group, u.ID, a.now()) })
}

// RemoveMembers takes people out of a group of the database and returns how many were in it.
func (a *Access) RemoveMembers(ctx context.Context, group string, emails []string) (int, error) {
	users, err := a.members(ctx, group, emails, a.find)
	if err != nil {
		return 0, err
	}
	return each(users, func(u sdk.User) (bool, error) { return a.store.RemoveMember(ctx, group, u.ID) })
}

// Grant lets a group read what patterns name and returns how many are new. A dataset must be one of the configuration.
func (a *Access) Grant(ctx context.Context, group string, patterns []string) (int, error) {
	if err := a.changeable(ctx, group); err != nil {
		return 0, err
	}
	for _, p := range patterns {
		if err := a.checkPattern(p); err != nil {
			return 0, err
		}
	}
	return each(patterns, func(p string) (bool, error) { return a.store.AddGrant(ctx, group, p, a.now()) })
}

// Revoke takes grants back and returns how many there were.
func (a *Access) Revoke(ctx context.Context, group string, patterns []string) (int, error) {
	if err := a.changeable(ctx, group); err != nil {
		return 0, err
	}
	return each(patterns, func(p string) (bool, error) { return a.store.RemoveGrant(ctx, group, p) })
}

func (a *Access) checkPattern(pattern string) error {
	if !reach.IsPattern(pattern) {
		return fault.Newf(fault.Config, "%.100q is no pattern of tables", pattern).WithHelp("Write namespace.table, namespace.*, * or dataset:NAME.")
	}
	name, isDataset := strings.CutPrefix(pattern, "dataset:")
	if _, known := a.rules.Load().Datasets[name]; isDataset && !known {
		return fault.Newf(fault.Config, "there is no dataset %q", name).WithHelp("Datasets are blocks of the configuration.")
	}
	return nil
}

// owned refuses to change what the configuration owns.
func (a *Access) owned(group string) error {
	g, ok := a.rules.Load().groups[group]
	if !ok {
		return nil
	}
	return fault.Newf(fault.Config, "the group %q belongs to the configuration: %s:%d", group, g.File, g.Line).WithHelp("Change it there; a running broker serve takes it on SIGHUP.")
}

// changeable refuses a group that the configuration owns, and one that is not there.
func (a *Access) changeable(ctx context.Context, group string) error {
	if err := a.owned(group); err != nil {
		return err
	}
	view, err := a.current(ctx)
	if err != nil {
		return err
	}
	if _, ok := view.groups[group]; !ok {
		return fault.Newf(fault.NotFound, "there is no group %.100q", group).WithHelp(fmt.Sprintf("Make it first: broker groups create %.100s", group))
	}
	return nil
}

func (a *Access) members(ctx context.Context, group string, emails []string, look func(context.Context, string) (sdk.User, error)) ([]sdk.User, error) {
	if err := a.changeable(ctx, group); err != nil {
		return nil, err
	}
	if group == Everyone {
		return nil, fault.New(fault.Config, `the group "everyone" is built in and holds everybody`)
	}
	users := make([]sdk.User, len(emails))
	for i, email := range emails {
		user, err := look(ctx, email)
		if err != nil {
			return nil, err
		}
		users[i] = user
	}
	return users, nil
}

// each does something for every one and counts what changed.
func each[T any](list []T, do func(T) (bool, error)) (int, error) {
	changed := 0
	for _, one := range list {
		did, err := do(one)
		if err != nil {
			return changed, err
		}
		if did {
			changed++
		}
	}
	return changed, nil
}
