package portal

import (
	"context"
	"errors"
	"io"

	"github.com/ai-data-analyst/broker/host/internal/app/finder"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// find finds tables and definitions for doors and pages.
func (p *Portal) find() *finder.Finder {
	return finder.New(p.manifests, p.watch, func(ctx context.Context, who sdk.Caller, sql string) error {
		rows, err := p.answers.Run(ctx, who, api.Query{SQL: sql, Format: "json", Limit: 1})
		if err != nil {
			return err
		}
		_, err = rows.Next()
		return errors.Join(rows.Close(), ignoreEnd(err))
	})
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
