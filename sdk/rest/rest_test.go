package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/rest"
)

// clock is time that passes only by sleeping.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// client calls a server that answers with answer; attempt counts from 1.
func client(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, attempt int)) (*rest.Client, *clock) {
	t.Helper()
	var attempts atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, int(attempts.Add(1)))
	}))
	t.Cleanup(server.Close)
	c := &clock{now: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)}
	made := &rest.Client{BaseURL: server.URL + "/v1/", Now: c.read, Sleep: c.sleep, Chance: func() float64 { return 1 }}
	t.Cleanup(made.Close)
	return made, c
}

func wantCode(t *testing.T, err error, code fault.Code) *fault.Fault {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Code != code {
		t.Fatalf("got %v, want class %s", err, code)
	}
	return f
}

func TestJSONKeepsNumbersAsText(t *testing.T) {
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		fmt.Fprintf(w, `{"path": %q, "n": 12345678901234567890.10}`, r.URL.Path)
	})
	var got map[string]any
	if err := c.JSON(t.Context(), rest.Request{Path: "/orders"}, &got); err != nil {
		t.Fatal(err)
	}
	if got["path"] != "/v1/orders" || fmt.Sprint(got["n"]) != "12345678901234567890.10" {
		t.Errorf("got %v", got)
	}
}

func TestRetriesWaitLongerEachTime(t *testing.T) {
	c, clock := client(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n < 9 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprint(w, `{}`)
	})
	_, err := c.Do(t.Context(), rest.Request{})
	wantCode(t, err, fault.Transient)
	s := time.Second
	want := []time.Duration{s / 2, s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s}
	if diff := cmp.Diff(want, clock.slept); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	c.Attempts = 20
	if _, err := c.Do(t.Context(), rest.Request{}); err != nil {
		t.Errorf("attempt 9: %v", err)
	}
}

func TestRetriesEndWithTheTimeForAll(t *testing.T) {
	c, clock := client(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(503) })
	c.Attempts = 1000
	_, err := c.Do(t.Context(), rest.Request{})
	wantCode(t, err, fault.Transient)
	if spent := clock.now.Sub(time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)); spent > 10*time.Minute || spent < 9*time.Minute {
		t.Errorf("tried for %s, want almost 10m", spent)
	}
}

func TestD18_RetryAfter(t *testing.T) {
	for _, tt := range []struct {
		name, header, date string
		want               time.Duration // first wait; 0 = none, the call fails at once
		after              time.Duration
	}{
		{"none", "", "", 500 * time.Millisecond, 0},
		{"seconds", "7", "", 7 * time.Second, 0},
		{"negative", "-5", "", 500 * time.Millisecond, 0},
		{"nonsense", "soon", "", 500 * time.Millisecond, 0},
		{"not a number", "NaN", "", 500 * time.Millisecond, 0},
		{"huge", "99999999999999999999", "", 0, 365 * 24 * time.Hour},
		{"beyond the cap", "901", "", 0, 901 * time.Second},
		{"within the cap, beyond the time for all", "800", "", 0, 800 * time.Second},
		{"date", "Sat, 01 Aug 2026 00:01:00 GMT", "Sat, 01 Aug 2026 00:00:30 GMT", 30 * time.Second, 0},
		{"date that has passed", "Sat, 01 Aug 2026 00:01:00 GMT", "Sat, 01 Aug 2026 09:00:00 GMT", 500 * time.Millisecond, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, clock := client(t, func(w http.ResponseWriter, _ *http.Request, n int) {
				if n > 1 {
					fmt.Fprint(w, `{}`)
					return
				}
				if tt.header != "" {
					w.Header().Set("Retry-After", tt.header)
				}
				if tt.date != "" {
					w.Header().Set("Date", tt.date)
				}
				w.WriteHeader(http.StatusTooManyRequests)
			})
			_, err := c.Do(t.Context(), rest.Request{})
			if tt.want == 0 {
				if f := wantCode(t, err, fault.RateLimited); f.RetryAfter != tt.after {
					t.Errorf("retry after %s, want %s", f.RetryAfter, tt.after)
				}
				return
			}
			if err != nil || clock.slept[0] != tt.want {
				t.Errorf("waited %v, error %v; want %s", clock.slept, err, tt.want)
			}
		})
	}
}

func TestLongWaitsAreTold(t *testing.T) {
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n < 3 {
			w.Header().Set("Retry-After", fmt.Sprint(59+n))
			w.WriteHeader(429)
		}
	})
	var told []time.Duration
	ctx := rest.OnWait(t.Context(), func(d time.Duration) { told = append(told, d) })
	if _, err := c.Do(ctx, rest.Request{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Duration{61 * time.Second}, told); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyIdempotentCallsAreRepeated(t *testing.T) {
	for _, tt := range []struct {
		request rest.Request
		want    int
	}{
		{rest.Request{Method: "POST", Body: map[string]int{"a": 1}}, 1},
		{rest.Request{Method: "PATCH"}, 1},
		{rest.Request{Method: "POST", Body: map[string]int{"a": 1}, Idempotent: true}, 8},
		{rest.Request{Method: "PUT", Body: 1}, 8},
		{rest.Request{}, 8},
	} {
		calls := 0
		var bodies []string
		c, _ := client(t, func(w http.ResponseWriter, r *http.Request, n int) {
			body, _ := io.ReadAll(r.Body)
			calls, bodies = n, append(bodies, string(body))
			w.WriteHeader(500)
		})
		if _, err := c.Do(t.Context(), tt.request); err == nil || calls != tt.want {
			t.Errorf("%s: %d calls, error %v; want %d calls", tt.request.Method, calls, err, tt.want)
		}
		for _, body := range bodies {
			if body != bodies[0] {
				t.Errorf("a repeated body is %q, first %q", body, bodies[0])
			}
		}
	}
}

func TestStatusHasAClass(t *testing.T) {
	for status, code := range map[int]fault.Code{
		400: fault.Data, 401: fault.Auth, 403: fault.Permission, 404: fault.NotFound, 407: fault.Config, 408: fault.Transient,
		410: fault.NotFound, 418: fault.Data, 425: fault.Transient, 429: fault.RateLimited, 451: fault.Permission,
		500: fault.Transient, 501: fault.Data, 503: fault.Transient, 599: fault.Transient, 304: fault.Data,
	} {
		c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(status) })
		c.Attempts = 1
		_, err := c.Do(t.Context(), rest.Request{Path: "orders"})
		wantCode(t, err, code)
		var own *rest.StatusError
		if !errors.As(err, &own) || own.Status != status {
			t.Errorf("%d: the cause is %v", status, errors.Unwrap(err))
		}
	}
}

func TestErrorsShowWhatTheAPISaysAndNoQuery(t *testing.T) {
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.WriteHeader(403)
		fmt.Fprint(w, `{"error": {"message": "no right\n to read orders"}}`)
	})
	_, err := c.Do(t.Context(), rest.Request{Path: "orders", Query: url.Values{"api_key": {"s3cr3t"}}})
	f := wantCode(t, err, fault.Permission)
	if strings.Contains(err.Error(), "s3cr3t") || !strings.HasSuffix(f.What, "/v1/orders: 403 Forbidden: no right to read orders") {
		t.Errorf("got %q", f.What)
	}
	other := &rest.Client{BaseURL: "http://127.0.0.1:1", Attempts: 1}
	_, err = other.Do(t.Context(), rest.Request{Query: url.Values{"api_key": {"s3cr3t"}}})
	wantCode(t, err, fault.Transient)
	if text := fmt.Sprintf("%v %v", err, errors.Unwrap(err)); strings.Contains(text, "s3cr3t") {
		t.Errorf("the query shows in %q", text)
	}
}

func TestAuthIsAskedForEveryAttempt(t *testing.T) {
	var got []string
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request, n int) {
		got = append(got, r.Header.Get("Authorization"))
		if n < 3 {
			w.WriteHeader(502)
		}
	})
	calls := 0
	c.Auth = func(ctx context.Context, r *http.Request) error {
		calls++
		return rest.Bearer(fmt.Sprint("t", calls))(ctx, r)
	}
	if _, err := c.Do(t.Context(), rest.Request{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Bearer t1", "Bearer t2", "Bearer t3"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRenewIsSingleFlightAndTriedOnce(t *testing.T) {
	var token, renewals atomic.Int64
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Header.Get("Authorization") != "Bearer 1" {
			w.WriteHeader(401)
		}
	})
	c.Auth = func(ctx context.Context, r *http.Request) error {
		return rest.Bearer(fmt.Sprint(token.Load()))(ctx, r)
	}
	c.Renew = func(context.Context) error { renewals.Add(1); token.Store(1); return nil }
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := c.Do(t.Context(), rest.Request{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if renewals.Load() != 1 {
		t.Errorf("%d renewals, want 1", renewals.Load())
	}
	c.Renew = func(context.Context) error { renewals.Add(1); token.Store(2); return nil }
	token.Store(2)
	_, err := c.Do(t.Context(), rest.Request{})
	wantCode(t, err, fault.Auth)
	if renewals.Load() != 2 {
		t.Errorf("%d renewals, want one more", renewals.Load())
	}
	c.Renew = func(context.Context) error { return errors.New("refused") }
	_, err = c.Do(t.Context(), rest.Request{})
	wantCode(t, err, fault.Auth)
}

func TestD17_WrongAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		code   fault.Code
		tries  int
	}{
		{"HTML", func(w http.ResponseWriter) { fmt.Fprint(w, "<html>sorry</html>") }, fault.Transient, 8},
		{"HTML by its type", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "sorry")
		}, fault.Transient, 8},
		{"empty", func(http.ResponseWriter) {}, fault.Transient, 8},
		{"JSON cut in the middle", func(w http.ResponseWriter) { fmt.Fprint(w, `{"a": [1, 2`) }, fault.Transient, 8},
		{"wrong length", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{}`)
		}, fault.Transient, 8},
		{"reset", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, fault.Transient, 8},
		{"not JSON", func(w http.ResponseWriter) { fmt.Fprint(w, `hello`) }, fault.Data, 1},
		{"another form", func(w http.ResponseWriter) { fmt.Fprint(w, `[1]`) }, fault.Data, 1},
		{"deep", func(w http.ResponseWriter) { fmt.Fprint(w, strings.Repeat("[", 100_000)) }, fault.Data, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tries atomic.Int64
			c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, n int) { tries.Store(int64(n)); tt.answer(w) })
			var into map[string]any
			wantCode(t, c.JSON(t.Context(), rest.Request{}, &into), tt.code)
			if got := int(tries.Load()); got < tt.tries {
				t.Errorf("%d tries, want %d", got, tt.tries)
			}
		})
	}
}

func TestBodyCap(t *testing.T) {
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprintf(w, `"%s"`, strings.Repeat("x", 100)) })
	c.MaxBody = 101
	_, err := c.Do(t.Context(), rest.Request{})
	wantCode(t, err, fault.Data)
	c.MaxBody = 102
	if _, err := c.Do(t.Context(), rest.Request{}); err != nil {
		t.Error(err)
	}
	body, err := c.Stream(t.Context(), rest.Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, err := io.ReadAll(body); err != nil || len(text) != 102 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestStreamRetriesAndClasses(t *testing.T) {
	c, _ := client(t, func(w http.ResponseWriter, r *http.Request, n int) {
		switch {
		case r.URL.Path == "/v1/gone":
			w.WriteHeader(404)
		case n == 1:
			w.WriteHeader(503)
		default:
			fmt.Fprint(w, "text")
		}
	})
	body, err := c.Stream(t.Context(), rest.Request{Path: "file"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	_, err = c.Stream(t.Context(), rest.Request{Path: "gone"})
	wantCode(t, err, fault.NotFound)
}

func TestLimitSpacesCalls(t *testing.T) {
	c, clock := client(t, func(w http.ResponseWriter, _ *http.Request, _ int) {})
	c.Limit = rest.Limit{N: 2, Per: time.Minute}
	for range 5 {
		if _, err := c.Do(t.Context(), rest.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]time.Duration{time.Minute, time.Minute}, clock.slept); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

func TestCancelEndsTheCall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, _ int) { cancel(); w.WriteHeader(500) })
	_, err := c.Do(ctx, rest.Request{})
	wantCode(t, err, fault.Cancelled)
}

func TestBaseURLMustBeComplete(t *testing.T) {
	for _, base := range []string{"", "api.example.com", "ftp://example.com", "http://", "http://a b", "::"} {
		c := &rest.Client{BaseURL: base}
		_, err := c.Do(t.Context(), rest.Request{})
		wantCode(t, err, fault.Config)
	}
}
