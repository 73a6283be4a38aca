// Package program is how programs on people's desktops come in by a sign-in plugin that makes their tokens: the API's
// doors for the first tokens and for new ones.
//
// The person agrees on /connect?provider=NAME; the browser opens the program by its own scheme with a code, which only the
// program that began can use (RFC 7636, RFC 8252). Bearer tokens only; no cookie is looked at.
package program

import (
	"context"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/limit"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1"
	"github.com/ai-data-analyst/broker/web/v1/input"
	"github.com/ai-data-analyst/broker/web/v1/openapi"
)

// Programs makes tokens of programs.
type Programs interface {
	// LetIn uses up the code of a person who let a program in; provider is the auth block. fault.Auth for a wrong code or
	// verifier, fault.NotFound for a provider that has no programs.
	LetIn(ctx context.Context, provider, code, verifier, label string) (sdk.Caller, sdk.Token, auth.Tokens, error)
	// Renew uses a refresh token up; fault.Auth for one that is no good.
	Renew(ctx context.Context, provider string, token sdk.Secret) (auth.Tokens, error)
}

const maxBody = 16 << 10

// Routes are the doors. Attempts are counted by address, as all sign-ins are.
func Routes(programs Programs) []v1.Route {
	d := doors{programs}
	return []v1.Route{
		{Method: "POST", Path: "/login/program", Permission: v1.ForAll, Rate: limit.Login, Body: maxBody, Handler: d.first, Doc: openapi.Operation{
			ID: "loginProgram", Summary: "Exchanges the code with which a desktop program was opened for its first tokens (RFC 7636, S256)", Body: api.ProgramLogin{},
			Answer: api.ProgramTokens{}, Status: http.StatusCreated, Also: []int{400, 401, 404, 413, 415}}},
		{Method: "POST", Path: "/login/program/refresh", Permission: v1.ForAll, Rate: limit.Anonymous, Body: maxBody, Handler: d.renew, Doc: openapi.Operation{
			ID: "refreshProgram", Summary: "Uses a refresh token up for new tokens; one that comes a second time ends the program's access", Body: api.ProgramRefresh{},
			Answer: api.ProgramTokens{}, Also: []int{400, 401, 404, 413, 415}}},
	}
}

type doors struct{ programs Programs }

func (d doors) first(c *fiber.Ctx) error {
	var asked api.ProgramLogin
	if err := input.JSON(c, &asked); err != nil {
		return err
	}
	if !sdk.ValidName(asked.Provider) {
		return problem.Bad("provider", "provider is the name of a way to sign in")
	}
	if len(asked.Label) > 100 || !utf8.ValidString(asked.Label) || strings.IndexFunc(asked.Label, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
		return problem.Bad("label", "label must be at most 100 bytes of printable text")
	}
	who, token, tokens, err := d.programs.LetIn(c.UserContext(), asked.Provider, asked.Code, asked.Verifier, asked.Label)
	if err != nil {
		return refused(err)
	}
	answer := answerOf(tokens)
	answer.ID, answer.User, answer.Until = token.ID, who.User.Email, token.Expires.UTC().Format("2006-01-02T15:04:05Z")
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(http.StatusCreated).JSON(answer)
}

func (d doors) renew(c *fiber.Ctx) error {
	var asked api.ProgramRefresh
	if err := input.JSON(c, &asked); err != nil {
		return err
	}
	if !sdk.ValidName(asked.Provider) {
		return problem.Bad("provider", "provider is the name of a way to sign in")
	}
	tokens, err := d.programs.Renew(c.UserContext(), asked.Provider, sdk.Secret(asked.RefreshToken))
	if err != nil {
		return refused(err)
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.JSON(answerOf(tokens))
}

func answerOf(t auth.Tokens) api.ProgramTokens {
	return api.ProgramTokens{AccessToken: t.Access.Reveal(), TokenType: "Bearer", ExpiresIn: int(t.Life.Seconds()), RefreshToken: t.Refresh.Reveal()}
}

// refused is the one answer to tokens and codes that are no good (rule 23).
func refused(err error) error {
	if fault.CodeOf(err) == fault.Auth {
		return problem.New(http.StatusUnauthorized, api.CodeAuth, "That sign-in did not work.")
	}
	return err
}
