package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// NewUser is an invitation. Empty name and role leave what is.
type NewUser struct {
	Email string
	Name  string
	Role  sdk.Role
}

// Person is a user with what configuration and database make of them.
type Person struct {
	sdk.User // Role is the one that holds
	Groups   []string
	In       bool // let in: not disabled, and invited or admitted
}

// AddUser invites a person, whatever the allow lists say. Adding again changes name and role where given, and nothing
// else: a disabled person stays disabled. It says whether the user is new. A role that the configuration gives is never
// written down, so that it ends with the line that gives it; to ask for another one is refused.
func (a *Access) AddUser(ctx context.Context, add NewUser) (sdk.User, bool, error) {
	email, ok := CanonicalEmail(add.Email)
	if !ok {
		return sdk.User{}, false, badEmail(add.Email)
	}
	if add.Role != "" && add.Role != sdk.Standard && rank(add.Role) == 0 {
		return sdk.User{}, false, fault.Newf(fault.Config, "%.40q is no role", string(add.Role))
	}
	if given, ok := a.rules.Load().roles[email]; ok && add.Role != "" {
		if given.Role != add.Role {
			return sdk.User{}, false, fault.Newf(fault.Config, "the role of %s belongs to the configuration: %s:%d", email, given.origin.File, given.origin.Line).
				WithHelp("Change it there; a running broker serve takes it on SIGHUP.")
		}
		add.Role = ""
	}
	user := sdk.User{ID: newID(), Email: email, Name: cleanLabel(add.Name), Role: add.Role, Invited: true, Created: a.now()}
	if user.Role == "" {
		user.Role = sdk.Standard
	}
	added, err := a.store.AddUser(ctx, user)
	if err != nil || added {
		return user, added, err
	}
	view, err := a.current(ctx)
	if err != nil {
		return sdk.User{}, false, err
	}
	was := view.byEmail[email]
	user = was
	user.Invited = true
	if add.Name != "" {
		user.Name = cleanLabel(add.Name)
	}
	if add.Role != "" {
		user.Role = add.Role
	}
	if user == was {
		return user, false, nil
	}
	return user, false, a.store.SaveUser(ctx, user)
}

// Users lists everybody whom the database knows, by address.
func (a *Access) Users(ctx context.Context) ([]Person, error) {
	view, err := a.current(ctx)
	if err != nil {
		return nil, err
	}
	people := make([]Person, 0, len(view.byID))
	for _, user := range view.byID {
		who := view.caller(user, nil)
		people = append(people, Person{User: who.User, Groups: who.Groups, In: view.lets(user)})
	}
	slices.SortFunc(people, func(a, b Person) int { return strings.Compare(a.Email, b.Email) })
	return people, nil
}

// DisableUser shuts a person out of everything, now and whatever else says otherwise: tokens are revoked for good and
// the role given by the database is gone. An address that the rules would admit can be shut out before its first visit.
func (a *Access) DisableUser(ctx context.Context, email string) error {
	user, err := a.ensure(ctx, email)
	if err != nil {
		return err
	}
	return a.store.DisableUser(ctx, user.ID, a.now())
}

// EnableUser lets a person in again, as a standard user without tokens; groups are as they were.
func (a *Access) EnableUser(ctx context.Context, email string) error {
	user, err := a.find(ctx, email)
	if err != nil {
		return err
	}
	return a.store.EnableUser(ctx, user.ID)
}

// Admit is the user of an address, who is made now when the rules admit it; fault.NotFound for anybody else.
func (a *Access) Admit(ctx context.Context, email string) (sdk.User, error) {
	return a.ensure(ctx, email)
}

// Person is a user as they are now, with the scopes of somebody who is there themselves; fault.Auth for one who is gone or
// shut out.
func (a *Access) Person(ctx context.Context, userID string) (sdk.Caller, error) {
	view, err := a.current(ctx)
	if err != nil {
		return sdk.Caller{}, err
	}
	user, known := view.byID[userID]
	if !known || !view.lets(user) {
		return sdk.Caller{}, errSignIn()
	}
	who := view.caller(user, slices.Clone(AllScopes))
	if who.User.Role != sdk.Admin {
		who.Scopes = slices.Clone(DefaultScopes)
	}
	return who, nil
}

// AdmissionOf says why an address may come in, and whose it is if somebody's: ByName for who is invited. "" for an address
// that may not, whoever's it is.
func (a *Access) AdmissionOf(ctx context.Context, email string) (Admission, sdk.User, error) {
	canonical, ok := CanonicalEmail(email)
	if !ok {
		return "", sdk.User{}, nil
	}
	view, err := a.current(ctx)
	if err != nil {
		return "", sdk.User{}, err
	}
	user := view.byEmail[canonical]
	switch {
	case user.Disabled:
		return "", user, nil
	case user.Invited:
		return ByName, user, nil
	}
	return view.book.admits(canonical), user, nil
}

// RevokeAll ends all tokens of a user.
func (a *Access) RevokeAll(ctx context.Context, userID string) error {
	tokens, err := a.store.ListTokens(ctx, userID)
	for _, t := range tokens {
		if err == nil && t.Revoked.IsZero() {
			_, err = a.store.RevokeToken(ctx, userID, t.ID, a.now())
		}
	}
	return err
}

// CreateTokenFor makes a token for a person by command. fault.Permission for an address that nobody invited and that the
// configuration does not name, and for a person who is shut out.
func (a *Access) CreateTokenFor(ctx context.Context, email, label string, days int, scopes []sdk.Scope) (sdk.Token, sdk.Secret, error) {
	canonical, ok := CanonicalEmail(email)
	if !ok {
		return sdk.Token{}, "", badEmail(email)
	}
	user, err := a.find(ctx, canonical)
	if fault.CodeOf(err) == fault.NotFound && a.rules.Load().admits(canonical) == ByName {
		user, err = a.ensure(ctx, canonical)
	}
	if fault.CodeOf(err) == fault.NotFound {
		return sdk.Token{}, "", fault.Newf(fault.Permission, "nobody has the address %s", canonical).WithHelp(fmt.Sprintf("Invite them first: broker users add %s", canonical))
	}
	if err != nil {
		return sdk.Token{}, "", err
	}
	view, err := a.current(ctx)
	if err != nil {
		return sdk.Token{}, "", err
	}
	if !view.lets(user) {
		return sdk.Token{}, "", fault.Newf(fault.Permission, "%s is not let in", canonical).WithHelp(`See "broker users list".`)
	}
	return a.IssueToken(ctx, view.caller(user, AllScopes), label, days, scopes)
}

// AllTokens lists the tokens of a person, or of all for "", revoked and expired ones too, newest first.
func (a *Access) AllTokens(ctx context.Context, email string) ([]sdk.Token, error) {
	if email == "" {
		return a.store.ListTokens(ctx, "")
	}
	user, err := a.find(ctx, email)
	if err != nil {
		return nil, err
	}
	return a.store.ListTokens(ctx, user.ID)
}

// RevokeAnyToken ends a token, whosever it is.
func (a *Access) RevokeAnyToken(ctx context.Context, id string) error { return a.revoke(ctx, "", id) }

// find is the user of an address; fault.NotFound when there is none.
func (a *Access) find(ctx context.Context, email string) (sdk.User, error) {
	canonical, ok := CanonicalEmail(email)
	if !ok {
		return sdk.User{}, badEmail(email)
	}
	view, err := a.current(ctx)
	if err != nil {
		return sdk.User{}, err
	}
	user, ok := view.byEmail[canonical]
	if !ok {
		return sdk.User{}, fault.Newf(fault.NotFound, "nobody has the address %s", canonical).
			WithHelp(fmt.Sprintf("Invite them first: broker users add %s", canonical))
	}
	return user, nil
}

// ensure is the user of an address, who is made now when the rules admit the address.
func (a *Access) ensure(ctx context.Context, email string) (sdk.User, error) {
	user, err := a.find(ctx, email)
	canonical, _ := CanonicalEmail(email)
	if fault.CodeOf(err) != fault.NotFound || a.rules.Load().admits(canonical) == "" {
		return user, err
	}
	user = sdk.User{ID: newID(), Email: canonical, Role: sdk.Standard, Created: a.now()}
	if _, err := a.store.AddUser(ctx, user); err != nil {
		return sdk.User{}, err
	}
	return a.find(ctx, canonical) // somebody else may have been first
}

func badEmail(text string) error {
	return fault.Newf(fault.Config, "%.100q is no e-mail address", text).WithHelp(`Write a plain address, e.g. "ada@acme.com".`)
}
