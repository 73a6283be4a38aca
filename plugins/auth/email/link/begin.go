package link

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/plugins/auth/internal/post"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const (
	linkLife = 10 * time.Minute // ASVS 5.0, 6.5.5
	maxTries = 5                // wrong codes of a link
	codeLong = 8
	letters  = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // without I, O, 0 and 1, which look alike; 32, so that a byte has no favourites
)

// asked is a link under way, as the host keeps it.
type asked struct {
	Email   string `json:"email"`
	Code    string `json:"code"`
	Browser string `json:"browser"` // that asked
}

// Keys of the host's store. It keeps them hashed.
func linkKey(token string) string     { return "link:" + token }
func triesKey(token string) string    { return "tries:" + token }
func latestKey(address string) string { return "latest:" + address }

// idOf tells links apart without being one.
func idOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return []byte(hex.EncodeToString(sum[:]))
}

func refused(format string, args ...any) error { return fault.Newf(fault.Auth, format, args...) }

// begin sends a link to whoever may come in. All others cost the same work and get the same answer (L3): their link goes
// to nobody.
func begin(ctx context.Context, m *mailer, host auth.Host, call auth.Call) (auth.Step, error) {
	if !call.Post {
		return auth.Step{}, refused("a sign-in begins by a form")
	}
	address, ok := canonical(call.Values["email"])
	if !ok {
		return auth.Step{Page: &auth.Page{Title: "That is no e-mail address", Text: []string{"Go back and write one address, as in name@example.com."}}}, nil
	}
	if m.queue.Down() { // L6
		return auth.Step{}, fault.New(fault.Transient, "could not send the mail").WithHelp("Try again later.")
	}
	admitted, err := host.Admits(ctx, address)
	if err != nil {
		return auth.Step{}, fmt.Errorf("ask whether an address may come in: %w", err)
	}
	token, code := random(32), newCode()
	if err := keep(ctx, host, token, asked{address, code, call.Browser}); err != nil {
		return auth.Step{}, err
	}
	mail, err := letter(address, token, call)
	if err != nil {
		return auth.Step{}, err
	}
	if !admitted {
		mail.To = "" // the connection is tried alike, so that its failures tell nothing either
	}
	if err := m.queue.Put(mail); err != nil {
		return auth.Step{}, err
	}
	return auth.Step{Page: &auth.Page{Title: "Check your mail", Code: code, Text: []string{
		"If " + address + " may come in, a link is on its way to it. It is good once, for ten minutes.",
		"If you open it in another browser, type this code there:",
	}}}, nil
}

// keep keeps a link, and makes it the only good one of its address.
func keep(ctx context.Context, host auth.Host, token string, a asked) error {
	text, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("keep a link: %w", err)
	}
	for _, e := range []struct {
		key   string
		value []byte
	}{{linkKey(token), text}, {triesKey(token), []byte{maxTries}}, {latestKey(a.Email), idOf(token)}} {
		if err := host.Put(ctx, e.key, e.value, linkLife); err != nil {
			return fmt.Errorf("keep a link: %w", err)
		}
	}
	return nil
}

// random is so many random bytes in the letters of an address (RFC 4648 §5).
func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func newCode() string {
	b := make([]byte, codeLong)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b)
}

// letter is the mail with a link.
func letter(address, token string, call auth.Call) (post.Mail, error) {
	text, html, err := post.Letter{Site: call.Site, Before: []string{"Sign in to " + call.Site + " by this link. It is good once, for ten minutes."},
		Button: "Sign in", Link: call.BaseURL + "/link/" + token, After: []string{"If you did not ask for it, ignore this mail: nobody comes in without it."}}.Write()
	return post.Mail{To: address, Subject: "Sign in to " + call.Site, Text: text, HTML: html, Site: call.Site, Until: time.Now().Add(linkLife)}, err
}
