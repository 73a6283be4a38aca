package v1

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

// me says who the caller is.
func (a *API) me(c *fiber.Ctx) error {
	who := caller(c)
	me, err := a.meOf(c.UserContext(), who)
	if err != nil {
		return err
	}
	tokens, err := a.host.Access.Tokens(c.UserContext(), who)
	if err != nil {
		return err
	}
	for _, token := range tokens {
		if token.ID == who.TokenID {
			told := tokenOf(token, who)
			me.Token = &told
		}
	}
	return c.JSON(me)
}

func (a *API) meOf(ctx context.Context, who sdk.Caller) (api.Me, error) {
	tables, err := a.host.Manifests.Count(ctx, who)
	if err != nil {
		return api.Me{}, err
	}
	groups := who.Groups
	if groups == nil {
		groups = []string{}
	}
	return api.Me{ID: who.User.ID, Email: who.User.Email, Name: who.User.Name, Role: string(who.User.Role), Groups: groups,
		Provider: who.Provider, Tables: tables}, nil
}

// tokens lists the caller's tokens.
func (a *API) tokens(c *fiber.Ctx) error {
	who := caller(c)
	tokens, err := a.host.Access.Tokens(c.UserContext(), who)
	if err != nil {
		return err
	}
	list := api.Tokens{Tokens: []api.Token{}}
	for _, token := range tokens {
		list.Tokens = append(list.Tokens, tokenOf(token, who))
	}
	return c.JSON(list)
}

func tokenOf(t sdk.Token, who sdk.Caller) api.Token {
	out := api.Token{ID: t.ID, Label: t.Label, Scopes: []string{}, CreatedAt: stamp(t.Created), ExpiresAt: stamp(t.Expires),
		LastUsedAt: stamp(t.LastUsed), Current: t.ID == who.TokenID}
	for _, scope := range t.Scopes {
		out.Scopes = append(out.Scopes, string(scope))
	}
	return out
}

// stamp is RFC 3339 UTC, "" for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// maxDays is how long a token may live.
const maxDays = 365

// certify says that a key signs the caller's receipts.
func (a *API) certify(c *fiber.Ctx) error {
	var wanted api.ReceiptKey
	if err := input.JSON(c, &wanted); err != nil {
		return err
	}
	certificate, err := a.host.Manifests.Certify(c.UserContext(), caller(c), wanted.PublicKey)
	if err != nil {
		return err
	}
	return c.JSON(certificate)
}

// issueToken makes a token; its secret is in this answer and nowhere else.
func (a *API) issueToken(c *fiber.Ctx) error {
	var wanted api.NewToken
	if err := input.JSON(c, &wanted); err != nil {
		return err
	}
	if err := checkLabel(wanted.Label); err != nil {
		return err
	}
	if wanted.Days < 0 || wanted.Days > maxDays {
		return problem.Bad("days", "days must be a whole number from 0 to 365")
	}
	who := caller(c)
	var scopes []sdk.Scope
	for _, text := range wanted.Scopes {
		scope := sdk.Scope(text)
		if scope != sdk.ScopeRead && scope != sdk.ScopePush && scope != sdk.ScopeAdmin {
			return problem.Bad("scopes", "scopes are read, push and admin")
		}
		if !who.May(scope) {
			return problem.New(http.StatusForbidden, api.CodePermission, "this token does not carry the scope "+text+" itself")
		}
		scopes = append(scopes, scope)
	}
	token, secret, err := a.host.Access.IssueToken(c.UserContext(), who, wanted.Label, wanted.Days, scopes)
	if err != nil {
		return err
	}
	return a.issued(c, who, token, secret)
}

// issued answers with a new token.
func (a *API) issued(c *fiber.Ctx, who sdk.Caller, token sdk.Token, secret sdk.Secret) error {
	me, err := a.meOf(c.UserContext(), who)
	if err != nil {
		return err
	}
	return c.Status(http.StatusCreated).JSON(api.IssuedToken{Token: tokenOf(token, who), Secret: secret.Reveal(), User: me})
}

// checkLabel takes what a person can read in a list.
func checkLabel(label string) error {
	if len(label) > 100 || !utf8.ValidString(label) || strings.IndexFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
		return problem.Bad("label", "label must be at most 100 bytes of printable text")
	}
	return nil
}

// revokeToken ends a token; another's is as absent as none.
func (a *API) revokeToken(c *fiber.Ctx) error {
	if err := a.host.Access.RevokeToken(c.UserContext(), caller(c), c.Params("id")); err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}
