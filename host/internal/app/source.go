package app

import (
	"context"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/ingest"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// sourceDoor shows the supervisor's plugins to ingest as sessions of configured sources.
type sourceDoor struct{ app *App }

var _ ingest.Source = sourceDoor{}

// Session implements ingest.Source.
func (d sourceDoor) Session(ctx context.Context, source, run string) (connector.Session, func() string, error) {
	configured, ok := d.app.source(source)
	if !ok {
		return nil, nil, fault.Newf(fault.Config, "there is no source %q", source)
	}
	loan, err := d.app.lend(ctx, configured, run)
	if err != nil {
		return nil, nil, err
	}
	release := func() string {
		exit := loan.Exit() // of a plugin that ended by itself; Close ends the others
		if err := loan.Close(); err != nil {
			d.app.options.Log.Warn("plugin did not end well", "source", source, "run", run, "error", err)
		}
		return exit
	}
	return loan.Session(), release, nil
}

func (a *App) source(name string) (config.Source, bool) {
	for _, s := range a.configured().Sources {
		if s.Name == name {
			return s, true
		}
	}
	return config.Source{}, false
}
