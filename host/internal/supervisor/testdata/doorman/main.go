// Command doorman is a way to sign in that does as it is told, for tests of the supervisor.
package main

import (
	"context"
	"os"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/serve"
)

type settings struct {
	Key sdk.Secret `cfg:"key" doc:"A secret." required:"true"`
}

func main() {
	serve.Auth(auth.Plugin[settings, settings]{
		Name: "doorman", Version: "1.0.0", Doc: "Does as it is told.",
		Open:  func(_ context.Context, _ auth.Runtime, s settings) (settings, error) { return s, nil },
		Begin: begin,
	})
}

func begin(ctx context.Context, s settings, host auth.Host, call auth.Call) (auth.Step, error) {
	switch call.Values["do"] {
	case "die":
		os.Exit(3)
	case "tell":
		return auth.Step{}, fault.New(fault.Transient, "the key is "+s.Key.Reveal())
	case "keep":
		if err := host.Put(ctx, "k", []byte("v"), time.Minute); err != nil {
			return auth.Step{}, err
		}
	case "panic":
		panic("at the " + s.Key.Reveal())
	}
	return auth.Step{Identity: &auth.Identity{Issuer: "doorman", Subject: "ann"}}, nil
}
