package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Stable codes of what goes wrong on the way to a server (interface.md §9).
const (
	hashMismatch = "hash_mismatch"
	shortBody    = "short_body"
	noBroker     = "not_broker" // something else answers: a captive portal, a proxy's page
	redirected   = "redirected"
	badSignature = "signature"
	keyChanged   = "key_changed"
	clockSkew    = "clock_skew"
	tokenExpired = "token_expired"
	unreachable  = "unreachable"
	stalled      = "stalled"
)

// Error is a failure with a code that scripts may rely on. It stands as the cause below a fault.Fault, whose class decides
// the exit code.
type Error struct {
	Code string
	Err  error // cause; may be nil
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code
	}
	return fmt.Sprintf("%s: %v", e.Code, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Stable is the code.
func (e *Error) Stable() string { return e.Code }

// classes give each stable code its class, and by it the exit code.
var classes = map[string]fault.Code{
	hashMismatch: fault.Data, shortBody: fault.Data, noBroker: fault.Transient, redirected: fault.Data, badSignature: fault.Data,
	keyChanged: fault.Data, clockSkew: fault.Data, tokenExpired: fault.Auth, unreachable: fault.Transient, stalled: fault.Transient,
}

const repin = `If you were told that the server has a new key, run "analyst login --repin" and compare the fingerprint; else do not.`

// KeyChanged is the error of a server whose key does not descend from the pinned one.
func KeyChanged(server string, cause error) error {
	return wrong(keyChanged, cause, repin, "%s signs with another key than the one that you trust", server)
}

func wrong(code string, cause error, help, format string, args ...any) error {
	return &fault.Fault{Code: classes[code], What: fmt.Sprintf(format, args...), Help: help, Err: &Error{Code: code, Err: cause}}
}

// isCode says whether err carries a stable code.
func isCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// notBroker says that something answers which is not a broker: in networks of hotels and trains, a sign-in page.
func (c *Client) notBroker(cause error, what string) error {
	return wrong(noBroker, cause, "Open any page in a browser: this network may want you to sign in first. Otherwise check the server's address.",
		"what answers at %s is not a broker: %s", c.base.Host, what)
}

// failed turns an error of the transport into words. The address is left out of causes: it may hold parameters.
func (c *Client) failed(ctx context.Context, err error) error {
	var known *fault.Fault
	if errors.As(err, &known) {
		return err
	}
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		return c.stalled()
	} else if cause != nil {
		return fault.Wrap(fault.Cancelled, cause, "ask "+c.base.Host)
	}
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	if certificate := c.certificate(err); certificate != nil {
		return certificate
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return wrong(unreachable, err, "Are you online? Is the address right?", "%s is not known here: no such name, or no network", c.base.Hostname())
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return wrong(shortBody, err, "", "%s broke off in the middle of an answer", c.base.Host)
	}
	return wrong(unreachable, err, "Is the server running, and are you in its network?", "%s cannot be reached: %v", c.base.Host, err)
}

// certificate explains what is wrong with a server's certificate; nil when nothing is.
func (c *Client) certificate(err error) error {
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	const day = "2006-01-02 15:04"
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		now := c.o.Now()
		if now.Before(invalid.Cert.NotBefore) {
			return wrong(clockSkew, err, "Set this computer's clock, then try again.", "the certificate of %s begins on %s, but this computer's clock says %s",
				c.base.Host, invalid.Cert.NotBefore.UTC().Format(day), now.UTC().Format(day))
		}
		return wrong(unreachable, err, "If the clock is right, tell the server's administrator.", "the certificate of %s expired on %s; this computer's clock says %s",
			c.base.Host, invalid.Cert.NotAfter.UTC().Format(day), now.UTC().Format(day))
	case errors.As(err, &host):
		return wrong(noBroker, err, "This network may want you to sign in first; open any page in a browser.", "the certificate shown for %s belongs to another server", c.base.Host)
	case errors.As(err, &unknown):
		return wrong(unreachable, err, "Add your company's root certificate to this system, or ask the server's administrator.",
			"the certificate of %s is signed by nobody whom this system trusts", c.base.Host)
	case errors.As(err, &record):
		return wrong(unreachable, err, "Does the server speak https at this address?", "%s does not answer in TLS", c.base.Host)
	}
	return nil
}

var errStalled = errors.New("no answer")

func (c *Client) stalled() error {
	return wrong(stalled, errStalled, "Check your connection; the next try continues where this one stopped.", "%s sends nothing, or too slowly", c.base.Host)
}

// skewed compares the server's clock with this computer's: ages, times of receipts and certificates would be wrong.
func (c *Client) skewed(server time.Time) error {
	here := c.o.Now()
	if d := here.Sub(server); server.IsZero() || (d <= c.o.MaxSkew && d >= -c.o.MaxSkew) {
		return nil
	}
	return wrong(clockSkew, nil, "Set this computer's clock, then try again.", "this computer's clock says %s, the server's %s",
		here.UTC().Format(time.RFC3339), server.UTC().Format(time.RFC3339))
}

// dated is the server's clock by an answer's Date; zero without one.
func dated(h http.Header) time.Time {
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}
