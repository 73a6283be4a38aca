package serve

import (
	"context"
	"fmt"
	"os"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/services"
	"github.com/ai-data-analyst/broker/sdk/service"
	"github.com/ai-data-analyst/broker/sdk/service/servicetest"
)

// Service is the main of a service plugin. It does not return.
func Service(author service.Author) {
	if os.Getenv(wire.CookieKey) == wire.CookieValue {
		os.Exit(serve(func() (contract, error) {
			built, err := author.Build()
			if err != nil {
				return nil, err
			}
			return services.NewServer(built), nil
		}))
	}
	os.Exit(runPlainVerb(serviceSubject(author), os.Args[1:], terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// serviceSubject is a service as the verbs see it.
func serviceSubject(author service.Author) subject {
	return subject{word: "service", describe: func(ctx context.Context) (sdk.Description, error) {
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
		return built.Open(ctx, service.Open{Settings: settings, WorkDir: work})
	}, suite: func(ctx context.Context, settings []byte) (fmt.Stringer, int, int) {
		report := servicetest.Run(ctx, servicetest.Subject{New: func(context.Context) (service.Service, func() error, error) {
			built, err := author.Build()
			return built, nil, err
		}, Settings: settings})
		return report, len(report.Failed()), len(report.Checks)
	}}
}
