package services

import (
	"context"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/guard"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
	"github.com/ai-data-analyst/broker/sdk/service"
)

// grace is how long the plugin may take to end a query after its time.
const grace = 5 * time.Second

// Client is the host's end of a service plugin.
type Client struct {
	*wire.Client
	querier pb.QuerierClient
}

var _ service.Service = (*Client)(nil)

// NewClient returns the service's end of a plugin's client, over the same connection.
func NewClient(plugin *wire.Client, conn grpc.ClientConnInterface) *Client {
	return &Client{Client: plugin, querier: pb.NewQuerierClient(conn)}
}

// Open implements service.Service. The session has the abilities that the plugin says it has.
func (c *Client) Open(ctx context.Context, open service.Open) (service.Session, error) {
	inner, err := c.Client.Open(ctx, connector.Open{Settings: open.Settings, WorkDir: open.WorkDir})
	if err != nil {
		return nil, err
	}
	description, err := c.Describe(ctx)
	if err != nil {
		return nil, err
	}
	wired, ok := inner.(interface {
		Wired() (string, words.Secrets)
	})
	if !ok {
		return nil, fault.New(fault.Bug, "the session is not this wire's")
	}
	s := session{inner: inner, querier: c.querier}
	s.id, s.hidden = wired.Wired()
	if slices.Contains(description.Abilities, service.AbilityQuery) {
		return querying{s}, nil
	}
	return s, nil
}

// session is a session of the plugin, seen from the host.
type session struct {
	inner   connector.Session
	querier pb.QuerierClient
	id      string
	hidden  words.Secrets
}

// Check implements service.Session.
func (s session) Check(ctx context.Context) ([]service.CheckItem, error) { return s.inner.Check(ctx) }

// Close implements service.Session.
func (s session) Close(ctx context.Context) error { return s.inner.Close(ctx) }

// querying is a session with the ability to query.
type querying struct{ session }

var _ service.Querier = querying{}

// Query implements service.Querier.
func (s querying) Query(ctx context.Context, request service.QueryRequest) (service.Rows, error) {
	if request.Limit <= 0 {
		request.Limit = service.DefaultLimit
	}
	if request.Timeout <= 0 {
		request.Timeout = service.DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, request.Timeout+grace)
	r := &rows{ctx: ctx, cancel: cancel, hidden: s.hidden, limit: uint64(request.Limit)}
	var err error
	if r.stream, err = s.querier.Query(ctx, requestToPB(s.id, request)); err == nil {
		err = r.open()
	}
	if err != nil {
		err = r.explain(err)
		cancel()
		return nil, err
	}
	return r, nil
}

func requestToPB(session string, r service.QueryRequest) *pb.QueryRequest {
	out := &pb.QueryRequest{Session: session, Sql: r.SQL, Limit: uint64(r.Limit), MemoryBytes: uint64(max(r.MemoryBytes, 0)),
		TimeoutMs: uint64(r.Timeout.Milliseconds())}
	for _, t := range r.Tables {
		table := &pb.QueryTable{Namespace: t.Namespace, Name: t.Name, Parts: t.Parts}
		for _, c := range t.Columns {
			table.Columns = append(table.Columns, &pb.QueryTableColumn{Id: uint32(c.ID), Name: c.Name, Type: c.Type})
		}
		out.Tables = append(out.Tables, table)
	}
	return out
}

// Caps of what a result says of its columns.
const (
	maxName       = 1 << 10
	maxEngineType = 8 << 10
)

// columnsFromPB checks the columns of a result. Names are the statement's own; for the guard they are numbered.
func columnsFromPB(said *pb.ResultColumns) ([]service.Column, *guard.Reader, error) {
	var columns []service.Column
	var numbered []sdk.Column
	for i, c := range said.GetColumns() {
		column := service.Column{Name: words.Tidy(c.GetName(), maxName), Type: wire.TypeFromPB(c.GetType(), 0), EngineType: words.Tidy(c.GetEngineType(), maxEngineType)}
		columns = append(columns, column)
		numbered = append(numbered, sdk.Column{Name: "c" + strconv.Itoa(i+1), Type: column.Type})
	}
	limits := guard.DefaultLimits
	limits.FieldBytes = service.MaxFieldBytes
	reader, err := guard.New(numbered, limits)
	return columns, reader, err
}
