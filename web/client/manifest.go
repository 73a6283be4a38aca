package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Manifest returns the caller's manifest of a generation, 0 = the current one, with its signature checked against the
// pinned key (Y3) before anything in it is believed. fault.StateExpired for a generation that cannot be had.
func (c *Client) Manifest(ctx context.Context, generation int64, etag string) (api.Fetched, error) {
	r := get("/manifest")
	if generation > 0 {
		r.query = url.Values{"generation": {strconv.FormatInt(generation, 10)}}
	}
	if etag != "" {
		r.header = http.Header{"If-None-Match": {etag}}
	}
	res, text, err := c.whole(ctx, r) //nolint:bodyclose // read and closed there
	if err != nil {
		return api.Fetched{}, gone(err, generation)
	}
	if err := c.skewed(dated(res.Header)); err != nil {
		return api.Fetched{}, err
	}
	if res.StatusCode == http.StatusNotModified {
		if etag == "" {
			return api.Fetched{}, c.notBroker(nil, "it answers 304 without a question")
		}
		return api.Fetched{NotModified: true, ETag: etag}, nil
	}
	if kind := media(res); kind != jsonType {
		return api.Fetched{}, c.notBroker(nil, fmt.Sprintf("it answers with %q instead of a manifest", kind))
	}
	f := api.Fetched{Body: text, Signature: res.Header.Get(api.SignatureHeader), ETag: res.Header.Get("ETag")}
	if f.Signature == "" {
		return api.Fetched{}, c.notBroker(nil, "its manifest is not signed")
	}
	if err := c.verify(ctx, f); err != nil {
		return api.Fetched{}, err
	}
	if f.Manifest, err = api.DecodeManifest(text); err != nil {
		return api.Fetched{}, fault.Wrap(fault.Data, err, "the server's manifest breaks a rule; nothing was changed here")
	}
	if generation > 0 && f.Manifest.Generation != generation {
		return api.Fetched{}, c.notBroker(nil, fmt.Sprintf("it answers with generation %d instead of %d", f.Manifest.Generation, generation))
	}
	return f, nil
}

// whole takes a manifest's answer; what breaks off is asked for again.
func (c *Client) whole(ctx context.Context, r request) (*http.Response, []byte, error) {
	for try := 1; ; try++ {
		res, err := c.send(ctx, r, http.StatusOK, http.StatusNotModified)
		if err != nil {
			return nil, nil, err
		}
		text, err := c.read(res, maxManifest)
		if err == nil {
			return res, text, nil
		}
		if try == tries || (!isCode(err, shortBody) && !isCode(err, stalled)) {
			return nil, nil, err
		}
	}
}

// gone says which generations can be had instead of one that cannot.
func gone(err error, generation int64) error {
	var p *Problem
	if generation == 0 || !errors.As(err, &p) {
		return err
	}
	switch p.Code {
	case api.CodeExpired:
		return &fault.Fault{Code: fault.StateExpired, What: fmt.Sprintf("generation %d is no longer kept", generation),
			Help: fmt.Sprintf("The server has generations %d to %d.", p.Oldest, p.Current), Err: p}
	case api.CodeNotFound:
		return &fault.Fault{Code: fault.StateExpired, What: fmt.Sprintf("the server has no generation %d", generation),
			Help: "analyst status says which generation is the current one.", Err: p}
	}
	return err
}

// verify checks a signature, fetching the chain of keys when the pinned one has been followed by another.
func (c *Client) verify(ctx context.Context, f api.Fetched) error {
	if c.o.Key == nil {
		return nil
	}
	var keys api.Keys
	if api.SignatureKey(f.Signature) != api.KeyID(c.o.Key) {
		var err error
		if keys, err = c.Keys(ctx); err != nil {
			return err
		}
	}
	err := keys.Verify(c.o.Key, f.Signature, f.Body)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, api.ErrKeyChanged):
		return KeyChanged(c.base.Host, err)
	}
	return wrong(badSignature, err, "Something on the way changes what the server sends. Nothing was changed here; tell the administrator.",
		"the manifest from %s does not bear a good signature", c.base.Host)
}

// Keys returns the public keys of the server as it publishes them; asked for once.
func (c *Client) Keys(ctx context.Context) (api.Keys, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys.Keys) > 0 {
		return c.keys, nil
	}
	var keys api.Keys
	if _, err := c.ask(ctx, get("/keys"), &keys, http.StatusOK); err != nil {
		return api.Keys{}, err
	}
	if len(keys.Keys) == 0 {
		return api.Keys{}, c.notBroker(nil, "it publishes no key")
	}
	c.keys = keys
	return keys, nil
}

// Part returns the bytes of a part or document from offset on: exactly size-offset of them, else reading fails with
// short_body or hash_mismatch. It makes one attempt; the caller resumes. hosts are the origins besides the server's that
// the signed manifest allows.
func (c *Client) Part(ctx context.Context, sha256 string, size, offset int64, hosts []string) (io.ReadCloser, error) {
	if !api.IsHash(sha256) || offset < 0 || offset > size {
		return nil, fault.Newf(fault.Bug, "no part: %q of %d bytes from %d", sha256, size, offset)
	}
	r := get("/parts/" + sha256)
	r.hosts = hosts
	r.header = http.Header{"Accept-Encoding": {"identity"}}
	if offset > 0 {
		r.header["Range"] = []string{fmt.Sprintf("bytes=%d-", offset)}
		r.header["If-Range"] = []string{`"` + sha256 + `"`}
	}
	res, err := c.attempt(ctx, r, []int{http.StatusOK, http.StatusPartialContent})
	if err != nil {
		return nil, err
	}
	part := &part{client: c, body: res.Body, name: sha256, left: size - offset}
	if err := part.begin(res, size, offset); err != nil {
		res.Body.Close()
		return nil, err
	}
	return part, nil
}

// part counts: exactly as many bytes as the manifest says (Y2).
type part struct {
	client *Client
	body   io.ReadCloser
	name   string
	left   int64
}

// begin checks what the answer says of itself. A server that ignores the range sends the whole: what is known is skipped.
func (p *part) begin(res *http.Response, size, offset int64) error {
	if kind := media(res); strings.HasPrefix(kind, "text/") || kind == jsonType {
		return p.client.notBroker(nil, fmt.Sprintf("it answers with %q instead of a part", kind))
	}
	if res.StatusCode == http.StatusPartialContent {
		if want := fmt.Sprintf("bytes %d-%d/%d", offset, size-1, size); res.Header.Get("Content-Range") != want {
			return wrong(hashMismatch, nil, "", "part %s: the server sends another range than was asked for", p.name)
		}
	} else {
		p.left = size
	}
	if res.ContentLength >= 0 && res.ContentLength < p.left {
		return wrong(shortBody, nil, "", "part %s has %d bytes at the server; the manifest says %d", p.name, res.ContentLength, p.left)
	}
	if res.ContentLength > p.left {
		return p.tooLong()
	}
	if skip := p.left - (size - offset); skip > 0 {
		if _, err := io.CopyN(io.Discard, p, skip); err != nil {
			return err
		}
	}
	return nil
}

func (p *part) tooLong() error {
	return wrong(hashMismatch, nil, "", "part %s has more bytes at the server than the manifest says", p.name)
}

// Read implements io.Reader.
func (p *part) Read(b []byte) (int, error) {
	if int64(len(b)) > p.left+1 {
		b = b[:p.left+1]
	}
	n, err := p.body.Read(b)
	if int64(n) > p.left {
		return int(p.left), p.tooLong()
	}
	p.left -= int64(n)
	if errors.Is(err, io.EOF) && p.left > 0 {
		return n, wrong(shortBody, err, "", "part %s ends %d bytes early", p.name, p.left)
	}
	return n, err
}

// Close implements io.Closer.
func (p *part) Close() error { return p.body.Close() }
