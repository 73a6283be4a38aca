// Package enter holds the verbs by which a person comes and goes: login, logout.
//
// Only the program's main imports it.
package enter

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/credential"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/analyst/login"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// loginFlags are what a person says at login.
type loginFlags struct {
	tokenStdin, device, repin, insecure, asJSON bool
}

// NewLogin is the verb login.
func NewLogin(g *ground.Ground) *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use:   "login URL",
		Short: "Sign in to a server and remember it",
		Long: "Sign in to a server: in the browser, with a code typed elsewhere (--device), or with a token that an admin made.\n" +
			"The server's key is pinned at the first login; its fingerprint is shown so that you can compare it.",
		Example: "  analyst login https://data.acme.com\n  analyst login https://data.acme.com --device\n  analyst login https://data.acme.com --token-stdin < token.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.tokenStdin && f.device {
				return terminal.UsageError{Command: cmd, Err: errors.New("--token-stdin and --device exclude each other")}
			}
			return signIn(cmd.Context(), g, args[0], f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.tokenStdin, "token-stdin", false, "read a token from standard input")
	flags.BoolVar(&f.device, "device", false, "show a code to type into a browser on any machine")
	flags.BoolVar(&f.repin, "repin", false, "accept that the server's key is another one than before")
	flags.BoolVar(&f.insecure, "insecure-http", false, "allow http:// to a machine that is not this one; everything can be read on the way")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON document")
	return cmd
}

// signIn gets a token, pins the server's key and keeps both.
func signIn(ctx context.Context, g *ground.Ground, address string, f loginFlags) error {
	at, err := login.ServerURL(address, f.insecure)
	if err != nil {
		return err
	}
	logins, err := g.Logins()
	if err != nil {
		return err
	}
	public, err := g.Client(at, "", nil, f.insecure)
	if err != nil {
		return err
	}
	offered, err := public.LoginOptions(ctx)
	if err != nil {
		return err
	}
	key, err := pin(ctx, g, public, logins, at, f.repin)
	if err != nil {
		return err
	}
	token, me, issued, err := obtain(ctx, g, public, at, offered, key, f)
	if err != nil {
		return err
	}
	l := credential.Login{URL: at, Instance: offered.Instance, Key: base64.StdEncoding.EncodeToString(key), User: me.ID, Email: me.Email, TokenID: issued.ID}
	if l.Expires, err = time.Parse(time.RFC3339, issued.ExpiresAt); err != nil && issued.ExpiresAt != "" {
		return fault.Newf(fault.Bug, "the server says that the token expires at %.40q", issued.ExpiresAt)
	}
	if err := signingKey(ctx, g, logins, &l, token, f.insecure); err != nil {
		return err
	}
	if err := logins.Save(l, token); err != nil {
		return err
	}
	if f.asJSON {
		return terminal.JSON(g.Out, map[string]any{"url": at, "instance": offered.Instance, "user": me, "key": api.KeyID(key), "expires_at": issued.ExpiresAt})
	}
	_, err = fmt.Fprintf(g.Out, "Signed in at %s (%s) as %s. %d tables are yours.\nServer key: %s\nNext: analyst init\n",
		at, terminal.Plain(offered.Instance.Name), terminal.Plain(me.Email), me.Tables, api.Fingerprint(key))
	return err
}

// pin returns the server's newest key: the first one is taken and shown, a changed one only when it descends from the
// pinned one, or with --repin (Y3).
func pin(ctx context.Context, g *ground.Ground, c *client.Client, logins credential.Store, at string, repin bool) (ed25519.PublicKey, error) {
	keys, err := c.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys.Keys) == 0 {
		return nil, fault.New(fault.Data, "the server has no key to sign its data with")
	}
	newest, err := keys.Keys[0].Public()
	if err != nil {
		return nil, fault.Wrap(fault.Data, err, "read the server's key")
	}
	before, err := logins.Find(at)
	if err != nil && fault.CodeOf(err) != fault.Auth {
		return nil, err // whether a key is pinned cannot be known
	}
	if before.Key == "" || repin {
		return newest, nil // the first time, or wanted
	}
	pinned, err := base64.StdEncoding.DecodeString(before.Key)
	if err != nil || len(pinned) != ed25519.PublicKeySize {
		return nil, fault.New(fault.Config, "the pinned key of the server cannot be read").WithHelp("Log in with --repin.")
	}
	if _, err := keys.Trust(pinned, keys.Keys[0].ID); err != nil {
		return nil, &fault.Fault{Code: fault.Data, What: "the key of " + at + " is another one than at your first login, and the old key does not vouch for it",
			Help: "Ask your admin whether the key was changed. If it was: analyst login " + at + " --repin", Err: &client.Error{Code: "key_changed", Err: err}}
	}
	return newest, nil
}

// obtain gets the token and says whose it is.
func obtain(ctx context.Context, g *ground.Ground, public *client.Client, at string, offered api.LoginOptions, key ed25519.PublicKey, f loginFlags) (string, api.Me, api.Token, error) {
	if f.tokenStdin {
		secret, err := readToken(g.In)
		if err != nil {
			return "", api.Me{}, api.Token{}, err
		}
		mine, err := g.Client(at, secret, key, f.insecure)
		if err != nil {
			return "", api.Me{}, api.Token{}, err
		}
		me, err := mine.Me(ctx)
		if err != nil {
			return "", api.Me{}, api.Token{}, err
		}
		var issued api.Token
		if me.Token != nil {
			issued = *me.Token
		}
		return secret, me, issued, nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "laptop"
	}
	issued, err := login.Run(ctx, public, login.Options{URL: at, Offered: offered, Label: "analyst on " + host, Device: f.device,
		In: g.In, Out: g.Err, Interactive: g.Interactive(), OpenBrowser: openBrowser})
	return issued.Secret, issued.User, issued.Token, err
}

// readToken reads one token, as files and terminals give it: with a line end, or with a byte order mark.
func readToken(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fault.Wrap(fault.Config, err, "read the token from standard input")
	}
	token := strings.TrimSpace(strings.TrimPrefix(line, "\ufeff"))
	if !strings.HasPrefix(token, "brk_") {
		return "", fault.New(fault.Config, "standard input holds no token").WithHelp("A token begins with brk_. An admin makes one with: broker tokens create YOUR@EMAIL")
	}
	return token, nil
}

// signingKey gives the laptop a key for receipts, and lets the server say whose it is.
func signingKey(ctx context.Context, g *ground.Ground, logins credential.Store, l *credential.Login, token string, insecure bool) error {
	if before, err := logins.Find(l.URL); err == nil && before.User == l.User && len(before.Signing) == ed25519.SeedSize {
		l.Signing = before.Signing
	}
	if l.Signing == nil {
		l.Signing = make([]byte, ed25519.SeedSize)
		if _, err := rand.Read(l.Signing); err != nil {
			return fmt.Errorf("make a key for receipts: %w", err)
		}
	}
	mine, err := g.Client(l.URL, token, nil, insecure)
	if err != nil {
		return err
	}
	public, _ := ed25519.NewKeyFromSeed(l.Signing).Public().(ed25519.PublicKey) // always of this type
	certificate, err := mine.Certify(ctx, base64.StdEncoding.EncodeToString(public))
	l.Certificate = &certificate
	return err
}

// NewLogout is the verb logout.
func NewLogout(g *ground.Ground) *cobra.Command {
	return &cobra.Command{
		Use:     "logout [URL]",
		Short:   "Revoke the token of this machine and forget it",
		Example: "  analyst logout",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			logins, err := g.Logins()
			if err != nil {
				return err
			}
			at := ""
			if len(args) == 1 {
				if at, err = login.ServerURL(args[0], true); err != nil {
					return err
				}
			}
			l, err := logins.Find(at)
			if err != nil {
				return err
			}
			revoked := revoke(cmd.Context(), g, logins, l)
			if err := logins.Remove(l.URL); err != nil {
				return err
			}
			text := "Signed out of " + l.URL + "."
			if revoked != nil {
				text += fmt.Sprintf(" The server could not be told (%v): the token stays good until %s.", revoked, l.Expires.Format(time.DateOnly))
			}
			_, err = fmt.Fprintln(g.Out, text)
			return err
		},
	}
}

func revoke(ctx context.Context, g *ground.Ground, logins credential.Store, l credential.Login) error {
	secret, err := logins.Secret(l)
	if err != nil || l.TokenID == "" {
		return err
	}
	c, err := g.Client(l.URL, secret, nil, true)
	if err != nil {
		return err
	}
	return c.RevokeToken(ctx, l.TokenID)
}
