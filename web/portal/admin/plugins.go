package admin

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/portal/page"
)

type pluginsView struct {
	top
	Kinds  []pluginKind // those that may be started
	Unused []api.Plugin // those that are not
}

type pluginKind struct {
	Kind    string
	Plugins []api.Plugin
}

// plugins shows what lies in the plugin folder, and which of it is started.
func (p pages) plugins(c *fiber.Ctx, v *page.View) error {
	return p.showPlugins(c, v, newTop(c, "Plugins"))
}

func (p pages) showPlugins(c *fiber.Ctx, v *page.View, t top) error {
	found, err := p.Plugins.Plugins(c.UserContext())
	if err != nil {
		return err
	}
	view := pluginsView{top: t}
	ready := 0
	for _, kind := range []string{"connector", "auth", "service"} {
		k := pluginKind{Kind: kind}
		for _, plugin := range found.Plugins {
			if plugin.Kind == kind && plugin.Status == "ready" {
				k.Plugins = append(k.Plugins, plugin)
			}
		}
		if ready += len(k.Plugins); len(k.Plugins) > 0 {
			view.Kinds = append(view.Kinds, k)
		}
	}
	for _, plugin := range found.Plugins {
		if plugin.Status != "ready" {
			view.Unused = append(view.Unused, plugin)
		}
	}
	view.Heading = fmt.Sprintf("%s can be used", count(ready, "plugin"))
	if len(view.Unused) > 0 {
		view.Heading = fmt.Sprintf("%d of %s can be used", ready, count(len(found.Plugins), "file"))
	}
	view.Lead = "Programs in the plugin folder. Only a file whose hash is trusted is ever started, and then with nothing but its own settings."
	return p.show(c, v, "plugins.html", api.Prefix+"/admin/plugins", view.top, view)
}

// trust pins the file that was looked at, or takes trust back.
func (p pages) trust(c *fiber.Ctx, v *page.View) error {
	var err error
	word := "pinned"
	switch name := field(c, "plugin"); field(c, "do") {
	case "pin":
		err = p.Plugins.Pin(c.UserContext(), v.Who, name, field(c, "sha256"))
	case "unpin":
		word, err = "unpinned", p.Plugins.Unpin(c.UserContext(), v.Who, name)
	default:
		return fiber.ErrBadRequest
	}
	if w := refusal(err); w != nil {
		t := newTop(c, "Plugins")
		t.Wrong = w
		return p.showPlugins(c, v, t)
	}
	if err != nil {
		return err
	}
	return page.See(c, "/admin/plugins?done="+word)
}
