package link_test

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/plugins/auth/email/link"
	"github.com/ai-data-analyst/broker/plugins/auth/internal/post"
	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/auth/authtest"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

const (
	base     = "https://data.acme.com/auth/email"
	settings = `{"host": "mail.acme.com", "from": "broker@acme.com"}`
)

// office sends mails into a channel.
type office struct{ sent chan post.Mail }

func newOffice() *office { return &office{sent: make(chan post.Mail, 100)} }

func (o *office) prepare(post.Settings) (link.Send, error) {
	return func(ctx context.Context, m post.Mail) error {
		select {
		case o.sent <- m:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, nil
}

func (o *office) open(t *testing.T) auth.Session {
	t.Helper()
	p, err := link.Plugin(o.prepare).Build()
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Open(t.Context(), auth.Open{Settings: []byte(settings)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// path is where the link of a mail leads, below BaseURL.
func path(m post.Mail) string {
	u, err := url.Parse(regexp.MustCompile(`https://\S+`).FindString(m.Text))
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/auth/email/")
}

func call(browser, path string, post bool, values ...string) auth.Call {
	c := auth.Call{Path: path, Post: post, Values: map[string]string{}, Browser: browser, BaseURL: base, Site: "Acme Data"}
	for i := 0; i < len(values); i += 2 {
		c.Values[values[i]] = values[i+1]
	}
	return c
}

// ask asks for a link in the browser "own" and returns where it leads, and the code that the browser shows.
func (o *office) ask(t *testing.T, s auth.Session, host auth.Host, email string) (string, string) {
	t.Helper()
	step, err := s.Begin(t.Context(), host, call("own", "", true, "email", email))
	if err != nil || step.Page == nil || step.Page.Code == "" {
		t.Fatalf("%+v %v", step, err)
	}
	return path(<-o.sent), step.Page.Code
}

func TestContract(t *testing.T) {
	o := newOffice()
	var one sync.Mutex // a newer link ends an older one
	authtest.Test(t, authtest.Subject{
		New: func(context.Context) (auth.Provider, func() error, error) {
			p, err := link.Plugin(o.prepare).Build()
			return p, nil, err
		},
		Settings: []byte(settings),
		Bad: []authtest.Bad{{Settings: []byte(`{"from": "broker@acme.com"}`), Path: "host"}, {Settings: []byte(`{"host": "h", "from": "nobody"}`), Path: "from"},
			{Settings: []byte(`{"host": "h", "from": "a@b.c", "tls": "none"}`), Path: "tls"}, {Settings: []byte(`{"host": "h", "from": "a@b.c", "port": 0}`), Path: "port"},
			{Settings: []byte(`{"host": "h", "from": "a@b.c", "subject": "a\nBcc: b@evil.example"}`), Path: "subject"}},
		SignIn: func(ctx context.Context, s auth.Session, host auth.Host) (auth.Step, error) {
			one.Lock()
			defer one.Unlock()
			if step, err := s.Begin(ctx, host, call("own", "", true, "email", "bob@acme.com")); err != nil {
				return step, err
			}
			for {
				select {
				case m := <-o.sent:
					if m.To == "" { // a try of the connection
						continue
					}
					return s.Complete(ctx, host, call("own", path(m), true))
				case <-ctx.Done():
					return auth.Step{}, ctx.Err()
				}
			}
		},
	})
}

func TestL5_ALink(t *testing.T) {
	o, now := newOffice(), time.Now()
	s, host := o.open(t), &authtest.Host{Now: func() time.Time { return now }}
	complete := func(c auth.Call) (auth.Step, error) { t.Helper(); return s.Complete(t.Context(), host, c) }
	refused := func(what string, c auth.Call) {
		t.Helper()
		if step, err := complete(c); fault.CodeOf(err) != fault.Auth {
			t.Errorf("%s: %+v %v", what, step, err)
		}
	}

	older, _ := o.ask(t, s, host, "Bob@acme.com ")
	at, code := o.ask(t, s, host, "bob@acme.com")
	refused("an older link", call("own", older, true))
	for range 20 { // scanners follow links
		if step, err := complete(call("scanner", at, false)); err != nil || step.Page == nil || len(step.Page.Fields) != 1 {
			t.Fatalf("%+v %v", step, err)
		}
	}
	if step, err := complete(call("own", at, false)); err != nil || step.Page == nil || len(step.Page.Fields) != 0 || step.Page.Path != at {
		t.Errorf("%+v %v", step, err)
	}
	for _, typed := range []string{"", "WRONG"} {
		if step, err := complete(call("phone", at, true, "code", typed)); err != nil || step.Page == nil {
			t.Errorf("%q: %+v %v", typed, step, err)
		}
	}
	step, err := complete(call("phone", at, true, "code", " "+strings.ToLower(code)+" "))
	if err != nil || step.Identity == nil || step.Identity.Subject != "bob@acme.com" || !step.Identity.EmailVerified {
		t.Fatalf("%+v %v", step, err)
	}
	refused("a link twice", call("own", at, true))

	at, code = o.ask(t, s, host, "bob@acme.com")
	for i := range 4 {
		if step, err := complete(call("thief", at, true, "code", "AAAAAAA0")); err != nil || step.Page == nil {
			t.Errorf("wrong code %d: %+v %v", i, step, err)
		}
	}
	refused("the fifth wrong code", call("thief", at, true, "code", "AAAAAAA0"))
	refused("the right code of a dead link", call("thief", at, true, "code", code))
	refused("the button of a dead link", call("own", at, true))

	at, _ = o.ask(t, s, host, "bob@acme.com")
	now = now.Add(10 * time.Minute)
	refused("after ten minutes", call("own", at, true))
	refused("after ten minutes, the page", call("own", at, false))
}

func TestG13_ALinkLetsInOnce(t *testing.T) {
	o := newOffice()
	s, host := o.open(t), &authtest.Host{}
	at, code := o.ask(t, s, host, "bob@acme.com")
	const many = 1000
	in := make(chan bool, many)
	for i := range many {
		c := call("own", at, true)
		if i%2 == 1 {
			c = call("phone", at, true, "code", code)
		}
		go func() {
			step, err := s.Complete(context.Background(), host, c)
			in <- err == nil && step.Identity != nil
		}()
	}
	got := 0
	for range many {
		if <-in {
			got++
		}
	}
	if got != 1 {
		t.Errorf("%d came in by one link", got)
	}
}

func TestL3_NobodyLearnsWhoIsKnown(t *testing.T) {
	o := newOffice()
	s, host := o.open(t), &authtest.Host{Refused: []string{"eve@acme.com"}}
	page := func(email string) auth.Page {
		step, err := s.Begin(t.Context(), host, call("own", "", true, "email", email))
		if err != nil || step.Page == nil || !regexp.MustCompile(`^[A-HJ-NP-Z2-9]{8}$`).MatchString(step.Page.Code) {
			t.Fatalf("%+v %v", step, err)
		}
		step.Page.Text = strings.Split(strings.ReplaceAll(strings.Join(step.Page.Text, "\n"), email, "…"), "\n")
		step.Page.Code = ""
		return *step.Page
	}
	known, kept := page("bob@acme.com"), host.Kept()
	unknown := page("eve@acme.com")
	if strings.Join(known.Text, "\n") != strings.Join(unknown.Text, "\n") || known.Title != unknown.Title || host.Kept() != 2*kept {
		t.Errorf("%+v\n%+v, kept %d and %d", known, unknown, kept, host.Kept()-kept)
	}
	if first, second := <-o.sent, <-o.sent; first.To != "bob@acme.com" || second.To != "" {
		t.Errorf("mails to %q and %q", first.To, second.To)
	}
}

func TestL6_TheMailServerIsDown(t *testing.T) {
	tried := make(chan struct{}, 10)
	p, err := link.Plugin(func(post.Settings) (link.Send, error) {
		return func(context.Context, post.Mail) error {
			tried <- struct{}{}
			return &fault.Fault{Code: fault.Transient, What: "connect", Err: post.ErrDown}
		}, nil
	}).Build()
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Open(t.Context(), auth.Open{Settings: []byte(settings)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	host := &authtest.Host{Refused: []string{"eve@acme.com"}}
	if _, err := s.Begin(t.Context(), host, call("own", "", true, "email", "eve@acme.com")); err != nil {
		t.Fatal(err)
	}
	<-tried // also for nobody; what came of it is known a moment later
	deadline := time.Now().Add(30 * time.Second)
	for err == nil && time.Now().Before(deadline) {
		_, err = s.Begin(t.Context(), host, call("own", "", true, "email", "eve@acme.com"))
	}
	for _, email := range []string{"bob@acme.com", "eve@acme.com"} {
		if step, err := s.Begin(t.Context(), host, call("own", "", true, "email", email)); fault.CodeOf(err) != fault.Transient || strings.Contains(err.Error(), "link/") {
			t.Errorf("%s: %+v %v", email, step, err)
		}
	}
}

func TestL7_Addresses(t *testing.T) {
	o := newOffice()
	s, host := o.open(t), &authtest.Host{}
	for _, email := range []string{"", "a@acme.com,b@evil.example", `"a@evil.example"@acme.com`, "a@evil.example@acme.com", "a@acme.com\r\nBcc: b@evil.example", "a@acme.com\n",
		"a b@acme.com", "A <a@acme.com>", "a@acme.com (a)", "a@[127.0.0.1]", "a@acme", "a..b@acme.com", ".a@acme.com", "a@acme.com.", "a@-acme.com", "ä@acme.com", "a@аcme.com", "a@acme.com\x00",
		strings.Repeat("a", 65) + "@acme.com", "a@" + strings.Repeat("a.", 130) + "com", "a;b@acme.com", "a\t@acme.com", "a%0d%0aBcc:b@evil.example"} {
		step, err := s.Begin(t.Context(), host, call("own", "", true, "email", email))
		if err != nil || step.Page == nil || step.Page.Code != "" || host.Kept() != 0 {
			t.Errorf("%q: %+v %v", email, step, err)
		}
	}
	for email, want := range map[string]string{"A@ACME.COM ": "a@acme.com", "a+tag@acme.com": "a+tag@acme.com", " o'hara@mail.acme.co.uk": "o'hara@mail.acme.co.uk"} {
		if step, err := s.Begin(t.Context(), host, call("own", "", true, "email", email)); err != nil || !strings.Contains(step.Page.Text[0], " "+want+" ") {
			t.Errorf("%q: %+v %v", email, step, err)
		}
		if m := <-o.sent; m.To != want {
			t.Errorf("%q is sent to %q", email, m.To)
		}
	}
}
