package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
)

// LoginOptions says how one may sign in here. It is the first question of a login, so it tells a wrong clock too.
func (c *Client) LoginOptions(ctx context.Context) (api.LoginOptions, error) {
	var o api.LoginOptions
	if _, err := c.ask(ctx, get("/login"), &o, http.StatusOK); err != nil {
		return api.LoginOptions{}, err
	}
	if o.Instance.ID == "" || len(o.Methods) == 0 {
		return api.LoginOptions{}, c.notBroker(nil, "it offers no way to sign in")
	}
	now, err := time.Parse(time.RFC3339, o.Now)
	if err != nil {
		return api.LoginOptions{}, c.notBroker(err, "it does not tell the time")
	}
	return o, c.skewed(now)
}

// SignInDemo signs a demo's person in.
func (c *Client) SignInDemo(ctx context.Context, login api.DemoLogin) (api.IssuedToken, error) {
	token, _, err := c.signIn(ctx, "/login/demo", login)
	return token, err
}

// FinishCode exchanges the browser's code for a token.
func (c *Client) FinishCode(ctx context.Context, login api.CodeLogin) (api.IssuedToken, error) {
	token, _, err := c.signIn(ctx, "/login/token", login)
	return token, err
}

// BeginDevice asks for a code that a person types elsewhere.
func (c *Client) BeginDevice(ctx context.Context) (api.DeviceLogin, error) {
	var d api.DeviceLogin
	r, err := post("/login/device", struct{}{})
	if err != nil {
		return d, err
	}
	_, err = c.ask(ctx, r, &d, http.StatusOK)
	return d, err
}

// FinishDevice answers false while nobody has decided.
func (c *Client) FinishDevice(ctx context.Context, poll api.DevicePoll) (api.IssuedToken, bool, error) {
	return c.signIn(ctx, "/login/device/token", poll)
}

func (c *Client) signIn(ctx context.Context, path string, v any) (token api.IssuedToken, done bool, err error) {
	r, err := post(path, v)
	if err != nil {
		return token, false, err
	}
	status, err := c.ask(ctx, r, &token, http.StatusOK, http.StatusCreated, http.StatusAccepted)
	if err != nil || status == http.StatusAccepted {
		return api.IssuedToken{}, false, err
	}
	if token.Secret == "" {
		return api.IssuedToken{}, false, c.notBroker(nil, "it signs in without a token")
	}
	return token, true, nil
}

// Me says who the token's owner is.
func (c *Client) Me(ctx context.Context) (api.Me, error) {
	var me api.Me
	_, err := c.ask(ctx, get("/me"), &me, http.StatusOK)
	return me, err
}

// Tokens lists the caller's tokens.
func (c *Client) Tokens(ctx context.Context) (api.Tokens, error) {
	var tokens api.Tokens
	_, err := c.ask(ctx, get("/me/tokens"), &tokens, http.StatusOK)
	return tokens, err
}

// IssueToken makes a token.
func (c *Client) IssueToken(ctx context.Context, wanted api.NewToken) (api.IssuedToken, error) {
	token, _, err := c.signIn(ctx, "/me/tokens", wanted)
	return token, err
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := c.ask(ctx, request{method: http.MethodDelete, path: "/me/tokens/" + url.PathEscape(id)}, nil, http.StatusNoContent)
	return err
}

// Certify asks the server to say that a key signs this person's receipts. publicKey is base64.
func (c *Client) Certify(ctx context.Context, publicKey string) (api.Certificate, error) {
	r, err := post("/me/receipt-key", api.ReceiptKey{PublicKey: publicKey})
	if err != nil {
		return api.Certificate{}, err
	}
	var certificate api.Certificate
	_, err = c.ask(ctx, r, &certificate, http.StatusOK)
	return certificate, err
}

// Subscriptions says which granted tables come to the caller's machines. fault.NotFound by a server that keeps none.
func (c *Client) Subscriptions(ctx context.Context) (api.Subscriptions, error) {
	var s api.Subscriptions
	_, err := c.ask(ctx, get("/me/subscriptions"), &s, http.StatusOK)
	return s, err
}

// Subscribe changes that, and returns what holds then.
func (c *Client) Subscribe(ctx context.Context, wanted api.Subscriptions) (api.Subscriptions, error) {
	r, err := post("/me/subscriptions", wanted)
	if err != nil {
		return wanted, err
	}
	r.method, r.once = http.MethodPut, false // sent again it is the same
	now := wanted
	_, err = c.ask(ctx, r, &now, http.StatusOK, http.StatusNoContent)
	return now, err
}
