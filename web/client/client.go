// Package client asks a broker's API: one method a request, with the types of web/api.
//
// It trusts nothing on the way: answers have bounds, a manifest its signature, redirects and parts only the hosts they may
// come from, credentials only their own server. It keeps nothing on disk. Imported by the analyst's program.
package client

import (
	"context"
	"crypto/ed25519"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Options say which server, as whom, and how patiently. The zero values of all but URL are sensible.
type Options struct {
	URL          string            // scheme://host[:port]
	Token        string            // bearer token; "" = signed out. Goes to URL's origin alone (Y5)
	Key          ed25519.PublicKey // pinned; nil = signatures are not checked, so nothing may be kept
	InsecureHTTP bool              // http:// to other machines too: anyone on the way can read the token
	Version      string            // of the program, for User-Agent

	Transport  http.RoundTripper // nil = the system's roots and the environment's proxies
	Now        func() time.Time
	Silence    time.Duration // no byte for so long is stalled; 0 = 30 s (interface.md §9)
	SlowWindow time.Duration // 0 = 60 s
	SlowBytes  int64         // fewer in a window is stalled; 0 = 60 kB: 1 kB/s
	Patience   time.Duration // the longest wait that a server may ask for (Retry-After); 0 = 20 s
	MaxSkew    time.Duration // how far the clocks may differ; 0 = 1 h
	Pause      func(ctx context.Context, d time.Duration) error
}

// tries is how often a request is made that may be repeated.
const tries = 3

// Client talks to one server.
type Client struct {
	o    Options
	base *url.URL
	http *http.Client

	mu   sync.Mutex
	keys api.Keys // as published, once they were needed
}

// New returns a client of a server. fault.Config for an address that is none, or that would carry the token in the clear.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fault.New(fault.Config, "the server's address must look like https://broker.example.com")
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	if base.Scheme == "http" && !o.InsecureHTTP && !isLoopback(base.Hostname()) {
		return nil, fault.Newf(fault.Config, "%s is not encrypted: anyone on the way could read your token and your data", base.Redacted()).
			WithHelp("Use https://, or --insecure-http if you must.")
	}
	c := &Client{base: base}
	if o.Key != nil && len(o.Key) != ed25519.PublicKeySize {
		return nil, fault.New(fault.Config, "the pinned key of this server cannot be read").WithHelp(repin)
	}
	c.o = o.filled()
	c.http = &http.Client{Transport: c.o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

func (o Options) filled() Options {
	if o.Transport == nil {
		o.Transport = transport()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	o.Silence = or(o.Silence, 30*time.Second)
	o.SlowWindow = or(o.SlowWindow, time.Minute)
	o.SlowBytes = or(o.SlowBytes, 60_000)
	o.Patience = or(o.Patience, 20*time.Second)
	o.MaxSkew = or(o.MaxSkew, time.Hour)
	return o
}

func or[T time.Duration | int64](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// transport keeps one connection for each of the parts that are fetched at once, and takes bodies as they are: a part is
// hashed as sent.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           32,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         64 << 10,
		DisableCompression:     true,
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }
