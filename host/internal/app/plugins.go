package app

import (
	"context"

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
	return a.supervisor.Pin(ctx, name)
}

// UnpinPlugin takes trust back; false when there was none.
func (a *App) UnpinPlugin(ctx context.Context, name string) (bool, error) {
	return a.supervisor.Unpin(ctx, name)
}

// DescribePlugin says what a trusted plugin says of itself.
func (a *App) DescribePlugin(ctx context.Context, name string) (connector.Description, error) {
	return a.supervisor.Describe(ctx, "", name)
}

// DoctorPlugin starts a plugin and says how that went.
func (a *App) DoctorPlugin(ctx context.Context, name string) (supervisor.Report, error) {
	return a.supervisor.Doctor(ctx, name)
}
