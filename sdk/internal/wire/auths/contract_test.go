package auths_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/auth/authtest"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/auths"
)

type settings struct {
	Key sdk.Secret `cfg:"key" doc:"A secret." required:"true"`
}

// twoSteps shows a code and lets in whoever brings it back in the same browser, once.
func twoSteps() auth.Author {
	who := auth.Identity{Issuer: "two", Subject: "1", Email: "ann@example.com", EmailVerified: true, Name: "Ann", Groups: []string{"a", "b"}}
	refused := fault.New(fault.Auth, "no")
	return auth.Plugin[settings, settings]{
		Name: "two", Version: "1", Doc: "Two steps.",
		Open: func(_ context.Context, _ auth.Runtime, s settings) (settings, error) { return s, nil },
		Begin: func(ctx context.Context, _ settings, host auth.Host, call auth.Call) (auth.Step, error) {
			if in, err := host.Admits(ctx, "ann@example.com"); err != nil || !in {
				return auth.Step{}, refused
			}
			if err := host.Put(ctx, "code "+call.Browser, []byte("c0de"), time.Minute); err != nil {
				return auth.Step{}, err
			}
			return auth.Step{Page: &auth.Page{Title: "Code", Text: []string{"One", "Two"}, Code: "c0de", Path: "code", Button: "Go on",
				Fields: []auth.FormField{{Name: "code", Label: "Code", Type: "text", Required: true}}, Links: []auth.Link{{Text: "Again", Path: "again"}}}}, nil
		},
		Complete: func(ctx context.Context, s settings, host auth.Host, call auth.Call) (auth.Step, error) {
			if call.Values["say"] == "secret" {
				return auth.Step{}, fault.New(fault.Transient, "the key is "+s.Key.Reveal())
			}
			kept, ok, err := host.Find(ctx, "code "+call.Browser)
			if err != nil || !ok || !call.Post || string(kept) != call.Values["code"] {
				return auth.Step{}, refused
			}
			if _, ok, err = host.Take(ctx, "code "+call.Browser); err != nil || !ok {
				return auth.Step{}, refused
			}
			return auth.Step{Identity: &who}, nil
		},
		Form: func(context.Context, settings) (auth.Form, error) {
			return auth.Form{Button: "Code", Doc: "By code.", Origins: []string{"https://issuer.example"}}, nil
		},
		VerifyToken: func(_ context.Context, _ settings, _ auth.Host, token sdk.Secret) (auth.Identity, error) {
			if token.Reveal() != "good" {
				return auth.Identity{}, refused
			}
			return who, nil
		},
		Refresh: func(ctx context.Context, _ settings, host auth.Host, token sdk.Secret) (auth.Tokens, error) {
			if token.Reveal() != "good" {
				return auth.Tokens{}, refused
			}
			return auth.Tokens{Access: "a", Refresh: "r", Life: time.Hour}, nil
		},
		Groups: func(_ context.Context, _ settings, _ auth.Host, who auth.Identity) ([]string, error) {
			return who.Groups, nil
		},
	}
}

func connect(t testing.TB, register func(*grpc.Server)) auth.Provider {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), append(wire.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return auths.NewClient(wire.NewClient(conn), conn)
}

func signIn(ctx context.Context, s auth.Session, host auth.Host) (auth.Step, error) {
	call := auth.Call{Post: true, Browser: "b", BaseURL: "https://x/auth/two"}
	step, err := s.Begin(ctx, host, call)
	if err != nil {
		return step, err
	}
	call.Path, call.Values = step.Page.Path, map[string]string{"code": step.Page.Code}
	return s.Complete(ctx, host, call)
}

func overTheWire(t *testing.T) auth.Provider {
	built, err := twoSteps().Build()
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, auths.NewServer(built).Register)
}

func TestContractOverTheWire(t *testing.T) {
	for way, provider := range map[string]func() (auth.Provider, error){"near": twoSteps().Build, "far": func() (auth.Provider, error) { return overTheWire(t), nil }} {
		t.Run(way, func(t *testing.T) {
			authtest.Test(t, authtest.Subject{
				New: func(context.Context) (auth.Provider, func() error, error) {
					p, err := provider()
					return p, nil, err
				},
				Settings: []byte(`{"key": "s3cr3t-key"}`), SignIn: eachItsBrowser(),
			})
		})
	}
}

// eachItsBrowser signs in with a browser of its own each time.
func eachItsBrowser() func(context.Context, auth.Session, auth.Host) (auth.Step, error) {
	var next atomic.Int64
	return func(ctx context.Context, s auth.Session, host auth.Host) (auth.Step, error) {
		call := auth.Call{Post: true, Browser: fmt.Sprint("b", next.Add(1))}
		step, err := s.Begin(ctx, host, call)
		if err != nil {
			return step, err
		}
		call.Path, call.Values = step.Page.Path, map[string]string{"code": step.Page.Code}
		return s.Complete(ctx, host, call)
	}
}

func TestEverythingArrives(t *testing.T) {
	session, err := overTheWire(t).Open(t.Context(), auth.Open{Settings: []byte(`{"key": "s3cr3t-key"}`)})
	if err != nil {
		t.Fatal(err)
	}
	host := &authtest.Host{}
	step, err := signIn(t.Context(), session, host)
	if err != nil || step.Identity == nil || step.Identity.Name != "Ann" || !step.Identity.EmailVerified || len(step.Identity.Groups) != 2 {
		t.Fatalf("%+v %v", step.Identity, err)
	}
	form, err := session.Ability(auth.AbilityForm).(auth.Former).Form(t.Context())
	if err != nil || form.Button != "Code" || form.Origins[0] != "https://issuer.example" {
		t.Errorf("%+v %v", form, err)
	}
	tokens, err := session.Ability(auth.AbilityRefresh).(auth.Refresher).Refresh(t.Context(), host, "good")
	if err != nil || tokens.Access.Reveal() != "a" || tokens.Refresh.Reveal() != "r" || tokens.Life != time.Hour {
		t.Errorf("%+v %v", tokens, err)
	}
	who, err := session.Ability(auth.AbilityVerify).(auth.Verifier).VerifyToken(t.Context(), host, "good")
	if err != nil || who.Subject != "1" {
		t.Errorf("%+v %v", who, err)
	}
	groups, err := session.Ability(auth.AbilityGroups).(auth.Grouper).Groups(t.Context(), host, who)
	if err != nil || len(groups) != 2 {
		t.Errorf("%v %v", groups, err)
	}
	if session.Ability("dance") != nil {
		t.Error("an ability that nobody knows")
	}
	// Whom the host does not admit, the plugin does not let in.
	if _, err := session.Begin(t.Context(), &authtest.Host{Refused: []string{"ann@example.com"}}, auth.Call{Browser: "b"}); fault.CodeOf(err) != fault.Auth {
		t.Errorf("refused: %v", err)
	}
}

// G14: a secret of the settings is in no error.
func TestG14_SecretsAreHidden(t *testing.T) {
	session, err := overTheWire(t).Open(t.Context(), auth.Open{Settings: []byte(`{"key": "s3cr3t-key"}`)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = session.Complete(t.Context(), &authtest.Host{}, auth.Call{Values: map[string]string{"say": "secret"}})
	if fault.CodeOf(err) != fault.Transient || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
}

// evil is a plugin that answers whatever it likes.
type evil struct {
	pb.UnimplementedPluginServer
	pb.UnimplementedAuthenticatorServer
	replies []*pb.AuthPluginMessage
	ask     bool // without end
	form    *pb.AuthForm
}

func (e *evil) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeReply, error) {
	return &pb.DescribeReply{Kind: "auth", Name: "evil", Version: "1", Abilities: []string{"form", "verify", "refresh", "groups"}}, nil
}

func (e *evil) Open(context.Context, *pb.OpenRequest) (*pb.OpenReply, error) {
	return &pb.OpenReply{Session: "1"}, nil
}

func (e *evil) Form(context.Context, *pb.AuthFormRequest) (*pb.AuthForm, error) { return e.form, nil }

func (e *evil) Converse(stream grpc.BidiStreamingServer[pb.AuthHostMessage, pb.AuthPluginMessage]) error {
	for e.ask {
		q := &pb.AuthPluginMessage{Message: &pb.AuthPluginMessage_Question{Question: &pb.AuthQuestion{What: &pb.AuthQuestion_Find{Find: "x"}}}}
		if err := stream.Send(q); err != nil {
			return err
		}
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
	for _, r := range e.replies {
		if err := stream.Send(r); err != nil {
			return err
		}
	}
	return nil
}

func step(s *pb.AuthStep) []*pb.AuthPluginMessage {
	return []*pb.AuthPluginMessage{{Message: &pb.AuthPluginMessage_Step{Step: s}}}
}

// G8: whatever a plugin answers, nobody gets in by it and the host stays whole.
func TestG8_HostileAnswers(t *testing.T) {
	id := func(i *pb.AuthIdentity) []*pb.AuthPluginMessage { return step(&pb.AuthStep{Identity: i}) }
	page := func(p *pb.AuthPage) []*pb.AuthPluginMessage { return step(&pb.AuthStep{Page: p}) }
	for name, c := range map[string]struct {
		e    evil
		code fault.Code
	}{
		"nothing":                 {evil{}, fault.Transient},
		"an empty message":        {evil{replies: []*pb.AuthPluginMessage{{}}}, fault.Bug},
		"an empty step":           {evil{replies: step(&pb.AuthStep{})}, fault.Bug},
		"two at once":             {evil{replies: step(&pb.AuthStep{Redirect: "https://x/", Identity: &pb.AuthIdentity{Issuer: "i", Subject: "s"}})}, fault.Bug},
		"a script":                {evil{replies: step(&pb.AuthStep{Redirect: "javascript:alert(1)"})}, fault.Bug},
		"plain http elsewhere":    {evil{replies: step(&pb.AuthStep{Redirect: "http://issuer.example/"})}, fault.Bug},
		"a header":                {evil{replies: step(&pb.AuthStep{Redirect: "https://x/\r\nSet-Cookie: a=b"})}, fault.Bug},
		"no host":                 {evil{replies: step(&pb.AuthStep{Redirect: "https:///x"})}, fault.Bug},
		"a name and password":     {evil{replies: step(&pb.AuthStep{Redirect: "https://a:b@x/"})}, fault.Bug},
		"nobody":                  {evil{replies: id(&pb.AuthIdentity{})}, fault.Bug},
		"no subject":              {evil{replies: id(&pb.AuthIdentity{Issuer: "i", Email: "a@b.c", EmailVerified: true})}, fault.Bug},
		"verified nothing":        {evil{replies: id(&pb.AuthIdentity{Issuer: "i", Subject: "s", EmailVerified: true})}, fault.Bug},
		"a subject of two lines":  {evil{replies: id(&pb.AuthIdentity{Issuer: "i", Subject: "s\nt"})}, fault.Bug},
		"a long subject":          {evil{replies: id(&pb.AuthIdentity{Issuer: "i", Subject: strings.Repeat("s", 300)})}, fault.Bug},
		"tokens instead":          {evil{replies: []*pb.AuthPluginMessage{{Message: &pb.AuthPluginMessage_Tokens{Tokens: &pb.AuthTokens{Access: "a"}}}}}, fault.Bug},
		"a page without title":    {evil{replies: page(&pb.AuthPage{Text: []string{"x"}})}, fault.Bug},
		"a form that leads away":  {evil{replies: page(&pb.AuthPage{Title: "t", Button: "b", Path: "../../logout"})}, fault.Bug},
		"a form to another host":  {evil{replies: page(&pb.AuthPage{Title: "t", Button: "b", Path: "//evil/x"})}, fault.Bug},
		"a link that leads away":  {evil{replies: page(&pb.AuthPage{Title: "t", Links: []*pb.AuthLink{{Text: "x", Path: "javascript:1"}}})}, fault.Bug},
		"a field that is none":    {evil{replies: page(&pb.AuthPage{Title: "t", Fields: []*pb.AuthField{{Name: "x", Label: "x", Type: "file"}}})}, fault.Bug},
		"questions without end":   {evil{ask: true}, fault.Bug},
		"an error without a word": {evil{replies: []*pb.AuthPluginMessage{{Message: &pb.AuthPluginMessage_Error{Error: &pb.Error{}}}}}, fault.Bug},
	} {
		p := connect(t, func(s *grpc.Server) { pb.RegisterPluginServer(s, &c.e); pb.RegisterAuthenticatorServer(s, &c.e) })
		session, err := p.Open(t.Context(), auth.Open{Settings: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := session.Complete(t.Context(), &authtest.Host{}, auth.Call{}); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %+v, %v, want %s", name, got, err, c.code)
		}
	}
	for _, f := range []*pb.AuthForm{{Origins: []string{"https://x/path"}}, {Origins: []string{"http://x"}}, {Origins: []string{"https://x; script-src *"}}, {Origins: []string{"*"}}, {Button: "\x1b[31m"},
		{Fields: []*pb.AuthField{{Name: "_csrf", Label: "x", Type: "text"}}}} {
		e := &evil{form: f}
		p := connect(t, func(s *grpc.Server) { pb.RegisterPluginServer(s, e); pb.RegisterAuthenticatorServer(s, e) })
		session, err := p.Open(t.Context(), auth.Open{Settings: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := session.Ability("form").(auth.Former).Form(t.Context()); fault.CodeOf(err) != fault.Bug {
			t.Errorf("%v: %+v %v", f, got, err)
		}
	}
}
