package portal

import "github.com/ai-data-analyst/broker/host/internal/app/finder"

// find finds tables for doors and pages.
func (p *Portal) find() *finder.Finder { return finder.New(p.manifests, p.watch) }
