package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
)

// listen opens an event stream; lines come without their ends.
func (s *server) listen(t *testing.T, token string, headers ...string) (lines *bufio.Scanner, leave func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	request, err := http.NewRequestWithContext(ctx, "GET", s.url+api.Prefix+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("events: %d %v", answer.StatusCode, answer.Header)
	}
	leave = func() { cancel(); answer.Body.Close() }
	t.Cleanup(leave)
	return bufio.NewScanner(answer.Body), leave
}

// event reads up to the next event and returns its three lines.
func event(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	var out []string
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "id: ") || strings.HasPrefix(line, "event: ") || strings.HasPrefix(line, "data: ") {
			out = append(out, line)
		}
		if line == "" && len(out) > 0 {
			return strings.Join(out, "|")
		}
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return ""
}

func TestEventsAreNarrowedAndResumed(t *testing.T) {
	s := serve(t, nil)
	lines, _ := s.listen(t, "bob", "Last-Event-ID: 4")
	at := time.Date(2026, 1, 8, 0, 0, 0, 0, time.UTC)
	s.publish(v1.Event{Name: "table.published", Generation: 7, At: at, Tables: []sdk.TableName{"shop.orders"}}) // told already by the catch-up
	s.publish(v1.Event{Name: "table.published", Generation: 8, At: at, Tables: []sdk.TableName{"hr.salaries"}}) // not bob's
	s.publish(v1.Event{Name: "table.published", Generation: 9, At: at, Tables: []sdk.TableName{"hr.salaries", "shop.orders"}})
	for _, want := range []string{
		`id: 5|event: table.published|data: {"generation":5,"published_at":"2026-01-05T00:00:00Z","tables":["shop.orders"]}`,
		`id: 7|event: table.published|data: {"generation":7,"published_at":"2026-01-07T00:00:00Z","tables":["shop.orders"]}`,
		`id: 9|event: table.published|data: {"generation":9,"published_at":"2026-01-08T00:00:00Z","tables":["shop.orders"]}`,
	} {
		if got := event(t, lines); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for _, last := range []string{"x", "-1", "1e3", "99999999999999999999"} {
		if answer, _ := s.call(t, "GET", api.Prefix+"/events", "bob", "", "Last-Event-ID: "+last); answer.StatusCode != 400 {
			t.Errorf("Last-Event-ID %s: %d", last, answer.StatusCode)
		}
	}
	if answer, _ := s.call(t, "GET", api.Prefix+"/events", "", ""); answer.StatusCode != 401 {
		t.Errorf("without credentials: %d", answer.StatusCode)
	}
	if answer, _ := s.call(t, "GET", api.Prefix+"/events", "pusher", ""); answer.StatusCode != 403 {
		t.Errorf("without the scope: %d", answer.StatusCode)
	}
}

func TestEventsEndWithTheCredential(t *testing.T) {
	s := serve(t, nil)
	lines, _ := s.listen(t, "bob")
	s.mu.Lock()
	s.people["bob"].gone = true
	s.mu.Unlock()
	for lines.Scan() { // ends, without anybody asking; the client's own bound is a minute
	}
	if lines.Err() != nil {
		t.Errorf("the stream did not end in order: %v", lines.Err())
	}
	until(t, "the subscription is given back", func() bool { return s.listeners() == 0 })
}

func TestEventsComment(t *testing.T) {
	s := serve(t, func(o *web.Options) { o.API.Pulse = 10 * time.Millisecond })
	lines, _ := s.listen(t, "bob")
	for n := 0; n < 3 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), ": still") {
			n++
		}
	}
	if lines.Err() != nil {
		t.Error(lines.Err())
	}
}

func TestListenersWhoLeaveAreForgotten(t *testing.T) {
	s := serve(t, func(o *web.Options) { o.API.Pulse = 20 * time.Millisecond })
	s.call(t, "GET", api.Prefix+"/me", "ada", "")
	before := runtime.NumGoroutine()
	for range 3 { // more than the limit of one person, if they were not forgotten
		var leave []func()
		for range 15 {
			lines, gone := s.listen(t, "bob")
			lines.Scan()
			leave = append(leave, gone)
		}
		for _, gone := range leave {
			gone()
		}
		until(t, "listeners are forgotten", func() bool { return s.listeners() == 0 })
	}
	until(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before+5 })
	for range 20 {
		s.listen(t, "bob")
	}
	if answer, _ := s.call(t, "GET", api.Prefix+"/events", "bob", ""); answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("one stream too many: %d", answer.StatusCode)
	}
	if lines, _ := s.listen(t, "ada"); !lines.Scan() {
		t.Error("another person's limit was used up")
	}
}

func TestServerStopsWithOpenStreams(t *testing.T) {
	w := newWorld(t)
	server, err := web.New(web.Options{Listen: "127.0.0.1:0", Health: health(func() string { return "" }), API: v1.Host{Access: w, SignIn: w, Manifests: w, Events: w}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	s := &world2{w, "http://" + server.Address()}
	lines := s.listen(t)
	stop()
	for lines.Scan() {
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type world2 struct {
	*world
	url string
}

func (s *world2) listen(t *testing.T) *bufio.Scanner {
	lines, _ := (&server{s.world, "", s.url}).listen(t, "ada")
	lines.Scan()
	return lines
}

func TestQueryFormats(t *testing.T) {
	s := serve(t, nil)
	closed := make(chan bool, 10)
	s.query = func(_ context.Context, q api.Query) (v1.Rows, error) {
		return &rows{columns: []api.TypedName{{Name: "id", Type: "BIGINT"}, {Name: `a,"b`, Type: "VARCHAR"}}, truncated: true, closed: func() { closed <- true },
			batches: [][][]any{{{int64(1), "x"}, {int64(2), nil}}, {}, {{"9007199254740993", "line\nbreak, \"quoted\""}}}, arrow: strings.NewReader("ARROW STREAM")}, nil
	}
	for format, want := range map[string]string{
		"json":  `{"columns":[{"name":"id","type":"BIGINT"},{"name":"a,\"b","type":"VARCHAR"}],"rows":[[1,"x"],[2,null],["9007199254740993","line\nbreak, \"quoted\""]],"truncated":true,"generation":7}`,
		"csv":   "id,\"a,\"\"b\"\n1,x\n2,\n9007199254740993,\"line\nbreak, \"\"quoted\"\"\"\n",
		"arrow": "ARROW STREAM",
		"":      `{"columns":[{"name":"id","type":"BIGINT"},{"name":"a,\"b","type":"VARCHAR"}],"rows":[[1,"x"],[2,null],["9007199254740993","line\nbreak, \"quoted\""]],"truncated":true,"generation":7}`,
	} {
		answer, body := s.call(t, "POST", api.Prefix+"/query", "bob", `{"sql":"select 1","format":"`+format+`"}`)
		if answer.StatusCode != 200 || body != want || answer.Header.Get("Broker-Generation") != "7" {
			t.Errorf("%s: %d %s", format, answer.StatusCode, body)
		}
		select {
		case <-closed:
		case <-time.After(30 * time.Second):
			t.Errorf("%s: the rows were not closed", format)
		}
	}
}

func TestQueryErrors(t *testing.T) {
	s := serve(t, nil)
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"no engine":  {fault.New(fault.NotFound, "x").WithScope("engine"), 503, api.CodeUnavailable},
		"ungranted":  {fault.New(fault.NotFound, "x"), 404, api.CodeNotFound},
		"syntax":     {&fault.Fault{Code: fault.Config, Path: "sql", What: "no such column"}, 400, api.CodeQuery},
		"writes":     {&fault.Fault{Code: fault.Config, Path: "sql", Scope: "read_only", What: "only reading"}, 400, api.CodeReadOnly},
		"no table":   {&fault.Fault{Code: fault.Config, Path: "sql", Scope: "not_found", What: "no table hr.salaries"}, 400, api.CodeNotFound},
		"overflow":   {fault.New(fault.Data, "a number is too large"), 400, api.CodeQuery},
		"too slow":   {&fault.Fault{Code: fault.Transient, Path: "timeout"}, 504, api.CodeTimeout},
		"slow":       {fault.New(fault.Transient, "x").WithScope("timeout"), 504, api.CodeTimeout},
		"deadline":   {context.DeadlineExceeded, 504, api.CodeTimeout},
		"busy":       {&fault.Fault{Code: fault.RateLimited, RetryAfter: 5 * time.Second}, 429, api.CodeRate},
		"old":        {fault.New(fault.StateExpired, "gone"), 410, api.CodeExpired},
		"crash":      {errors.New("/secret/path: engine died"), 500, api.CodeInternal},
		"wrapped":    {fault.Wrap(fault.Transient, errors.New("/secret/path"), "ask the engine"), 503, api.CodeUnavailable},
		"first rows": {nil, 504, api.CodeTimeout},
	} {
		s.query = func(context.Context, api.Query) (v1.Rows, error) {
			if c.err == nil {
				return &rows{err: fault.New(fault.Transient, "x").WithScope("timeout")}, nil
			}
			return nil, c.err
		}
		answer, body := s.call(t, "POST", api.Prefix+"/query", "bob", `{"sql":"select 1"}`)
		var p api.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || answer.StatusCode != c.status || p.Code != c.code || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %s", name, answer.StatusCode, body)
		}
	}
}

// What fails in the middle never looks whole.
func TestQueryThatFailsLaterBreaksOff(t *testing.T) {
	s := serve(t, nil)
	s.query = func(context.Context, api.Query) (v1.Rows, error) {
		batch := [][]any{}
		for range 10_000 {
			batch = append(batch, []any{"some text of a row"})
		}
		return &rows{columns: []api.TypedName{{Name: "a"}}, batches: [][][]any{batch, batch}, err: errors.New("died")}, nil
	}
	for _, format := range []string{"json", "csv"} {
		request, _ := http.NewRequest("POST", s.url+api.Prefix+"/query", strings.NewReader(`{"sql":"select 1","format":"`+format+`"}`))
		request.Header.Set("Authorization", "Bearer bob")
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(answer.Body); err == nil {
			t.Errorf("%s: the answer looks whole", format)
		}
		answer.Body.Close()
	}
}

// A client who leaves ends the query (A6).
func TestQueryEndsWhenTheClientLeaves(t *testing.T) {
	s := serve(t, func(o *web.Options) { o.Stalled = time.Second })
	ended := make(chan bool)
	s.query = func(ctx context.Context, _ api.Query) (v1.Rows, error) {
		endless := make([][][]any, 100_000)
		for i := range endless {
			endless[i] = [][]any{{strings.Repeat("x", 10_000)}}
		}
		return &rows{columns: []api.TypedName{{Name: "a"}}, batches: endless, closed: func() { close(ended) }}, nil
	}
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, s.head("POST", api.Prefix+"/query")+"Content-Type: application/json\r\nContent-Length: 18\r\n\r\n"+`{"sql":"select 1"}`)
	io.ReadFull(c, make([]byte, 100))
	c.Close()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("the query goes on for nobody")
	}
}

func TestSampleHidesPersonalData(t *testing.T) {
	s := serve(t, nil)
	s.query = func(_ context.Context, q api.Query) (v1.Rows, error) {
		if q.SQL != `SELECT CAST("id" AS VARCHAR) AS "id", NULL AS "e""mail" FROM "shop"."orders" LIMIT 3` {
			t.Errorf("asked %s", q.SQL)
		}
		return &rows{batches: [][][]any{{{"1", nil}, {nil, nil}}}}, nil
	}
	_, body := s.call(t, "GET", api.Prefix+"/tables/shop.orders/sample?rows=3", "bob", "")
	var sample api.Sample
	if err := json.Unmarshal([]byte(body), &sample); err != nil {
		t.Fatal(err)
	}
	if len(sample.Rows) != 2 || *sample.Rows[0][0] != "1" || sample.Rows[0][1] != nil || !slices.Equal(sample.Masked, []string{`e"mail`}) || len(sample.Columns) != 2 {
		t.Errorf("%s", body)
	}
	s = serve(t, func(o *web.Options) { o.API.Queries = nil })
	answer, body := s.call(t, "GET", api.Prefix+"/tables/shop.orders/sample", "bob", "")
	if answer.StatusCode != 503 || !strings.Contains(body, "broker-service-duckdb") || !strings.Contains(body, `"code":"unavailable"`) {
		t.Errorf("without an engine: %d %s", answer.StatusCode, body)
	}
}

func TestPushReachesTheInbox(t *testing.T) {
	s := serve(t, nil)
	_, body := s.call(t, "POST", api.Prefix+"/push", "bob", `{"machine":"m","items":[{"path":"notes/a.md","size":5,"sha256":"h"}]}`)
	if !strings.Contains(body, `"state":"want"`) {
		t.Error(body)
	}
	large := strings.Repeat("x", api.PushChunk)
	answer, body := s.call(t, "POST", api.Prefix+"/push?machine=m&path=notes%2Fa.md&offset=0&size=9&sha256=h", "bob", large, "Content-Type: application/octet-stream")
	if answer.StatusCode != 200 || !strings.Contains(body, `"state":"have"`) || s.pushed["u-bob/m/notes/a.md"] != large {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	for _, query := range []string{"path=a&offset=0&size=1&sha256=h", "machine=m&offset=0&size=1&sha256=h", "machine=m&machine=n&path=a&offset=0&size=1&sha256=h", "machine=m&path=a&offset=-1&size=1&sha256=h"} {
		if answer, body := s.call(t, "POST", api.Prefix+"/push?"+query, "bob", "x", "Content-Type: application/octet-stream"); answer.StatusCode != 400 {
			t.Errorf("%s: %d %s", query, answer.StatusCode, body)
		}
	}
	items := strings.TrimSuffix(strings.Repeat(`{"path":"notes/a.md"},`, 1001), ",")
	if answer, _ := s.call(t, "POST", api.Prefix+"/push", "bob", `{"machine":"m","items":[`+items+`]}`); answer.StatusCode != 400 {
		t.Errorf("1001 items: %d", answer.StatusCode)
	}
}
