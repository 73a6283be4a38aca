package rest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// start makes the client ready at its first call.
func (c *Client) start() {
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		c.broken = fault.New(fault.Config, "the base address is not a full web address").WithHelp("Write it as https://api.example.com.")
		return
	}
	c.base = base
	transport := c.Transport
	if transport == nil {
		dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: c.allowed}
		own := &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
			IdleConnTimeout: 60 * time.Second, MaxIdleConnsPerHost: 8, MaxResponseHeaderBytes: 1 << 20,
		}
		if c.BlockPrivate {
			own.Proxy = nil // a proxy would be dialled instead of the address to be judged
		}
		transport = own
	}
	// Redirects are followed here: the standard client keeps headers of ours that may be credentials.
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Close ends idle connections. The client may be used again.
func (c *Client) Close() {
	c.once.Do(c.start)
	if c.http != nil {
		c.http.CloseIdleConnections()
	}
}

var special = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("0.0.0.0/8"),
}

// allowed is asked for every address, after names are resolved and before connecting.
func (c *Client) allowed(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fault.New(fault.Permission, "the address to connect to cannot be judged")
	}
	ip := at.Addr().Unmap()
	refused := ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast()
	if c.BlockPrivate {
		refused = refused || ip.IsPrivate() || ip.IsLoopback() || ip.IsUnspecified() || ip.IsMulticast()
		for _, p := range special {
			refused = refused || p.Contains(ip)
		}
	}
	if refused {
		return fault.Newf(fault.Permission, "connecting to %s is not allowed: it is a private or special address", ip)
	}
	return nil
}

// send makes one try, following redirects. Credentials go to the host of BaseURL alone, and never from https to http.
func (c *Client) send(ctx context.Context, call *call) (*http.Response, error) {
	method, target, body := call.method, call.url, call.body
	for range maxRedirects {
		request, err := c.build(ctx, call, method, target, body)
		if err != nil {
			return nil, err
		}
		response, err := c.http.Do(request)
		if err != nil {
			return nil, err
		}
		next := redirect(response)
		if next == nil {
			return response, nil
		}
		_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection can be used again
		_ = response.Body.Close()
		if next.Scheme != "http" && next.Scheme != "https" {
			return nil, fault.Newf(fault.Data, "%s: a redirect to scheme %.20q is not followed", call.name, next.Scheme)
		}
		if code := response.StatusCode; code != http.StatusTemporaryRedirect && code != http.StatusPermanentRedirect {
			if method != http.MethodHead {
				method = http.MethodGet
			}
			body = nil
		} else if body != nil && !c.trusted(next) {
			return nil, fault.Newf(fault.Data, "%s: a redirect would send the body to %s", call.name, next.Host)
		}
		target = next
	}
	return nil, fault.Newf(fault.Data, "%s: more than %d redirects", call.name, maxRedirects)
}

func (c *Client) build(ctx context.Context, call *call, method string, target *url.URL, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fault.New(fault.Bug, call.name+": the request cannot be made")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "broker-connector")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if !c.trusted(target) {
		return request, nil
	}
	for _, header := range []http.Header{c.Header, call.request.Header} {
		for name, values := range header {
			request.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	c.renewing.Lock()
	call.generation = c.generation
	c.renewing.Unlock()
	if c.Auth != nil {
		if err := c.Auth(ctx, request); err != nil {
			return nil, err
		}
	}
	return request, nil
}

// trusted says whether credentials may go to u.
func (c *Client) trusted(u *url.URL) bool {
	return u.Host == c.base.Host && (u.Scheme == c.base.Scheme || u.Scheme == "https")
}

// redirect returns where the answer sends us, nil if nowhere.
func redirect(response *http.Response) *url.URL {
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if next, err := response.Location(); err == nil {
			return next
		}
	}
	return nil
}
