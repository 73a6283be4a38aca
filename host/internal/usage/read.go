package usage

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// MostDays is how far back Activity looks.
const MostDays = 366

// row is one counter as it was kept.
type row struct {
	counter
	times int64
	last  time.Time
}

// rows are the counters since a day, of one table or, with "", of all.
func (b *Book) rows(ctx context.Context, since string, table sdk.TableName) (list []row, err error) {
	query, args := `SELECT day, user_id, name, kind, times, last FROM usage_days WHERE day >= ?`, []any{since}
	if table != "" {
		query, args = query+` AND name = ?`, append(args, string(table))
	}
	found, err := b.o.DB.QueryContext(ctx, b.rebind(query), args...)
	if err != nil {
		return nil, fmt.Errorf("read counts of use: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var r row
		var last int64
		if err := found.Scan(&r.day, &r.user, &r.table, &r.kind, &r.times, &last); err != nil {
			return nil, fmt.Errorf("read a count of use: %w", err)
		}
		r.last = time.UnixMicro(last).UTC()
		list = append(list, r)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("read counts of use: %w", err)
	}
	return list, nil
}

// span is the first of some days that end today.
func (b *Book) span(days int) (since string, each []string) {
	now := b.o.Now().UTC()
	for i := days - 1; i >= 0; i-- {
		each = append(each, day(now.AddDate(0, 0, -i)))
	}
	return each[0], each
}

// Activity says what was used in the last days. Administrators see all, and groups; others what concerns tables that they
// may see: of other tables not even a count (G12).
func (b *Book) Activity(ctx context.Context, who sdk.Caller, days int) (api.Activity, error) {
	if days < 1 || days > MostDays {
		return api.Activity{}, fault.Newf(fault.Config, "days must be a whole number from 1 to %d", MostDays)
	}
	sees, _, err := b.o.Access.Visible(ctx, who)
	if err != nil {
		return api.Activity{}, err
	}
	all := b.o.Access.Authorize(ctx, who, sdk.Administer, "") == nil
	since, each := b.span(days)
	rows, err := b.rows(ctx, since, "")
	if err != nil {
		return api.Activity{}, err
	}
	out := api.Activity{Days: days, ByDay: make([]api.ActivityDay, len(each)), Tables: []api.TableUse{}, Groups: []api.GroupUse{}}
	at, people, daily := map[string]int{}, map[string]bool{}, make([]map[string]bool, len(each))
	for i, date := range each {
		at[date], out.ByDay[i].Date, daily[i] = i, date, map[string]bool{}
	}
	tables := map[string][]row{}
	for _, r := range rows {
		i, inside := at[r.day]
		if !inside || r.table != "" && !sees(sdk.TableName(r.table)) {
			continue
		}
		if r.table != "" {
			tables[r.table] = append(tables[r.table], r)
		}
		if all != (r.table == "") {
			continue // totals: of the instance for administrators, of the visible tables for others
		}
		people[r.user], daily[i][r.user] = true, true
		add(r, &out.Pulls, &out.Queries)
		add(r, &out.ByDay[i].Pulls, &out.ByDay[i].Queries)
	}
	out.People = len(people)
	for i := range daily {
		out.ByDay[i].People = len(daily[i])
	}
	for table, rows := range tables {
		out.Tables = append(out.Tables, use(table, rows, each))
	}
	slices.SortFunc(out.Tables, func(x, y api.TableUse) int {
		return cmp.Or(cmp.Compare(y.Pulls+y.Queries, x.Pulls+x.Queries), cmp.Compare(x.Table, y.Table))
	})
	if all {
		out.Groups, err = b.groups(ctx, rows)
	}
	return out, err
}

func add(r row, pulls, queries *int64) {
	if r.kind == kindPull {
		*pulls += r.times
	} else {
		*queries += r.times
	}
}

// use adds up the counters of one table.
func use(table string, rows []row, each []string) api.TableUse {
	u := api.TableUse{Table: table, LastDays: make([]int64, len(each))}
	people, last := map[string]bool{}, time.Time{}
	for _, r := range rows {
		people[r.user] = true
		add(r, &u.Pulls, &u.Queries)
		if i := slices.Index(each, r.day); i >= 0 {
			u.LastDays[i] += r.times
		}
		if r.last.After(last) {
			last = r.last
		}
	}
	u.People = len(people)
	if !last.IsZero() {
		u.LastAt = last.Truncate(time.Second).Format(time.RFC3339)
	}
	return u
}

// groups adds up what the people of each group did.
func (b *Book) groups(ctx context.Context, rows []row) ([]api.GroupUse, error) {
	teams, err := b.o.Teams(ctx)
	if err != nil {
		return nil, err
	}
	list := []api.GroupUse{}
	for _, team := range teams {
		g, people := api.GroupUse{Group: team.Name}, map[string]bool{}
		for _, r := range rows {
			if r.table == "" && slices.Contains(team.Members, r.user) {
				people[r.user] = true
				add(r, &g.Pulls, &g.Queries)
			}
		}
		g.People = len(people)
		list = append(list, g)
	}
	slices.SortFunc(list, func(x, y api.GroupUse) int {
		return cmp.Or(cmp.Compare(y.Pulls+y.Queries, x.Pulls+x.Queries), cmp.Compare(x.Group, y.Group))
	})
	return list, nil
}

// tableDays is how far back TableUse looks, and mostWith how many other tables it names.
const (
	tableDays = 30
	mostWith  = 5
)

// TableUse says how much a table was used in the last 30 days, and what was asked together with it; fault.NotFound for a
// table that is denied or absent alike.
func (b *Book) TableUse(ctx context.Context, who sdk.Caller, table sdk.TableName) (api.TableUse, error) {
	if err := b.o.Access.Authorize(ctx, who, sdk.ReadTable, table); err != nil {
		return api.TableUse{}, err
	}
	sees, _, err := b.o.Access.Visible(ctx, who)
	if err != nil {
		return api.TableUse{}, err
	}
	since, each := b.span(tableDays)
	rows, err := b.rows(ctx, since, table)
	if err != nil {
		return api.TableUse{}, err
	}
	u := use(string(table), rows, each)
	u.With, err = b.with(ctx, since, table, sees)
	return u, err
}

func (b *Book) with(ctx context.Context, since string, table sdk.TableName, sees func(sdk.TableName) bool) ([]string, error) {
	found, err := b.o.DB.QueryContext(ctx, b.rebind(`SELECT other, SUM(times) FROM usage_pairs WHERE name = ? AND day >= ? GROUP BY other`), string(table), since)
	if err != nil {
		return nil, fmt.Errorf("read what is asked together: %w", err)
	}
	defer found.Close()
	times := map[string]int64{}
	for found.Next() {
		var other string
		var n int64
		if err := found.Scan(&other, &n); err != nil {
			return nil, fmt.Errorf("read what is asked together: %w", err)
		}
		if sees(sdk.TableName(other)) {
			times[other] = n
		}
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("read what is asked together: %w", err)
	}
	names := slices.SortedFunc(maps.Keys(times), func(x, y string) int { return cmp.Or(cmp.Compare(times[y], times[x]), cmp.Compare(x, y)) })
	return names[:min(len(names), mostWith)], nil
}

// mostMachines bounds a list of machines.
const mostMachines = 50

// Machines are the programs that pulled with the caller's tokens, the latest first.
func (b *Book) Machines(ctx context.Context, who sdk.Caller) (api.Machines, error) {
	tokens, err := b.o.Access.Tokens(ctx, who)
	if err != nil {
		return api.Machines{}, err
	}
	labels := map[string]string{}
	for _, t := range tokens {
		labels[t.ID] = t.Label
	}
	found, err := b.o.DB.QueryContext(ctx, b.rebind(`SELECT token, generation, pulled, client FROM usage_machines WHERE user_id = ? ORDER BY pulled DESC, token LIMIT ?`), who.User.ID, mostMachines)
	if err != nil {
		return api.Machines{}, fmt.Errorf("read who pulled: %w", err)
	}
	defer found.Close()
	out := api.Machines{Machines: []api.Machine{}}
	for found.Next() {
		var m api.Machine
		var pulled int64
		if err := found.Scan(&m.Token, &m.Generation, &pulled, &m.Client); err != nil {
			return api.Machines{}, fmt.Errorf("read who pulled: %w", err)
		}
		m.Label, m.PulledAt = labels[m.Token], time.UnixMicro(pulled).UTC().Truncate(time.Second).Format(time.RFC3339)
		out.Machines = append(out.Machines, m)
	}
	if err := found.Err(); err != nil {
		return api.Machines{}, fmt.Errorf("read who pulled: %w", err)
	}
	return out, nil
}
