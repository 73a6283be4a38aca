package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Bounds of bodies, in bytes (G16).
const (
	maxJSON     = 32 << 20
	maxManifest = 512 << 20
	maxProblem  = 64 << 10
	maxHops     = 3
)

const (
	jsonType = "application/json"
	octets   = "application/octet-stream"
)

// request is one call as it is meant; it can be sent again unless once is set.
type request struct {
	method  string
	path    string // below api.Prefix
	query   url.Values
	header  http.Header
	body    []byte
	media   string        // of body
	once    bool          // it changes something: sent once
	silence time.Duration // 0 = the client's
	hosts   []string      // origins that a redirect may lead to besides the server's own
}

// send makes a request until it is answered or it makes no sense to go on. The answer's status is one of accept, its body
// is watched; close it.
func (c *Client) send(ctx context.Context, r request, accept ...int) (*http.Response, error) {
	for try := 1; ; try++ {
		res, err := c.attempt(ctx, r, accept)
		if err == nil {
			return res, nil
		}
		wait, again := c.again(err, try)
		if r.once || try == tries || !again {
			return nil, err
		}
		if paused := c.o.Pause(ctx, wait); paused != nil {
			return nil, errors.Join(err, paused)
		}
	}
}

// again says whether a failure may pass, and how long to wait for that. A server's own wish is followed up to Patience.
func (c *Client) again(err error, try int) (time.Duration, bool) {
	f, ok := fault.As(err)
	if !ok {
		return 0, false
	}
	if f.RetryAfter > 0 {
		return f.RetryAfter, f.RetryAfter <= c.o.Patience
	}
	passing := f.Code == fault.RateLimited || isCode(err, stalled) || isCode(err, shortBody) || f.Scope == busy
	return time.Duration(try) * 500 * time.Millisecond, passing
}

// busy is the scope of faults of a server that says it cannot answer now.
const busy = "server"

// attempt makes a request once, following the redirects that are allowed.
func (c *Client) attempt(ctx context.Context, r request, accept []int) (*http.Response, error) {
	watch := newWatch(ctx, or(r.silence, c.o.Silence), c.o.SlowWindow, c.o.SlowBytes)
	at := c.base.JoinPath(api.Prefix + r.path)
	at.RawQuery = r.query.Encode()
	for hop := 0; ; hop++ {
		res, err := c.once(watch, r, at)
		if err != nil {
			watch.stop()
			return nil, err
		}
		if next, err := c.next(r, res, at, hop); err != nil {
			watch.stop()
			res.Body.Close()
			return nil, err
		} else if next != nil {
			res.Body.Close()
			at = next
			continue
		}
		res.Body = &body{client: c, watch: watch, inner: res.Body}
		for _, status := range accept {
			if res.StatusCode == status {
				return res, nil
			}
		}
		defer res.Body.Close()
		return nil, c.refused(res)
	}
}

// once sends one HTTP request. Credentials go to the server's own origin alone (Y5).
func (c *Client) once(w *watch, r request, at *url.URL) (*http.Response, error) {
	var content io.Reader
	if r.body != nil {
		content = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(w.ctx, r.method, at.String(), content)
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "make a request")
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.body != nil {
		req.Header.Set("Content-Type", r.media)
	}
	req.Header.Set("User-Agent", "broker-analyst/"+c.o.Version)
	if c.o.Token != "" && sameOrigin(at, c.base) {
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(w.ctx, err)
	}
	return res, nil
}

// next is where a redirect leads: nil for an answer that is none. Same origin, at most three times; elsewhere only for what
// names hosts, and only to those.
func (c *Client) next(r request, res *http.Response, at *url.URL, hop int) (*url.URL, error) {
	switch res.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	to, err := at.Parse(res.Header.Get("Location"))
	if err != nil || to.Host == "" {
		return nil, wrong(redirected, err, "", "%s redirects to an address that cannot be read", at.Host)
	}
	allowed := sameOrigin(to, c.base)
	for _, host := range r.hosts {
		allowed = allowed || origin(to) == strings.TrimSuffix(strings.ToLower(host), "/")
	}
	switch {
	case r.method != http.MethodGet:
		return nil, wrong(redirected, nil, "Use the address that the server wants: analyst login URL.", "%s redirects to %s, and nothing is sent there", at.Host, origin(to))
	case !allowed:
		return nil, wrong(redirected, nil, "If the server has moved, run analyst login with its new address; in a hotel or train, sign in to the network first.",
			"%s redirects to %s: credentials go to no other server", at.Host, origin(to))
	case to.Scheme == "http" && !c.o.InsecureHTTP && !isLoopback(to.Hostname()):
		return nil, wrong(redirected, nil, "", "%s redirects to %s, which is not encrypted", at.Host, origin(to))
	case hop >= maxHops:
		return nil, wrong(redirected, nil, "", "%s redirects more than %d times", at.Host, maxHops)
	}
	return to, nil
}

func sameOrigin(a, b *url.URL) bool { return origin(a) == origin(b) }

// origin is scheme://host[:port], lower case, without the scheme's own port.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := u.Port(); (u.Scheme == "https" && port == "443") || (u.Scheme == "http" && port == "80") {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host
}

// refused turns an answer that is no success into words.
func (c *Client) refused(res *http.Response) error {
	var p api.Problem
	text, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	if err != nil {
		return err
	}
	speaks := media(res) == api.ProblemType && json.Unmarshal(text, &p) == nil && p.Code != ""
	wait := retryAfter(res.Header, c.o.Now())
	switch status := res.StatusCode; {
	case status == http.StatusTooManyRequests:
		return &fault.Fault{Code: fault.RateLimited, What: c.base.Host + " says that you ask too often", Help: later(wait), RetryAfter: wait}
	case status == http.StatusProxyAuthRequired:
		return wrong(unreachable, nil, "Check HTTPS_PROXY.", "the proxy on the way to %s wants you to sign in", c.base.Host)
	case status == http.StatusNetworkAuthenticationRequired:
		return c.notBroker(nil, "this network wants you to sign in")
	case !speaks && (status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout):
		return c.busy(wait, fmt.Sprintf("%s is behind a gateway that cannot reach it (status %d)", c.base.Host, status))
	case !speaks:
		return c.notBroker(nil, fmt.Sprintf("it answers with status %d and no word of ours", status))
	case status == http.StatusUnauthorized:
		return c.signedOut(p)
	case status == http.StatusServiceUnavailable && wait > 0:
		return c.busy(wait, p.Detail)
	}
	return &fault.Fault{Code: classOf(res.StatusCode), What: sentence(p), Help: p.Help, Path: p.Field, Err: &Problem{p}}
}

func (c *Client) busy(wait time.Duration, what string) error {
	return &fault.Fault{Code: fault.Transient, What: what, Help: later(wait), Scope: busy, RetryAfter: wait, Err: &Error{Code: unreachable}}
}

// later says when it makes sense to try again: what the server asked for, rounded up.
func later(wait time.Duration) string {
	switch {
	case wait <= 0:
		return "Try again in a moment."
	case wait <= 90*time.Second:
		return fmt.Sprintf("Try again in %d s.", int64((wait+time.Second-1)/time.Second))
	case wait <= 90*time.Minute:
		return fmt.Sprintf("Try again in %d minutes.", int64((wait+time.Minute-1)/time.Minute))
	}
	return fmt.Sprintf("Try again in %d hours.", int64((wait+time.Hour-1)/time.Hour))
}

func (c *Client) signedOut(p api.Problem) error {
	help := "Run: analyst login " + c.base.String()
	if c.o.Token == "" {
		return &fault.Fault{Code: fault.Auth, What: sentence(p), Help: help, Err: &Problem{p}}
	}
	return wrong(tokenExpired, &Problem{p}, help, "%s does not take your token: it has expired or was revoked", c.base.Host)
}

func sentence(p api.Problem) string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// Problem is the server's own account of a failure, below the fault that it became.
type Problem struct{ api.Problem }

// Error implements error.
func (p *Problem) Error() string { return sentence(p.Problem) }

// Stable is the server's code.
func (p *Problem) Stable() string { return p.Code }

// classOf is the class of a status that a broker answers.
func classOf(status int) fault.Code {
	switch status {
	case http.StatusForbidden:
		return fault.Permission
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusGone:
		return fault.StateExpired
	case http.StatusConflict, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fault.Transient
	case http.StatusInternalServerError, http.StatusMisdirectedRequest:
		return fault.Bug
	default:
		return fault.Data
	}
}

func media(res *http.Response) string {
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// retryAfter is how long the server wants us to wait (RFC 9110 §10.2.3); 0 = it does not say.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 && seconds < 1<<31 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// ask makes a request and decodes its JSON into answer; it returns the status.
func (c *Client) ask(ctx context.Context, r request, answer any, accept ...int) (int, error) {
	for try := 1; ; try++ {
		res, err := c.send(ctx, r, accept...)
		if err != nil {
			return 0, err
		}
		text, err := c.read(res, maxJSON)
		if err == nil {
			return res.StatusCode, c.decode(res, text, answer)
		}
		if r.once || try == tries || (!isCode(err, shortBody) && !isCode(err, stalled)) {
			return 0, err
		}
	}
}

// read takes a whole body, and closes it.
func (c *Client) read(res *http.Response, most int64) ([]byte, error) {
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, c.notBroker(nil, fmt.Sprintf("its answer has more than %d MB", most>>20))
	}
	return text, nil
}

func (c *Client) decode(res *http.Response, text []byte, answer any) error {
	if answer == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	if kind := media(res); kind != jsonType {
		return c.notBroker(nil, fmt.Sprintf("it answers with %q instead of JSON", kind))
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(answer); err != nil {
		return c.notBroker(err, "its JSON cannot be read")
	}
	return nil
}

func get(path string) request { return request{method: http.MethodGet, path: path} }

func post(path string, v any) (request, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return request{}, fault.Wrap(fault.Bug, err, "write a request")
	}
	return request{method: http.MethodPost, path: path, body: text, media: jsonType, once: true}, nil
}
