package wire

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/frame"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
)

// Client is the host's end of a connector plugin.
type Client struct {
	Channel *Channel // carries bodies of batches beside gRPC; nil = none

	plugin    pb.PluginClient
	connector pb.ConnectorClient
	codec     frame.Codec
	pool      frame.Pool

	mu          sync.Mutex
	description *connector.Description
}

var _ connector.Connector = (*Client)(nil)

// NewClient returns the host's end over a connection made with DialOptions.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{plugin: pb.NewPluginClient(conn), connector: pb.NewConnectorClient(conn), codec: frame.NewCodec()}
}

// within gives ctx a deadline if it has none: every call ends.
func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// Describe implements connector.Connector. The answer is asked for once.
func (c *Client) Describe(ctx context.Context) (connector.Description, error) {
	c.mu.Lock()
	known := c.description
	c.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	ctx, cancel := within(ctx, describeTime)
	defer cancel()
	reply, err := c.plugin.Describe(ctx, &pb.DescribeRequest{ProtocolMinor: ProtocolMinor})
	if err != nil {
		return connector.Description{}, words.FaultOf(ctx, err, "describe the plugin", nil)
	}
	d := descriptionFromPB(reply)
	if err := checkDescription(d); err != nil {
		return connector.Description{}, fault.Wrap(fault.Bug, err, "the plugin describes itself badly")
	}
	c.mu.Lock()
	c.description = &d
	c.mu.Unlock()
	return d, nil
}

func checkDescription(d connector.Description) error {
	if d.Kind == "" || !sdk.ValidName(d.Name) {
		return fmt.Errorf("kind %.80q, name %.80q", d.Kind, d.Name)
	}
	seen := map[string]bool{}
	for _, f := range d.Settings {
		if f.Name == "" || len(f.Name) > words.MaxShort || seen[f.Name] {
			return fmt.Errorf("the setting %.80q is empty, too long or stands twice", f.Name)
		}
		seen[f.Name] = true
	}
	return checkStreams(d.Streams)
}

func checkStreams(streams []sdk.Stream) error {
	if len(streams) > maxStreams {
		return fmt.Errorf("%d streams, the limit is %d", len(streams), maxStreams)
	}
	seen := make(map[string]bool, len(streams))
	for _, s := range streams {
		if err := s.Validate(); err != nil {
			return err
		}
		if seen[s.Name] {
			return fmt.Errorf("the stream %q stands twice", s.Name)
		}
		seen[s.Name] = true
	}
	return nil
}

// Validate implements connector.Connector.
func (c *Client) Validate(ctx context.Context, settings []byte) ([]connector.Problem, error) {
	hidden := c.secretsOf(ctx, settings)
	ctx, cancel := within(ctx, describeTime)
	defer cancel()
	reply, err := c.plugin.Validate(ctx, &pb.ValidateRequest{Settings: settings})
	if err != nil {
		return nil, words.FaultOf(ctx, err, "validate the settings", hidden)
	}
	return each(reply.GetProblems(), func(p *pb.Problem) connector.Problem {
		return connector.Problem{
			Path: words.Tidy(p.GetPath(), words.MaxShort), Summary: hidden.Hide(words.Tidy(p.GetSummary(), words.MaxText)), Help: hidden.Hide(words.Tidy(p.GetHelp(), words.MaxText)), Warning: p.GetWarning(),
		}
	}), nil
}

// secretsOf finds what must not be seen in answers. Without a description nothing is known to be secret.
func (c *Client) secretsOf(ctx context.Context, settings []byte) words.Secrets {
	d, err := c.Describe(ctx)
	if err != nil {
		return nil
	}
	return words.SecretsIn(settings, secretFields(d.Settings))
}

func secretFields(fields []connector.Field) []string {
	names := []string{}
	for _, f := range fields {
		if f.Secret {
			names = append(names, f.Name)
		}
	}
	return names
}

// Open implements connector.Connector.
func (c *Client) Open(ctx context.Context, open connector.Open) (connector.Session, error) {
	if _, err := c.Describe(ctx); err != nil {
		return nil, err
	}
	hidden := c.secretsOf(ctx, open.Settings)
	ctx, cancel := within(ctx, openTime)
	defer cancel()
	reply, err := c.plugin.Open(ctx, &pb.OpenRequest{Settings: open.Settings, RunId: open.RunID, WorkDir: open.WorkDir})
	if err != nil {
		return nil, words.FaultOf(ctx, err, "open a session", hidden)
	}
	return &session{client: c, id: reply.GetSession(), hidden: hidden, known: map[string]sdk.Stream{}}, nil
}

// Health asks how the plugin is.
func (c *Client) Health(ctx context.Context) (*pb.HealthReply, error) {
	ctx, cancel := within(ctx, healthTime)
	defer cancel()
	reply, err := c.plugin.Health(ctx, &pb.HealthRequest{})
	return reply, words.FaultOf(ctx, err, "ask the plugin's health", nil)
}

// Drain asks the plugin to finish within d and returns how many reads were still open then.
func (c *Client) Drain(ctx context.Context, d time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, d+time.Second)
	defer cancel()
	reply, err := c.plugin.Drain(ctx, &pb.DrainRequest{DeadlineMs: uint32(d.Milliseconds())})
	return int(reply.GetUnfinished()), words.FaultOf(ctx, err, "drain the plugin", nil)
}

// session is a session of the plugin, seen from the host.
type session struct {
	client *Client
	id     string
	hidden words.Secrets

	mu    sync.Mutex
	known map[string]sdk.Stream // from Discover
}

// Wired returns the session's number and what must not be seen of its settings, for the clients of other contracts.
func (s *session) Wired() (id string, hidden words.Secrets) { return s.id, s.hidden }

// Check implements connector.Session.
func (s *session) Check(ctx context.Context) ([]connector.CheckItem, error) {
	ctx, cancel := within(ctx, checkTime)
	defer cancel()
	reply, err := s.client.plugin.Check(ctx, &pb.CheckRequest{Session: s.id})
	if err != nil {
		return nil, words.FaultOf(ctx, err, "check the source", s.hidden)
	}
	return each(reply.GetItems(), func(i *pb.CheckItem) connector.CheckItem {
		item := connector.CheckItem{Name: words.Tidy(i.GetName(), words.MaxShort)}
		if i.GetError() != nil {
			item.Err = words.ErrorFromPB(i.GetError(), s.hidden)
		}
		return item
	}), nil
}

// Discover implements connector.Session.
func (s *session) Discover(ctx context.Context, only []string) ([]sdk.Stream, error) {
	ctx, cancel := within(ctx, discoverTime)
	defer cancel()
	reply, err := s.client.connector.Discover(ctx, &pb.DiscoverRequest{Session: s.id, Only: only})
	if err != nil {
		return nil, words.FaultOf(ctx, err, "discover streams", s.hidden)
	}
	streams := each(reply.GetStreams(), streamFromPB)
	if err := checkStreams(streams); err != nil {
		return nil, fault.Wrap(fault.Bug, err, "the plugin lists its streams badly")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stream := range streams {
		s.known[stream.Name] = stream
	}
	return streams, nil
}

// stream returns what the plugin has said of a stream, asking if it has not yet.
func (s *session) stream(ctx context.Context, name string) (sdk.Stream, error) {
	s.mu.Lock()
	stream, ok := s.known[name]
	s.mu.Unlock()
	if ok {
		return stream, nil
	}
	streams, err := s.Discover(ctx, []string{name})
	if err != nil {
		return sdk.Stream{}, err
	}
	for _, found := range streams {
		if found.Name == name {
			return found, nil
		}
	}
	return sdk.Stream{}, fault.Newf(fault.Bug, "the plugin does not list the stream %q, which it delivers", name)
}

// Close implements connector.Session.
func (s *session) Close(ctx context.Context) error {
	ctx, cancel := within(ctx, closeTime)
	defer cancel()
	_, err := s.client.plugin.Close(ctx, &pb.CloseRequest{Session: s.id})
	return words.FaultOf(ctx, err, "close the session", s.hidden)
}
