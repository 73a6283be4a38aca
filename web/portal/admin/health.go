package admin

import (
	"fmt"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

type healthView struct {
	top
	api.Health
}

// health shows which part of the instance needs somebody.
func (p pages) health(c *fiber.Ctx, v *page.View) error {
	found, err := p.Instance.Health(c.UserContext())
	if err != nil {
		return err
	}
	view := healthView{top: newTop(c, "Health"), Health: found}
	view.Heading, view.Lead = healthHeading(found)
	slices.SortStableFunc(view.Parts, func(a, b api.HealthPart) int { return badness(b.State) - badness(a.State) })
	return p.show(c, v, "health.html", api.Prefix+"/admin/health", view.top, view)
}

func badness(state string) int { return map[string]int{"warning": 1, "down": 2}[state] }

// healthHeading is the answer of the page.
func healthHeading(h api.Health) (heading, lead string) {
	wrongs := 0
	for _, part := range h.Parts {
		if part.State != "ok" {
			wrongs++
		}
	}
	problems := len(h.Problems)
	lead = "Health of the server, its plugins and its files. Sources and tables have their own pages."
	switch {
	case wrongs == 0 && problems == 0:
		return "Everything works", lead
	case wrongs == 0:
		return fmt.Sprintf("Everything works; %s in the files", count(problems, "problem")), lead
	default:
		return fmt.Sprintf("%s of %d need you", count(wrongs, "part"), len(h.Parts)), lead
	}
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
