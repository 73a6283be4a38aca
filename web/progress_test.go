package web_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/v1"
)

// G12: progress is told of granted tables only, and without an id: who comes back is told generations.
func TestG12_ProgressIsNarrowed(t *testing.T) {
	s := serve(t, nil)
	lines, _ := s.listen(t, "bob")
	for _, table := range []string{"hr.salaries", "shop.orders"} {
		s.publish(v1.Event{Name: "run.progress", Tables: []sdk.TableName{sdk.TableName(table)},
			Progress: &api.Progress{Run: "r", Table: table, Source: "keep", Phase: "reading\nid: 99", Rows: 7, Rate: 3.5, Seconds: 2}})
	}
	s.publish(v1.Event{Name: "run.progress", Tables: []sdk.TableName{"shop.orders"}, Progress: &api.Progress{Table: "hr.salaries"}}) // what it is about decides
	s.publish(v1.Event{Name: "table.published", Generation: 9, At: time.Unix(0, 0), Tables: []sdk.TableName{"shop.orders"}})
	for _, want := range []string{
		`event: run.progress|data: {"run":"r","table":"shop.orders","source":"keep","phase":"reading\nid: 99","rows":7,"bytes":0,"rows_per_second":3.5,"seconds":2}`,
		`id: 9|event: table.published|data: {"generation":9,"published_at":"1970-01-01T00:00:00Z","tables":["shop.orders"]}`,
	} {
		if got := event(t, lines); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// A stream that a browser opened by its cookie lasts as long as the session: asking again does not use it, and the end of
// the session ends the stream.
func TestStreamByCookieLastsAsLongAsTheSession(t *testing.T) {
	var h *hall
	var looks atomic.Int64
	s, hall := portalOf(t, nil, &[]web.CookiePair{}, func(o *web.Options) {
		o.Portal.Look = func(ctx context.Context, secret string) (sdk.Caller, error) {
			looks.Add(1)
			who, _, err := h.Enter(ctx, secret)
			return who, err
		}
	})
	h = hall
	b := s.browser(t)
	b.signIn()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", s.url+api.Prefix+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Jar: b.c.Jar}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	if answer.StatusCode != 200 || !lines.Scan() {
		t.Fatalf("events: %d", answer.StatusCode)
	}
	for deadline := time.Now().Add(30 * time.Second); looks.Load() < 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody asks whether the session goes on")
		}
	}
	s.publish(v1.Event{Name: "table.published", Generation: 9, At: time.Unix(0, 0), Tables: []sdk.TableName{"shop.orders"}})
	if got := event(t, lines); !strings.HasPrefix(got, "id: 9|event: table.published|") {
		t.Error(got)
	}
	h.remove(func(sdk.PortalSession) bool { return true })
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event:") {
			t.Error(lines.Text())
		}
	}
	if ctx.Err() != nil {
		t.Error("the stream goes on without a session")
	}
}
