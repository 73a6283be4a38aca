package client_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client"
	"github.com/ai-data-analyst/broker/web/client/clienttest"
)

func connect(t *testing.T, s *clienttest.Server, change ...func(*client.Options)) *client.Client {
	t.Helper()
	o := client.Options{URL: s.URL, Token: clienttest.Token, Key: s.Key(), Pause: func(context.Context, time.Duration) error { return nil }}
	for _, f := range change {
		f(&o)
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// codeOf is the stable code of an error.
func codeOf(err error) string {
	var s interface{ Stable() string }
	if errors.As(err, &s) {
		return s.Stable()
	}
	return ""
}

func wantCode(t *testing.T, err error, code string, class fault.Code) {
	t.Helper()
	if codeOf(err) != code || fault.CodeOf(err) != class {
		t.Errorf("got %v [%s], want [%s] (%s)", err, codeOf(err), code, class)
	}
	if err != nil && strings.Contains(err.Error(), clienttest.Token) {
		t.Errorf("the token is in %v", err)
	}
}

func html(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	fmt.Fprint(w, "<html>Welcome to our hotel</html>")
}

func TestManifestIsFetchedAndHolds(t *testing.T) {
	s := clienttest.New(t)
	s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob([]byte("abc"), 1)))
	c := connect(t, s)
	a, err := c.Manifest(t.Context(), 0, "")
	if err != nil || a.Manifest.Generation != 1 || a.ETag == "" {
		t.Fatalf("%+v %v", a, err)
	}
	if again, err := c.Manifest(t.Context(), 0, a.ETag); err != nil || !again.NotModified {
		t.Errorf("%+v %v", again, err)
	}
	if seen := s.Seen(); len(seen) != 2 {
		t.Errorf("asked %v", seen)
	}
	_, err = c.Manifest(t.Context(), 9, "")
	wantCode(t, err, api.CodeNotFound, fault.StateExpired)
	s.Publish(nil)
	s.Expire(2)
	_, err = c.Manifest(t.Context(), 1, "")
	wantCode(t, err, api.CodeExpired, fault.StateExpired)
	if !strings.Contains(fault.HelpOf(err), "2 to 2") {
		t.Errorf("help %q", fault.HelpOf(err))
	}
}

// Y5: what answers is not a broker, or not well; each cause has its own words and code.
func TestY5_ClearCauses(t *testing.T) {
	type answer = func(w http.ResponseWriter, r *http.Request)
	for name, test := range map[string]struct {
		answer answer
		code   string
		class  fault.Code
	}{
		"captive portal":     {func(w http.ResponseWriter, _ *http.Request) { html(w, 200) }, "not_broker", fault.Transient},
		"page not found":     {func(w http.ResponseWriter, _ *http.Request) { html(w, 404) }, "not_broker", fault.Transient},
		"sign in to network": {func(w http.ResponseWriter, _ *http.Request) { html(w, 511) }, "not_broker", fault.Transient},
		"gateway":            {func(w http.ResponseWriter, _ *http.Request) { html(w, 502) }, "unreachable", fault.Transient},
		"proxy":              {func(w http.ResponseWriter, _ *http.Request) { html(w, 407) }, "unreachable", fault.Transient},
		"wrong JSON":         {func(w http.ResponseWriter, _ *http.Request) { clienttest.JSON(w, 200, map[string]int{"hello": 1}) }, "not_broker", fault.Transient},
		"no JSON": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "{")
		}, "not_broker", fault.Transient},
		"401": {func(w http.ResponseWriter, _ *http.Request) { clienttest.Refuse(w, 401, api.CodeAuth) }, "token_expired", fault.Auth},
		"403": {func(w http.ResponseWriter, _ *http.Request) { clienttest.Refuse(w, 403, api.CodePermission) }, api.CodePermission, fault.Permission},
		"500": {func(w http.ResponseWriter, _ *http.Request) { clienttest.Refuse(w, 500, api.CodeInternal) }, api.CodeInternal, fault.Bug},
		"304": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, "not_broker", fault.Transient},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		}, "short_body", fault.Data},
		"dead": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "short_body", fault.Data},
		"clock": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "Mon, 01 Jan 2024 00:00:00 GMT")
			clienttest.JSON(w, 200, 1)
		}, "clock_skew", fault.Data},
	} {
		t.Run(name, func(t *testing.T) {
			s := clienttest.New(t)
			s.Config.ErrorLog = nil
			s.Nasty(func(w http.ResponseWriter, r *http.Request) bool { test.answer(w, r); return true })
			_, err := connect(t, s).Manifest(t.Context(), 0, "")
			wantCode(t, err, test.code, test.class)
			if name != "500" && name != "403" && fault.HelpOf(err) == "" && name != "cut" && name != "dead" {
				t.Errorf("no advice: %v", err)
			}
		})
	}
}

func TestY5_NobodyThere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	for _, address := range []string{"http://" + listener.Addr().String(), "https://nobody.invalid"} {
		c, err := client.New(client.Options{URL: address, Transport: &http.Transport{}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.LoginOptions(t.Context())
		wantCode(t, err, "unreachable", fault.Transient)
	}
}

// Y5: a token goes to its server and nowhere else, whatever the server says.
func TestY5_CredentialsStay(t *testing.T) {
	var leaked, asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "" || strings.Contains(r.URL.String(), clienttest.Token) {
			leaked.Add(1)
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		fmt.Fprint(w, "abc")
	}))
	defer elsewhere.Close()
	s := clienttest.New(t)
	part := s.Blob([]byte("abc"), 1)
	s.Publish(nil)
	s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/v1/keys" {
			return false
		}
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
		return true
	})
	c := connect(t, s)
	_, err := c.Manifest(t.Context(), 0, "")
	wantCode(t, err, "redirected", fault.Data)
	_, err = c.Me(t.Context())
	wantCode(t, err, "redirected", fault.Data)
	_, err = c.SendChunk(t.Context(), "m", api.PushItem{}, 0, nil)
	wantCode(t, err, "redirected", fault.Data)
	_, err = c.Part(t.Context(), part.SHA256, 3, 0, nil)
	wantCode(t, err, "redirected", fault.Data)
	_, err = c.Part(t.Context(), part.SHA256, 3, 0, []string{"http://another.example"})
	wantCode(t, err, "redirected", fault.Data)
	if asked.Load() != 0 {
		t.Errorf("%d requests went to another host", asked.Load())
	}
	body, err := c.Part(t.Context(), part.SHA256, 3, 0, []string{elsewhere.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, err := io.ReadAll(body); string(text) != "abc" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if leaked.Load() != 0 {
		t.Error("the token went to another host")
	}
}

func TestY5_RedirectsWithinTheServer(t *testing.T) {
	s := clienttest.New(t)
	s.Publish(nil)
	hops := 3
	s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
		n := strings.Count(r.URL.RawQuery, "x")
		if n >= hops {
			return false
		}
		http.Redirect(w, r, r.URL.Path+"?"+strings.Repeat("x", n+1), http.StatusTemporaryRedirect)
		return true
	})
	c := connect(t, s)
	if _, err := c.Manifest(t.Context(), 0, ""); err != nil {
		t.Errorf("three redirects: %v", err)
	}
	hops = 4
	_, err := c.Manifest(t.Context(), 0, "")
	wantCode(t, err, "redirected", fault.Data)
}

func TestY3_Signatures(t *testing.T) {
	s := clienttest.New(t)
	m := s.Publish(nil, clienttest.Table("shop.orders", 1))
	first := s.Key()
	c := connect(t, s)
	signed := s.Signed(m)
	other := clienttest.New(t).Signed(m)
	send := func(body []byte, signature string) {
		s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api/v1/manifest" {
				return false
			}
			w.Header().Set(api.SignatureHeader, signature)
			w.Header().Set("Content-Type", "application/json")
			w.Write(body)
			return true
		})
	}
	send(append([]byte(" "), signed.Body...), signed.Signature)
	_, err := c.Manifest(t.Context(), 0, "")
	wantCode(t, err, "signature", fault.Data)
	send(signed.Body, "")
	_, err = c.Manifest(t.Context(), 0, "")
	wantCode(t, err, "not_broker", fault.Transient)
	send(signed.Body, "ed25519;key=x;y")
	_, err = c.Manifest(t.Context(), 0, "")
	wantCode(t, err, "key_changed", fault.Data)
	send(other.Body, other.Signature)
	_, err = c.Manifest(t.Context(), 0, "")
	wantCode(t, err, "key_changed", fault.Data)
	if !strings.Contains(fault.HelpOf(err), "analyst login --repin") {
		t.Errorf("help %q", fault.HelpOf(err))
	}
	s.Nasty(nil)
	s.NewKey()
	s.NewKey() // two rotations: the chain leads from the first to the third
	if _, err := connect(t, s, func(o *client.Options) { o.Key = first }).Manifest(t.Context(), 0, ""); err != nil {
		t.Errorf("after rotations: %v", err)
	}
	s.ForgetKeys()
	_, err = connect(t, s, func(o *client.Options) { o.Key = first }).Manifest(t.Context(), 0, "")
	wantCode(t, err, "key_changed", fault.Data)
}

// Y2: a part has exactly the bytes that were promised, from where they were asked for.
func TestY2_Parts(t *testing.T) {
	content := []byte(strings.Repeat("0123456789", 1000))
	octets := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/octet-stream") }
	for name, test := range map[string]struct {
		offset int64
		nasty  func(w http.ResponseWriter, r *http.Request) bool
		code   string
	}{
		"whole":         {0, nil, ""},
		"resumed":       {4321, nil, ""},
		"at the end":    {9999, nil, ""},
		"range ignored": {4321, func(w http.ResponseWriter, _ *http.Request) bool { octets(w); w.Write(content); return true }, ""},
		"no length": {0, func(w http.ResponseWriter, _ *http.Request) bool {
			octets(w)
			w.(http.Flusher).Flush()
			w.Write(content)
			return true
		}, ""},
		"short with 200": {0, func(w http.ResponseWriter, _ *http.Request) bool { octets(w); w.Write(content[:10]); return true }, "short_body"},
		"short unsaid": {0, func(w http.ResponseWriter, _ *http.Request) bool {
			octets(w)
			w.(http.Flusher).Flush()
			w.Write(content[:10])
			return true
		}, "short_body"},
		"long": {0, func(w http.ResponseWriter, _ *http.Request) bool {
			octets(w)
			w.Write(append(content, 'x'))
			return true
		}, "hash_mismatch"},
		"long unsaid": {0, func(w http.ResponseWriter, _ *http.Request) bool {
			octets(w)
			w.(http.Flusher).Flush()
			w.Write(append(content, 'x'))
			return true
		}, "hash_mismatch"},
		"other range": {10, func(w http.ResponseWriter, _ *http.Request) bool {
			octets(w)
			w.Header().Set("Content-Range", "bytes 0-9989/10000")
			w.WriteHeader(206)
			w.Write(content[:9990])
			return true
		}, "hash_mismatch"},
		"html": {0, func(w http.ResponseWriter, _ *http.Request) bool { html(w, 200); return true }, "not_broker"},
		"cut": {0, func(w http.ResponseWriter, _ *http.Request) bool {
			octets(w)
			w.Header().Set("Content-Length", "10000")
			w.Write(content[:500])
			return true
		}, "short_body"},
	} {
		t.Run(name, func(t *testing.T) {
			s := clienttest.New(t)
			part := s.Blob(content, 1)
			s.Nasty(test.nasty)
			var text []byte
			body, err := connect(t, s).Part(t.Context(), part.SHA256, part.Size, test.offset, nil)
			if err == nil {
				text, err = io.ReadAll(body)
				body.Close()
			}
			if test.code != "" {
				if codeOf(err) != test.code {
					t.Errorf("got %v, want [%s]", err, test.code)
				}
				return
			}
			if err != nil || string(text) != string(content[test.offset:]) {
				t.Errorf("%d bytes, %v", len(text), err)
			}
		})
	}
}

func TestStalledIsNoticed(t *testing.T) {
	release := make(chan struct{})
	var asked atomic.Int64
	s := clienttest.New(t)
	part := s.Blob([]byte(strings.Repeat("x", 1000)), 1)
	s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
		asked.Add(1)
		if strings.Contains(r.URL.Path, "/parts/") {
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	})
	defer close(release)
	c := connect(t, s, func(o *client.Options) { o.Silence = 50 * time.Millisecond })
	_, err := c.Manifest(t.Context(), 0, "")
	wantCode(t, err, "stalled", fault.Transient)
	if n := asked.Load(); n != 3 {
		t.Errorf("%d tries, want 3", n)
	}
	body, err := c.Part(t.Context(), part.SHA256, 1000, 0, nil)
	if err == nil {
		_, err = io.ReadAll(body)
		body.Close()
	}
	wantCode(t, err, "stalled", fault.Transient)
}

func TestDripIsNoticed(t *testing.T) {
	s := clienttest.New(t)
	part := s.Blob([]byte(strings.Repeat("x", 1<<20)), 1)
	s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", fmt.Sprint(1<<20))
		w.Header().Set("Content-Type", "application/octet-stream")
		for r.Context().Err() == nil {
			w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond) // the drip itself
		}
		return true
	})
	c := connect(t, s, func(o *client.Options) { o.SlowWindow, o.SlowBytes = 50*time.Millisecond, 1<<20 })
	body, err := c.Part(t.Context(), part.SHA256, 1<<20, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	_, err = io.ReadAll(body)
	wantCode(t, err, "stalled", fault.Transient)
}

func TestRateLimits(t *testing.T) {
	s := clienttest.New(t)
	s.Publish(nil)
	left, after := 2, "7"
	s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
		if left--; left < 0 {
			return false
		}
		w.Header().Set("Retry-After", after)
		clienttest.Refuse(w, http.StatusTooManyRequests, api.CodeRate)
		return true
	})
	var waited []time.Duration
	c := connect(t, s, func(o *client.Options) {
		o.Pause = func(_ context.Context, d time.Duration) error { waited = append(waited, d); return nil }
	})
	if _, err := c.Manifest(t.Context(), 0, ""); err != nil || fmt.Sprint(waited) != "[7s 7s]" {
		t.Errorf("%v after %v", err, waited)
	}
	left, after = 1, "3600"
	_, err := c.Manifest(t.Context(), 0, "")
	if f, ok := fault.As(err); !ok || f.Code != fault.RateLimited || f.RetryAfter != time.Hour {
		t.Errorf("%v", err)
	}
	for asked, want := range map[string]string{"": "in a moment", "0": "in a moment", "45": "in 45 s", "91": "in 2 minutes", "3600": "in 60 minutes", "5401": "in 2 hours", "soon": "in a moment"} {
		left, after = 3, asked
		if _, err := c.Manifest(t.Context(), 0, ""); !strings.Contains(fault.HelpOf(err), "Try again "+want) {
			t.Errorf("Retry-After %q: %s", asked, fault.HelpOf(err))
		}
	}
}

func TestClearTextIsRefused(t *testing.T) {
	for address, good := range map[string]bool{"http://broker.example.com": false, "http://127.0.0.1:8080": true, "http://[::1]:80": true, "http://localhost": true,
		"http://localhost.evil.example": false, "https://broker.example.com": true, "ftp://x": false, "broker.example.com": false, "https://u:p@x": false, "https://x/?a=b": false, "": false} {
		if _, err := client.New(client.Options{URL: address}); (err == nil) != good || (!good && fault.CodeOf(err) != fault.Config) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := client.New(client.Options{URL: "http://broker.example.com", InsecureHTTP: true}); err != nil {
		t.Error(err)
	}
	if _, err := client.New(client.Options{URL: "https://x.example", Key: ed25519.PublicKey("short")}); fault.CodeOf(err) != fault.Config {
		t.Error(err)
	}
}

// Y5: certificates that do not hold say why.
func TestY5_Certificates(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		from, to time.Time
		trusted  bool
		code     string
	}{
		"expired":       {now.Add(-48 * time.Hour), now.Add(-24 * time.Hour), true, "unreachable"},
		"not yet valid": {now.Add(24 * time.Hour), now.Add(48 * time.Hour), true, "clock_skew"},
		"unknown":       {now.Add(-time.Hour), now.Add(time.Hour), false, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate, roots := certify(t, test.from, test.to)
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			server.Config.ErrorLog = nil
			server.StartTLS()
			defer server.Close()
			if !test.trusted {
				roots = x509.NewCertPool()
			}
			c, err := client.New(client.Options{URL: server.URL, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.LoginOptions(t.Context())
			wantCode(t, err, test.code, map[string]fault.Code{"unreachable": fault.Transient, "clock_skew": fault.Data}[test.code])
		})
	}
}

func certify(t *testing.T, from, to time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: to, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, pool
}
