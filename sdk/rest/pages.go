package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Pages calls r and its following pages and yields the items of each. It ends after the last page or the first error.
// A page token that comes twice, or a page that repeats the one before it, is an error: the source would go on for
// ever (D16).
func Pages[T any](ctx context.Context, c *Client, r Request) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		walk := walk{request: r, seen: map[[32]byte]bool{}}
		for next, more := walk.first(), true; more; {
			response, err := c.do(ctx, next, wantJSON)
			var raw json.RawMessage
			if err == nil {
				raw, err = walk.items(response)
			}
			var items []T
			if err == nil && len(raw) > 0 {
				err = decode(raw, &items)
			}
			if err == nil {
				next, more, err = walk.next(c, response, raw, len(items))
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(items, nil) {
				return
			}
		}
	}
}

// walk is where a series of pages has got to.
type walk struct {
	request Request
	page    int
	offset  int
	seen    map[[32]byte]bool // tokens of pages
	last    [32]byte          // of the items of the page before
}

func (w *walk) first() Request {
	w.page = w.request.FirstPage
	if w.page == 0 && !w.request.ZeroPage {
		w.page = 1
	}
	r := w.request
	r.Query = maps.Clone(r.Query)
	if r.Query == nil {
		r.Query = url.Values{}
	}
	if r.SizeParam != "" && r.Size > 0 {
		r.Query.Set(r.SizeParam, strconv.Itoa(r.Size))
	}
	w.request.Query = maps.Clone(r.Query)
	if r.OffsetParam != "" {
		r.Query.Set(r.OffsetParam, "0")
	}
	if r.PageParam != "" {
		r.Query.Set(r.PageParam, strconv.Itoa(w.page))
	}
	return r
}

// items finds the list in an answer. Where Items names nothing that is there, the answer is wrong, not empty.
func (w *walk) items(response *Response) (json.RawMessage, error) {
	raw, found, err := lookup(response.Body, w.request.Items)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fault.Newf(fault.Data, "the answer has no %q", w.request.Items)
	}
	if raw = bytes.TrimSpace(raw); bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	if len(raw) > 0 && raw[0] != '[' {
		return nil, fault.Newf(fault.Data, "%q in the answer is not a list", w.request.Items)
	}
	return raw, nil
}

// next is the request of the following page, if there is one.
func (w *walk) next(c *Client, response *Response, raw json.RawMessage, n int) (Request, bool, error) {
	if w.request.MoreKey != "" {
		more, _, err := lookup(response.Body, w.request.MoreKey)
		if err != nil || string(more) != "true" {
			return Request{}, false, err
		}
	}
	switch r := w.request; {
	case r.NextKey != "":
		token, err := tokenAt(response.Body, r.NextKey)
		if err != nil || token == "" {
			return Request{}, false, err
		}
		return w.byToken(c, token)
	case r.Link:
		address := linkNext(response.Header.Values("Link"))
		if address == "" {
			return Request{}, false, nil
		}
		return w.byToken(c, address)
	case r.OffsetParam != "" || r.PageParam != "":
		return w.byNumber(raw, n)
	}
	return Request{}, false, nil
}

// byToken asks for the page that a token or an address names.
func (w *walk) byToken(c *Client, token string) (Request, bool, error) {
	sum := sha256.Sum256([]byte(token))
	if w.seen[sum] {
		return Request{}, false, fault.New(fault.Data, "the source names the same next page twice; it would never end")
	}
	w.seen[sum] = true
	r := w.request
	if w.request.NextParam == "" && (w.request.Link || isAddress(token)) {
		u, err := c.base.Parse(token)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return Request{}, false, fault.New(fault.Data, "the address of the next page cannot be read")
		}
		r.Path, r.Query = u.String(), nil
		return r, true, nil
	}
	name := r.NextParam
	if name == "" {
		name = r.NextKey[strings.LastIndexByte(r.NextKey, '.')+1:]
	}
	r.Query = maps.Clone(r.Query)
	r.Query.Set(name, token)
	return r, true, nil
}

func isAddress(token string) bool {
	return strings.HasPrefix(token, "https://") || strings.HasPrefix(token, "http://") || strings.HasPrefix(token, "/")
}

// byNumber asks for the page after one of n items.
func (w *walk) byNumber(raw json.RawMessage, n int) (Request, bool, error) {
	if n == 0 || w.request.Size > 0 && n < w.request.Size {
		return Request{}, false, nil
	}
	sum := sha256.Sum256(raw)
	if sum == w.last {
		return Request{}, false, fault.New(fault.Data, "the source sends the same page twice; it would never end")
	}
	w.last = sum
	w.page++
	w.offset += n
	r := w.request
	r.Query = maps.Clone(r.Query)
	if r.OffsetParam != "" {
		r.Query.Set(r.OffsetParam, strconv.Itoa(w.offset))
	}
	if r.PageParam != "" {
		r.Query.Set(r.PageParam, strconv.Itoa(w.page))
	}
	return r, true, nil
}

// lookup follows dotted names into an object; "" is the whole.
func lookup(text json.RawMessage, path string) (value json.RawMessage, found bool, err error) {
	if path == "" {
		return text, true, nil
	}
	for _, name := range strings.Split(path, ".") {
		var object map[string]json.RawMessage
		if err := decode(text, &object); err != nil {
			return nil, false, err
		}
		if text, found = object[name]; !found {
			return nil, false, nil
		}
	}
	return text, true, nil
}

// tokenAt reads a token, which may be text or a number; "" = none.
func tokenAt(text json.RawMessage, path string) (string, error) {
	raw, found, err := lookup(text, path)
	if err != nil || !found {
		return "", err
	}
	var v any
	if err := decode(raw, &v); err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case json.Number:
		return string(v), nil
	case nil, bool:
		return "", nil
	}
	return "", fault.Newf(fault.Data, "%q in the answer is no page token", path)
}

// linkNext finds the address of rel="next" in Link headers. Addresses may hold commas, so "<" begins each link.
func linkNext(headers []string) string {
	for _, link := range strings.Split(strings.Join(headers, ","), "<") {
		address, rest, ok := strings.Cut(link, ">")
		if !ok {
			continue
		}
		for _, parameter := range strings.FieldsFunc(rest, func(r rune) bool { return r == ';' || r == ',' }) {
			name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			if !strings.EqualFold(name, "rel") {
				continue
			}
			for _, rel := range strings.Fields(strings.Trim(value, `"`)) {
				if strings.EqualFold(rel, "next") {
					return address
				}
			}
		}
	}
	return ""
}
