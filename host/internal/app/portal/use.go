package portal

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/host/internal/usage"
	"github.com/ai-data-analyst/broker/sdk"
)

// newUsage counts what people use.
func (p *Portal) newUsage() *usage.Book {
	o := p.options
	return usage.New(usage.Options{DB: o.Store.DB(), Postgres: o.Store.Dialect() == store.Postgres, Access: p.access, Teams: p.teams,
		Tables: p.tablesOf, Now: o.Now, Log: o.Log})
}

// teams are the groups of people, by the ids of those who have been here.
func (p *Portal) teams(ctx context.Context) ([]usage.Team, error) {
	groups, err := p.access.Groups(ctx)
	if err != nil {
		return nil, err
	}
	users, err := p.access.Users(ctx)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, u := range users {
		ids[u.Email] = u.ID
	}
	teams := make([]usage.Team, len(groups))
	for i, g := range groups {
		teams[i].Name = g.Name
		for _, email := range g.Members {
			if id, ok := ids[email]; ok {
				teams[i].Members = append(teams[i].Members, id)
			}
		}
	}
	return teams, nil
}

// tablesOf are the tables that a person may ask.
func (p *Portal) tablesOf(ctx context.Context, who sdk.Caller) ([]sdk.TableName, error) {
	catalog, err := p.manifests.Catalog(ctx, who)
	if err != nil {
		return nil, err
	}
	names := make([]sdk.TableName, len(catalog.Tables))
	for i, t := range catalog.Tables {
		names[i] = sdk.TableName(t.Name)
	}
	return names, nil
}
