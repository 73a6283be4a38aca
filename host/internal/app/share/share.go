// Package share introduces lake, access, configuration and documents to manifest: what a caller may have of the instance.
// It is part of the room app and decides nothing itself.
package share

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/web/api"
)

// Settings keep small values that outlive a process, by name.
type Settings interface {
	Find(ctx context.Context, name string) (string, bool, error)
	Set(ctx context.Context, name, value string, now time.Time) error
}

// Options are the open parts of an instance.
type Options struct {
	Lake     *lake.Lake
	Access   manifest.Access
	Choices  manifest.Choices // may be nil
	Settings Settings
	StateDir string                                           // <data_dir>/state
	Config   func() *config.Config                            // as it was last read
	Describe func() (*config.Description, config.Diagnostics) // what data_description.md says now
	// Profile writes the profile of a table; from are the foreign keys of others to it. nil = there is none. May be nil.
	Profile func(ctx context.Context, table manifest.Exhibit, from []api.Relation) ([]byte, error)
	Now     func() time.Time
	Log     *slog.Logger
}

// Open returns the manifests of an instance whose lake and state are open. There is nothing to close. A configuration that
// is read again holds at the next question.
func Open(ctx context.Context, o Options) (*manifest.Manifests, error) {
	keys, err := OpenKeys(o.StateDir, o.Now)
	if err != nil {
		return nil, err
	}
	id, err := instanceID(ctx, o.Settings, o.Now())
	if err != nil {
		return nil, err
	}
	return manifest.New(manifest.Options{
		Lake: &tables{lake: o.Lake}, Access: o.Access, Choices: o.Choices, Library: newLibrary(o), Keys: keys, Instance: id,
		Name: func() string { return o.Config().Instance.Name }, Now: o.Now, Log: o.Log,
	}), nil
}

// instanceID is the random name of the instance, made once.
func instanceID(ctx context.Context, settings Settings, now time.Time) (string, error) {
	const name = "instance.id"
	id, found, err := settings.Find(ctx, name)
	if err != nil || found {
		return id, err
	}
	random := make([]byte, 10)
	rand.Read(random) // never fails
	id = strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random))
	if err := settings.Set(ctx, name, id, now); err != nil {
		return "", fmt.Errorf("keep the id of the instance: %w", err)
	}
	return id, nil
}
