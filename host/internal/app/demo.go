package app

import (
	"context"
	"path/filepath"
	"runtime"

	"github.com/ai-data-analyst/broker/host/internal/app/demo"
	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// DemoOptions say which demo to make.
type DemoOptions struct {
	Dir    string
	Size   string
	Listen string
}

// Demo writes a whole instance into a folder, pins its two plugins, and opens it. The caller syncs and serves it.
func Demo(ctx context.Context, options Options, d DemoOptions) (*App, error) {
	options = withDefaults(options)
	if d.Size != "" {
		if _, err := shop.FindSize(d.Size); err != nil {
			return nil, fault.Wrap(fault.Config, err, "read --size")
		}
	}
	from := options.Plugins
	if from == "" {
		from = filepath.Dir(options.Executable)
	}
	if err := demo.Write(demo.Options{Dir: d.Dir, From: from, Size: d.Size, Listen: d.Listen, Windows: runtime.GOOS == "windows"}); err != nil {
		return nil, err
	}
	if err := demo.Pin(ctx, d.Dir, options.Log); err != nil {
		return nil, err
	}
	options.Config, options.Plugins = filepath.Join(d.Dir, "instance.hcl"), ""
	return New(options, true)
}

// Listens is the address that Serve would listen on now.
func (a *App) Listens() string { return a.configured().Server.Listen }
