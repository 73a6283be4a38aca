// Package registry asks sources what they offer, shows the first rows of a stream, and writes definitions of tables into
// data_description.md. It is part of the room app.
package registry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/catalog/register"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Options are what the registry needs of an instance.
type Options struct {
	Config   func() *config.Config
	Describe func(dir string) (*config.Description, config.Diagnostics) // the definitions that lie in a folder
	// Note writes into the audit log what somebody did, and how it ended; nil = there is none.
	Note func(ctx context.Context, who sdk.Caller, action, object string, err error)
	Lend func(ctx context.Context, source config.Source, run string) (*supervisor.Loan, error)
}

// Registry knows streams and definitions.
type Registry struct {
	options Options
	writing sync.Mutex
}

// Open returns the registry of an instance.
func Open(o Options) *Registry { return &Registry{options: o} }

// askTime bounds a question to a source.
const askTime = 25 * time.Second

// file is where definitions are written.
const file = "data_description.md"

// with does something with the connector of a source.
func (r *Registry) with(ctx context.Context, name string, do func(context.Context, *supervisor.Loan) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	source, err := r.source(name)
	if err != nil {
		return err
	}
	loan, err := r.options.Lend(ctx, source, "registry-"+name)
	if err != nil {
		return err
	}
	err = do(ctx, loan)
	if closed := loan.Close(); err == nil {
		err = closed
	}
	return err
}

func (r *Registry) source(name string) (config.Source, error) {
	for _, s := range r.options.Config().Sources {
		if s.Name == name {
			return s, nil
		}
	}
	return config.Source{}, fault.Newf(fault.NotFound, "there is no source %.60q", name)
}

// Discover asks a source for its streams. fault.NotFound for no source; what the source says when it cannot be asked.
func (r *Registry) Discover(ctx context.Context, source string) (api.Discovery, error) {
	text, err := r.read()
	if err != nil {
		return api.Discovery{}, err
	}
	out := api.Discovery{Source: source, File: file, Version: register.Version(text), Streams: []api.Stream{}}
	defined, _ := r.options.Describe(r.options.Config().Dir) // what is wrong in it is told by check
	err = r.with(ctx, source, func(ctx context.Context, loan *supervisor.Loan) error {
		streams, err := loan.Session().Discover(ctx, nil)
		if err != nil {
			return fmt.Errorf("ask source %s for its streams: %w", source, err)
		}
		for _, s := range streams {
			if err := s.Validate(); err != nil {
				return fault.Wrap(fault.Bug, err, "source "+source+" offers a stream that breaks the rules")
			}
			out.Streams = append(out.Streams, offered(s, source, defined))
		}
		return nil
	})
	slices.SortFunc(out.Streams, func(a, b api.Stream) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out, err
}

// offered is a stream as readers of the API see it.
func offered(s sdk.Stream, source string, defined *config.Description) api.Stream {
	out := api.Stream{Name: s.Name, Description: s.Doc, Key: s.Key, CursorField: s.CursorField, Strategies: []string{string(sdk.FullRefresh)},
		Columns: []api.TypedName{}, Table: "main." + sdk.NormalName(s.Name)}
	if out.Key == nil {
		out.Key = []string{}
	}
	if s.Supports(sdk.Incremental) {
		out.Strategies = append(out.Strategies, string(sdk.Incremental))
	}
	for _, c := range s.Columns {
		out.Columns = append(out.Columns, api.TypedName{Name: c.Name, Type: c.Type.String()})
	}
	for _, d := range defined.Tables {
		if d.Stream == s.Name && (d.Source == source || d.Source == "") {
			out.Table, out.Registered = d.Folder+"."+d.Name, true
		}
	}
	return out
}
