package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Do sends a request, with all its retries, and reads the answer into memory.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	return c.do(ctx, r, func(*Response) error { return nil })
}

// JSON sends a request and decodes the answer. Numbers that land in an any stay text, as json.Number.
func (c *Client) JSON(ctx context.Context, r Request, into any) error {
	response, err := c.do(ctx, r, wantJSON)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(response.Body)) == 0 {
		return nil // 204 and its like
	}
	return decode(response.Body, into)
}

// Stream sends a request and returns the body of the answer as it comes, however long it is. Only the request is
// retried; the caller closes the body.
func (c *Client) Stream(ctx context.Context, r Request) (io.ReadCloser, error) {
	var body io.ReadCloser
	err := c.retry(ctx, r, func(ctx context.Context, call *call) error {
		response, err := c.send(ctx, call)
		if err != nil {
			return err
		}
		if err := statusFault(call, response); err != nil {
			return errors.Join(err, response.Body.Close())
		}
		body = response.Body
		return nil
	})
	return body, err
}

// do sends a request until check accepts its answer.
func (c *Client) do(ctx context.Context, r Request, check func(*Response) error) (*Response, error) {
	var answer *Response
	err := c.retry(ctx, r, func(ctx context.Context, call *call) error {
		ctx, cancel := context.WithTimeout(ctx, orDefault(c.Timeout, DefaultTimeout))
		defer cancel()
		response, err := c.send(ctx, call)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if err := statusFault(call, response); err != nil {
			return err
		}
		body, err := c.read(call, response)
		if err != nil {
			return err
		}
		answer = &Response{Status: response.StatusCode, Header: response.Header, Body: body}
		return check(answer)
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// call is a request made ready: its address, its body, and what errors call it.
type call struct {
	request    Request
	url        *url.URL
	method     string
	body       []byte
	name       string // method, host and path: no query, which may hold secrets
	generation int    // of the token that the last try had
}

func (c *Client) prepare(r Request) (*call, error) {
	c.once.Do(c.start)
	if c.broken != nil {
		return nil, c.broken
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	u, err := c.address(r.Path)
	if err != nil {
		return nil, err
	}
	if len(r.Query) > 0 {
		query := u.Query()
		for name, values := range r.Query {
			query[name] = values
		}
		u.RawQuery = query.Encode()
	}
	ready := &call{request: r, url: u, method: method, name: method + " " + u.Host + u.Path}
	if r.Body != nil {
		if ready.body, err = json.Marshal(r.Body); err != nil {
			return nil, fault.Wrap(fault.Bug, err, "write the body of "+ready.name)
		}
	}
	return ready, nil
}

// address joins a path to the base, or takes a full address as it is.
func (c *Client) address(path string) (*url.URL, error) {
	u, err := url.Parse(path)
	if err != nil {
		return nil, fault.New(fault.Bug, "the path of a request is no address")
	}
	if u.IsAbs() {
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fault.Newf(fault.Data, "an address of scheme %.20q cannot be read", u.Scheme)
		}
		return u, nil
	}
	joined := *c.base
	if path != "" {
		joined.Path = strings.TrimRight(c.base.Path, "/") + "/" + strings.TrimLeft(u.Path, "/")
		joined.RawPath = ""
	}
	if u.RawQuery != "" {
		joined.RawQuery = u.RawQuery
	}
	return &joined, nil
}

// retry makes tries of r until one is good, or trying again makes no sense.
func (c *Client) retry(ctx context.Context, r Request, try func(context.Context, *call) error) error {
	call, err := c.prepare(r)
	if err != nil {
		return err
	}
	begin, renewed := c.now(), false
	for n := 1; ; n++ {
		if err := c.pace(ctx); err != nil {
			return ended(err, call)
		}
		err := try(ctx, call)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ended(ctx.Err(), call)
		}
		f := asFault(err, call)
		if f.Code == fault.Auth && c.Renew != nil && !renewed {
			renewed = true
			if err := c.renew(ctx, call); err != nil {
				return err
			}
			continue
		}
		delay, again := c.delay(call, f, n, c.now().Sub(begin))
		if !again {
			return f
		}
		if err := c.sleep(ctx, delay); err != nil {
			return ended(err, call)
		}
	}
}

// delay says how long to wait before another try, if there is one.
func (c *Client) delay(call *call, f *fault.Fault, n int, elapsed time.Duration) (time.Duration, bool) {
	if f.Code != fault.Transient && f.Code != fault.RateLimited || !repeatable(call) {
		return 0, false
	}
	delay := c.backoff(n)
	if f.RetryAfter > 0 {
		delay = f.RetryAfter
	}
	switch {
	case f.RetryAfter > maxRetryAfter:
		f.Code = fault.RateLimited // the host comes back later instead of holding a thread
		return 0, false
	case n >= orDefault(c.Attempts, DefaultAttempts), elapsed+delay > orDefault(c.Elapsed, DefaultElapsed):
		return 0, false
	}
	return delay, true
}

// repeatable says whether sending the request twice does no harm.
func repeatable(call *call) bool {
	switch call.method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return true
	}
	return call.request.Idempotent
}

// renew gets a new token unless somebody else has since the call's last try.
func (c *Client) renew(ctx context.Context, call *call) error {
	c.renewing.Lock()
	defer c.renewing.Unlock()
	if c.generation != call.generation {
		return nil
	}
	if err := c.Renew(ctx); err != nil {
		f := asFault(err, call)
		if _, classed := fault.As(err); !classed {
			f.Code = fault.Auth
		}
		return f
	}
	c.generation++
	return nil
}

// read reads a body within the cap.
func (c *Client) read(call *call, response *http.Response) ([]byte, error) {
	most := orDefault(c.MaxBody, DefaultMaxBody)
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return nil, fmt.Errorf("the answer was cut: %w", err)
	}
	if int64(len(body)) > most {
		return nil, fault.Newf(fault.Data, "%s: the answer is longer than %d bytes", call.name, most).
			WithHelp("Ask for smaller pages, or read it with Stream.")
	}
	return body, nil
}
