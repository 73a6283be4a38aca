package web_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/web"
)

// lines is a log in memory.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// One line a request: with the route, the person and the id of the answer, without what was sent (G14).
func TestG14_OneLineARequest(t *testing.T) {
	var log lines
	s := serve(t, func(o *web.Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	answer, _ := s.call(t, "GET", "/api/v1/tables/shop.canary1?q=canary2", "ada", "", "Cookie: a=canary3", "User-Agent: canary4")
	s.call(t, "GET", "/canary5", "", "")
	s.call(t, "GET", "/api/v1/manifest", "brk_canary6", "")
	until(t, "three lines", func() bool { return strings.Count(log.all(), `"msg":"request"`) == 3 })
	if strings.Contains(log.all(), "canary") || !strings.Contains(log.all(), `"user":"u-ada"`) {
		t.Errorf("the log says what was sent, or not who: %s", log.all())
	}
	first, _, _ := strings.Cut(log.all(), "\n")
	var line struct {
		Request, Method, Route, User, Address string
		Status                                int
		Ms                                    *float64
	}
	if err := json.Unmarshal([]byte(first), &line); err != nil {
		t.Fatal(err)
	}
	if line.Request == "" || line.Request != answer.Header.Get("X-Request-Id") || line.Method != "GET" || line.Route != "/api/v1/tables/:name" || line.Status != answer.StatusCode ||
		line.Address != "127.0.0.1" || line.Ms == nil {
		t.Errorf("%s", first)
	}
}

// Metrics are for an admin's token; labels are rows of our tables, whatever is sent.
func TestMetricsOnTheMainListener(t *testing.T) {
	s := serve(t, func(o *web.Options) {
		o.Figures = func(context.Context) []web.Sample {
			return []web.Sample{{Name: "broker_runs_total", Help: "x", Counter: true, Value: 3, Labels: [][2]string{{"status", "published"}}},
				{Name: "broker_publish_seconds", Help: "x", Spread: &web.Spread{Count: 2, Sum: 3, Buckets: map[float64]uint64{1: 1, 5: 2}}}}
		}
	})
	for range 3 {
		s.call(t, "GET", "/canary-path", "", "")
	}
	if answer, body := s.call(t, "GET", "/metrics", "", ""); answer.StatusCode != http.StatusUnauthorized || strings.Contains(body, "broker_") {
		t.Errorf("a stranger: %d", answer.StatusCode)
	}
	if answer, _ := s.call(t, "GET", "/metrics", "bob", ""); answer.StatusCode == http.StatusOK {
		t.Errorf("a standard user: %d", answer.StatusCode)
	}
	answer, body := s.call(t, "GET", "/metrics", "ada", "")
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("an admin: %d %s", answer.StatusCode, body)
	}
	for _, want := range []string{`broker_runs_total{status="published"} 3`, `broker_publish_seconds_bucket{le="5"} 2`, `broker_build_info{go="go`, `version="test"`,
		`broker_http_requests_total{method="GET",route="none",status="404"} 3`, "go_goroutines"} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(body, "canary") {
		t.Error("a label says what was sent")
	}
}

func TestMetricsOnAListenerOfTheirOwn(t *testing.T) {
	server, err := web.New(web.Options{Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Health: health(func() string { return "" })})
	if err != nil {
		t.Fatal(err)
	}
	run(t, server)
	if status, body := read(t, "http://"+server.MetricsAddress()+"/metrics"); status != 200 || !strings.Contains(body, "broker_build_info") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := read(t, "http://"+server.MetricsAddress()+"/healthz"); status != 404 {
		t.Errorf("healthz there: %d", status)
	}
	if status, _ := read(t, "http://"+server.Address()+"/metrics"); status != 404 {
		t.Errorf("metrics on the main listener: %d", status)
	}
	if _, err := web.New(web.Options{Listen: "127.0.0.1:0", MetricsListen: server.MetricsAddress(), Health: health(func() string { return "" })}); err == nil {
		t.Error("a port in use was taken")
	}
}

func run(t *testing.T, server *web.Server) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// frail is an instance of which parts are down.
type frail struct {
	failing string
	down    []string
}

func (f frail) Failing(context.Context) string { return f.failing }
func (f frail) Down(context.Context) []string  { return f.down }

func TestReadyz(t *testing.T) {
	for _, c := range []struct {
		parts  frail
		status int
		text   string
		doc    string
	}{
		{frail{}, 200, "ready\n", `{"status":"ready","down":[]}`},
		{frail{down: []string{"service", "auth"}}, 200, "ready (down: auth, service)\n", `{"status":"ready","down":["auth","service"]}`},
		{frail{failing: "lake"}, 503, "unready: lake\n", `{"status":"unready","part":"lake","down":[]}`},
	} {
		server, err := web.New(web.Options{Listen: "127.0.0.1:0", Health: c.parts})
		if err != nil {
			t.Fatal(err)
		}
		run(t, server)
		if status, body := read(t, "http://"+server.Address()+"/readyz"); status != c.status || body != c.text {
			t.Errorf("%d %q, want %d %q", status, body, c.status, c.text)
		}
		request, err := http.NewRequest("GET", "http://"+server.Address()+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != c.status || string(body) != c.doc {
			t.Errorf("%d %s: %v", answer.StatusCode, body, err)
		}
	}
}

// Over TLS: 1.2 or newer, HTTP/1.1, HSTS; who speaks plain HTTP gets nothing.
func TestHTTPS(t *testing.T) {
	pair, pool := selfSigned(t)
	server, err := web.New(web.Options{Listen: "127.0.0.1:0", Health: health(func() string { return "" }), TLS: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, server)
	for version, good := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: version, MaxVersion: version}, ForceAttemptHTTP2: true}}
		answer, err := client.Get("https://" + server.Address() + "/healthz")
		if (err == nil) != good {
			t.Errorf("version %x: %v", version, err)
		}
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode != 200 || answer.ProtoMajor != 1 || answer.Header.Get("Strict-Transport-Security") == "" {
				t.Errorf("version %x: %s %v", version, answer.Proto, answer.Header)
			}
		}
		client.CloseIdleConnections()
	}
	c, err := net.Dial("tcp", server.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	all, err := io.ReadAll(c)
	if strings.Contains(string(all), "200 OK") || strings.Contains(string(all), `"status"`) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("plain HTTP: %q %v", all, err)
	}
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// Every answer of every door carries the headers that keep browsers in bounds, also errors and answers to strangers.
func TestHeadersEverywhere(t *testing.T) {
	s := serve(t, nil)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/", "/login", "/absent", "/api/v1/manifest", "/api/v1/absent", "/api/v1/openapi.json", "/download/", "/connect", "/static/absent"} {
		answer, _ := s.call(t, "GET", path, "", "")
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "X-Request-Id": "", "Content-Security-Policy": "default-src 'none'"} {
			if got := answer.Header.Get(name); got == "" || !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

// L1: whatever a request says of the host, it is answered for this one or refused, and no link follows it.
func TestL1_HostIsOurs(t *testing.T) {
	s := serve(t, func(o *web.Options) { o.PublicURL = "https://data.acme.com" })
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"data.acme.com": 200, "DATA.acme.COM": 200, "data.acme.com:443": 200, "localhost:" + port: 200, "127.0.0.1:" + port: 200, "[::1]:" + port: 200,
		"evil.com": 421, "data.acme.com.evil.com": 421, "evil.com:443": 421, "data.acme.com:8080": 421, "localhost": 421, "localhost:1": 421, "data.acme.com@evil.com": 400, "evil.com/data.acme.com": 421} {
		first, rest, _ := s.raw(t, "GET /api/v1/keys HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		got := first
		if want == 200 && !strings.Contains(first, " 200 ") || want != 200 && !strings.Contains(first, " 421 ") && !strings.Contains(first, " 400 ") {
			t.Errorf("Host %s: %s, want %d", host, got, want)
		}
		if strings.Contains(rest, "evil") {
			t.Errorf("Host %s: the answer says %s", host, rest)
		}
	}
	for name, request := range map[string]string{
		"two hosts":    "GET /api/v1/keys HTTP/1.1\r\nHost: localhost:" + port + "\r\nHost: evil.com\r\nConnection: close\r\n\r\n",
		"no host":      "GET /api/v1/keys HTTP/1.1\r\nConnection: close\r\n\r\n",
		"absolute URI": "GET http://evil.com/api/v1/keys HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n",
	} {
		if first, _, _ := s.raw(t, request); !strings.Contains(first, " 400 ") && !strings.Contains(first, " 421 ") {
			t.Errorf("%s: %s", name, first)
		}
	}
	answer, body := s.call(t, "GET", "/api/v1/login", "", "", "X-Forwarded-Host: evil.com", "Forwarded: host=evil.com", "X-Forwarded-Proto: http")
	if answer.StatusCode != 200 || strings.Contains(body, "evil") {
		t.Errorf("forwarded: %d %s", answer.StatusCode, body)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if first, _, _ := s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: 10.0.0.7:8080\r\nConnection: close\r\n\r\n"); !strings.Contains(first, " 200 ") {
			t.Errorf("%s for a probe: %s", path, first)
		}
	}
}

// L4: 10 wrong tries from one address, one try each from many on one account: buckets by address and by account, which
// fill again; 0 = off.
func TestL4_TriesFromOneAddress(t *testing.T) {
	for _, c := range []struct {
		most, tries, refused int
	}{{10, 30, 20}, {0, 50, 0}, {300, 30, 0}} {
		now := time.Now()
		s := serve(t, func(o *web.Options) { o.Limits, o.Now = web.Rates{Login: c.most}, func() time.Time { return now } })
		refused := 0
		for range c.tries {
			answer, _ := s.call(t, "POST", "/api/v1/login/token", "", `{"code":"x","code_verifier":"`+strings.Repeat("a", 43)+`"}`)
			if answer.StatusCode == http.StatusTooManyRequests {
				refused++
				if answer.Header.Get("Retry-After") == "" {
					t.Error("429 does not say when")
				}
			}
		}
		if refused != c.refused {
			t.Errorf("limit %d: %d of %d refused, want %d", c.most, refused, c.tries, c.refused)
		}
	}
}
