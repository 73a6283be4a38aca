package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
)

type health func() string

func (h health) Failing(context.Context) string { return h() }

func start(t *testing.T, h health) string {
	t.Helper()
	server, err := web.New(web.Options{Listen: "127.0.0.1:0", Health: h, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return server.Address()
}

func read(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestHealthz(t *testing.T) {
	failing := ""
	address := start(t, func() string { return failing })
	if status, body := read(t, "http://"+address+"/healthz"); status != 200 || body != `{"status":"ok"}` {
		t.Errorf("healthy: %d %s", status, body)
	}
	failing = "state"
	if status, body := read(t, "http://"+address+"/healthz"); status != 503 || !strings.Contains(body, `"part":"state"`) {
		t.Errorf("failing: %d %s", status, body)
	}
}

func TestPanicAndUnknownPathSayNothing(t *testing.T) {
	address := start(t, func() string { panic("secret detail") })
	status, body := read(t, "http://"+address+"/healthz")
	if status != 500 || strings.Contains(body, "secret") {
		t.Errorf("panic: %d %s", status, body)
	}
	if status, body := read(t, "http://"+address+"/nothing"); status != 404 || strings.Contains(body, "/nothing") {
		t.Errorf("unknown: %d %s", status, body)
	}
}

func TestPortInUseIsAnErrorOfTheStart(t *testing.T) {
	address := start(t, func() string { return "" })
	_, err := web.New(web.Options{Listen: address})
	if fault.CodeOf(err) != fault.Config {
		t.Errorf("got %v", err)
	}
}

func TestGarbageDoesNotStopTheServer(t *testing.T) {
	address := start(t, func() string { return "" })
	for _, request := range []string{"\x00\x01\x02\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET /" + strings.Repeat("a", 20_000) + " HTTP/1.1\r\nHost: x\r\n\r\n"} {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(connection, request)
		line, err := bufio.NewReader(connection).ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "HTTP/1.1 4") {
			t.Errorf("%.20q answered %q", request, line)
		}
		connection.Close()
	}
	if status, _ := read(t, "http://"+address+"/healthz"); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}
