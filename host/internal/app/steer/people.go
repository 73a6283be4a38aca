package steer

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Directory is everybody whom the instance knows, and the groups.
func (s *Steering) Directory(ctx context.Context) (api.Directory, error) {
	users, err := s.o.Access.Users(ctx)
	if err != nil {
		return api.Directory{}, err
	}
	groups, err := s.o.Access.Groups(ctx)
	if err != nil {
		return api.Directory{}, err
	}
	tokens, err := s.o.Access.AllTokens(ctx, "")
	if err != nil {
		return api.Directory{}, err
	}
	usable := map[string]int{}
	for _, t := range tokens {
		if t.Revoked.IsZero() && s.o.Now().Before(t.Expires) {
			usable[t.UserID]++
		}
	}
	out := api.Directory{People: make([]api.Person, len(users)), Groups: make([]api.Group, len(groups))}
	for i, u := range users {
		out.People[i] = api.Person{ID: u.ID, Email: u.Email, Name: u.Name, Role: string(u.Role), Status: status(u), Invited: u.Invited, Groups: orEmpty(u.Groups),
			Tokens: usable[u.ID], CreatedAt: u.Created.UTC().Format(time.RFC3339)}
	}
	for i, g := range groups {
		out.Groups[i] = api.Group{Name: g.Name, Members: orEmpty(g.Members), Tables: orEmpty(g.Patterns)}
		if g.Line > 0 {
			out.Groups[i].File, out.Groups[i].Line = g.File, g.Line
		}
	}
	return out, nil
}

func status(p access.Person) string {
	switch {
	case p.Disabled:
		return "disabled"
	case !p.In:
		return "not admitted"
	}
	return "active"
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// Invite lets somebody in, whatever the allow lists say.
func (s *Steering) Invite(ctx context.Context, who sdk.Caller, email, name, role string) error {
	_, _, err := s.o.Access.AddUser(ctx, access.NewUser{Email: email, Name: name, Role: sdk.Role(role)})
	return s.noted(ctx, who, "people.invite", email, err)
}

// Disable shuts people out at once, or lets them in again. Nobody shuts themselves out.
func (s *Steering) Disable(ctx context.Context, who sdk.Caller, email string, disabled bool) error {
	if canonical, ok := access.CanonicalEmail(email); disabled && ok && canonical == who.User.Email {
		return fault.New(fault.Config, "nobody can disable themselves").WithHelp("Ask another administrator.")
	}
	if disabled {
		return s.noted(ctx, who, "people.disable", email, s.o.Access.DisableUser(ctx, email))
	}
	return s.noted(ctx, who, "people.enable", email, s.o.Access.EnableUser(ctx, email))
}

// Relink lets the next identity with the address be the person's.
func (s *Steering) Relink(ctx context.Context, who sdk.Caller, email string) error {
	_, err := s.o.Visits.Relink(ctx, email)
	return s.noted(ctx, who, "people.relink", email, err)
}

// CreateGroup makes an empty group.
func (s *Steering) CreateGroup(ctx context.Context, who sdk.Caller, group string) error {
	made, err := s.o.Access.CreateGroup(ctx, group)
	if err == nil && !made {
		err = fault.Newf(fault.Data, "there is a group %.60q already", group)
	}
	return s.noted(ctx, who, "groups.create", group, err)
}

// ChangeGroup adds or removes people, grants or revokes patterns.
func (s *Steering) ChangeGroup(ctx context.Context, who sdk.Caller, verb, group string, list []string) (int, error) {
	change, ok := map[string]func(context.Context, string, []string) (int, error){"add": s.o.Access.AddMembers, "remove": s.o.Access.RemoveMembers,
		"grant": s.o.Access.Grant, "revoke": s.o.Access.Revoke}[verb]
	if !ok {
		return 0, fault.Newf(fault.Config, "a group cannot be changed by %.40q", verb)
	}
	changed, err := change(ctx, group, list)
	return changed, s.noted(ctx, who, "groups."+verb, group+": "+strings.Join(list, ", "), err)
}

// Matrix says which pattern of each group opens which published table.
func (s *Steering) Matrix(ctx context.Context) (api.Matrix, error) {
	versions, err := s.o.Lake.Tables(ctx)
	if err != nil {
		return api.Matrix{}, err
	}
	tables := make([]sdk.TableName, len(versions))
	for i, v := range versions {
		tables[i] = v.Table
	}
	slices.Sort(tables)
	opened, err := s.o.Access.Opened(ctx, tables)
	if err != nil {
		return api.Matrix{}, err
	}
	out := api.Matrix{Groups: []string{}, Rows: make([]api.MatrixRow, len(tables))}
	for name := range opened {
		out.Groups = append(out.Groups, name)
	}
	slices.Sort(out.Groups)
	sets := s.datasets()
	for i, table := range tables {
		row := api.MatrixRow{Table: string(table), Dataset: sets(table), Private: s.o.Access.Private(table.Namespace()), By: []string{}}
		for _, g := range out.Groups {
			row.By = append(row.By, opened[g][i])
		}
		out.Rows[i] = row
	}
	return out, nil
}

// Explain says whether somebody may read a table, and why.
func (s *Steering) Explain(ctx context.Context, email, table string) (api.Explained, error) {
	found, err := s.o.Access.Explain(ctx, email, table)
	out := api.Explained{Allowed: found.Allowed, Because: []api.ExplainedRule{}, Why: found.Why}
	for _, r := range found.Because {
		out.Because = append(out.Because, api.ExplainedRule{Group: r.Group, Pattern: r.Pattern, Origin: r.Origin, Line: r.Line})
	}
	return out, err
}
