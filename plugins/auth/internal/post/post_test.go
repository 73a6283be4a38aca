package post_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ai-data-analyst/broker/plugins/auth/internal/post"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func good() post.Settings {
	return post.Settings{Host: "127.0.0.1", Port: 587, TLS: post.StartTLS, From: "Acme Data <broker@acme.com>"}
}

func TestSettingsOfMail(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := post.New(good()); err != nil {
		t.Fatal(err)
	}
	for path, change := range map[string]func(*post.Settings){
		"host":     func(s *post.Settings) { s.Host = "" },
		"port":     func(s *post.Settings) { s.Port = 70000 },
		"tls":      func(s *post.Settings) { s.TLS = "none" },
		"username": func(s *post.Settings) { s.Username = "u" },
		"from":     func(s *post.Settings) { s.From = "broker@acme.com\r\nBcc: eve@evil.example" },
		"ca_file":  func(s *post.Settings) { s.CAFile = empty },
	} {
		s := good()
		change(&s)
		_, err := post.New(s)
		if f, ok := fault.As(err); !ok || f.Code != fault.Config || f.Path != path {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestL7_AHeaderTakesOneLine(t *testing.T) {
	s, err := post.New(good())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"a@acme.com\r\nBcc: b@evil.example", "s"}, {"a@acme.com", "s\nBcc: b@evil.example"}, {"a@acme.com, b@evil.example", "s"}, {"a", "s"}} {
		if err := s.Send(t.Context(), post.Mail{To: c[0], Subject: c[1], Text: "text"}); fault.CodeOf(err) != fault.Data {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// TestL6_NoServer sends where nobody listens, and where nobody encrypts.
func TestL6_NoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := good()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s.Port, _ = strconv.Atoi(port)
	sender, err := post.New(s)
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write([]byte("220 plain ESMTP\r\n"))
		text := make([]byte, 1000)
		n, _ := c.Read(text)
		_, _ = c.Write([]byte("250 plain\r\n"))
		m, _ := c.Read(text[n:])
		said <- string(text[:n+m])
	}()
	if err := sender.Send(t.Context(), post.Mail{To: "a@acme.com", Subject: "s", Text: "text"}); !errors.Is(err, post.ErrDown) {
		t.Errorf("a server without STARTTLS: %v", err)
	}
	if text := <-said; strings.Contains(text, "acme.com") {
		t.Errorf("said in the open: %q", text)
	}
	l.Close()
	for _, to := range []string{"", "a@acme.com"} {
		if err := sender.Send(t.Context(), post.Mail{To: to, Subject: "s", Text: "text"}); !errors.Is(err, post.ErrDown) || fault.CodeOf(err) != fault.Transient {
			t.Errorf("nobody listens: %v", err)
		}
	}
}

func silent(string, ...any) {}

func TestQueueTriesAgainUntilItIsOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		tries := map[string]int{}
		q := post.NewQueue(func(_ context.Context, m post.Mail) error {
			mu.Lock()
			defer mu.Unlock()
			to := m.To
			tries[to]++
			switch {
			case to == "refused":
				return fault.New(fault.Data, "no such mailbox")
			case to == "late" || to == "second" && tries[to] == 1:
				return fault.New(fault.Transient, "later")
			}
			return nil
		}, silent)
		defer q.Close()
		for _, to := range []string{"refused", "late", "second", "first"} {
			if err := q.Put(post.Mail{To: to, Until: time.Now().Add(10 * time.Minute)}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		mu.Lock()
		if tries["first"] != 1 { // what has to wait keeps nobody waiting
			t.Errorf("%v", tries)
		}
		mu.Unlock()
		time.Sleep(time.Hour)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if late := tries["late"]; tries["refused"] != 1 || tries["second"] != 2 || tries["first"] != 1 || late < 5 || late > 20 {
			t.Errorf("%v", tries)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := post.NewQueue(func(ctx context.Context, _ post.Mail) error { <-ctx.Done(); return ctx.Err() }, silent)
		defer q.Close()
		if err := q.Put(post.Mail{Until: time.Now().Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it is being sent
		for i := range 101 {
			if err := q.Put(post.Mail{Until: time.Now().Add(time.Minute)}); (i == 100) != (fault.CodeOf(err) == fault.RateLimited) {
				t.Errorf("mail %d: %v", i, err)
			}
		}
	})
}

func TestL6_DownUntilSomethingGetsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		q := post.NewQueue(func(context.Context, post.Mail) error {
			if down.Load() {
				return &fault.Fault{Code: fault.Transient, What: "connect", Err: post.ErrDown}
			}
			return nil
		}, silent)
		defer q.Close()
		if q.Down() {
			t.Error("down before anything was tried")
		}
		put := func(life time.Duration) {
			if err := q.Put(post.Mail{Until: time.Now().Add(life)}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		put(time.Second)
		if !q.Down() {
			t.Error("not down after a failure")
		}
		time.Sleep(time.Minute)
		if q.Down() { // tried again by the next mail
			t.Error("down for longer than a minute")
		}
		put(10 * time.Minute)
		down.Store(false)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if q.Down() {
			t.Error("down although a mail got through")
		}
	})
}
