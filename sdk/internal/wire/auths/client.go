package auths

import (
	"context"
	"errors"
	"io"
	"slices"
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

// What one call may take: a person waits for it.
const (
	callTime     = 20 * time.Second
	maxQuestions = 64
)

// Client is the host's end of a sign-in plugin.
type Client struct {
	*wire.Client
	authenticator pb.AuthenticatorClient
}

var _ auth.Provider = (*Client)(nil)

// NewClient returns the sign-in's end of a plugin's client, over the same connection.
func NewClient(plugin *wire.Client, conn grpc.ClientConnInterface) *Client {
	return &Client{Client: plugin, authenticator: pb.NewAuthenticatorClient(conn)}
}

// Open implements auth.Provider. The session has the abilities that the plugin says it has.
func (c *Client) Open(ctx context.Context, open auth.Open) (auth.Session, error) {
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
	s := &session{inner: inner, authenticator: c.authenticator, abilities: description.Abilities}
	s.id, s.hidden = wired.Wired()
	return s, nil
}

// session is a session of the plugin, seen from the host.
type session struct {
	inner         connector.Session
	authenticator pb.AuthenticatorClient
	abilities     []string
	id            string
	hidden        words.Secrets
}

var (
	_ auth.Session   = (*session)(nil)
	_ auth.Former    = (*session)(nil)
	_ auth.Verifier  = (*session)(nil)
	_ auth.Refresher = (*session)(nil)
	_ auth.Grouper   = (*session)(nil)
)

// Check implements auth.Session.
func (s *session) Check(ctx context.Context) ([]auth.CheckItem, error) { return s.inner.Check(ctx) }

// Close implements auth.Session.
func (s *session) Close(ctx context.Context) error { return s.inner.Close(ctx) }

// Ability implements auth.Session.
func (s *session) Ability(name string) any {
	if slices.Contains(s.abilities, name) {
		return s
	}
	return nil
}

// Begin implements auth.Session.
func (s *session) Begin(ctx context.Context, host auth.Host, call auth.Call) (auth.Step, error) {
	return s.step(ctx, host, &pb.AuthCall{What: &pb.AuthCall_Begin{Begin: requestToPB(call)}})
}

// Complete implements auth.Session.
func (s *session) Complete(ctx context.Context, host auth.Host, call auth.Call) (auth.Step, error) {
	return s.step(ctx, host, &pb.AuthCall{What: &pb.AuthCall_Complete{Complete: requestToPB(call)}})
}

func (s *session) step(ctx context.Context, host auth.Host, call *pb.AuthCall) (auth.Step, error) {
	reply, err := s.converse(ctx, host, call)
	if err != nil {
		return auth.Step{}, err
	}
	if reply.GetStep() == nil {
		return auth.Step{}, violation("an answer to a sign-in that is no step")
	}
	step := stepFromPB(reply.GetStep())
	if err := step.Check(); err != nil {
		return auth.Step{}, err
	}
	return step, nil
}

// Form implements auth.Former.
func (s *session) Form(ctx context.Context) (auth.Form, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	reply, err := s.authenticator.Form(ctx, &pb.AuthFormRequest{Session: s.id})
	if err != nil {
		return auth.Form{}, words.FaultOf(ctx, err, "ask for the form", s.hidden)
	}
	form := formFromPB(reply)
	if err := form.Check(); err != nil {
		return auth.Form{}, err
	}
	return form, nil
}

// VerifyToken implements auth.Verifier.
func (s *session) VerifyToken(ctx context.Context, host auth.Host, token sdk.Secret) (auth.Identity, error) {
	reply, err := s.converse(ctx, host, &pb.AuthCall{What: &pb.AuthCall_Verify{Verify: valid(token.Reveal())}})
	if err != nil {
		return auth.Identity{}, err
	}
	if reply.GetIdentity() == nil {
		return auth.Identity{}, violation("an answer to a token that is no identity")
	}
	identity := identityFromPB(reply.GetIdentity())
	if err := identity.Check(); err != nil {
		return auth.Identity{}, err
	}
	return *identity, nil
}

// Refresh implements auth.Refresher.
func (s *session) Refresh(ctx context.Context, host auth.Host, token sdk.Secret) (auth.Tokens, error) {
	reply, err := s.converse(ctx, host, &pb.AuthCall{What: &pb.AuthCall_Refresh{Refresh: valid(token.Reveal())}})
	if err != nil {
		return auth.Tokens{}, err
	}
	if t := reply.GetTokens(); t.GetAccess() == "" || len(t.GetAccess()) > maxToken || len(t.GetRefresh()) > maxToken {
		return auth.Tokens{}, violation("an answer to a refresh that is no token")
	}
	return tokensFromPB(reply.GetTokens()), nil
}

// Groups implements auth.Grouper.
func (s *session) Groups(ctx context.Context, host auth.Host, who auth.Identity) ([]string, error) {
	reply, err := s.converse(ctx, host, &pb.AuthCall{What: &pb.AuthCall_Groups{Groups: identityToPB(&who)}})
	if err != nil {
		return nil, err
	}
	if reply.GetGroups() == nil {
		return nil, violation("an answer about groups that is none")
	}
	who.Groups = reply.GetGroups().GetNames()
	if err := who.Check(); err != nil {
		return nil, err
	}
	return who.Groups, nil
}

// converse makes one call and answers what the plugin asks meanwhile.
func (s *session) converse(ctx context.Context, host auth.Host, call *pb.AuthCall) (*pb.AuthPluginMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	reply, err := s.talk(ctx, host, call)
	if err == nil {
		return reply, nil
	}
	if _, ok := fault.As(err); ok {
		return nil, err
	}
	return nil, words.FaultOf(ctx, err, "sign in", s.hidden)
}

func (s *session) talk(ctx context.Context, host auth.Host, call *pb.AuthCall) (*pb.AuthPluginMessage, error) {
	stream, err := s.authenticator.Converse(ctx)
	if err != nil {
		return nil, err
	}
	call.Session = s.id
	if err := stream.Send(&pb.AuthHostMessage{Message: &pb.AuthHostMessage_Call{Call: call}}); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for range maxQuestions {
		reply, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil, fault.New(fault.Transient, "the plugin ended the call without an answer")
		}
		if err != nil {
			return nil, err
		}
		if reply.GetError() != nil {
			return nil, words.ErrorFromPB(reply.GetError(), s.hidden)
		}
		if reply.GetQuestion() == nil {
			return reply, nil
		}
		answer := &pb.AuthHostMessage{Message: &pb.AuthHostMessage_Answer{Answer: answerTo(ctx, host, reply.GetQuestion())}}
		if err := stream.Send(answer); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return nil, violation("more than %d questions in one call", maxQuestions)
}

// answerTo answers one question of the plugin. What goes wrong in the host is not told in detail.
func answerTo(ctx context.Context, host auth.Host, q *pb.AuthQuestion) *pb.AuthAnswer {
	var answer pb.AuthAnswer
	var err error
	switch what := q.GetWhat().(type) {
	case *pb.AuthQuestion_Put:
		life := time.Duration(min(what.Put.GetLifeMs(), uint64(auth.MaxLife.Milliseconds()))) * time.Millisecond
		err = host.Put(ctx, what.Put.GetKey(), what.Put.GetValue(), life)
		answer.Ok = err == nil
	case *pb.AuthQuestion_Find:
		answer.Value, answer.Ok, err = host.Find(ctx, what.Find)
	case *pb.AuthQuestion_Take:
		answer.Value, answer.Ok, err = host.Take(ctx, what.Take)
	case *pb.AuthQuestion_Admits:
		answer.Ok, err = host.Admits(ctx, what.Admits)
	default:
		err = violation("a question that is none")
	}
	if err != nil {
		return &pb.AuthAnswer{Error: words.ErrorToPB(err, nil)}
	}
	return &answer
}
