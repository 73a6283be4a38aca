// Command broker-auth-hello is the smallest way to sign in: one secret word for a whole team. It shows the parts of a
// sign-in plugin; do not let people in with it.
package main

import (
	"context"
	"crypto/subtle"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

// settings is the config block of the auth block.
type settings struct {
	Word sdk.Secret `cfg:"word" doc:"The word that the team knows." required:"true"`
}

func main() { serve.Auth(hello()) }

func hello() auth.Author {
	return auth.Plugin[settings, settings]{
		Name: "hello", Version: "0.1.0", Doc: "One secret word for a whole team.",
		Open:  func(_ context.Context, _ auth.Runtime, s settings) (settings, error) { return s, nil },
		Form:  form,
		Begin: begin,
	}
}

// form is what stands on the login page.
func form(context.Context, settings) (auth.Form, error) {
	return auth.Form{Button: "Say hello", Fields: []auth.FormField{
		{Name: "email", Label: "E-mail", Type: "email", Required: true}, {Name: "word", Label: "Word", Type: "password", Required: true},
	}}, nil
}

// begin ends at once: whoever knows the word is who they say, by nobody's proof but their own (EmailVerified is false, so
// the host links no account to it).
func begin(_ context.Context, s settings, _ auth.Host, call auth.Call) (auth.Step, error) {
	email := strings.ToLower(strings.TrimSpace(call.Values["email"]))
	if email == "" || subtle.ConstantTimeCompare([]byte(call.Values["word"]), []byte(s.Word.Reveal())) != 1 {
		return auth.Step{}, fault.New(fault.Auth, "the word is wrong")
	}
	return auth.Step{Identity: &auth.Identity{Issuer: "hello", Subject: email, Email: email}}, nil
}
