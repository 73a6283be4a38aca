package steer

import (
	"context"
	"slices"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Plugins is every entry of the plugin folder, with the blocks of the configuration that use it.
func (s *Steering) Plugins(ctx context.Context) (api.Plugins, error) {
	list, err := s.o.Supervisor.List(ctx)
	if err != nil {
		return api.Plugins{}, err
	}
	used := s.used()
	out := api.Plugins{Plugins: []api.Plugin{}}
	for _, p := range list {
		out.Plugins = append(out.Plugins, api.Plugin{Name: p.Name, Kind: p.Kind, Version: p.Version, SHA256: p.SHA256, Status: string(p.Status), Reason: p.Reason,
			UsedBy: orEmpty(used[p.Kind+"/"+p.Name])})
	}
	return out, nil
}

// used lists the blocks of the configuration by the plugin that they need.
func (s *Steering) used() map[string][]string {
	used := map[string][]string{}
	c := s.o.Config()
	for _, source := range c.Sources {
		used["connector/"+source.Connector] = append(used["connector/"+source.Connector], "source "+source.Name)
	}
	for _, a := range c.Auth {
		used["auth/"+a.Plugin] = append(used["auth/"+a.Plugin], "auth "+a.Name)
	}
	for _, v := range c.Services {
		used["service/"+v.Plugin] = append(used["service/"+v.Plugin], "service "+v.Name)
	}
	return used
}

// Pin trusts the file that was looked at: another one by now is fault.Data (G10).
func (s *Steering) Pin(ctx context.Context, who sdk.Caller, name, sha256 string) error {
	list, err := s.o.Supervisor.List(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(p supervisor.Plugin) bool { return p.Name == name })
	switch {
	case at < 0:
		err = fault.Newf(fault.NotFound, "there is no plugin %.80q", name)
	case list[at].SHA256 != sha256:
		err = fault.Newf(fault.Data, "the file of %s is another one by now: %s", name, list[at].SHA256).WithHelp("Look again before you trust it.")
	default:
		var pinned supervisor.Plugin
		if pinned, err = s.o.Supervisor.Pin(ctx, name); err == nil && pinned.SHA256 != sha256 {
			_, err = s.o.Supervisor.Unpin(ctx, name)
			if err == nil {
				err = fault.Newf(fault.Data, "the file of %s changed while it was pinned; it is not trusted", name)
			}
		}
	}
	return s.noted(ctx, who, "plugins.pin", name+" "+sha256, err)
}

// Unpin takes trust back.
func (s *Steering) Unpin(ctx context.Context, who sdk.Caller, name string) error {
	had, err := s.o.Supervisor.Unpin(ctx, name)
	if err == nil && !had {
		err = fault.Newf(fault.NotFound, "the plugin %.80q is not pinned", name)
	}
	return s.noted(ctx, who, "plugins.unpin", name, err)
}
