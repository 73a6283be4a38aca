package instance

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

var hostGrammar = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// address checks "host:port".
func (b *block) address(name, value string) {
	if problem := badAddress(value); problem != "" {
		b.fail(b.pos(name), b.path+"."+name+" "+problem, "write HOST:PORT, e.g. 127.0.0.1:8080")
	}
}

func badAddress(value string) string {
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		return "is not HOST:PORT"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "has a port outside 0–65535"
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && !hostGrammar.MatchString(strings.ToLower(host)) {
		return "has a host that is neither a name nor an address"
	}
	return ""
}

func isAddressOrRange(s string) (string, bool) {
	if prefix, err := netip.ParsePrefix(s); err == nil {
		return prefix.Masked().String(), true
	}
	addr, err := netip.ParseAddr(s)
	return s, err == nil && addr.Zone() == ""
}

func loopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func loopbackAddress(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && loopbackHost(strings.ToLower(host))
}

func loopbackURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && loopbackHost(u.Hostname())
}

// publicURL reads instance.public_url, or derives it from where broker listens (C18). Problems hit the server only.
func (r *reader) publicURL(b *block) {
	in, s := &r.c.Instance, r.c.Server
	text := b.text("public_url", "")
	scheme := "http"
	if s.TLSCert != "" {
		scheme = "https"
	}
	pos := b.pos("public_url")
	if text == "" {
		in.PublicURLDerived = true
		if !loopbackAddress(s.Listen) {
			r.add("server", diag.At(pos, diag.Error, "instance.public_url is missing, and server.listen is reachable from elsewhere", `write public_url = "https://data.acme.com", the address that people type`))
			return
		}
		in.PublicURL = scheme + "://" + strings.ToLower(s.Listen)
		return
	}
	normal, problem, help := normalURL(text)
	if problem != "" {
		r.add("server", diag.At(pos, diag.Error, "instance.public_url "+problem, help))
		return
	}
	in.PublicURL = normal
	if normal != strings.TrimSuffix(text, "/") {
		r.add("server", diag.At(pos, diag.Warning, fmt.Sprintf("instance.public_url is read as %q", normal), "write it so"))
	}
	if r.o.Listen != "" && loopbackAddress(r.o.Listen) && loopbackURL(normal) {
		in.PublicURL = scheme + "://" + strings.ToLower(r.o.Listen)
	}
}

// normalURL checks a public URL and returns it in its normal form. Problems never show the value: it may hold a password.
func normalURL(text string) (normal, problem, help string) {
	const shape = `write scheme, host and port only, e.g. "https://data.acme.com"`
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return "", "is not a URL", shape
	}
	u.Scheme = strings.ToLower(u.Scheme)
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", "starts with neither https:// nor http://", shape
	case u.User != nil:
		return "", "holds a user name or password", "remove what stands before the @"
	case u.Path != "" && u.Path != "/":
		return "", "has a path: broker owns its whole host", shape
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", "has a query or fragment", shape
	case host == "":
		return "", "has no host", shape
	}
	for _, c := range host {
		if c > 127 {
			return "", "has a host with characters beyond ASCII, which may look like another", `write the host's ASCII form, which starts with "xn--"`
		}
	}
	host = strings.TrimSuffix(host, ".")
	addr, notAddress := netip.ParseAddr(host)
	if notAddress != nil && !hostGrammar.MatchString(host) {
		return "", "has a host that is neither a name nor an address", shape
	}
	if notAddress == nil && (addr.IsUnspecified() || addr.Zone() != "") {
		return "", "has an address that nobody can open", "write the address that people type"
	}
	port := u.Port()
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 1 || n > 65535) {
		return "", "has a port outside 1–65535", shape
	}
	if u.Scheme == "http" && !loopbackHost(host) {
		return "", "is http:// on a host that is not this machine: sign-ins would travel in clear", `write https://, with server.tls_cert or a trusted proxy that speaks https`
	}
	if port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
		port = ""
	}
	switch {
	case port != "":
		host = net.JoinHostPort(host, port)
	case notAddress == nil && addr.Is6():
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host, "", ""
}
