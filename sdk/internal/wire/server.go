package wire

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/channel"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
)

// Server is the plugin's end of a connector.
type Server struct {
	pb.UnimplementedPluginServer
	pb.UnimplementedConnectorServer
	connector connector.Connector
	channel   *channel.Sender // nil: all goes over gRPC

	mu       sync.Mutex
	fields   []string // the secret ones
	sessions map[string]*opened
	last     int
	reads    sync.WaitGroup
	open     int           // reads
	draining chan struct{} // closed by the first Drain
	drained  bool
}

// opened is one session with what must not be seen of its settings.
type opened struct {
	connector.Session
	hidden words.Secrets
}

// NewServer returns the plugin's end over the author's connector.
func NewServer(c connector.Connector) *Server {
	return &Server{connector: c, sessions: map[string]*opened{}, draining: make(chan struct{})}
}

// UseChannel lets reads that the host allows it send batches on the channel that was handed down, if one was.
func (s *Server) UseChannel() (err error) {
	s.channel, err = channel.Inherited(ChannelEnv)
	return err
}

// Register adds the services to a gRPC server made with ServerOptions.
func (s *Server) Register(server *grpc.Server) {
	pb.RegisterPluginServer(server, s)
	pb.RegisterConnectorServer(server, s)
}

// Shutdown closes what is still open. Nothing may be served any more.
func (s *Server) Shutdown(ctx context.Context) {
	s.mu.Lock()
	sessions := s.sessions
	s.sessions = map[string]*opened{}
	s.mu.Unlock()
	for _, session := range sessions {
		_ = guarded(func() error { return session.Close(ctx) })
	}
	s.channel.Close()
}

// guarded turns a panic of the author's code into a fault: it ends one call, not the process.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Newf(fault.Bug, "the plugin panicked: %v", p)
		}
	}()
	return f()
}

// Describe implements pb.PluginServer.
func (s *Server) Describe(ctx context.Context, _ *pb.DescribeRequest) (reply *pb.DescribeReply, err error) {
	err = guarded(func() error {
		d, err := s.connector.Describe(ctx)
		reply = descriptionToPB(d)
		return err
	})
	return reply, words.StatusOf(err, nil)
}

// Validate implements pb.PluginServer.
func (s *Server) Validate(ctx context.Context, r *pb.ValidateRequest) (reply *pb.ValidateReply, err error) {
	hidden := s.secretsOf(ctx, r.GetSettings())
	err = guarded(func() error {
		problems, err := s.connector.Validate(ctx, r.GetSettings())
		reply = &pb.ValidateReply{Problems: each(problems, func(p connector.Problem) *pb.Problem {
			return &pb.Problem{Path: p.Path, Summary: hidden.Hide(p.Summary), Help: hidden.Hide(p.Help), Warning: p.Warning}
		})}
		return err
	})
	return reply, words.StatusOf(err, hidden)
}

func (s *Server) secretsOf(ctx context.Context, settings []byte) words.Secrets {
	s.mu.Lock()
	fields := s.fields
	s.mu.Unlock()
	if fields == nil {
		if guarded(func() error {
			d, err := s.connector.Describe(ctx)
			fields = secretFields(d.Settings)
			return err
		}) != nil {
			return nil
		}
		s.mu.Lock()
		s.fields = fields
		s.mu.Unlock()
	}
	return words.SecretsIn(settings, fields)
}

// Open implements pb.PluginServer.
func (s *Server) Open(ctx context.Context, r *pb.OpenRequest) (*pb.OpenReply, error) {
	hidden := s.secretsOf(ctx, r.GetSettings())
	var session connector.Session
	err := guarded(func() (err error) {
		session, err = s.connector.Open(ctx, connector.Open{Settings: r.GetSettings(), RunID: r.GetRunId(), WorkDir: r.GetWorkDir()})
		return err
	})
	if err != nil {
		return nil, words.StatusOf(err, hidden)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	id := strconv.Itoa(s.last)
	s.sessions[id] = &opened{Session: session, hidden: hidden}
	return &pb.OpenReply{Session: id}, nil
}

func (s *Server) find(id string) (*opened, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.sessions[id]
	if !ok {
		return nil, words.StatusOf(fault.Newf(fault.NotFound, "there is no session %.20q", id), nil)
	}
	return session, nil
}

// Lookup returns an open session and what must not be seen of its settings, for the services of other contracts.
func (s *Server) Lookup(id string) (connector.Session, words.Secrets, error) {
	session, err := s.find(id)
	if err != nil {
		return nil, nil, err
	}
	return session.Session, session.hidden, nil
}

// Work counts f as an open read: it is refused while draining, and Drain waits for it. A panic in it ends it alone.
func (s *Server) Work(f func() error) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.end()
	return guarded(f)
}

// Check implements pb.PluginServer.
func (s *Server) Check(ctx context.Context, r *pb.CheckRequest) (reply *pb.CheckReply, err error) {
	session, err := s.find(r.GetSession())
	if err != nil {
		return nil, err
	}
	err = guarded(func() error {
		items, err := session.Check(ctx)
		reply = &pb.CheckReply{Items: each(items, func(i connector.CheckItem) *pb.CheckItem {
			item := &pb.CheckItem{Name: i.Name}
			if i.Err != nil {
				item.Error = words.ErrorToPB(i.Err, session.hidden)
			}
			return item
		})}
		return err
	})
	return reply, words.StatusOf(err, session.hidden)
}

// Discover implements pb.ConnectorServer.
func (s *Server) Discover(ctx context.Context, r *pb.DiscoverRequest) (reply *pb.DiscoverReply, err error) {
	session, err := s.find(r.GetSession())
	if err != nil {
		return nil, err
	}
	err = guarded(func() error {
		streams, err := session.Discover(ctx, r.GetOnly())
		reply = &pb.DiscoverReply{Streams: each(streams, streamToPB)}
		return err
	})
	return reply, words.StatusOf(err, session.hidden)
}

// Close implements pb.PluginServer.
func (s *Server) Close(ctx context.Context, r *pb.CloseRequest) (*pb.CloseReply, error) {
	session, err := s.find(r.GetSession())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	delete(s.sessions, r.GetSession())
	s.mu.Unlock()
	err = guarded(func() error { return session.Close(ctx) })
	return &pb.CloseReply{}, words.StatusOf(err, session.hidden)
}

// Health implements pb.PluginServer.
func (s *Server) Health(context.Context, *pb.HealthRequest) (*pb.HealthReply, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.mu.Lock()
	defer s.mu.Unlock()
	return &pb.HealthReply{
		Ready: !s.drained, RssBytes: residentBytes(), HeapBytes: m.HeapAlloc,
		Goroutines: uint32(runtime.NumGoroutine()), OpenReads: uint32(s.open),
	}, nil
}

// residentBytes reads Linux's own count; 0 elsewhere.
func residentBytes() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

// Drain implements pb.PluginServer: no new reads from here on; open ones stop at their next safe checkpoint.
func (s *Server) Drain(ctx context.Context, r *pb.DrainRequest) (*pb.DrainReply, error) {
	s.mu.Lock()
	if !s.drained {
		s.drained = true
		close(s.draining)
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(r.GetDeadlineMs())*time.Millisecond)
	defer cancel()
	finished := make(chan struct{})
	go func() {
		s.reads.Wait()
		close(finished)
	}()
	select {
	case <-finished:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return &pb.DrainReply{Unfinished: uint32(s.open)}, nil
}

// begin counts a read in; it is refused while draining.
func (s *Server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drained {
		return fmt.Errorf("start reading: %w", fault.New(fault.Cancelled, "the plugin is shutting down"))
	}
	s.open++
	s.reads.Add(1)
	return nil
}

func (s *Server) end() {
	s.mu.Lock()
	s.open--
	s.mu.Unlock()
	s.reads.Done()
}
