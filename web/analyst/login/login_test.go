package login_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/login"
	"github.com/ai-data-analyst/broker/web/api"
)

// server is a fake of the four questions.
type server struct {
	challenge string
	polls     int
	demo      string
}

func (s *server) SignInDemo(_ context.Context, l api.DemoLogin) (api.IssuedToken, error) {
	s.demo = l.Email
	return api.IssuedToken{Secret: "brk_demo"}, nil
}

func (s *server) FinishCode(_ context.Context, l api.CodeLogin) (api.IssuedToken, error) {
	sum := sha256.Sum256([]byte(l.Verifier))
	if l.Code != "the-code" || base64.RawURLEncoding.EncodeToString(sum[:]) != s.challenge {
		return api.IssuedToken{}, fault.New(fault.Auth, "wrong code or verifier")
	}
	return api.IssuedToken{Secret: "brk_browser"}, nil
}

func (s *server) BeginDevice(context.Context) (api.DeviceLogin, error) {
	return api.DeviceLogin{DeviceCode: "d", UserCode: "ABCD-EFGH", VerificationURI: "https://x/connect/device", Interval: 1}, nil
}

func (s *server) FinishDevice(context.Context, api.DevicePoll) (api.IssuedToken, bool, error) {
	s.polls++
	return api.IssuedToken{Secret: "brk_device"}, s.polls > 1, nil
}

// visit is a browser: it follows the page's address back to the loopback port, a stranger's state first.
func visit(t *testing.T, s *server, code string) func(string) error {
	return func(page string) error {
		u, err := url.Parse(page)
		if err != nil {
			return err
		}
		s.challenge = u.Query().Get("challenge")
		back := "http://127.0.0.1:" + u.Query().Get("port") + "/callback?"
		go func() {
			for _, q := range []url.Values{{"code": {"evil"}, "state": {"guess"}}, {"code": {code}, "state": {u.Query().Get("state")}}} {
				answer, err := http.Get(back + q.Encode())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, answer.Body); err != nil {
					t.Error(err)
				}
				answer.Body.Close()
			}
		}()
		return nil
	}
}

func TestBrowser(t *testing.T) {
	s := &server{}
	o := login.Options{URL: "https://x", Offered: api.LoginOptions{Methods: []string{"browser", "token"}}, Interactive: true, Out: io.Discard}
	o.OpenBrowser = visit(t, s, "the-code")
	token, err := login.Run(t.Context(), s, o)
	if err != nil || token.Secret != "brk_browser" {
		t.Errorf("%+v, %v", token, err)
	}
	o.OpenBrowser = visit(t, s, "")
	if _, err := login.Run(t.Context(), s, o); fault.CodeOf(err) != fault.Auth {
		t.Errorf("refused in the browser: %v", err)
	}
}

func TestDemoTakesTheFirstPersonInScripts(t *testing.T) {
	s := &server{}
	var said bytes.Buffer
	o := login.Options{Offered: api.LoginOptions{Methods: []string{"demo", "token"}, Demo: []string{"ada@example.com", "bob@example.com"}}, Out: &said}
	if _, err := login.Run(t.Context(), s, o); err != nil || s.demo != "ada@example.com" || !strings.Contains(said.String(), "ada@example.com") {
		t.Errorf("%q, said %q, %v", s.demo, said.String(), err)
	}
	o.Interactive, o.In = true, strings.NewReader("2\n")
	if _, err := login.Run(t.Context(), s, o); err != nil || s.demo != "bob@example.com" {
		t.Errorf("%q, %v", s.demo, err)
	}
	o.In = strings.NewReader("7\n")
	if _, err := login.Run(t.Context(), s, o); fault.CodeOf(err) != fault.Config {
		t.Errorf("a number that is not there: %v", err)
	}
}

func TestDeviceAsksUntilSomebodyAgreed(t *testing.T) {
	s := &server{}
	var said bytes.Buffer
	o := login.Options{Offered: api.LoginOptions{Methods: []string{"device"}}, Device: true, Out: &said}
	token, err := login.Run(t.Context(), s, o)
	if err != nil || token.Secret != "brk_device" || s.polls != 2 || !strings.Contains(said.String(), "ABCD-EFGH") {
		t.Errorf("%+v after %d questions, %v", token, s.polls, err)
	}
}

func TestNoWayIsSaidWithTheNextStep(t *testing.T) {
	o := login.Options{URL: "https://x", Offered: api.LoginOptions{Methods: []string{"token"}}, Out: io.Discard}
	_, err := login.Run(t.Context(), &server{}, o)
	if fault.CodeOf(err) != fault.Auth || !strings.Contains(fault.HelpOf(err), "--token-stdin") {
		t.Errorf("%v: %s", err, fault.HelpOf(err))
	}
}
