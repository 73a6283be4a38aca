package portal

import (
	"context"
	"errors"
	"io"

	"github.com/ai-data-analyst/broker/host/internal/app/finder"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
)

// find finds tables and definitions for doors and pages.
func (p *Portal) find() *finder.Finder {
	order := func() []string { return p.options.Config().Catalog.Order }
	ask := func(ctx context.Context, who sdk.Caller, sql string) error {
		rows, err := p.answers.Run(ctx, who, api.Query{SQL: sql, Format: "json", Limit: 1})
		if err != nil {
			return err
		}
		_, err = rows.Next()
		return errors.Join(rows.Close(), ignoreEnd(err))
	}
	return finder.New(finder.Options{Manifests: p.manifests, States: p.watch, Ask: ask, Order: order})
}

// spaces is how the configuration names namespaces.
func (p *Portal) spaces() []web.Space {
	var spaces []web.Space
	for _, c := range p.options.Config().Catalog.Categories {
		spaces = append(spaces, web.Space{Name: c.Name, Label: c.Label})
	}
	return spaces
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
