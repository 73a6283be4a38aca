// Package origin says where a request comes from and whether it was meant for this server: addresses behind trusted
// proxies, the Host rule, loopback.
//
// Nothing that a client can write is believed but what a trusted proxy added (guarantees.md §5.3).
package origin

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Rules are those of one server.
type Rules struct {
	trusted []netip.Prefix
	hosts   map[string]bool // of public_url, with and without its port
	port    string          // of the listener
}

// New returns the rules. proxies are addresses or CIDR; publicURL may be "".
func New(proxies []string, publicURL, listening string) (*Rules, error) {
	r := &Rules{hosts: map[string]bool{}}
	for _, text := range proxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, failed := netip.ParseAddr(text)
			if failed != nil {
				return nil, err
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		r.trusted = append(r.trusted, prefix)
	}
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		r.hosts[strings.ToLower(u.Host)] = true
		if port := map[string]string{"https": "443", "http": "80"}[u.Scheme]; u.Port() == "" && port != "" {
			r.hosts[strings.ToLower(u.Host)+":"+port] = true
		}
	}
	_, r.port, _ = net.SplitHostPort(listening)
	return r, nil
}

// Address is the client's: the peer's, or, when that is a trusted proxy, the last one in X-Forwarded-For that is none.
func (r *Rules) Address(c *fiber.Ctx) netip.Addr {
	peer, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	peer = peer.Unmap()
	if !r.trusts(peer) {
		return peer
	}
	var hops []string
	for _, value := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		hops = append(hops, strings.Split(string(value), ",")...)
	}
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return peer
		}
		if hop = hop.Unmap(); !r.trusts(hop) {
			return hop
		}
	}
	return peer
}

func (r *Rules) trusts(a netip.Addr) bool {
	for _, prefix := range r.trusted {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// Meant says whether the Host of a request is this server's: public_url's, or a loopback name with the listener's port.
func (r *Rules) Meant(host string) bool {
	host = strings.ToLower(host)
	if r.hosts[host] {
		return true
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), "80"
	}
	return port == r.port && loopback(name)
}

func loopback(name string) bool {
	if name == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(name)
	return err == nil && address.IsLoopback()
}

// Local says whether a request comes from this machine and was passed on by nobody.
func Local(c *fiber.Ctx) bool {
	if !c.Context().RemoteIP().IsLoopback() {
		return false
	}
	for name := range c.Request().Header.All() {
		lower := strings.ToLower(string(name))
		if lower == "forwarded" || strings.HasPrefix(lower, "x-forwarded-") || lower == "via" || lower == "x-real-ip" {
			return false
		}
	}
	return true
}
