package demo

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Pin trusts the plugins that Write copied from beside this binary, and no other.
func Pin(ctx context.Context, dir string, log *slog.Logger) error {
	s, err := supervisor.New(supervisor.Options{Dir: filepath.Join(dir, "plugins.d"), StateDir: filepath.Join(dir, "data", "state"),
		Trust: supervisor.Locked, Log: log})
	if err != nil {
		return err
	}
	defer s.Close()
	names := []string{"csv", "sample"}
	entries, err := os.ReadDir(filepath.Join(dir, "plugins.d"))
	if err != nil {
		return fault.Wrap(fault.Config, err, "look at the demo's plugins")
	}
	for _, e := range entries {
		if strings.TrimSuffix(e.Name(), ".exe") == engine {
			names = append(names, "duckdb")
		}
	}
	for _, name := range names {
		if _, err := s.Pin(ctx, name); err != nil {
			return fault.Wrap(fault.Config, err, "pin the demo's plugins")
		}
	}
	return nil
}
