package main

import (
	"context"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/auth/authtest"
)

// TestContract holds the plugin to everything the host expects of it.
func TestContract(t *testing.T) {
	authtest.Test(t, authtest.Subject{
		New: func(context.Context) (auth.Provider, func() error, error) {
			p, err := hello().Build()
			return p, nil, err
		},
		Settings: []byte(`{"word": "open sesame"}`),
		Bad:      []authtest.Bad{{Settings: []byte(`{}`), Path: "word"}},
		SignIn: func(ctx context.Context, s auth.Session, host auth.Host) (auth.Step, error) {
			return s.Begin(ctx, host, auth.Call{Post: true, Browser: "b", Values: map[string]string{"email": "ann@example.com", "word": "open sesame"}})
		},
	})
}
