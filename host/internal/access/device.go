package access

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// PollEvery is how long a program waits between two questions whether its person has agreed (RFC 8628 §3.2, interval).
const PollEvery = 2 * time.Second

// maxGuesses is how many unknown codes one person may type within codeLife.
const maxGuesses = 20

// userAlphabet has no look-alikes: no I, O, 0, 1. Its 32 letters divide 256, so every code is equally likely.
const userAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

// BeginDevice makes a pair of codes for ten minutes: device for the program, user (XXXX-XXXX) for a person to type.
// fault.RateLimited when too many are under way.
func (a *Access) BeginDevice(ctx context.Context) (device, user string, err error) {
	letters := make([]byte, 8)
	rand.Read(letters) // never fails
	for i, b := range letters {
		letters[i] = userAlphabet[int(b)%len(userAlphabet)]
	}
	device, now := random(32), a.now()
	err = a.store.AddCode(ctx, sdk.SignInCode{Kind: kindDevice, Hash: hashOf(device), UserHash: hashOf(string(letters)), Created: now,
		Expires: now.Add(codeLife)}, maxDevices)
	if err != nil {
		return "", "", err
	}
	return device, string(letters[:4]) + "-" + string(letters[4:]), nil
}

// ApproveDevice lets who give the program with this user code a token of their scopes. fault.NotFound for a code that does
// not wait; fault.RateLimited after too many of those.
func (a *Access) ApproveDevice(ctx context.Context, who sdk.Caller, userCode string) error {
	scopes, err := a.lends(ctx, who)
	if err != nil {
		return err
	}
	now := a.now()
	if a.devices.Count(who.User.ID, now) >= maxGuesses {
		return &fault.Fault{Code: fault.RateLimited, What: "too many wrong codes", Help: "Wait ten minutes, then begin again.", RetryAfter: codeLife}
	}
	letters := strings.ToUpper(strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, userCode))
	approved := false
	if len(letters) == 8 && strings.Trim(letters, userAlphabet) == "" {
		approved, err = a.store.ApproveCode(ctx, hashOf(letters), who.User.ID, scopes, now)
	}
	if err != nil {
		return err
	}
	if !approved {
		a.devices.Guess(who.User.ID, now)
		return fault.New(fault.NotFound, "no program waits with that code").WithHelp("Check the letters; a code is good for ten minutes and once.")
	}
	return nil
}

// FinishDevice issues the token once a person has agreed; fault.Transient while nobody has decided, fault.RateLimited when
// asked again before PollEvery is over, fault.Auth when it is over.
func (a *Access) FinishDevice(ctx context.Context, device, label string) (sdk.Caller, sdk.Token, sdk.Secret, error) {
	if !challengeGrammar.MatchString(device) {
		return sdk.Caller{}, sdk.Token{}, "", errSignIn()
	}
	hash := hashOf(device)
	found, err := a.good(ctx, kindDevice, hash)
	if err != nil {
		return sdk.Caller{}, sdk.Token{}, "", err
	}
	if !a.devices.Ask(hash, a.now()) {
		return sdk.Caller{}, sdk.Token{}, "", &fault.Fault{Code: fault.RateLimited, What: "asked too often whether the person agreed",
			Help: "Wait between two questions.", RetryAfter: PollEvery}
	}
	if found.UserID == "" {
		return sdk.Caller{}, sdk.Token{}, "", fault.New(fault.Transient, "nobody has agreed yet")
	}
	if found, err = a.take(ctx, kindDevice, hash); err != nil {
		return sdk.Caller{}, sdk.Token{}, "", err
	}
	return a.admit(ctx, found.UserID, label, found.Scopes, "token")
}
