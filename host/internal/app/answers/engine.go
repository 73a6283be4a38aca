package answers

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// engine is the configured query engine. A configuration that is read again holds at the next query.
type engine struct {
	options Options

	mu     sync.Mutex
	config *config.Config // in which found was found: asking plugins hashes their files
	found  config.Plugin
	plugin config.Plugin // that shared was made for
	shared *supervisor.Shared
	closed bool
}

// configured is the block of the first service that can be queried; zero when there is none.
func (e *engine) configured() config.Plugin {
	c := e.options.Config()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.config == c {
		return e.found
	}
	for _, p := range c.Services {
		description, err := e.options.Supervisor.Describe(context.Background(), "service", p.Plugin)
		if err == nil && slices.Contains(description.Abilities, service.AbilityQuery) {
			e.config, e.found = c, p
			return p
		}
	}
	return config.Plugin{}
}

// Query implements query.Engine.
func (e *engine) Query(ctx context.Context, request service.QueryRequest) (service.Rows, error) {
	shared, err := e.share()
	if err != nil {
		return nil, err
	}
	return shared.Query(ctx, request)
}

func (e *engine) share() (*supervisor.Shared, error) {
	plugin := e.configured()
	if plugin.Plugin == "" {
		return nil, e.missing()
	}
	if plugin.Err != nil {
		return nil, plugin.Err
	}
	if plugin.Settings.Unchecked != nil {
		return nil, plugin.Settings.Unchecked
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fault.New(fault.Cancelled, "the host is stopping")
	}
	if e.shared != nil && plugin.Plugin == e.plugin.Plugin && bytes.Equal(plugin.Settings.JSON, e.plugin.Settings.JSON) {
		return e.shared, nil
	}
	if e.shared != nil {
		if err := e.shared.Close(); err != nil {
			e.options.Log.Warn("the query engine did not end well", "error", err)
		}
	}
	e.plugin = plugin
	e.shared = e.options.Supervisor.Share(supervisor.Request{Kind: "service", Name: plugin.Plugin, Source: plugin.Name,
		Settings: plugin.Settings.JSON, Secrets: plugin.Settings.Secrets, Memory: limitsOf(plugin).process()})
	return e.shared, nil
}

// missing says why there is no engine.
func (e *engine) missing() error {
	for _, p := range e.options.Config().Services {
		if _, err := e.options.Supervisor.Describe(context.Background(), "service", p.Plugin); err != nil {
			return fault.Wrap(fault.Transient, err, "find the query engine")
		}
	}
	return fault.New(fault.NotFound, "this broker answers no queries: no query engine is installed").WithScope("engine").
		WithHelp(`Pull the data and query it locally; or ask for broker-service-duckdb and a block service "duckdb" {} on the server.`)
}

// Process implements query.Engine.
func (e *engine) Process() int {
	e.mu.Lock()
	shared := e.shared
	e.mu.Unlock()
	if shared == nil {
		return 0
	}
	return shared.PID()
}

func (e *engine) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.shared == nil {
		return nil
	}
	return e.shared.Close()
}
