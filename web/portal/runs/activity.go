package runs

import (
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

// activityView is what was done with the data.
type activityView struct {
	api.Activity
	Admin   bool
	Heading string
	Each    []drawn[api.ActivityDay]
	Used    []drawn[api.TableUse]
	Choices []int
}

// drawn is something with a bar: how wide its pulls and its queries are.
type drawn[T any] struct {
	Of            T
	Pulled, Asked string
}

// draw gives things bars on one scale: the longest fills the width.
func draw[T any](things []T, counts func(T) (pulls, queries int64)) []drawn[T] {
	most := int64(1)
	for _, thing := range things {
		pulls, queries := counts(thing)
		most = max(most, pulls+queries)
	}
	all := make([]drawn[T], len(things))
	for i, thing := range things {
		pulls, queries := counts(thing)
		all[i] = drawn[T]{thing, shown(100 * float64(pulls) / float64(most)), shown(100 * float64(queries) / float64(most))}
	}
	return all
}

func (p pages) activity(c *fiber.Ctx, v *page.View) error {
	v.Nav = "/activity"
	if p.Activity == nil {
		return p.host.Missing(c, v, "Activity", page.Sentence{Heading: "Use is not counted here", Text: "This instance keeps no record of pulls and queries, so there is nothing to show.",
			Next: "see who may read what in the catalog.", Path: "/catalog", Link: "Open the catalog"})
	}
	days := 30
	for _, choice := range choices {
		if c.Query("days") == fmt.Sprint(choice) {
			days = choice
		}
	}
	found, err := p.Activity.Activity(c.UserContext(), v.Who, days)
	if err != nil {
		return err
	}
	view := activityView{Activity: found, Admin: v.Who.User.Role == sdk.Admin, Choices: choices}
	view.Each = draw(found.ByDay, func(d api.ActivityDay) (int64, int64) { return d.Pulls, d.Queries })
	view.Used = draw(found.Tables, func(t api.TableUse) (int64, int64) { return t.Pulls, t.Queries })
	switch {
	case found.Pulls+found.Queries == 0:
		view.Heading = fmt.Sprintf("Nobody used your tables in the last %d days", found.Days)
	case found.People == 1:
		view.Heading = fmt.Sprintf("One person used your tables in the last %d days", found.Days)
	default:
		view.Heading = fmt.Sprintf("%d people used your tables in the last %d days", found.People, found.Days)
	}
	v.JSON = fmt.Sprintf("%s/activity?days=%d", api.Prefix, days)
	return p.host.Show(c, v, p.set, "activity.html", http.StatusOK, "Activity", view)
}

// choices are the spans of days that the page offers.
var choices = []int{7, 30, 90}
