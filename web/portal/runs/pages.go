package runs

import (
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1"
)

//go:embed templates/*.html
var files embed.FS

// formBody is how many bytes a form of these pages may have.
const formBody = 16 << 10

// listed is how many runs the page lists, and mostLanes how many tables it draws of the newest; its own page has all.
const (
	listed    = 30
	mostLanes = 100
)

type pages struct {
	Needs
	host *page.Host
	set  *page.Set
}

// Routes are the pages.
func Routes(host *page.Host, needs Needs) []page.Route {
	p := pages{Needs: needs, host: host, set: page.Parse(page.Below(files, "templates"))}
	return []page.Route{
		{Method: "GET", Path: "/runs", Permission: v1.ForUser, Handler: p.runs},
		{Method: "GET", Path: "/runs/:run", Permission: v1.ForUser, Handler: p.run},
		{Method: "POST", Path: "/runs/sync", Permission: v1.ForAdmin, Body: formBody, Handler: p.sync},
		{Method: "POST", Path: "/runs/decide", Permission: v1.ForAdmin, Body: formBody, Handler: p.decide},
		{Method: "GET", Path: "/syncs", Permission: v1.ForUser, Handler: moved},
		{Method: "GET", Path: "/activity", Permission: v1.ForUser, Handler: p.activity},
	}
}

// moved sends on who knows the page by its old name.
func moved(c *fiber.Ctx, _ *page.View) error { return c.Redirect("/runs", http.StatusMovedPermanently) }

// runsView is what the page of runs shows.
type runsView struct {
	Heading, Lead string
	Admin         bool
	Done          string // what the reader just did; "" = nothing
	Latest        *runView
	Troubles      []trouble
	Held          []decision
	Before        []row
	Older         string // address of what came before; "" = that was all
	Filter        api.RunFilter
	Filtered      bool
	Sources       []string
	Statuses      []string
	Month         [][]square
	Blank         bool // nothing ever ran
	Next          string
}

// runView is one run in full.
type runView struct {
	row
	Line   line
	More   int // tables that are not drawn
	Failed []failure
	Who    string // in words, who began it
	Retry  []string
	Admin  bool
}

// failure is why some tables of a run failed.
type failure struct {
	Tables              []string
	Source              string
	Code, Message, Help string
	Status, Head        string
}

func (p pages) runs(c *fiber.Ctx, v *page.View) error {
	ctx := c.UserContext()
	states, err := p.Watch.States(ctx, v.Who)
	if err != nil {
		return err
	}
	filter := filterOf(c, listed)
	found, err := p.Watch.Runs(ctx, v.Who, filter)
	if err != nil {
		return err
	}
	now := p.Now()
	view := runsView{Admin: v.Who.User.Role == sdk.Admin, Done: done[c.Query("done")], Troubles: troubles(states), Held: decisions(states), Filter: filter,
		Filtered: filter.Source+filter.Table+filter.Status+filter.Before != "", Sources: sources(states), Statuses: statuses, Month: month(states), Next: soonest(states)}
	if len(found.Runs) > 0 && !view.Filtered {
		view.Latest = viewOf(found.Runs[0], now, view.Admin, mostLanes)
	}
	view.Before = rows(found, now)
	if !view.Filtered {
		view.Troubles = append(refusals(found.Runs, states), view.Troubles...)
	}
	if found.Next != "" {
		view.Older = older(filter, found.Next)
	}
	view.Blank = len(found.Runs) == 0 && !view.Filtered
	view.Heading, view.Lead = headline(states, view, now)
	v.JSON = api.Prefix + "/runs"
	return p.host.Show(c, v, p.set, "runs.html", http.StatusOK, "Runs", view)
}

// statuses are what a run may be filtered by.
var statuses = []string{"running", "published", "unchanged", "held", "failed", "cancelled"}

// done are the sentences that tell what a form did, by the word in the address.
var done = map[string]string{
	"accept":  "The held version is published; everybody reads it with the next pull.",
	"discard": "The held version is given up; the published one stays as it is.",
}

func older(filter api.RunFilter, before string) string {
	query := url.Values{"before": {before}}
	for key, value := range map[string]string{"source": filter.Source, "table": filter.Table, "status": filter.Status} {
		if value != "" {
			query.Set(key, value)
		}
	}
	return "/runs?" + query.Encode()
}

func sources(states api.States) []string {
	var all []string
	for _, s := range states.Tables {
		if s.Source != "" && !slices.Contains(all, s.Source) {
			all = append(all, s.Source)
		}
	}
	slices.Sort(all)
	return all
}

// soonest is the next due run of all; "" = nothing is planned.
func soonest(states api.States) string {
	next := ""
	for _, s := range states.Tables {
		if s.NextAt != "" && (next == "" || s.NextAt < next) {
			next = s.NextAt
		}
	}
	return next
}

// headline is the answer to what the page is asked: is the sync all right, and which decision is the reader's?
func headline(states api.States, view runsView, now time.Time) (heading, lead string) {
	failed, late, refused := 0, 0, 0
	for _, t := range view.Troubles {
		switch {
		case len(t.Tables) == 0:
			refused++
		case t.Matters:
			failed += len(t.Tables)
		default:
			late += len(t.Tables)
		}
	}
	var wrong []string
	for _, part := range []struct {
		n    int
		word string
	}{{len(view.Held), "held"}, {failed, "failed"}, {late, "late or partial"}} {
		if part.n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	lead = "What is published stays readable whatever happens here."
	if next := parse(view.Next); !next.IsZero() {
		lead = fmt.Sprintf("The next run is due at %s UTC. %s", next.Format("2 Jan 15:04"), lead)
	}
	also := silent(refused)
	switch running := view.Latest != nil && !view.Latest.Ended; {
	case view.Blank:
		return "Nothing has run yet", "The first run makes the first generation."
	case running:
		heading = underWay(view.Latest.Tables)
		lead = fmt.Sprintf("It has run for %s. What is done is already published; readers have the former version of the rest.", view.Latest.Took)
	case len(wrong) == 0 && len(states.Tables) > 0:
		heading = fmt.Sprintf("All %d tables are as they should be", len(states.Tables))
		if len(states.Tables) == 1 {
			heading = "Your one table is as it should be"
		}
		return heading + also, lead
	case len(wrong) == 0 && refused > 0:
		return strings.ToUpper(also[2:3]) + also[3:], "None of its tables is known yet."
	case len(wrong) == 0:
		return "No table is open to you yet", "An administrator decides which tables you see; runs of others are not shown."
	default:
		heading = fmt.Sprintf("%d of %d tables need attention", failed+late+len(view.Held), len(states.Tables))
	}
	if len(wrong) > 0 {
		heading += ": " + strings.Join(wrong, ", ")
	}
	return heading + also, lead
}

// silent tells how many sources failed before their tables were known; "" for none.
func silent(sources int) string {
	switch sources {
	case 0:
		return ""
	case 1:
		return "; one source does not answer"
	}
	return fmt.Sprintf("; %d sources do not answer", sources)
}

func underWay(tables []api.RunTable) string {
	going := 0
	for _, t := range tables {
		if t.Status == "running" {
			going++
		}
	}
	return fmt.Sprintf("Syncing: %d done, %d under way", len(tables)-going, going)
}

// viewOf is a run in full.
func viewOf(run api.Run, now time.Time, admin bool, most int) *runView {
	shown, more := few(run, most)
	view := &runView{row: rowOf(run, now), Line: lineOf(shown, now), More: more, Who: began(run.Trigger), Admin: admin}
	at := map[string]int{}
	for _, t := range run.Tables {
		if t.Status != "failed" && t.Status != "held" && t.Status != "partial" {
			continue
		}
		if t.Status != "held" {
			what := t.Name
			if what == "" {
				what = t.Source
			}
			view.Retry = append(view.Retry, what)
		}
		key := t.Status + "\x00" + t.Source + "\x00" + t.Message
		i, known := at[key]
		if !known {
			i = len(view.Failed)
			at[key] = i
			view.Failed = append(view.Failed, failure{Source: t.Source, Code: t.Code, Message: t.Message, Help: t.Help, Status: t.Status, Head: heads[t.Status]})
		}
		if t.Name != "" {
			view.Failed[i].Tables = append(view.Failed[i].Tables, t.Name)
		}
	}
	return view
}

func began(trigger string) string {
	switch trigger {
	case "schedule":
		return "started by the schedule"
	case "manual":
		return "started by a command"
	case "portal":
		return "started from the portal"
	case "demo":
		return "started by the demo"
	case "webhook":
		return "started by a webhook"
	}
	return "started by " + trigger
}

func (p pages) run(c *fiber.Ctx, v *page.View) error {
	run, err := p.Watch.Run(c.UserContext(), v.Who, c.Params("run"))
	if err != nil {
		return err
	}
	view := viewOf(run, p.Now(), v.Who.User.Role == sdk.Admin, 0)
	v.JSON, v.Nav = api.Prefix+"/runs/"+url.PathEscape(run.Run), "/runs"
	return p.host.Show(c, v, p.set, "run.html", http.StatusOK, "Run "+run.Run, view)
}

// sync begins a run and shows it.
func (p pages) sync(c *fiber.Ctx, v *page.View) error {
	var selected []string
	for _, value := range c.Request().PostArgs().PeekMulti("select") {
		if text := strings.TrimSpace(string(value)); text != "" {
			selected = append(selected, text)
		}
	}
	run, err := p.Watch.Sync(c.UserContext(), v.Who, selected)
	if err != nil {
		return err
	}
	return page.See(c, "/runs/"+url.PathEscape(run))
}

// decide publishes or gives up what is held of a table.
func (p pages) decide(c *fiber.Ctx, v *page.View) error {
	decision := c.FormValue("decision")
	if done[decision] == "" {
		return problem.Bad("decision", "decide with accept or discard")
	}
	name, err := sdk.ParseTableName(c.FormValue("table"))
	if err != nil {
		return problem.Bad("table", "no such table")
	}
	if err := p.Watch.Decide(c.UserContext(), v.Who, name, decision == "accept"); err != nil {
		return err
	}
	return page.See(c, "/runs?done="+decision)
}

// few is a run with at most so many tables, those that need somebody or run right now first, and how many are left out;
// most 0 = all.
func few(run api.Run, most int) (api.Run, int) {
	if most == 0 || len(run.Tables) <= most {
		return run, 0
	}
	quiet := func(t api.RunTable) bool { return t.Status == "published" || t.Status == "unchanged" }
	shown := make([]api.RunTable, 0, most)
	for _, pass := range []bool{false, true} {
		for _, t := range run.Tables {
			if len(shown) < most && quiet(t) == pass {
				shown = append(shown, t)
			}
		}
	}
	more := len(run.Tables) - len(shown)
	run.Tables = shown
	return run, more
}
