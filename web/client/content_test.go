package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client"
	"github.com/ai-data-analyst/broker/web/client/clienttest"
)

func TestEvents(t *testing.T) {
	s := clienttest.New(t)
	var resumed atomic.Value
	s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
		resumed.Store(r.Header.Get("Last-Event-ID"))
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": hello\n\nid: 4\nevent: table.published\ndata: {\"generation\":4,\ndata: \"tables\":[\"shop.orders\"]}\n\n: still here\n\nid: 5\r\nevent: x\r\ndata: {\"generation\":5}\r\n\r\n")
		return true
	})
	var got []client.Event
	err := connect(t, s).Events(t.Context(), 3, func(e client.Event) error { got = append(got, e); return nil })
	if !errors.Is(err, io.EOF) || len(got) != 2 || got[0].ID != 4 || got[0].Change.Tables[0] != "shop.orders" || got[1].Name != "x" || resumed.Load() != "3" {
		t.Errorf("%+v %v, resumed after %v", got, err, resumed.Load())
	}
	stop := errors.New("enough")
	if err := connect(t, s).Events(t.Context(), -1, func(client.Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestQueries(t *testing.T) {
	s := clienttest.New(t)
	mode := ""
	s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
		switch mode {
		case "rows":
			clienttest.JSON(w, 200, map[string]any{"columns": []any{}, "rows": [][]any{{1, "a"}}, "generation": 3})
		case "cut":
			w.Header().Set("Content-Type", "text/csv")
			fmt.Fprint(w, "a,b\n")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "bad":
			clienttest.Refuse(w, 400, api.CodeQuery)
		}
		return true
	})
	s.Config.ErrorLog = nil
	c := connect(t, s)
	mode = "rows"
	if r, err := c.QueryRows(t.Context(), api.Query{SQL: "select 1"}); err != nil || r.Generation != 3 || fmt.Sprint(r.Rows) != "[[1 a]]" {
		t.Errorf("%+v %v", r, err)
	}
	mode = "cut"
	body, err := c.Query(t.Context(), api.Query{SQL: "select 1", Format: "csv"})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	_, err = io.ReadAll(body)
	wantCode(t, err, "short_body", fault.Data)
	mode = "bad"
	_, err = c.Query(t.Context(), api.Query{SQL: "x", Format: "arrow"})
	wantCode(t, err, api.CodeQuery, fault.Data)
	if _, err := c.Query(t.Context(), api.Query{Format: "xml"}); fault.CodeOf(err) != fault.Config {
		t.Error(err)
	}
}

func TestSignIns(t *testing.T) {
	s := clienttest.New(t)
	status := http.StatusAccepted
	s.Nasty(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: content type %q", r.URL.Path, r.Header.Get("Content-Type"))
		}
		switch {
		case status == http.StatusAccepted:
			clienttest.JSON(w, status, map[string]string{"status": "pending"})
		case status == http.StatusCreated:
			clienttest.JSON(w, status, api.IssuedToken{Secret: "brk_x"})
		default:
			clienttest.Refuse(w, status, api.CodeAuth)
		}
		return true
	})
	c := connect(t, s, func(o *client.Options) { o.Token = "" })
	if _, done, err := c.FinishDevice(t.Context(), api.DevicePoll{}); done || err != nil {
		t.Errorf("%t %v", done, err)
	}
	status = http.StatusCreated
	if token, done, err := c.FinishDevice(t.Context(), api.DevicePoll{}); !done || err != nil || token.Secret != "brk_x" {
		t.Errorf("%+v %t %v", token, done, err)
	}
	status = http.StatusUnauthorized
	_, err := c.SignInDemo(t.Context(), api.DemoLogin{})
	wantCode(t, err, api.CodeAuth, fault.Auth)
}
