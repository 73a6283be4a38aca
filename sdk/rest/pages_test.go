package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/rest"
)

// collect walks all pages.
func collect(t *testing.T, c *rest.Client, r rest.Request) (items []int, pages int, err error) {
	t.Helper()
	for page, err := range rest.Pages[int](t.Context(), c, r) {
		if err != nil {
			return items, pages, err
		}
		items = append(items, page...)
		pages++
	}
	return items, pages, nil
}

func TestPagesOfEveryStyle(t *testing.T) {
	all := []int{1, 2, 3, 4, 5, 6, 7}
	slice := func(from int) (string, int) {
		to := min(from+3, len(all))
		text, _ := json.Marshal(all[min(from, to):to])
		return string(text), to
	}
	number := func(r *http.Request, name string) int {
		var n int
		fmt.Sscan(r.URL.Query().Get(name), &n)
		return n
	}
	for _, tt := range []struct {
		name    string
		request rest.Request
		answer  func(w http.ResponseWriter, r *http.Request, host string)
		pages   int
	}{
		{"token", rest.Request{Items: "result.items", NextKey: "result.next", NextParam: "cursor"}, func(w http.ResponseWriter, r *http.Request, _ string) {
			items, to := slice(number(r, "cursor"))
			next := fmt.Sprintf(`"%d"`, to)
			if to == len(all) {
				next = "null"
			}
			fmt.Fprintf(w, `{"result": {"items": %s, "next": %s}}`, items, next)
		}, 3},
		{"number as token, name from the key", rest.Request{Items: "items", NextKey: "start"}, func(w http.ResponseWriter, r *http.Request, _ string) {
			items, to := slice(number(r, "start"))
			if to == len(all) {
				fmt.Fprintf(w, `{"items": %s}`, items)
				return
			}
			fmt.Fprintf(w, `{"items": %s, "start": %d}`, items, to)
		}, 3},
		{"address", rest.Request{Items: "items", NextKey: "next"}, func(w http.ResponseWriter, r *http.Request, host string) {
			items, to := slice(number(r, "from"))
			next := ""
			if to < len(all) {
				next = fmt.Sprintf("%s/v1/more?from=%d", host, to)
			}
			fmt.Fprintf(w, `{"items": %s, "next": %q}`, items, next)
		}, 3},
		{"link header", rest.Request{Link: true}, func(w http.ResponseWriter, r *http.Request, host string) {
			items, to := slice(number(r, "from"))
			w.Header().Add("Link", `<https://x.example/a,b>; rel="prev"`)
			if to < len(all) {
				w.Header().Add("Link", fmt.Sprintf(`<%s/v1/p?tags=a,b&from=%d>; title="x"; rel="last next"`, host, to))
			}
			fmt.Fprint(w, items)
		}, 3},
		{"offset", rest.Request{Items: "items", OffsetParam: "skip", SizeParam: "top", Size: 3}, func(w http.ResponseWriter, r *http.Request, _ string) {
			if r.URL.Query().Get("top") != "3" {
				w.WriteHeader(400)
			}
			items, _ := slice(number(r, "skip"))
			fmt.Fprintf(w, `{"items": %s}`, items)
		}, 3},
		{"page number", rest.Request{Items: "items", PageParam: "page"}, func(w http.ResponseWriter, r *http.Request, _ string) {
			items, _ := slice((number(r, "page") - 1) * 3)
			fmt.Fprintf(w, `{"items": %s}`, items)
		}, 4},
		{"page number from 0", rest.Request{Items: "items", PageParam: "page", ZeroPage: true, Size: 3}, func(w http.ResponseWriter, r *http.Request, _ string) {
			items, _ := slice(number(r, "page") * 3)
			fmt.Fprintf(w, `{"items": %s}`, items)
		}, 3},
		{"more", rest.Request{Items: "items", PageParam: "page", MoreKey: "more"}, func(w http.ResponseWriter, r *http.Request, _ string) {
			items, to := slice((number(r, "page") - 1) * 3)
			fmt.Fprintf(w, `{"items": %s, "more": %t}`, items, to < len(all))
		}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := client(t, func(w http.ResponseWriter, r *http.Request, _ int) { tt.answer(w, r, "http://"+r.Host) })
			tt.request.Path, tt.request.Query = "list", url.Values{"keep": {"1"}}
			items, pages, err := collect(t, c, tt.request)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(all, items); diff != "" || pages != tt.pages {
				t.Errorf("%d pages, want %d; items (-want +got):\n%s", pages, tt.pages, diff)
			}
		})
	}
}

func TestD16_EndlessPagesAreFound(t *testing.T) {
	for name, tt := range map[string]struct {
		request rest.Request
		answer  string
	}{
		"same token":   {rest.Request{Items: "items", NextKey: "next"}, `{"items": [1], "next": "again"}`},
		"same address": {rest.Request{Items: "items", NextKey: "next"}, `{"items": [1], "next": "/v1/list"}`},
		"same page":    {rest.Request{Items: "items", OffsetParam: "skip"}, `{"items": [1]}`},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, n int) {
				if n > 5 {
					t.Error("called for ever")
					w.WriteHeader(500)
				}
				fmt.Fprint(w, tt.answer)
			})
			_, _, err := collect(t, c, tt.request)
			wantCode(t, err, fault.Data)
		})
	}
	t.Run("two tokens in turn", func(t *testing.T) {
		c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, n int) { fmt.Fprintf(w, `{"items": [], "next": %d}`, n%2) })
		_, _, err := collect(t, c, rest.Request{Items: "items", NextKey: "next"})
		wantCode(t, err, fault.Data)
	})
}

func TestPagesWithoutItemsAreWrongNotEmpty(t *testing.T) {
	for answer, code := range map[string]fault.Code{
		`{"items": []}`:             "",
		`{"items": null}`:           "",
		`{"error": "no"}`:           fault.Data,
		`{"items": {"a": 1}}`:       fault.Data,
		`{"items": ["text"]}`:       fault.Data,
		`[1]`:                       fault.Data,
		`{"items": [], "next": {}}`: fault.Data,
	} {
		c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, answer) })
		_, _, err := collect(t, c, rest.Request{Items: "items", NextKey: "next"})
		if fault.CodeOf(err) != code {
			t.Errorf("%s: got %v, want %q", answer, err, code)
		}
	}
}

func TestPagesEndWhenTheReaderHasEnough(t *testing.T) {
	calls := 0
	c, _ := client(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		calls = n
		fmt.Fprintf(w, `{"items": [%d], "next": %d}`, n, n)
	})
	for range rest.Pages[int](t.Context(), c, rest.Request{Items: "items", NextKey: "next"}) {
		if calls == 2 {
			break
		}
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}
