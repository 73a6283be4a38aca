package access

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/access/reach"
	"github.com/ai-data-analyst/broker/sdk"
)

// Opened returns, for each group by name (see Groups), the patterns that open the tables, in the order of tables; "" where
// none does. Private namespaces are taken as their privileged members see them. It asks the one decision (G12).
func (a *Access) Opened(ctx context.Context, tables []sdk.TableName) (map[string][]string, error) {
	groups, err := a.Groups(ctx)
	if err != nil {
		return nil, err
	}
	view, err := a.current(ctx)
	if err != nil {
		return nil, err
	}
	opened := map[string][]string{}
	for _, g := range groups {
		held := reach.New(view.book.tables, sdk.Privileged, Reason{}, view.grantsOf([]string{g.Name}))
		by := make([]string, len(tables))
		for i, table := range tables {
			if grounds := held.Because(table); len(grounds) > 0 {
				by[i] = grounds[0].Pattern
			}
		}
		opened[g.Name] = by
	}
	return opened, nil
}

// Private says whether a namespace is private.
func (a *Access) Private(namespace string) bool { return a.rules.Load().tables.Private[namespace] }
