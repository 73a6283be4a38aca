package link_test

import (
	"context"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/plugins/auth/internal/link"
	"github.com/ai-data-analyst/broker/sdk/auth/authtest"
)

func made(t *testing.T, host *authtest.Host, l link.Link) string {
	t.Helper()
	token, err := link.New(t.Context(), host, l, time.Now())
	if err != nil || !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(token) {
		t.Fatalf("%q %v", token, err)
	}
	return token
}

func TestG13_TheNewestLinkOfAnAddressIsGoodOnce(t *testing.T) {
	host, now := &authtest.Host{}, time.Now()
	l := link.Link{For: "a", Email: "ann@acme.com", Browser: "b", Code: "ABCD2345", Until: now.Add(time.Hour)}
	older, other := made(t, host, l), made(t, host, link.Link{For: "a", Email: "bob@acme.com", Until: l.Until})
	newer := made(t, host, l)
	good := func(what, token string, at time.Time) bool {
		t.Helper()
		_, good, err := link.Find(t.Context(), host, what, token, at)
		if err != nil {
			t.Fatal(err)
		}
		return good
	}
	if good("a", older, now) || !good("a", newer, now) || !good("a", other, now) || good("b", newer, now) || good("a", newer, l.Until) || good("a", newer+"x", now) || good("a", "", now) {
		t.Error("not the newest alone, for its purpose and its time")
	}
	if found, good, err := link.Take(t.Context(), host, "a", newer, now); err != nil || !good || found.Email != l.Email || found.Browser != "b" {
		t.Errorf("%+v %v %v", found, good, err)
	}
	if good("a", newer, now) || good("a", older, now) {
		t.Error("good after its use")
	}
	if err := link.Forget(t.Context(), host, "bob@acme.com"); err != nil || good("a", other, now) {
		t.Errorf("forgotten, and good: %v", err)
	}
}

func TestL5_GuessesAreCountedHoweverManyComeAtOnce(t *testing.T) {
	host, now := &authtest.Host{}, time.Now()
	token := made(t, host, link.Link{For: "a", Email: "ann@acme.com", Code: link.Code(), Until: now.Add(time.Hour)})
	var guesses atomic.Int64
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			l, good, err := link.Take(context.Background(), host, "a", token, now)
			if err != nil || !good {
				return
			}
			guesses.Add(1)
			if l.Matches("AAAAAAA0") {
				t.Error("a guess was right")
			}
			if _, err := link.Missed(context.Background(), host, token, l, now); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for { // and those who come later
		l, good, err := link.Take(t.Context(), host, "a", token, now)
		if err != nil || !good {
			break
		}
		guesses.Add(1)
		if _, err := link.Missed(t.Context(), host, token, l, now); err != nil {
			t.Fatal(err)
		}
	}
	if guesses.Load() != link.MaxWrong {
		t.Errorf("%d guesses", guesses.Load())
	}
}

func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		code := link.Code()
		if !regexp.MustCompile(`^[A-HJ-NP-Z2-9]{8}$`).MatchString(code) || seen[code] {
			t.Fatalf("%q", code)
		}
		seen[code] = true
	}
	l := link.Link{Code: "ABCD2345"}
	for typed, want := range map[string]bool{"ABCD2345": true, " abcd-2345 ": true, "ABCD234": false, "": false, "ABCD23455": false} {
		if l.Matches(typed) != want {
			t.Errorf("%q", typed)
		}
	}
	if (link.Link{}).Matches("") {
		t.Error("a link without a code takes none")
	}
}

func TestL7_Address(t *testing.T) {
	for text, want := range map[string]string{"A@ACME.COM ": "a@acme.com", "a+tag@acme.com": "a+tag@acme.com", "o'hara@mail.acme.co.uk": "o'hara@mail.acme.co.uk"} {
		if got, ok := link.Address(text); !ok || got != want {
			t.Errorf("%q: %q %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "a@acme.com\r\n", "a@acme.com,b@evil.example", "a..b@acme.com", "a@acme", "a`b@acme.com", "ä@acme.com", "a@acme.com."} {
		if got, ok := link.Address(text); ok {
			t.Errorf("%q: %q", text, got)
		}
	}
}
