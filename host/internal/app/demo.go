package app

import (
	"context"
	"path/filepath"
	"runtime"

	"github.com/ai-data-analyst/broker/host/internal/app/demo"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
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
	from := options.Plugins
	if from == "" {
		from = filepath.Dir(options.Executable)
	}
	if err := demo.Write(demo.Options{Dir: d.Dir, From: from, Size: d.Size, Listen: d.Listen, Windows: runtime.GOOS == "windows"}); err != nil {
		return nil, err
	}
	if err := pinDemo(ctx, options, d.Dir); err != nil {
		return nil, err
	}
	options.Config, options.Plugins = filepath.Join(d.Dir, "instance.hcl"), ""
	return New(options, true)
}

// pinDemo trusts the two plugins that were just copied from beside this binary, and no other.
func pinDemo(ctx context.Context, options Options, dir string) error {
	s, err := supervisor.New(supervisor.Options{Dir: filepath.Join(dir, "plugins.d"), StateDir: filepath.Join(dir, "data", "state"),
		Trust: supervisor.Locked, Log: options.Log, Now: options.Now})
	if err != nil {
		return err
	}
	defer s.Close()
	for _, name := range []string{"csv", "sample"} {
		if _, err := s.Pin(ctx, name); err != nil {
			return fault.Wrap(fault.Config, err, "pin the demo's plugins")
		}
	}
	return nil
}
