package serve

import (
	"context"
	"fmt"
	"os"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/auth/authtest"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/auths"
)

// Auth is the main of a sign-in plugin. It does not return.
func Auth(author auth.Author) {
	if os.Getenv(wire.CookieKey) == wire.CookieValue {
		os.Exit(serve(func() (contract, error) {
			built, err := author.Build()
			if err != nil {
				return nil, err
			}
			return auths.NewServer(built), nil
		}))
	}
	os.Exit(runPlainVerb(authSubject(author), os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// authSubject is a way to sign in as the verbs see it.
func authSubject(author auth.Author) subject {
	return subject{word: "way to sign in", describe: func(ctx context.Context) (sdk.Description, error) {
		built, err := author.Build()
		if err != nil {
			return sdk.Description{}, err
		}
		return built.Describe(ctx)
	}, open: func(ctx context.Context, settings []byte, work string) (checking, error) {
		built, err := author.Build()
		if err != nil {
			return nil, err
		}
		return built.Open(ctx, auth.Open{Settings: settings, WorkDir: work})
	}, suite: func(ctx context.Context, settings []byte) (fmt.Stringer, int, int) {
		report := authtest.Run(ctx, authtest.Subject{New: func(context.Context) (auth.Provider, func() error, error) {
			built, err := author.Build()
			return built, nil, err
		}, Settings: settings})
		return report, len(report.Failed()), len(report.Checks)
	}}
}
