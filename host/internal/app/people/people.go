// Package people introduces the configuration and the state database to access, and reports about users, groups, grants
// and tokens for the command line. It is part of the room app and decides nothing itself.
package people

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/access/visit"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// NewAccess returns the access of an instance whose state database is open. The caller closes it before the store.
func NewAccess(s *store.Store, rules access.Rules, now func() time.Time, log *slog.Logger) *access.Access {
	return access.New(access.Options{Store: kept{s.People(), s.Tokens(), s.Codes()}, Rules: rules, Now: now, Log: log})
}

// kept is the store as access wants it.
type kept struct {
	store.People
	store.Tokens
	store.Codes
}

// Rules are what the configuration says of people. Tables of the description that name a dataset belong to it.
func Rules(c *config.Config, d *config.Description) access.Rules {
	rules := access.Rules{Datasets: map[string][]string{}}
	for _, set := range c.Datasets {
		rules.Datasets[set.Name] = slices.Clone(set.Tables)
	}
	for _, t := range d.Tables {
		if patterns, known := rules.Datasets[t.Dataset]; known {
			rules.Datasets[t.Dataset] = append(patterns, t.Folder+"."+t.Name)
		}
	}
	if c.Access == nil {
		return rules
	}
	a := c.Access
	rules.AllowedDomains, rules.AllowedEmails, rules.Private, rules.DemoLogin = values(a.AllowedDomains), values(a.AllowedEmails), values(a.Private), values(a.DemoLogin)
	rules.Admins, rules.Privileged = named(a.Admins), named(a.Privileged)
	for _, g := range a.Groups {
		rules.Groups = append(rules.Groups, access.RuleGroup{Name: g.Name, Members: values(g.Members), Patterns: named(g.Tables),
			Origin: access.Origin{File: g.File, Line: g.Line}})
	}
	return rules
}

func values(items []config.Item) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = item.Value
	}
	return out
}

func named(items []config.Item) []access.Named {
	out := make([]access.Named, len(items))
	for i, item := range items {
		out[i] = access.Named{Value: item.Value, Origin: access.Origin{File: item.File, Line: item.Line}}
	}
	return out
}

// People does what the verbs users, groups, tokens and access ask.
type People struct {
	access *access.Access
	visits *visit.Visits
	now    func() time.Time
	note   Note
}

// Note writes down what was done, and how it ended.
type Note func(ctx context.Context, action, object string, err error)

// New returns the People of an instance whose state database is open.
func New(s *store.Store, rules access.Rules, now func() time.Time, log *slog.Logger, note Note) *People {
	a := NewAccess(s, rules, now, log)
	return &People{access: a, visits: visit.New(a, s.Visits(), now, log), now: now, note: note}
}

// UserReport is one person.
type UserReport struct {
	ID        string   `json:"id"`
	Email     string   `json:"email"`
	Name      string   `json:"name"`
	Role      string   `json:"role"`   // the one that holds
	Status    string   `json:"status"` // active | disabled | not admitted
	Invited   bool     `json:"invited"`
	Groups    []string `json:"groups"`
	CreatedAt string   `json:"created_at"`
}

// AddUser invites a person; empty name and role leave what is. It says what the person is now, in words.
func (p *People) AddUser(ctx context.Context, email, name, role string) (string, error) {
	user, added, err := p.access.AddUser(ctx, access.NewUser{Email: email, Name: name, Role: sdk.Role(role)})
	p.note(ctx, "people.invite", email, err)
	switch {
	case added:
		return "invited", err
	case user.Disabled:
		return "known already, and disabled", err
	}
	return "known already", err
}

// SetDisabled shuts people out, or lets them in again.
func (p *People) SetDisabled(ctx context.Context, email string, disabled bool) error {
	change, action := p.access.EnableUser, "people.enable"
	if disabled {
		change, action = p.access.DisableUser, "people.disable"
	}
	err := change(ctx, email)
	p.note(ctx, action, email, err)
	return err
}

// Relink forgets by which identities a person signed in, so that the next one with the address is theirs. It returns how
// many there were.
func (p *People) Relink(ctx context.Context, email string) (int64, error) {
	n, err := p.visits.Relink(ctx, email)
	p.note(ctx, "people.relink", email, err)
	return n, err
}

// Users lists everybody whom the database knows, by address.
func (p *People) Users(ctx context.Context) ([]UserReport, error) {
	users, err := p.access.Users(ctx)
	reports := make([]UserReport, len(users))
	for i, u := range users {
		status := "active"
		switch {
		case u.Disabled:
			status = "disabled"
		case !u.In:
			status = "not admitted"
		}
		reports[i] = UserReport{ID: u.ID, Email: u.Email, Name: u.Name, Role: string(u.Role), Status: status, Invited: u.Invited, Groups: u.Groups, CreatedAt: stamp(u.Created)}
	}
	return reports, err
}

// GroupReport is one group.
type GroupReport struct {
	Name    string   `json:"name"`
	Members []string `json:"members"`
	Tables  []string `json:"tables"`
	Origin  string   `json:"origin"` // a file of the configuration, or "database"
	Line    int      `json:"line,omitempty"`
}

// Groups lists all groups by name.
func (p *People) Groups(ctx context.Context) ([]GroupReport, error) {
	groups, err := p.access.Groups(ctx)
	reports := make([]GroupReport, len(groups))
	for i, g := range groups {
		reports[i] = GroupReport{Name: g.Name, Members: orEmpty(g.Members), Tables: orEmpty(g.Patterns), Origin: g.File, Line: g.Line}
	}
	return reports, err
}

// CreateGroup makes an empty group; false when it is there already.
func (p *People) CreateGroup(ctx context.Context, name string) (bool, error) {
	made, err := p.access.CreateGroup(ctx, name)
	p.note(ctx, "groups.create", name, err)
	return made, err
}

// ChangeGroup does "add", "remove" (people), "grant" or "revoke" (patterns) to a group and returns how much changed.
func (p *People) ChangeGroup(ctx context.Context, verb, group string, list []string) (int, error) {
	changed, err := p.changeGroup(ctx, verb, group, list)
	p.note(ctx, "groups."+verb, group+": "+strings.Join(list, ", "), err)
	return changed, err
}

func (p *People) changeGroup(ctx context.Context, verb, group string, list []string) (int, error) {
	switch verb {
	case "add":
		return p.access.AddMembers(ctx, group, list)
	case "remove":
		return p.access.RemoveMembers(ctx, group, list)
	case "grant":
		return p.access.Grant(ctx, group, list)
	case "revoke":
		return p.access.Revoke(ctx, group, list)
	}
	return 0, fault.Newf(fault.Bug, "a group cannot be changed by %q", verb)
}

// TokenReport is what may be told of a token.
type TokenReport struct {
	ID         string   `json:"id"`
	User       string   `json:"user"` // address
	Label      string   `json:"label"`
	Scopes     []string `json:"scopes"`
	Status     string   `json:"status"` // active | expired | revoked
	CreatedAt  string   `json:"created_at"`
	ExpiresAt  string   `json:"expires_at"`
	LastUsedAt string   `json:"last_used_at,omitempty"`
}

// CreateToken makes a token for a person; its secret is told here and kept nowhere.
func (p *People) CreateToken(ctx context.Context, email, label string, days int, scopes []string) (TokenReport, sdk.Secret, error) {
	wanted := make([]sdk.Scope, len(scopes))
	for i, s := range scopes {
		wanted[i] = sdk.Scope(s)
		if !slices.Contains(access.AllScopes, wanted[i]) {
			return TokenReport{}, "", fault.Newf(fault.Config, "%.40q is no scope", s).WithHelp("Scopes are read, push and admin.")
		}
	}
	if days == 0 { // to access that is "as usual"; on a command line it is a mistake
		days = -1
	}
	token, secret, err := p.access.CreateTokenFor(ctx, email, label, days, wanted)
	p.note(ctx, "tokens.create", email+" "+token.ID, err)
	return p.tokenReport(token, email), secret, err
}

// Tokens lists the tokens of a person, or of all for "", newest first.
func (p *People) Tokens(ctx context.Context, email string) ([]TokenReport, error) {
	tokens, err := p.access.AllTokens(ctx, email)
	if err != nil {
		return nil, err
	}
	users, err := p.access.Users(ctx)
	if err != nil {
		return nil, err
	}
	address := map[string]string{}
	for _, u := range users {
		address[u.ID] = u.Email
	}
	reports := make([]TokenReport, len(tokens))
	for i, t := range tokens {
		reports[i] = p.tokenReport(t, address[t.UserID])
	}
	return reports, nil
}

func (p *People) tokenReport(t sdk.Token, email string) TokenReport {
	r := TokenReport{ID: t.ID, User: email, Label: t.Label, Status: "active", CreatedAt: stamp(t.Created), ExpiresAt: stamp(t.Expires), LastUsedAt: stamp(t.LastUsed)}
	switch {
	case !t.Revoked.IsZero():
		r.Status = "revoked"
	case !p.now().Before(t.Expires):
		r.Status = "expired"
	}
	for _, s := range t.Scopes {
		r.Scopes = append(r.Scopes, string(s))
	}
	return r
}

// RevokeToken ends a token, whosever it is.
func (p *People) RevokeToken(ctx context.Context, id string) error {
	err := p.access.RevokeAnyToken(ctx, id)
	p.note(ctx, "tokens.revoke", id, err)
	return err
}

// Explain says whether the person of an address may read a table, and why.
func (p *People) Explain(ctx context.Context, email, table string) (access.Explanation, error) {
	return p.access.Explain(ctx, email, table)
}

// stamp is a time as JSON shows it; "" for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
