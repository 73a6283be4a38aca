package admin

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

type peopleView struct {
	top
	api.Directory
	Query string
	Cut   int // people who are not listed
}

// mostPeople is how many people one page lists.
const mostPeople = 200

// people shows who may come in, and the groups.
func (p pages) people(c *fiber.Ctx, v *page.View) error {
	return p.showPeople(c, v, newTop(c, "People"))
}

func (p pages) showPeople(c *fiber.Ctx, v *page.View, t top) error {
	found, err := p.People.Directory(c.UserContext())
	if err != nil {
		return err
	}
	view := peopleView{top: t, Directory: found, Query: strings.ToLower(strings.TrimSpace(c.Query("q")))}
	view.Heading = fmt.Sprintf("%s, %s", people(len(found.People)), count(len(found.Groups), "group"))
	view.Lead = "Who was here or was invited. Anybody whom the allow lists admit joins at the first sign-in."
	view.People = nil
	for _, person := range found.People {
		if !strings.Contains(strings.ToLower(person.Email+" "+person.Name+" "+person.Role+" "+strings.Join(person.Groups, " ")), view.Query) {
			continue
		}
		if len(view.People) == mostPeople {
			view.Cut++
			continue
		}
		view.People = append(view.People, person)
	}
	return p.show(c, v, "people.html", api.Prefix+"/admin/people", view.top, view)
}

// person changes somebody.
func (p pages) person(c *fiber.Ctx, v *page.View) error {
	ctx, email := c.UserContext(), strings.TrimSpace(field(c, "email"))
	switch word := field(c, "do"); word {
	case "invited":
		return p.changed(c, v, word, p.People.Invite(ctx, v.Who, email, strings.TrimSpace(field(c, "name")), field(c, "role")))
	case "disabled", "enabled":
		return p.changed(c, v, word, p.People.Disable(ctx, v.Who, email, word == "disabled"))
	case "relinked":
		return p.changed(c, v, word, p.People.Relink(ctx, v.Who, email))
	default:
		return fiber.ErrBadRequest
	}
}

// group changes a group.
func (p pages) group(c *fiber.Ctx, v *page.View) error {
	name := strings.TrimSpace(field(c, "group"))
	switch verb := field(c, "do"); verb {
	case "created":
		return p.changed(c, v, verb, p.People.CreateGroup(c.UserContext(), v.Who, name))
	case "add", "remove":
		_, err := p.People.ChangeGroup(c.UserContext(), v.Who, verb, name, words(field(c, "people")))
		return p.changed(c, v, verb, err)
	default:
		return fiber.ErrBadRequest
	}
}

// changed answers after a change: the page anew, or why it was not done.
func (p pages) changed(c *fiber.Ctx, v *page.View, word string, err error) error {
	if w := refusal(err); w != nil {
		t := newTop(c, "People")
		t.Wrong = w
		return p.showPeople(c, v, t)
	}
	if err != nil {
		return err
	}
	return page.See(c, "/admin/people?done="+word)
}
