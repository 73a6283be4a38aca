package portal

import (
	"context"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/registry"
	"github.com/ai-data-analyst/broker/host/internal/app/steer"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web"
)

// admin is what the doors and pages of admins need; note writes into the audit log.
func (p *Portal) admin(note func(ctx context.Context, who sdk.Caller, action, object string, err error)) web.Admin {
	o := p.options
	steering := steer.New(steer.Options{Config: o.Config, Problems: o.Problems, Describe: o.Describe, Access: p.access, Visits: p.visits, Store: o.Store, Lake: o.Lake,
		Supervisor: o.Supervisor, Audit: o.Ledger.Log, Note: note, Version: o.Version, Now: o.Now, Log: o.Log})
	return web.Admin{People: steering, Plugins: steering, Instance: steering, Registry: registry.Open(registry.Options{Config: o.Config, Describe: p.describe, Note: note, Lend: o.Lend})}
}

// describe reads the definitions that lie in a folder as if it were that of the configuration.
func (p *Portal) describe(dir string) (*config.Description, config.Diagnostics) {
	options := config.DescriptionOptions{Dir: dir, Today: p.options.Now()}
	c := p.options.Config()
	for _, s := range c.Sources {
		options.Sources = append(options.Sources, s.Name)
	}
	for _, d := range c.Datasets {
		options.Datasets = append(options.Datasets, d.Name)
	}
	return config.Describe(options)
}

// lend starts the connector of a source.
type lend = func(ctx context.Context, source config.Source, run string) (*supervisor.Loan, error)
