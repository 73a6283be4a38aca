package oidc

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// What one question to the issuer may take.
const (
	askTime  = 8 * time.Second
	maxReply = 1 << 20 // bytes
	maxHops  = 3
)

// newClient returns a client that reaches the issuer's host wherever it is, and other hosts, which the issuer names or
// redirects to, only on the public network. Proxies of the environment are not used.
func newClient(issuer string) *http.Client {
	own := ""
	if u, err := url.Parse(issuer); err == nil {
		own = u.Hostname()
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{Timeout: askTime / 2}
		if host != own {
			d.Control = publicOnly
		}
		return d.DialContext(ctx, network, address)
	}
	transport := &http.Transport{DialContext: dial, TLSHandshakeTimeout: askTime / 2, ResponseHeaderTimeout: askTime, MaxIdleConns: 4, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true}
	return &http.Client{Transport: bounded{transport}, Timeout: askTime, CheckRedirect: func(_ *http.Request, before []*http.Request) error {
		if len(before) > maxHops {
			return fmt.Errorf("more than %d redirects", maxHops)
		}
		return nil
	}}
}

// publicOnly refuses an address, as resolved, that is not on the public network.
func publicOnly(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := to.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || slices.ContainsFunc(inside, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return fmt.Errorf("%s is not on the public network, and the issuer's host is another", ip)
	}
	return nil
}

// inside are networks that lead inside though they look public: carrier-grade NAT (RFC 6598), NAT64 (RFC 6052), 6to4
// (RFC 3056).
var inside = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16")}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// bounded cuts bodies that are too long.
type bounded struct{ *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = cut{io.LimitReader(answer.Body, maxReply), answer.Body}
	return answer, nil
}

type cut struct {
	io.Reader
	io.Closer
}
