package web

import (
	"io/fs"
	"net"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/portal"
	"github.com/ai-data-analyst/broker/web/portal/admin"
	"github.com/ai-data-analyst/broker/web/portal/catalog"
	"github.com/ai-data-analyst/broker/web/portal/home"
	"github.com/ai-data-analyst/broker/web/portal/mine"
	"github.com/ai-data-analyst/broker/web/portal/page"
	"github.com/ai-data-analyst/broker/web/portal/runs"
	"github.com/ai-data-analyst/broker/web/session"
	"github.com/ai-data-analyst/broker/web/static"
	"github.com/ai-data-analyst/broker/web/v1"
)

// portal is what signing in and out need, and the frame of every page; false when there are none.
func (s *Server) portal(host v1.Host) (portal.Host, bool) {
	o := s.options.Portal
	if o.SignIn == nil {
		return portal.Host{}, false
	}
	_, port, _ := net.SplitHostPort(s.Address())
	visits := session.New(session.Options{Keeper: o.Visits, Keys: o.Keys, Look: o.Look, PublicURL: s.options.PublicURL, Port: port})
	brand := o.Brand
	if brand == nil {
		brand = func() Brand { return Brand{Name: host.Manifests.Instance().Name} }
	}
	s.pages = &page.Host{Sessions: visits, Access: host.Access, Machines: o.Machines, Brand: brand, Demo: o.SignIn.Demo, PublicURL: s.options.PublicURL,
		Version: host.Version, Limits: host.Limits, Address: host.Address, Request: requestID, Log: s.options.Log, Now: s.options.Now}
	if o.Runs.Watch != nil {
		s.pages.States = o.Runs.Watch
	}
	return portal.Host{SignIn: o.SignIn, Visits: o.Visits, Pages: s.pages, Sessions: visits, PublicURL: s.options.PublicURL,
		Limits: host.Limits, Address: host.Address, Request: requestID, Log: s.options.Log}, true
}

// mountPages puts every page. What no route answers is a page too, for browsers.
func (s *Server) mountPages(host v1.Host, entry portal.Host) error {
	o := s.options.Portal
	routes := portal.Pages(entry)
	if o.Runs.Watch != nil {
		routes = append(routes, runs.Routes(s.pages, o.Runs)...)
	}
	first := home.Needs{Manifests: host.Manifests, Tokens: host.Access, Machines: o.Machines, Pages: s.pages, PublicURL: s.options.PublicURL, Now: s.options.Now}
	if o.Runs.Watch != nil {
		first.States = o.Runs.Watch
	}
	routes = append(routes, home.Routes(first)...)
	if o.Choices != nil {
		own := mine.Needs{Choices: o.Choices, Tokens: host.Access, Visits: o.Visits, Keys: o.SSH, Catalog: host.Manifests, Programs: s.programs, PublicURL: s.options.PublicURL, Now: s.options.Now}
		if o.Machines != nil {
			own.Machines = o.Machines
		}
		routes = append(routes, mine.Routes(s.pages, own)...)
	}
	if o.Admin.People != nil {
		routes = append(routes, admin.Routes(s.pages, o.Admin)...)
	}
	if host.Finder != nil {
		routes = append(routes, catalog.Routes(s.pages, s.catalog(host), host.Access.Authenticate)...)
	}
	if o.Logo != nil {
		routes = append(routes, page.Route{Method: fiber.MethodGet, Path: LogoPath, Permission: v1.ForAll, Handler: s.logo})
	}
	static.Mount(s.app)
	return s.pages.Mount(s.app, routes)
}

// programs are the names of the analyst's programs that are handed out.
func (s *Server) programs() []string {
	if s.options.Downloads == nil {
		return nil
	}
	entries, err := fs.ReadDir(s.options.Downloads, ".")
	if err != nil {
		s.options.Log.Warn("the folder of programs cannot be read", "error", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// LogoPath is where the logo of the instance is had, by who is not signed in too.
const LogoPath = "/brand/logo"

// logo hands the picture out. A page's policy lets it be a picture and nothing else; opened alone it can load nothing.
func (s *Server) logo(c *fiber.Ctx, _ *page.View) error {
	content, kind, err := s.options.Portal.Logo()
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderCacheControl, "public, max-age=300")
	return c.Send(content)
}
