// Package admin is the pages and doors of those who run the instance: health, plugins, sources, tables to register, people
// and access, storage. Every one of them is for admins; what is changed is audited by who changes it.
package admin

import (
	"context"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// People are users and groups, and what they may read. What the configuration owns is refused with fault.Config naming file
// and line.
type People interface {
	Directory(ctx context.Context) (api.Directory, error)
	// Invite lets somebody in; role "" leaves what is. Disable shuts people out at once, and lets them in again.
	Invite(ctx context.Context, who sdk.Caller, email, name, role string) error
	Disable(ctx context.Context, who sdk.Caller, email string, disabled bool) error
	Relink(ctx context.Context, who sdk.Caller, email string) error
	CreateGroup(ctx context.Context, who sdk.Caller, group string) error
	// ChangeGroup adds or removes people ("add", "remove"), or grants or revokes patterns ("grant", "revoke").
	ChangeGroup(ctx context.Context, who sdk.Caller, verb, group string, list []string) (changed int, err error)
	Matrix(ctx context.Context) (api.Matrix, error)
	Explain(ctx context.Context, email, table string) (api.Explained, error)
}

// Plugins are the files of the plugin folder.
type Plugins interface {
	Plugins(ctx context.Context) (api.Plugins, error)
	// Pin trusts the file that has the hash now; fault.Data when it is another. Unpin takes trust back.
	Pin(ctx context.Context, who sdk.Caller, name, sha256 string) error
	Unpin(ctx context.Context, who sdk.Caller, name string) error
}

// Registry asks sources what they offer and registers tables.
type Registry interface {
	Discover(ctx context.Context, source string) (api.Discovery, error)
	Preview(ctx context.Context, source, stream string, rows int) (api.Sample, error)
	// Register writes definitions; fault.Data when the file has changed since Version, fault.Config for a wrong definition.
	Register(ctx context.Context, who sdk.Caller, wanted api.Registration) (version string, err error)
}

// Instance is the rest of what admins look at.
type Instance interface {
	Health(ctx context.Context) (api.Health, error)
	Sources(ctx context.Context) (api.Sources, error)
	Storage(ctx context.Context) (api.Storage, error)
	Audit(ctx context.Context, f api.AuditFilter) (api.Audit, error)
}

// Host is what pages and doors need.
type Host struct {
	People   People
	Plugins  Plugins
	Registry Registry
	Instance Instance
}
