package access

import (
	"context"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// A program whose tokens a sign-in plugin makes stands among its person's tokens, found by no secret: what revokes those
// revokes it (shutting out, another password, the list of tokens).

// LetIn uses up the code of a person who let a program in, and keeps the program among their tokens; way is the auth block
// that makes its tokens. fault.Auth for a wrong code or verifier.
func (a *Access) LetIn(ctx context.Context, way, code, verifier, label string) (sdk.Caller, sdk.Token, error) {
	found, err := a.redeem(ctx, code, verifier)
	if err != nil {
		return sdk.Caller{}, sdk.Token{}, err
	}
	view, err := a.current(ctx)
	if err != nil {
		return sdk.Caller{}, sdk.Token{}, err
	}
	user, known := view.byID[found.UserID]
	if !known || !view.lets(user) {
		return sdk.Caller{}, sdk.Token{}, errSignIn()
	}
	id := newID()
	token, err := a.keep(ctx, id, user.ID, label, 0, found.Scopes, programHash(way, id))
	if err != nil {
		return sdk.Caller{}, sdk.Token{}, err
	}
	who := view.caller(user, token.Scopes)
	who.TokenID, who.Provider = token.ID, way
	return who, token, nil
}

// Program is whose a program is that was let in by way; fault.Auth once it is revoked or over, or its person shut out.
func (a *Access) Program(ctx context.Context, way, id string) (sdk.Caller, error) {
	who, err := a.holder(ctx, programHash(way, id))
	who.Provider = way
	return who, err
}

// EndProgram revokes a program that was let in by way. One that ended is no error.
func (a *Access) EndProgram(ctx context.Context, way, id string) error {
	token, _, err := a.store.FindToken(ctx, programHash(way, id))
	if err == nil {
		err = a.revoke(ctx, token.UserID, token.ID)
	}
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

func programHash(way, id string) string { return hashOf("program\x00" + way + "\x00" + id) }
