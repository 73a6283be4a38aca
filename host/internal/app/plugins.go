package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

// Plugins lists every entry of the plugin folder.
func (a *App) Plugins(ctx context.Context) ([]supervisor.Plugin, error) {
	return a.supervisor.List(ctx)
}

// VerifyPlugins hashes every plugin again and says which may run.
func (a *App) VerifyPlugins(ctx context.Context) ([]supervisor.Plugin, error) {
	return a.supervisor.Verify(ctx)
}

// PinPlugin trusts the file that now lies in the folder under the name.
func (a *App) PinPlugin(ctx context.Context, name string) (supervisor.Plugin, error) {
	p, err := a.supervisor.Pin(ctx, name)
	return p, errors.Join(err, a.pinned(ctx, "plugins.pin", strings.TrimSpace(name+" "+p.SHA256), err))
}

// UnpinPlugin takes trust back; false when there was none.
func (a *App) UnpinPlugin(ctx context.Context, name string) (bool, error) {
	was, err := a.supervisor.Unpin(ctx, name)
	return was, errors.Join(err, a.pinned(ctx, "plugins.unpin", name, err))
}

// pinned notes a change of trust, unless this instance has no state yet.
func (a *App) pinned(ctx context.Context, action, object string, failed error) error {
	if _, err := os.Stat(filepath.Join(a.stateDir(), databaseName)); a.isSQLite() && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if a.store == nil {
		if err := a.openStore(ctx); err != nil {
			return err
		}
	}
	a.ledger.Commanded(ctx, action, object, failed)
	return nil
}

// DescribePlugin says what a trusted plugin says of itself.
func (a *App) DescribePlugin(ctx context.Context, name string) (connector.Description, error) {
	return a.supervisor.Describe(ctx, "", name)
}

// DoctorPlugin starts a plugin and says how that went.
func (a *App) DoctorPlugin(ctx context.Context, name string) (supervisor.Report, error) {
	return a.supervisor.Doctor(ctx, name)
}
