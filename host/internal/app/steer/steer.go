// Package steer is what admins see of an instance and do to it: people, access, plugins, sources, storage, health. It is
// part of the room app and decides nothing about who may.
package steer

import (
	"context"
	"log/slog"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/access/visit"
	"github.com/ai-data-analyst/broker/host/internal/audit"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
)

// Options are the open parts of an instance.
type Options struct {
	Config     func() *config.Config
	Problems   func() config.Diagnostics                        // of the configuration as it was last read
	Describe   func() (*config.Description, config.Diagnostics) // what data_description.md says now
	Access     *access.Access
	Visits     *visit.Visits
	Store      *store.Store
	Lake       *lake.Lake
	Supervisor *supervisor.Supervisor
	Audit      *audit.Log
	// Note writes into the audit log what somebody did, and how it ended; nil = there is none.
	Note    func(ctx context.Context, who sdk.Caller, action, object string, err error)
	Version string
	Now     func() time.Time
	Log     *slog.Logger
}

// Steering answers admins.
type Steering struct {
	o       Options
	started time.Time
}

// New returns the steering of an open instance.
func New(o Options) *Steering { return &Steering{o: o, started: o.Now()} }

// noted writes down what was done and passes on how it ended.
func (s *Steering) noted(ctx context.Context, who sdk.Caller, action, object string, err error) error {
	if s.o.Note != nil {
		s.o.Note(ctx, who, action, object, err)
	}
	return err
}

// datasets says which dataset a table belongs to, "" for none.
func (s *Steering) datasets() func(sdk.TableName) string {
	by := map[sdk.TableName]string{}
	description, _ := s.o.Describe() // what is wrong in it is told by Health
	for _, d := range description.Tables {
		by[sdk.TableName(d.Folder+"."+d.Name)] = d.Dataset
	}
	return func(table sdk.TableName) string { return by[table] }
}
