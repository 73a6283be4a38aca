package visit

import (
	"context"
	"fmt"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// SignIn returns the user whom an issuer vouches for, linking a new identity by its verified address (interface.md §7).
// fault.Auth, whose text is for the log, refuses: an address that is not verified, not admitted, shut out, or whose user
// has another subject of the same issuer.
func (v *Visits) SignIn(ctx context.Context, provider string, identity auth.Identity) (sdk.Caller, error) {
	if err := identity.Check(); err != nil {
		return sdk.Caller{}, err
	}
	linked, err := v.store.FindIdentity(ctx, identity.Issuer, identity.Subject)
	switch fault.CodeOf(err) {
	case "":
	case fault.NotFound:
		if linked, err = v.link(ctx, provider, identity); err != nil {
			return sdk.Caller{}, err
		}
	default:
		return sdk.Caller{}, err
	}
	who, err := v.access.Person(ctx, linked.UserID)
	if fault.CodeOf(err) == fault.Auth {
		return sdk.Caller{}, errRefused("the person is shut out, or not admitted any more")
	}
	if err != nil {
		return sdk.Caller{}, err
	}
	if identity.Changed {
		err = v.endAll(ctx, who.User.ID)
	}
	who.Provider = provider
	return who, err
}

// link finds or makes the user of a verified address and gives them the identity.
func (v *Visits) link(ctx context.Context, provider string, identity auth.Identity) (sdk.LinkedIdentity, error) {
	none := sdk.LinkedIdentity{}
	email, ok := access.CanonicalEmail(identity.Email)
	if !ok || !identity.EmailVerified {
		return none, errRefused(fmt.Sprintf("%.100q is no address that the issuer has verified", identity.Email))
	}
	admission, _, err := v.access.AdmissionOf(ctx, email)
	if err != nil {
		return none, err
	}
	_, domain, _ := strings.Cut(email, "@")
	switch {
	case admission == "":
		return none, errRefused(email + " is not admitted, or shut out")
	case admission == access.ByDomain && identity.ByNameOnly && !strings.EqualFold(identity.HostedDomain, domain):
		return none, errRefused(email + " is not managed by the domain that it belongs to")
	}
	user, err := v.access.Admit(ctx, email)
	if err != nil {
		return none, err
	}
	linked := sdk.LinkedIdentity{Issuer: identity.Issuer, Subject: identity.Subject, UserID: user.ID, Email: email, Provider: provider, Linked: v.now()}
	added, err := v.store.AddIdentity(ctx, linked)
	if err != nil || added {
		return linked, err
	}
	// Somebody was first: this very sign-in in another window, or another subject of this issuer.
	found, err := v.store.FindIdentity(ctx, identity.Issuer, identity.Subject)
	if fault.CodeOf(err) == fault.NotFound || err == nil && found.UserID != user.ID {
		return none, errRefused(fmt.Sprintf(`%s has another identity of %s; "broker users relink %s" lets the new one in`, email, identity.Issuer, email))
	}
	return found, err
}

// Relink forgets all identities of a person: the next that an issuer verifies for the address is theirs. Whoever had them
// is out: sessions and tokens end.
func (v *Visits) Relink(ctx context.Context, email string) (forgotten int64, err error) {
	canonical, ok := access.CanonicalEmail(email)
	if !ok {
		return 0, fault.Newf(fault.Config, "%.100q is no e-mail address", email)
	}
	_, user, err := v.access.AdmissionOf(ctx, canonical)
	if err != nil {
		return 0, err
	}
	if user.ID == "" {
		return 0, fault.Newf(fault.NotFound, "nobody has the address %s", canonical)
	}
	if forgotten, err = v.store.ForgetIdentities(ctx, user.ID); err != nil {
		return 0, err
	}
	return forgotten, v.endAll(ctx, user.ID)
}

func (v *Visits) endAll(ctx context.Context, userID string) error {
	if err := v.store.EndSessions(ctx, userID, ""); err != nil {
		return err
	}
	return v.access.RevokeAll(ctx, userID)
}
