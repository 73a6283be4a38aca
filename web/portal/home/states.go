package home

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

// alert is a table that somebody should know of.
type alert struct {
	api.TableState
	Table api.CatalogTable
	Bad   bool
}

// fresh is one row of the list of how old the tables are.
type fresh struct {
	api.TableState
	PublishedAt string
}

const (
	mostAlerts = 6
	mostFresh  = 40 // beyond that the catalog is the place to look
)

// gravity is how bad a state is, the worst first.
var gravity = map[string]int{api.StateUnreadable: 0, api.StateFailed: 1, api.StateHeld: 2, api.StatePartial: 3, api.StateStale: 4, api.StateNever: 5, api.StateSyncing: 6}

func grave(state string) int {
	if g, ok := gravity[state]; ok {
		return g
	}
	return len(gravity)
}

// tell sorts the tables by how they are.
func (v *view) tell(states api.States, catalog api.Catalog) {
	tables := map[string]api.CatalogTable{}
	for _, t := range catalog.Tables {
		tables[t.Name] = t
	}
	all := slices.Clone(states.Tables)
	slices.SortStableFunc(all, func(a, b api.TableState) int {
		if d := grave(a.State) - grave(b.State); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, t := range all {
		if grave(t.State) <= gravity[api.StateStale] {
			v.Alerts = append(v.Alerts, alert{TableState: t, Table: tables[t.Name], Bad: grave(t.State) <= gravity[api.StateFailed]})
		}
		v.Fresh = append(v.Fresh, fresh{t, tables[t.Name].PublishedAt})
	}
	if n := len(v.Alerts) - mostAlerts; n > 0 {
		v.Alerts, v.MoreAlerts = v.Alerts[:mostAlerts], n
	}
	if n := len(v.Fresh) - mostFresh; n > 0 {
		v.Fresh, v.MoreFresh = v.Fresh[:mostFresh], n
	}
}

// head writes the heading, which is the answer of the page, and the sentence below it.
func (v *view) head(now time.Time) {
	tables, troubles := len(v.Catalog.Tables), len(v.Alerts)+v.MoreAlerts
	switch s := v.Since; {
	case s == nil:
		v.Heading = page.Grouped(tables) + " tables are open to you"
		if tables == 1 {
			v.Heading = "One table is open to you"
		}
	case len(s.Rows)+s.More == 0:
		v.Heading = "Nothing changed since " + said(s.PulledAt, now)
		if s.From >= s.To {
			v.Heading = "You have the newest data"
		}
	default:
		v.Heading = fmt.Sprintf("%s of your %s changed since %s", page.Grouped(len(s.Rows)+s.More), counted(tables), said(s.PulledAt, now))
	}
	var healthy int
	for _, f := range v.Fresh {
		if grave(f.State) == len(gravity) {
			healthy++
		}
	}
	switch {
	case len(v.Fresh) == 0:
		v.Lead = "What you may read, and when it was published."
	case troubles == 0:
		v.Lead = "All of them are as fresh as their schedules promise."
		if healthy < len(v.Fresh) {
			v.Lead = "Nothing is wrong with any of them; some are syncing or wait for their first run."
		}
	default:
		v.Lead = stops(v.Alerts, v.MoreAlerts)
	}
}

// stops names the tables that stop short.
func stops(alerts []alert, more int) string {
	var parts []string
	for _, a := range alerts[:min(len(alerts), 2)] {
		parts = append(parts, a.Name+map[string]string{api.StateUnreadable: " cannot be read", api.StateFailed: " failed", api.StateHeld: " waits for a decision",
			api.StatePartial: " came in part", api.StateStale: " is older than promised"}[a.State])
	}
	rest := len(alerts) - len(parts) + more
	text := strings.Join(parts, " and ")
	if rest > 0 {
		text = strings.Join(parts, ", ") + " and " + counted(rest) + " more stop short"
	}
	return text + ". What you have of them stays good; everything else is as fresh as promised."
}

func counted(n int) string {
	if n == 1 {
		return "1 table"
	}
	return page.Grouped(n) + " tables"
}

// said is the day of a moment as one speaks of it.
func said(stamp string, now time.Time) string {
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return "your pull"
	}
	if day := page.Day(at, now); day != "today" {
		return day
	}
	return at.UTC().Format("15:04")
}
