package auth

import "time"

// Grant is what the host knows of a program that a person let in by the portal. A plugin with a Scheme makes tokens of it:
// for the first ones the host puts it under CodeKey(code) and calls Refresh with that code, which is good once.
//
// As long as the program may come in, Find(GrantKey(Grant.ID)) tells its Grant; once it is revoked, the person is shut out,
// or their password changed, there is none. VerifyToken asks at each call, so that a revocation holds at once. Take of the
// same key revokes it: what a plugin does when a refresh token comes a second time.
type Grant struct {
	ID      string    `json:"id"`      // of one program on one machine; a family of refresh tokens
	Subject string    `json:"subject"` // of the person: stays, and is never given to another
	Email   string    `json:"email"`
	Expires time.Time `json:"expires"` // tokens may not live longer
}

// CodeKey is where the host puts the JSON of a Grant for the code that Refresh is called with.
func CodeKey(code string) string { return "code/" + code }

// GrantKey is where the host tells the JSON of a Grant that holds.
func GrantKey(id string) string { return "grant/" + id }
