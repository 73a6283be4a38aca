package web_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/web"
	"github.com/ai-data-analyst/broker/web/api"
)

// head is a request for a path as ada, whose other headers follow.
func (s *server) head(method, path string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: " + s.address + "\r\nAuthorization: Bearer ada\r\n"
}

func TestA1_PathsThatPointElsewhere(t *testing.T) {
	s := serve(t, nil)
	for _, name := range []string{"..%2f..%2fetc", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "shop.orders%00", "%00", "%2e", "%2e%2e", "..", "shop%c0%ae%c0%aeorders", "shop%5corders", `shop\orders`,
		"shop.orders%2f..%2fhr.salaries", "%ff%fe", "shop.orders%0d%0aX: y", "SHOP.ORDERS", "shop.orders;x=1", "shop.orders%20", "%73%68%6f%70.orders%2fsample%2f..", "%", "%zz", strings.Repeat("a", 4000), strings.Repeat("a", 20_000)} {
		for _, path := range []string{"/tables/" + name, "/tables/" + name + "/sample", "/parts/" + name, "/me/tokens/" + name} {
			method := "GET"
			if strings.HasPrefix(path, "/me") {
				method = "DELETE"
			}
			first, rest, _ := s.raw(t, s.head(method, api.Prefix+path)+"Connection: close\r\n\r\n")
			if first != "" && !strings.Contains(first, " 404 ") && !strings.Contains(first, " 400 ") && !strings.Contains(first, " 405 ") && !strings.Contains(first, " 431 ") {
				t.Errorf("%.80q: %s", path, first)
			}
			if strings.Contains(rest, "X: y") || strings.Contains(rest, "root:") {
				t.Errorf("%.80q: %s", path, rest)
			}
		}
	}
	if first, _, _ := s.raw(t, s.head("GET", api.Prefix+"/tables/shop%2Eorders")+"Connection: close\r\n\r\n"); !strings.Contains(first, " 200 ") {
		t.Errorf("a dot that is written otherwise: %s", first)
	}
	// A guard on one spelling is not passed by another.
	for _, path := range []string{"/api/v1/%6danifest", "/%61pi/v1/manifest", "//api/v1/manifest", "/api//v1/manifest", "/api/v1/./manifest", "/api/v1/x/../manifest", "/API/v1/manifest", "/api/v1/manifest/"} {
		first, _, _ := s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: "+s.address+"\r\nConnection: close\r\n\r\n")
		if !strings.Contains(first, " 401 ") && !strings.Contains(first, " 404 ") {
			t.Errorf("%s without credentials: %s", path, first)
		}
	}
}

func TestA2_ParametersOutOfRange(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct{ path, field string }{
		{"/manifest?generation=0", "generation"}, {"/manifest?generation=-1", "generation"}, {"/manifest?generation=1e3", "generation"}, {"/manifest?generation=NaN", "generation"},
		{"/manifest?generation=1000000000000000000000", "generation"}, {"/manifest?generation=6&generation=6", "generation"}, {"/manifest?generation=", "generation"},
		{"/manifest?generation=06", "generation"}, {"/manifest?generation=+6", "generation"}, {"/manifest?generation=6%20", "generation"}, {"/manifest?generation=%D9%A6", "generation"},
		{"/changes?since=-1", "since"}, {"/changes?since=0x10", "since"}, {"/changes?since=1&since=2", "since"}, {"/changes?since", "since"},
		{"/tables/shop.orders/sample?rows=0", "rows"}, {"/tables/shop.orders/sample?rows=101", "rows"}, {"/tables/shop.orders/sample?rows=1.5", "rows"},
	} {
		answer, body := s.call(t, "GET", api.Prefix+c.path, "ada", "")
		var p api.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || answer.StatusCode != 400 || p.Field != c.field || p.Code != api.CodeBadRequest {
			t.Errorf("%s: %d %s", c.path, answer.StatusCode, body)
		}
		if answer.Header.Get("Content-Type") != api.ProblemType {
			t.Errorf("%s: content type %q", c.path, answer.Header.Get("Content-Type"))
		}
	}
}

func TestA3_Ranges(t *testing.T) {
	s := serve(t, nil)
	hash, content := s.partOf("shop.orders")
	size := len(content)
	many := func(n int) string {
		return "bytes=" + strings.TrimSuffix(strings.Repeat("0-0,", n), ",")
	}
	for _, c := range []struct {
		asked, condition string
		status           int
		from, to         int // of the content, when partial
	}{
		{"bytes=0-9", "", 206, 0, 10}, {"bytes=100-", "", 206, 100, size}, {"bytes=-10", "", 206, size - 10, size}, {"bytes=0-99999999", "", 206, 0, size},
		{"bytes=-99999999", "", 206, 0, size}, {fmt.Sprintf("bytes=%d-", size-1), "", 206, size - 1, size}, {"BYTES=0-9", "", 206, 0, 10},
		{fmt.Sprintf("bytes=%d-", size), "", 416, 0, 0}, {"bytes=99999999-999999999", "", 416, 0, 0}, {"bytes=-0", "", 416, 0, 0},
		{many(9), "", 416, 0, 0}, {many(1000), "", 416, 0, 0}, {many(8), "", 200, 0, 0}, {"bytes=0-1,1-2,0-5", "", 200, 0, 0},
		{"bytes=9-0", "", 200, 0, 0}, {"bytes=--5", "", 200, 0, 0}, {"bytes=-5-", "", 200, 0, 0}, {"bytes=a-b", "", 200, 0, 0}, {"bytes=", "", 200, 0, 0}, {"rows=0-9", "", 200, 0, 0},
		{"bytes=0-18446744073709551617", "", 200, 0, 0}, {"bytes= 0-9", "", 206, 0, 10},
		{"bytes=0-9", `"` + hash + `"`, 206, 0, 10}, {"bytes=0-9", `"other"`, 200, 0, 0}, {"bytes=0-9", `W/"` + hash + `"`, 200, 0, 0}, {"bytes=0-9", "Wed, 25 Nov 2026 00:00:00 GMT", 200, 0, 0},
	} {
		headers := []string{"Range: " + c.asked}
		if c.condition != "" {
			headers = append(headers, "If-Range: "+c.condition)
		}
		answer, body := s.call(t, "GET", api.Prefix+"/parts/"+hash, "ada", "", headers...)
		if answer.StatusCode != c.status {
			t.Errorf("%s %s: %d", c.asked, c.condition, answer.StatusCode)
			continue
		}
		switch c.status {
		case 206:
			if body != string(content[c.from:c.to]) || answer.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", c.from, c.to-1, size) {
				t.Errorf("%s: %d bytes, %s", c.asked, len(body), answer.Header.Get("Content-Range"))
			}
		case 200:
			if body != string(content) {
				t.Errorf("%s: %d bytes of %d", c.asked, len(body), size)
			}
		case 416:
			if answer.Header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
				t.Errorf("%s: %q", c.asked, answer.Header.Get("Content-Range"))
			}
		}
	}
}

func TestPartHeaders(t *testing.T) {
	s := serve(t, nil)
	hash, content := s.partOf("shop.orders")
	path := api.Prefix + "/parts/" + hash
	answer, _ := s.call(t, "GET", path, "bob", "")
	for name, want := range map[string]string{"Etag": `"` + hash + `"`, "Cache-Control": "private, max-age=31536000, immutable", "Content-Encoding": "", "Accept-Ranges": "bytes",
		"Content-Type": "application/octet-stream", "Content-Length": fmt.Sprint(len(content)), "X-Content-Type-Options": "nosniff", "Server": ""} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if answer, body := s.call(t, "HEAD", path, "bob", ""); answer.StatusCode != 200 || body != "" || answer.ContentLength != int64(len(content)) {
		t.Errorf("HEAD: %d, %d bytes announced, %d sent", answer.StatusCode, answer.ContentLength, len(body))
	}
	if answer, body := s.call(t, "HEAD", path, "bob", "", "Range: bytes=0-9"); answer.StatusCode != 206 || body != "" || answer.ContentLength != 10 {
		t.Errorf("HEAD of a range: %d, %d", answer.StatusCode, answer.ContentLength)
	}
	for _, tag := range []string{`"` + hash + `"`, `"x", W/"` + hash + `"`, "*"} {
		if answer, body := s.call(t, "GET", path, "bob", "", "If-None-Match: "+tag); answer.StatusCode != 304 || body != "" {
			t.Errorf("If-None-Match %s: %d", tag, answer.StatusCode)
		}
	}
	empty := s.addPart(t, "shop.orders", nil)
	if answer, body := s.call(t, "GET", api.Prefix+"/parts/"+empty, "bob", ""); answer.StatusCode != 200 || body != "" || answer.ContentLength != 0 {
		t.Errorf("empty: %d", answer.StatusCode)
	}
	if answer, _ := s.call(t, "GET", api.Prefix+"/parts/"+empty, "bob", "", "Range: bytes=0-"); answer.StatusCode != 416 {
		t.Errorf("range of an empty part: %d", answer.StatusCode)
	}
}

func TestA4_Manifests(t *testing.T) {
	s := serve(t, nil)
	ada, _ := s.call(t, "GET", api.Prefix+"/manifest", "ada", "")
	bob, _ := s.call(t, "GET", api.Prefix+"/manifest", "bob", "")
	if ada.Header.Get("ETag") == bob.Header.Get("ETag") || ada.Header.Get(api.SignatureHeader) == "" || ada.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("ada %v\nbob %v", ada.Header, bob.Header)
	}
	if answer, body := s.call(t, "GET", api.Prefix+"/manifest", "bob", "", "If-None-Match: "+bob.Header.Get("ETag")); answer.StatusCode != 304 || body != "" {
		t.Errorf("unchanged: %d %s", answer.StatusCode, body)
	}
	if answer, _ := s.call(t, "GET", api.Prefix+"/manifest", "bob", "", "If-None-Match: "+ada.Header.Get("ETag")); answer.StatusCode != 200 {
		t.Errorf("another's tag: %d", answer.StatusCode)
	}
	if answer, _ := s.call(t, "GET", api.Prefix+"/manifest?generation=8", "bob", ""); answer.StatusCode != 404 {
		t.Errorf("beyond current: %d", answer.StatusCode)
	}
	answer, body := s.call(t, "GET", api.Prefix+"/manifest?generation=2", "bob", "")
	var p api.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil || answer.StatusCode != 410 || p.Oldest != 3 || p.Current != 7 || p.Code != api.CodeExpired {
		t.Errorf("expired: %d %s", answer.StatusCode, body)
	}
	hash, _ := s.partOf("hr.salaries")
	if answer, _ := s.call(t, "GET", api.Prefix+"/parts/"+hash, "bob", ""); answer.StatusCode != 404 {
		t.Errorf("another's part: %d", answer.StatusCode)
	}
}

// files counts this process's open descriptors of a file.
func files(t *testing.T, path string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	n := 0
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && target == path {
			n++
		}
	}
	return n
}

// large is a part of 64 MiB, more than any buffer on the way holds.
func (s *server) large(t *testing.T) (hash, path string) {
	t.Helper()
	hash = s.addPart(t, "shop.orders", bytes.Repeat([]byte("0123456789abcdef"), 4<<20))
	path, err := filepath.EvalSymlinks(s.parts[hash].path)
	if err != nil {
		t.Fatal(err)
	}
	return hash, path
}

func TestA5_ReaderWhoStopsReadingIsCut(t *testing.T) {
	s := serve(t, func(o *web.Options) { o.Stalled = 200 * time.Millisecond })
	hash, path := s.large(t)
	var open []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, s.head("GET", api.Prefix+"/parts/"+hash)+"\r\n")
		open = append(open, c)
	}
	until(t, "the slots of readers who do not read are freed", func() bool { return files(t, path) == 0 })
	for _, c := range open { // what was on the way comes, then the end: less than the whole
		c.SetDeadline(time.Now().Add(30 * time.Second))
		n, _ := io.Copy(io.Discard, c)
		if n >= 64<<20 {
			t.Errorf("%d bytes", n)
		}
	}
	if answer, body := s.call(t, "GET", api.Prefix+"/parts/"+hash, "bob", ""); answer.StatusCode != 200 || len(body) != 64<<20 {
		t.Errorf("afterwards: %d, %d bytes", answer.StatusCode, len(body))
	}
}

// G12: a download under way ends with the right to it, be it the credential or the grant, also when the reader is slow.
func TestG12_ADownloadEndsWithTheRightToIt(t *testing.T) {
	for name, revoke := range map[string]func(*person){
		"token": func(p *person) { p.gone = true },
		"grant": func(p *person) { p.tables = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil)
			hash, path := s.large(t)
			c, err := net.Dial("tcp", s.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprint(c, s.head("GET", api.Prefix+"/parts/"+hash)+"\r\n")
			if _, err := io.ReadFull(c, make([]byte, 100_000)); err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			revoke(s.people["ada"])
			s.mu.Unlock()
			until(t, "the file is closed", func() bool { return files(t, path) == 0 })
			c.SetDeadline(time.Now().Add(30 * time.Second))
			if n, _ := io.Copy(io.Discard, c); n >= 60<<20 { // what was on the way comes still
				t.Errorf("%d bytes more", n)
			}
		})
	}
}

func TestA6_ClientWhoLeavesFreesEverything(t *testing.T) {
	s := serve(t, nil)
	hash, path := s.large(t)
	s.call(t, "GET", api.Prefix+"/me", "ada", "") // whatever lives long is there
	before := runtime.NumGoroutine()
	for range 20 {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, s.head("GET", api.Prefix+"/parts/"+hash)+"\r\n")
		if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	until(t, "descriptors are freed", func() bool { return files(t, path) == 0 })
	until(t, "goroutines are freed", func() bool { return runtime.NumGoroutine() <= before+5 })
}

func TestA9_Bodies(t *testing.T) {
	s := serve(t, nil)
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for name, c := range map[string]struct {
		path, body, media string
		status            int
		field             string
	}{
		"depth":            {"/query", deep, "application/json", 400, "body"},
		"very deep":        {"/query", strings.Repeat("[", 100_000), "application/json", 400, "body"},
		"twice":            {"/query", `{"sql":"select 1","sql":"select 2"}`, "application/json", 400, "sql"},
		"twice folded":     {"/query", `{"sql":"select 1","SQL":"select 2"}`, "application/json", 400, "SQL"},
		"twice inside":     {"/push", `{"machine":"m","items":[{"path":"a","path":"b"}]}`, "application/json", 400, "path"},
		"trailing":         {"/query", `{"sql":"select 1"} {}`, "application/json", 400, "body"},
		"garbage":          {"/query", `{"sql":"select 1"}x`, "application/json", 400, "body"},
		"not an object":    {"/query", `["sql"]`, "application/json", 400, "body"},
		"cut":              {"/query", `{"sql":"sel`, "application/json", 400, "body"},
		"empty":            {"/query", ``, "application/json", 400, "body"},
		"wrong type":       {"/query", `{"sql":1}`, "application/json", 400, "sql"},
		"number too large": {"/query", `{"sql":"select 1","limit":1e99}`, "application/json", 400, "limit"},
		"negative":         {"/query", `{"sql":"select 1","limit":-1}`, "application/json", 400, "limit"},
		"format":           {"/query", `{"sql":"select 1","format":"xml"}`, "application/json", 400, "format"},
		"no UTF-8":         {"/query", "{\"sql\":\"\xff\"}", "application/json", 400, "body"},
		"form":             {"/query", `sql=select`, "application/x-www-form-urlencoded", 415, ""},
		"text":             {"/query", `{"sql":"select 1"}`, "text/plain", 415, ""},
		"no media type":    {"/query", `{"sql":"select 1"}`, "-", 415, ""},
		"large":            {"/query", `{"sql":"` + strings.Repeat("x", 10<<20) + `"}`, "application/json", 413, ""},
		"large token":      {"/me/tokens", `{"label":"` + strings.Repeat("x", 1<<20) + `"}`, "application/json", 413, ""},
		"scope":            {"/me/tokens", `{"label":"x","scopes":["root"]}`, "application/json", 400, "scopes"},
		"label":            {"/me/tokens", `{"label":"x\u0000y"}`, "application/json", 400, "label"},
		"days":             {"/me/tokens", `{"days":9999}`, "application/json", 400, "days"},
		"push chunk":       {"/push?machine=m&path=p&sha256=h&offset=0", "x", "application/octet-stream", 400, "size"},
	} {
		headers := []string{"Content-Type: " + c.media}
		if c.media == "-" {
			headers = []string{"Content-Type: "}
		}
		answer, body := s.call2(t, api.Prefix+c.path, c.body, headers)
		if answer == nil {
			if c.status != 413 {
				t.Errorf("%s: the connection broke", name)
			}
			continue // the server said 413 and closed while the client was still sending
		}
		var p api.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil || answer.StatusCode != c.status || p.Field != c.field {
			t.Errorf("%s: %d %.200s", name, answer.StatusCode, body)
		}
	}
	answer, _ := s.call(t, "POST", api.Prefix+"/query", "ada", `{"sql":"select 1"}`, "Content-Encoding: gzip")
	if answer.StatusCode != 415 {
		t.Errorf("compressed: %d", answer.StatusCode)
	}
}

// call2 posts as ada; nil when the connection broke.
func (s *server) call2(t *testing.T, path, body string, headers []string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest("POST", s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer ada")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	client := http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	answer, err := client.Do(request)
	if err != nil {
		return nil, ""
	}
	defer answer.Body.Close()
	content, _ := io.ReadAll(answer.Body)
	return answer, string(content)
}

// Large bodies are not even read from those who show no credentials.
func TestA9_LargeBodyWithoutCredentials(t *testing.T) {
	s := serve(t, nil)
	first, _, closed := s.raw(t, "POST "+api.Prefix+"/push HTTP/1.1\r\nHost: "+s.address+"\r\nContent-Type: application/json\r\nContent-Length: 4000000\r\n\r\n")
	if !strings.Contains(first, " 413 ") || !closed {
		t.Errorf("%s, closed %t", first, closed)
	}
}

func TestA10_TwoWaysToReadTheLength(t *testing.T) {
	s := serve(t, nil)
	hidden := "GET " + api.Prefix + "/me HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, headers := range map[string]string{
		"CL+TE":          fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", len("0\r\n\r\n"+hidden)),
		"TE+CL":          fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n", len("0\r\n\r\n"+hidden)),
		"te+cl":          fmt.Sprintf("transfer-encoding: chunked\r\ncontent-length: %d\r\n", len("0\r\n\r\n"+hidden)),
		"two lengths":    "Content-Length: 5\r\nContent-Length: 50\r\n",
		"same lengths":   "Content-Length: 5\r\nContent-Length: 5\r\n",
		"list":           "Content-Length: 5, 50\r\n",
		"signed":         "Content-Length: +5\r\n",
		"hex":            "Content-Length: 0x5\r\n",
		"two codings":    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
		"unknown coding": "Transfer-Encoding: xchunked\r\n",
		"coding list":    "Transfer-Encoding: gzip, chunked\r\n",
		"space":          "Content-Length : 5\r\n",
		"folded":         "Content-Length:\r\n 5\r\nTransfer-Encoding: chunked\r\n",
		"tab":            "Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n",
		"two hosts":      "Host: evil.example\r\n",
		"identity+CL":    "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
	} {
		first, rest, closed := s.raw(t, s.head("POST", api.Prefix+"/query")+"Content-Type: application/json\r\n"+headers+"\r\n0\r\n\r\n"+hidden)
		if !strings.Contains(first, " 400 ") || !closed {
			t.Errorf("%s: %s, closed %t", name, first, closed)
		}
		if strings.Contains(rest, "HTTP/1.1 ") {
			t.Errorf("%s: a second request was answered: %s", name, rest)
		}
	}
	// The harmless kind works.
	first, _, _ := s.raw(t, s.head("POST", api.Prefix+"/push")+"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"+
		"1a\r\n{\"machine\":\"m\",\"items\":[]}\r\n0\r\n\r\n")
	if !strings.Contains(first, " 200 ") {
		t.Errorf("chunked alone: %s", first)
	}
}

func TestHostRule(t *testing.T) {
	s := serve(t, func(o *web.Options) { o.PublicURL = "https://data.example.com" })
	_, port, _ := net.SplitHostPort(s.address)
	for host, status := range map[string]int{"data.example.com": 200, "DATA.example.com": 200, "data.example.com:443": 200, "localhost:" + port: 200, "127.0.0.1:" + port: 200, "[::1]:" + port: 200, "127.0.0.2:" + port: 200,
		"evil.example": 421, "data.example.com.evil.example": 421, "data.example.com:8443": 421, "localhost:1": 421, "localhost": 421, "10.0.0.1:" + port: 421, "localhost.evil.example:" + port: 421} {
		if answer, _ := s.call(t, "GET", api.Prefix+"/me", "ada", "", "Host: "+host); answer.StatusCode != status {
			t.Errorf("%s: %d", host, answer.StatusCode)
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if answer, _ := s.call(t, "GET", path, "", "", "Host: "+host); answer.StatusCode != 200 {
				t.Errorf("%s for %s: %d", path, host, answer.StatusCode)
			}
		}
	}
	answer, _ := s.call(t, "GET", api.Prefix+"/me", "ada", "")
	if answer.Header.Get("Strict-Transport-Security") == "" || answer.Header.Get("X-Request-Id") == "" || answer.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("%v", answer.Header)
	}
	s.raw(t, "GET / HTTP/1.0\r\n\r\n") // no Host at all
	first, _, _ := s.raw(t, "GET "+api.Prefix+"/me HTTP/1.1\r\nConnection: close\r\n\r\n")
	if !strings.Contains(first, " 400 ") && !strings.Contains(first, " 421 ") {
		t.Errorf("no Host: %s", first)
	}
}

// Values of a request do not live on in the next one on the same connection.
func TestPipelinedRequestsDoNotMix(t *testing.T) {
	s := serve(t, nil)
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	users := []string{"ada", "bob", "eve", "nobody", "bob", "ada"}
	for _, user := range users {
		fmt.Fprintf(c, "GET %s/me HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", api.Prefix, s.address, user)
	}
	reader := bufio.NewReader(c)
	for _, user := range users {
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		if user == "nobody" {
			if answer.StatusCode != 401 {
				t.Errorf("nobody: %d", answer.StatusCode)
			}
			continue
		}
		if !strings.Contains(string(body), user+"@example.com") {
			t.Errorf("%s got %s", user, body)
		}
	}
}
