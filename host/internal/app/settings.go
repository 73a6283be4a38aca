package app

import (
	"context"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/app/door"
	"github.com/ai-data-analyst/broker/host/internal/app/ledger"
	"github.com/ai-data-analyst/broker/host/internal/app/people"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const describeTime = 25 * time.Second // of one question to one plugin: no command spends more than 30 s on a bad one

// settingsOf returns the settings of a plugin as config wants them (decision 8).
func (a *App) settingsOf(kind, name string) ([]config.Field, error) {
	if a.supervisor == nil {
		return nil, fault.New(fault.Config, "plugins cannot be looked at before instance and plugins blocks are right")
	}
	ctx, cancel := context.WithTimeout(context.Background(), describeTime)
	defer cancel()
	described, err := a.supervisor.Describe(ctx, kind, name)
	var fields []config.Field
	for _, f := range described.Settings {
		fields = append(fields, door.Field(f))
	}
	return fields, err
}

// People does what the verbs about users, groups and tokens ask.
type People = people.People

// People opens what the verbs about users, groups and tokens need: the state database alone, also beside a serving broker.
func (a *App) People(ctx context.Context) (*People, error) {
	if wrong := a.read.Load().diagnostics.Blocking("access", "dataset"); len(wrong) > 0 {
		return nil, wrong
	}
	if err := a.openStore(ctx); err != nil {
		return nil, err
	}
	return people.New(a.store, a.rules(), a.options.Now, a.options.Log, a.ledger.Commanded), nil
}

// rules are what configuration and description say of people.
func (a *App) rules() access.Rules {
	description, _ := a.describeTables() // what is wrong in it opens nothing
	return people.Rules(a.configured(), description)
}

// Audit opens the log of who did what, also beside a serving broker.
func (a *App) Audit(ctx context.Context) (*ledger.Ledger, error) {
	if err := a.openStore(ctx); err != nil {
		return nil, err
	}
	return a.ledger, nil
}
