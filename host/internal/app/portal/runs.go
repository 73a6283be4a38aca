package portal

import (
	"github.com/ai-data-analyst/broker/host/internal/app/watch"
	"github.com/ai-data-analyst/broker/web"
)

// newWatch says how tables and runs are.
func (p *Portal) newWatch() *watch.Watch {
	o := p.options
	return watch.New(watch.Options{Lake: o.Lake, Runs: o.Store.Runs(), Ticks: o.Store.Ticks(), Access: p.access, Config: o.Config, Describe: o.Describe,
		Scrub: o.Lake, Verbs: o.Verbs, Publish: p.hub.Publish, Note: o.Ledger.Did, Now: o.Now, Log: o.Log})
}

// runs are what the pages of runs need.
func (p *Portal) runs() web.Runs {
	return web.Runs{Watch: p.watch, Activity: p.usage, Now: p.options.Now}
}
