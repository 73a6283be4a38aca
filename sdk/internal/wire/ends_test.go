package wire_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network serves what register adds and returns a connection to it.
func network(t testing.TB, options []grpc.ServerOption, register func(*grpc.Server), dial ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(append(options, grpc.Creds(insecure.NewCredentials()))...) // a pipe in memory has no peer
	register(server)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	dial = append(dial, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	conn, err := grpc.NewClient("passthrough:plugin", dial...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		<-served
	})
	return conn
}

// near serves c as a plugin does and returns the host's end.
func near(t testing.TB, c connector.Connector) *wire.Client {
	t.Helper()
	server := wire.NewServer(c)
	t.Cleanup(func() { server.Shutdown(context.Background()) })
	return wire.NewClient(network(t, wire.ServerOptions(), server.Register, wire.DialOptions()...))
}

// fake is a connector made of functions; what is missing has a quiet default.
type fake struct {
	description connector.Description
	validate    func([]byte) ([]connector.Problem, error)
	open        func(connector.Open) error
	check       func() ([]connector.CheckItem, error)
	streams     []sdk.Stream
	read        func(context.Context, connector.Request) (connector.Messages, error)
	closed      chan struct{} // closed by the session's Close, if not nil
}

func (f *fake) Describe(context.Context) (connector.Description, error) {
	if f.description.Name == "" {
		return connector.Description{
			Kind: "connector", Name: "fake", Version: "1", Streams: f.streams,
			Settings: []connector.Field{{Name: "token", Type: "string", Secret: true}, {Name: "path", Type: "string"}},
		}, nil
	}
	return f.description, nil
}

func (f *fake) Validate(_ context.Context, settings []byte) ([]connector.Problem, error) {
	if f.validate == nil {
		return nil, nil
	}
	return f.validate(settings)
}

func (f *fake) Open(_ context.Context, open connector.Open) (connector.Session, error) {
	if f.open != nil {
		if err := f.open(open); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *fake) Check(context.Context) ([]connector.CheckItem, error) {
	if f.check == nil {
		return nil, nil
	}
	return f.check()
}

func (f *fake) Discover(_ context.Context, only []string) ([]sdk.Stream, error) {
	if len(only) == 0 {
		return f.streams, nil
	}
	var found []sdk.Stream
	for _, s := range f.streams {
		if s.Name == only[0] {
			found = append(found, s)
		}
	}
	return found, nil
}

func (f *fake) Read(ctx context.Context, r connector.Request) (connector.Messages, error) {
	return f.read(ctx, r)
}

func (f *fake) Close(context.Context) error {
	if f.closed != nil {
		close(f.closed)
	}
	return nil
}

// script is a read that delivers what it was given, then err; wait, if not nil, holds the end back.
type script struct {
	messages []connector.Message
	err      error
	wait     chan struct{}

	mu   sync.Mutex
	at   int
	acks []uint64
	done error
}

func (s *script) Next(ctx context.Context) bool {
	if s.step() {
		return true
	}
	if s.wait != nil {
		select {
		case <-s.wait:
		case <-ctx.Done():
			s.done = ctx.Err()
			return false
		}
	}
	s.done = s.err
	return s.step()
}

func (s *script) step() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == len(s.messages) {
		return false
	}
	s.at++
	return true
}

func (s *script) Message() connector.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages[s.at-1]
}

func (s *script) Err() error   { return s.done }
func (s *script) Close() error { return nil }

func (s *script) Ack(_ context.Context, checkpoint uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acks = append(s.acks, checkpoint)
	return nil
}

func (s *script) acked() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]uint64{}, s.acks...)
}

func playing(s *script, streams ...sdk.Stream) *fake {
	return &fake{streams: streams, read: func(context.Context, connector.Request) (connector.Messages, error) { return s, nil }}
}

func session(t testing.TB, c connector.Connector, settings string) connector.Session {
	t.Helper()
	s, err := c.Open(context.Background(), connector.Open{Settings: []byte(settings), RunID: "run", WorkDir: "/nowhere"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(streams ...string) connector.Request {
	r := connector.Request{Attempt: 1}
	for _, s := range streams {
		r.Asks = append(r.Asks, connector.Ask{Stream: s, Mode: sdk.FullRefresh})
	}
	return r
}

// collect reads to the end. Records are kept: the caller releases them.
func collect(t testing.TB, s connector.Session, r connector.Request) ([]connector.Message, error) {
	t.Helper()
	messages, err := s.Read(context.Background(), r)
	if err != nil {
		return nil, err
	}
	var got []connector.Message
	for messages.Next(context.Background()) {
		got = append(got, messages.Message())
	}
	return got, errors.Join(messages.Err(), messages.Close())
}

func release(messages []connector.Message) {
	for _, m := range messages {
		if b, ok := m.(connector.Batch); ok {
			b.Record.Release()
		}
	}
}

func column(name string, id sdk.TypeID) sdk.Column {
	return sdk.Column{Name: name, Type: sdk.Type{ID: id}}
}

func columns() []sdk.Column {
	return []sdk.Column{column("id", sdk.Int64), column("name", sdk.String), column("at", sdk.Int64)}
}

// rows makes a record of columns() with ids from first.
func rows(allocator memory.Allocator, first, n int) arrow.Record {
	schema, err := sdk.ArrowSchema(columns())
	if err != nil {
		panic(err)
	}
	b := array.NewRecordBuilder(allocator, schema)
	defer b.Release()
	for i := first; i < first+n; i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprint("name ", i))
		if i%3 == 0 {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.Int64Builder).Append(int64(i))
		}
	}
	return b.NewRecord()
}
