package catalog

import (
	"context"
	"embed"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1"
)

//go:embed templates/*.html
var files embed.FS

type pages struct {
	Needs
	host *page.Host
	set  *page.Set

	samples samples
}

// Routes are the pages. Authenticate says whom a bearer token stands for; it is asked for llms.txt alone.
func Routes(host *page.Host, needs Needs, authenticate func(context.Context, string) (sdk.Caller, error)) []page.Route {
	p := &pages{Needs: needs, host: host, set: page.Parse(page.Below(files, "templates"))}
	routes := []page.Route{
		{Method: "GET", Path: "/catalog", Permission: v1.ForUser, Handler: p.list},
		{Method: "GET", Path: "/t/:name", Permission: v1.ForTable, Handler: p.table},
		{Method: "GET", Path: "/t/:name/download", Permission: v1.ForTable, Handler: p.download},
		{Method: "GET", Path: "/t/:name/rows.csv", Permission: v1.ForTable, Handler: p.csv},
		{Method: "GET", Path: "/definitions", Permission: v1.ForUser, Handler: p.definitions},
		{Method: "GET", Path: "/definitions/:name", Permission: v1.ForUser, Handler: p.definition},
		{Method: "GET", Path: "/llms.txt", Permission: v1.ForAll, Handler: p.llms(authenticate)},
	}
	if needs.Choices != nil {
		routes = append(routes, page.Route{Method: "POST", Path: "/t/:name/pull", Permission: v1.ForTable, Handler: p.pull})
	}
	return routes
}

// wrong is the page of a parameter that makes no sense: it names the parameter (A2). Other errors stay what they are.
func (p *pages) wrong(c *fiber.Ctx, err error) error {
	told, _, _ := problem.Of(err)
	if told.Status != http.StatusBadRequest {
		return err
	}
	return p.host.Say(c, http.StatusBadRequest, page.Sentence{Heading: "That address makes no sense.", Text: told.Detail + ".",
		Next: "choose again in the catalog.", Path: "/catalog", Link: "Go to the catalog"})
}

// states are those of the reader's tables, by name; none where nobody watches.
func (p *pages) states(ctx context.Context, who sdk.Caller) (map[string]api.TableState, error) {
	found := map[string]api.TableState{}
	if p.Watch == nil {
		return found, nil
	}
	states, err := p.Watch.States(ctx, who)
	if err != nil {
		return nil, err
	}
	for _, s := range states.Tables {
		found[s.Name] = s
	}
	return found, nil
}

// pulled says which tables come to the reader's machines; nil = nobody can choose here.
func (p *pages) pulled(ctx context.Context, who sdk.Caller) (func(string) bool, error) {
	if p.Choices == nil {
		return nil, nil
	}
	chosen, err := p.Choices.Subscriptions(ctx, who)
	if err != nil {
		return nil, err
	}
	taken := make(map[string]bool, len(chosen.Tables))
	for _, name := range chosen.Tables {
		taken[name] = true
	}
	return func(name string) bool { return taken[name] }, nil
}

// pull takes a table to the reader's machines, or leaves it.
func (p *pages) pull(c *fiber.Ctx, v *page.View) error {
	name, ctx := c.Params("name"), c.UserContext()
	take := c.FormValue("take")
	if take != "on" && take != "off" {
		return problem.Bad("take", "take must be on or off")
	}
	chosen, err := p.Choices.Subscriptions(ctx, v.Who)
	if err != nil {
		return err
	}
	kept := api.Subscriptions{Mode: "explicit", Tables: []string{}}
	for _, table := range chosen.Tables {
		if table != name {
			kept.Tables = append(kept.Tables, table)
		}
	}
	if take == "on" {
		kept.Tables = append(kept.Tables, name)
	}
	if take == "off" || chosen.Mode != "all" {
		if err := p.Choices.Subscribe(ctx, v.Who, kept); err != nil {
			return err
		}
	}
	return page.See(c, c.FormValue("back", "/t/"+name))
}

// missing says whether an error only tells that a part of the instance is not there, or not now.
func missing(err error) bool {
	told, _, _ := problem.Of(err)
	return told.Status == http.StatusServiceUnavailable || told.Status == http.StatusGatewayTimeout || fault.CodeOf(err) == fault.Transient || fault.CodeOf(err) == fault.RateLimited
}
