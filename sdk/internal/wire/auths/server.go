// Package auths holds both gRPC ends of the sign-in contract: what sign-ins have in common with connectors is wire's,
// their calls are served and made here.
//
// A call is one stream: the plugin may ask the host back on it, which needs no second connection. Its Go types stop here,
// as wire's do, and its client trusts nothing either. Only sdk/serve and sdk/dial import it.
package auths

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
)

// Server is the plugin's end of a sign-in.
type Server struct {
	pb.UnimplementedAuthenticatorServer
	plugin *wire.Server
}

// NewServer returns the plugin's end over the author's provider.
func NewServer(p auth.Provider) *Server { return &Server{plugin: wire.NewServer(common{p})} }

// Register adds the services to a gRPC server made with wire.ServerOptions.
func (s *Server) Register(server *grpc.Server) {
	pb.RegisterPluginServer(server, s.plugin)
	pb.RegisterAuthenticatorServer(server, s)
}

// Shutdown closes what is still open. Nothing may be served any more.
func (s *Server) Shutdown(ctx context.Context) { s.plugin.Shutdown(ctx) }

// common shows a provider as what wire serves for every kind of plugin. The connector's own calls are not registered.
type common struct{ auth.Provider }

// Open implements connector.Connector.
func (c common) Open(ctx context.Context, open connector.Open) (connector.Session, error) {
	session, err := c.Provider.Open(ctx, auth.Open{Settings: open.Settings, WorkDir: open.WorkDir})
	if err != nil {
		return nil, err
	}
	return commonSession{session}, nil
}

type commonSession struct{ auth.Session }

func (commonSession) Discover(context.Context, []string) ([]sdk.Stream, error) {
	return nil, fault.New(fault.Bug, "a sign-in has no streams")
}

func (commonSession) Read(context.Context, connector.Request) (connector.Messages, error) {
	return nil, fault.New(fault.Bug, "a sign-in has no streams")
}

func (s *Server) session(id string) (auth.Session, words.Secrets, error) {
	found, hidden, err := s.plugin.Lookup(id)
	if err != nil {
		return nil, nil, err
	}
	session, ok := found.(commonSession)
	if !ok {
		return nil, nil, fault.New(fault.Bug, "the session is no sign-in's")
	}
	return session.Session, hidden, nil
}

// ability returns what fulfils an ability of a session.
func ability[T any](session auth.Session, name string) (T, error) {
	able, ok := session.Ability(name).(T)
	if !ok {
		return able, fault.Newf(fault.Config, "the plugin has not the ability %s", name)
	}
	return able, nil
}

// Form implements pb.AuthenticatorServer.
func (s *Server) Form(ctx context.Context, r *pb.AuthFormRequest) (reply *pb.AuthForm, err error) {
	session, hidden, err := s.session(r.GetSession())
	if err != nil {
		return nil, err
	}
	err = s.plugin.Work(func() error {
		former, err := ability[auth.Former](session, auth.AbilityForm)
		if err != nil {
			return err
		}
		form, err := former.Form(ctx)
		reply = formToPB(form)
		return err
	})
	return reply, words.StatusOf(err, hidden)
}

// Converse implements pb.AuthenticatorServer. Whatever goes wrong, the host is told by a typed Error as the last message.
func (s *Server) Converse(stream grpc.BidiStreamingServer[pb.AuthHostMessage, pb.AuthPluginMessage]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	session, hidden, err := s.session(first.GetCall().GetSession())
	if err != nil {
		return err
	}
	var reply *pb.AuthPluginMessage
	host := &asking{stream: stream}
	err = s.plugin.Work(func() (err error) {
		reply, err = answer(stream.Context(), session, host, first.GetCall())
		return err
	})
	host.end()
	if err != nil {
		reply = &pb.AuthPluginMessage{Message: &pb.AuthPluginMessage_Error{Error: words.ErrorToPB(err, hidden)}}
	}
	return stream.Send(reply)
}

// answer makes the call.
func answer(ctx context.Context, session auth.Session, host auth.Host, call *pb.AuthCall) (*pb.AuthPluginMessage, error) {
	switch what := call.GetWhat().(type) {
	case *pb.AuthCall_Begin:
		step, err := session.Begin(ctx, host, requestFromPB(what.Begin))
		return &pb.AuthPluginMessage{Message: &pb.AuthPluginMessage_Step{Step: stepToPB(step)}}, err
	case *pb.AuthCall_Complete:
		step, err := session.Complete(ctx, host, requestFromPB(what.Complete))
		return &pb.AuthPluginMessage{Message: &pb.AuthPluginMessage_Step{Step: stepToPB(step)}}, err
	case *pb.AuthCall_Verify:
		verifier, err := ability[auth.Verifier](session, auth.AbilityVerify)
		if err != nil {
			return nil, err
		}
		identity, err := verifier.VerifyToken(ctx, host, sdk.Secret(what.Verify))
		return &pb.AuthPluginMessage{Message: &pb.AuthPluginMessage_Identity{Identity: identityToPB(&identity)}}, err
	case *pb.AuthCall_Refresh:
		refresher, err := ability[auth.Refresher](session, auth.AbilityRefresh)
		if err != nil {
			return nil, err
		}
		tokens, err := refresher.Refresh(ctx, host, sdk.Secret(what.Refresh))
		return &pb.AuthPluginMessage{Message: &pb.AuthPluginMessage_Tokens{Tokens: tokensToPB(tokens)}}, err
	case *pb.AuthCall_Groups:
		grouper, err := ability[auth.Grouper](session, auth.AbilityGroups)
		if err != nil {
			return nil, err
		}
		names, err := grouper.Groups(ctx, host, *identityFromPB(what.Groups))
		return &pb.AuthPluginMessage{Message: &pb.AuthPluginMessage_Groups{Groups: &pb.AuthGroups{Names: names}}}, err
	default:
		return nil, fault.New(fault.Bug, "the host asked for what this plugin does not know")
	}
}

// asking is the host as the author's code sees it, for the time of one call.
type asking struct {
	mu     sync.Mutex // one question at a time
	stream grpc.BidiStreamingServer[pb.AuthHostMessage, pb.AuthPluginMessage]
	ended  bool
}

var _ auth.Host = (*asking)(nil)

// end makes later questions fail: the stream belongs to gRPC again.
func (a *asking) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
}

func (a *asking) ask(ctx context.Context, q *pb.AuthQuestion) (*pb.AuthAnswer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended || ctx.Err() != nil {
		return nil, fault.New(fault.Cancelled, "the call is over")
	}
	if err := a.stream.Send(&pb.AuthPluginMessage{Message: &pb.AuthPluginMessage_Question{Question: q}}); err != nil {
		return nil, fault.Wrap(fault.Cancelled, err, "ask the host")
	}
	reply, err := a.stream.Recv()
	if err != nil {
		return nil, fault.Wrap(fault.Cancelled, err, "ask the host")
	}
	if e := reply.GetAnswer().GetError(); e != nil {
		return nil, words.ErrorFromPB(e, nil)
	}
	return reply.GetAnswer(), nil
}

// Put implements auth.Host.
func (a *asking) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	_, err := a.ask(ctx, &pb.AuthQuestion{What: &pb.AuthQuestion_Put{Put: &pb.AuthEntry{Key: key, Value: value, LifeMs: uint64(max(life, 0).Milliseconds())}}})
	return err
}

// Find implements auth.Host.
func (a *asking) Find(ctx context.Context, key string) ([]byte, bool, error) {
	reply, err := a.ask(ctx, &pb.AuthQuestion{What: &pb.AuthQuestion_Find{Find: key}})
	return reply.GetValue(), reply.GetOk(), err
}

// Take implements auth.Host.
func (a *asking) Take(ctx context.Context, key string) ([]byte, bool, error) {
	reply, err := a.ask(ctx, &pb.AuthQuestion{What: &pb.AuthQuestion_Take{Take: key}})
	return reply.GetValue(), reply.GetOk(), err
}

// Admits implements auth.Host.
func (a *asking) Admits(ctx context.Context, email string) (bool, error) {
	reply, err := a.ask(ctx, &pb.AuthQuestion{What: &pb.AuthQuestion_Admits{Admits: email}})
	return reply.GetOk(), err
}
