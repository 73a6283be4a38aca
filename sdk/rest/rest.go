// Package rest is the HTTP client of connector authors: authentication for every attempt, limits, retries that do no
// harm, pages, and errors that have a class and hold no secret.
//
// It knows nothing of streams, rows or the host. Plugins use it; of broker it needs fault alone.
package rest

import (
	"context"
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Defaults and caps, as documented for authors.
const (
	DefaultAttempts = 8
	DefaultElapsed  = 10 * time.Minute
	DefaultTimeout  = 60 * time.Second
	DefaultMaxBody  = 64 << 20
)

const (
	firstDelay    = 500 * time.Millisecond
	longestDelay  = 60 * time.Second
	maxRetryAfter = 15 * time.Minute
	maxRedirects  = 10
)

// Client calls one API. Only BaseURL is needed. Set its fields before the first call and do not copy it afterwards;
// then it may be used by several goroutines.
type Client struct {
	// BaseURL is what paths of requests are joined to.
	BaseURL string
	// Header goes with every request to the host of BaseURL.
	Header http.Header
	// Auth authenticates one attempt; it is called again for every retry, so that an expired token is not repeated. It
	// is not called for another host, e.g. after a redirect.
	Auth func(ctx context.Context, r *http.Request) error
	// Renew gets a new token after a 401. It runs once for all who wait, then each tries once more.
	Renew func(ctx context.Context) error
	// Limit is how often the API may be called; the zero Limit is none.
	Limit Limit

	Attempts int           // tries of one request, default DefaultAttempts
	Elapsed  time.Duration // time for all tries of one request, default DefaultElapsed
	Timeout  time.Duration // time for one try, default DefaultTimeout
	MaxBody  int64         // bytes of a body in memory, default DefaultMaxBody

	// BlockPrivate refuses to connect to private, loopback and other special addresses. Link-local ones, where clouds
	// keep their secrets, are always refused.
	BlockPrivate bool
	// Transport makes the connections; nil = one with the limits of this package. With one of your own, BlockPrivate
	// and the connection time-outs are yours.
	Transport http.RoundTripper

	// The clock, how to wait and chance in [0,1): for tests. nil = the real ones.
	Now    func() time.Time
	Sleep  func(ctx context.Context, d time.Duration) error
	Chance func() float64

	once   sync.Once
	http   *http.Client
	base   *url.URL
	broken error // BaseURL cannot be used

	renewing   sync.Mutex
	generation int // of the token; guarded by renewing

	pacing sync.Mutex
	recent []time.Time // the last Limit.N calls, oldest first; guarded by pacing
}

// Limit allows N calls in any span of Per.
type Limit struct {
	N   int
	Per time.Duration
}

// Request is one call, or the first of a series of pages.
type Request struct {
	Method string // default GET
	Path   string // joined to BaseURL, or a full address
	Query  url.Values
	Header http.Header
	Body   any // sent as JSON, unless it is nil
	// Idempotent says that repeating the call does no harm. GET, HEAD, PUT, DELETE and OPTIONS are so anyway.
	Idempotent bool

	// Where a page has what, for Pages. Names lead into objects by dots: "result.items".
	Items   string // the list; "" = the answer is the list
	NextKey string // token or address of the next page; no page follows when it is absent, null, "" or false
	MoreKey string // true while pages follow, if the API says so
	Link    bool   // the next page is in the header Link, rel="next"

	NextParam   string // query parameter that takes the token, default the last name of NextKey
	OffsetParam string // query parameter that counts items from 0
	PageParam   string // query parameter that counts pages from FirstPage
	FirstPage   int    // default 1
	ZeroPage    bool   // pages count from 0
	SizeParam   string // query parameter that takes Size
	Size        int    // items of a page; a page with fewer is the last one, for OffsetParam and PageParam
}

// Response is an answer of class 2xx, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Bearer authenticates with a token that does not change.
func Bearer(token string) func(context.Context, *http.Request) error {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
}

// Basic authenticates with a name and a password.
func Basic(user, password string) func(context.Context, *http.Request) error {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
		return nil
	}
}

type waitKey struct{}

// OnWait returns a context whose calls tell before they wait for more than a minute, so that a reader can announce the
// silence: ctx = rest.OnWait(ctx, func(d time.Duration) { _ = rows.Quiet(ctx, d, "the API asked to wait") }).
func OnWait(ctx context.Context, tell func(d time.Duration)) context.Context {
	return context.WithValue(ctx, waitKey{}, tell)
}

// longWait is from where on a wait is told.
const longWait = time.Minute

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	if tell, ok := ctx.Value(waitKey{}).(func(time.Duration)); ok && d > longWait {
		tell(d)
	}
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoff is how long to wait after try n: twice as long each time, between half and all of it.
func (c *Client) backoff(n int) time.Duration {
	d := longestDelay
	if n < 8 {
		d = min(firstDelay<<(n-1), longestDelay)
	}
	chance := rand.Float64
	if c.Chance != nil {
		chance = c.Chance
	}
	return d/2 + time.Duration(chance()*float64(d/2))
}

// pace waits until Limit allows one more call.
func (c *Client) pace(ctx context.Context) error {
	if c.Limit.N <= 0 || c.Limit.Per <= 0 {
		return ctx.Err()
	}
	c.pacing.Lock()
	at := c.now()
	if len(c.recent) == c.Limit.N {
		if free := c.recent[0].Add(c.Limit.Per); free.After(at) {
			at = free
		}
		c.recent = c.recent[1:]
	}
	c.recent = append(c.recent, at)
	c.pacing.Unlock()
	return c.sleep(ctx, at.Sub(c.now()))
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
