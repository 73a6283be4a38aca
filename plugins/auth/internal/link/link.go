// Package link keeps the links that sign-in plugins mail: random, good once and for a time, and only the newest that was
// made for an address (G13). Addresses, strictly read, are here too.
//
// What is kept is the host's to keep: under the hash of the token, sealed by the token (G14). It sends nothing.
package link

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/auth"
)

// MaxWrong is how many wrong codes end a link.
const MaxWrong = 5

// Link is a link that was mailed.
type Link struct {
	For     string    `json:"for"` // what it does; a link for something else is none
	Email   string    `json:"email"`
	Browser string    `json:"browser"` // that asked; as auth.Call.Browser
	Code    string    `json:"code"`    // that this browser shows; "" = none
	Wrong   int       `json:"wrong"`   // codes that were typed in vain
	Until   time.Time `json:"until"`
	ID      string    `json:"id"` // set by New
}

// place and newest are keys of the store. Who does not know the token finds nothing at place.
func place(token string) string                { return "link " + token }
func newest(email string) string               { return "newest " + email }
func left(l Link, now time.Time) time.Duration { return l.Until.Sub(now) }

// New keeps a link and returns its token: 256 random bits. Older links for the same address are over.
func New(ctx context.Context, host auth.Host, l Link, now time.Time) (token string, err error) {
	var b [32]byte
	rand.Read(b[:]) // never fails
	token, l.ID = base64.RawURLEncoding.EncodeToString(b[:]), rand.Text()
	if err := keep(ctx, host, token, l, now); err != nil {
		return "", err
	}
	return token, host.Put(ctx, newest(l.Email), []byte(l.ID), left(l, now))
}

func keep(ctx context.Context, host auth.Host, token string, l Link, now time.Time) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("keep a link: %w", err)
	}
	return host.Put(ctx, place(token), text, left(l, now))
}

// tokenGrammar is what New makes.
var tokenGrammar = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// Find returns the link of a token without using it up; false when it is none, for something else, used, too old, or
// older than another one.
func Find(ctx context.Context, host auth.Host, what, token string, now time.Time) (Link, bool, error) {
	return read(ctx, host, host.Find, what, token, now)
}

// Take is Find that uses the link up: of many who try at once, one gets it (G13).
func Take(ctx context.Context, host auth.Host, what, token string, now time.Time) (Link, bool, error) {
	return read(ctx, host, host.Take, what, token, now)
}

func read(ctx context.Context, host auth.Host, get func(context.Context, string) ([]byte, bool, error), what, token string, now time.Time) (Link, bool, error) {
	if !tokenGrammar.MatchString(token) {
		return Link{}, false, nil
	}
	text, found, err := get(ctx, place(token))
	if err != nil || !found {
		return Link{}, false, err
	}
	var l Link
	if err := json.Unmarshal(text, &l); err != nil {
		return Link{}, false, fmt.Errorf("read a link: %w", err)
	}
	id, found, err := host.Find(ctx, newest(l.Email))
	return l, found && string(id) == l.ID && l.For == what && now.Before(l.Until), err
}

// Missed keeps a link that was taken with a wrong code, as long as there were fewer than MaxWrong. While it is taken, nobody
// else can try: guesses are counted however many come at once. It says whether the link is still good.
func Missed(ctx context.Context, host auth.Host, token string, l Link, now time.Time) (bool, error) {
	if l.Wrong++; l.Wrong >= MaxWrong || !now.Before(l.Until) {
		return false, nil
	}
	return true, keep(ctx, host, token, l, now)
}

// Forget ends all links for an address.
func Forget(ctx context.Context, host auth.Host, email string) error {
	_, _, err := host.Take(ctx, newest(email))
	return err
}

// letters are those of codes: none looks like another. There are 32 of them, so each takes 5 random bits.
const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// Code returns eight random letters, 40 bits.
func Code() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	for i := range b {
		b[i] = letters[b[i]%byte(len(letters))]
	}
	return string(b[:])
}

// Matches says whether a typed code is the link's. Case, spaces and dashes do not matter.
func (l Link) Matches(typed string) bool {
	typed = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(typed))
	return l.Code != "" && subtle.ConstantTimeCompare([]byte(typed), []byte(l.Code)) == 1
}

// addressGrammar is a dot-atom of RFC 5322 §3.4.1 in ASCII, with the letters that the host takes, at a domain of at least
// two labels (RFC 1035 §2.3.1): no quotes, comments, lists, literals, or more than one @.
var addressGrammar = regexp.MustCompile(`^[a-z0-9!#$%&'*+/=?^_{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// maxAddress and maxLocal are of RFC 5321 §4.5.3.1.
const (
	maxAddress = 254
	maxLocal   = 64
)

// Address reads one address: without spaces around it, in lower case, "+tag" kept; false for anything that is not plainly
// one (L7).
func Address(text string) (string, bool) {
	address := strings.ToLower(strings.Trim(text, " "))
	return address, len(address) <= maxAddress && strings.IndexByte(address, '@') <= maxLocal && addressGrammar.MatchString(address)
}
