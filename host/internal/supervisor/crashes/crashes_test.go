package crashes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/crashes"
	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func ledger(t *testing.T) (*crashes.Ledger, *clock) {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	l := &crashes.Ledger{
		Copies: trust.Copies{Dir: t.TempDir()}, Now: c.Now,
		Backoff: time.Second, Limit: 5, Window: 10 * time.Minute, Rest: 15 * time.Minute,
	}
	for _, hash := range []string{"a", "b"} {
		if err := os.Mkdir(l.Copies.Folder(hash), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return l, c
}

func crash(t *testing.T, l *crashes.Ledger, hash string) bool {
	t.Helper()
	_, parked, err := l.Crashed(hash, "it fell")
	if err != nil {
		t.Fatal(err)
	}
	return parked
}

// P12: 1, 2, 4, 8 s after the crashes, then a rest; other bytes are not concerned.
func TestP12_BackOffAndRest(t *testing.T) {
	l, c := ledger(t)
	if l.Wait("a") != 0 {
		t.Error("a wait before the first crash")
	}
	var waits []time.Duration
	for range 4 {
		if crash(t, l, "a") {
			t.Fatal("parked too early")
		}
		waits = append(waits, l.Wait("a"))
	}
	if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	c.now = c.now.Add(5 * time.Second)
	if got := l.Wait("a"); got != 3*time.Second {
		t.Errorf("5 s later: %s", got)
	}
	if !crash(t, l, "a") {
		t.Fatal("not parked at the fifth crash")
	}
	p, ok := l.Parked("a")
	if !ok || !p.Until.Equal(c.now.Add(15*time.Minute)) || !strings.Contains(p.Sentence("acme"), "it fell. broker plugins pin acme") {
		t.Errorf("parked: %v %s", ok, p.Sentence("acme"))
	}
	if _, ok := l.Parked("b"); ok || l.Wait("b") != 0 {
		t.Error("other bytes are concerned")
	}

	other := &crashes.Ledger{Copies: l.Copies, Now: c.Now, Backoff: time.Second, Limit: 5, Window: 10 * time.Minute, Rest: 15 * time.Minute}
	if _, ok := other.Parked("a"); !ok {
		t.Error("another host does not know")
	}
}

// After its rest a plugin may run at once; one crash parks it again, one good run clears it.
func TestP12_HalfOpen(t *testing.T) {
	for _, well := range []bool{true, false} {
		l, c := ledger(t)
		for range 5 {
			crash(t, l, "a")
		}
		c.now = c.now.Add(15*time.Minute + time.Second)
		if _, ok := l.Parked("a"); ok || l.Wait("a") > 0 {
			t.Fatal("not let out")
		}
		if well {
			if err := l.RanWell("a"); err != nil {
				t.Error(err)
			}
		}
		if parked := crash(t, l, "a"); parked == well {
			t.Errorf("parked %v after a crash, run well before: %v", parked, well)
		}
	}
}

func TestCrashesFarApartDoNotCount(t *testing.T) {
	l, c := ledger(t)
	for range 20 {
		if crash(t, l, "a") {
			t.Fatal("parked")
		}
		c.now = c.now.Add(3 * time.Minute)
	}
	c.now = c.now.Add(time.Hour)
	if l.Wait("a") > 0 {
		t.Error("still waits an hour later")
	}
}

func TestForget(t *testing.T) {
	l, _ := ledger(t)
	for range 5 {
		crash(t, l, "a")
	}
	for range 2 {
		if err := l.Forget("a"); err != nil {
			t.Error(err)
		}
	}
	if _, ok := l.Parked("a"); ok || l.Wait("a") != 0 {
		t.Error("not forgotten")
	}
}

func TestDamagedNoteIsNone(t *testing.T) {
	l, _ := ledger(t)
	if err := os.WriteFile(filepath.Join(l.Copies.Folder("a"), "parked.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := l.Parked("a"); ok || l.Wait("a") != 0 {
		t.Error("a damaged note parks")
	}
}

func TestWaitIsCapped(t *testing.T) {
	l, _ := ledger(t)
	l.Limit = 100
	for range 50 {
		crash(t, l, "a")
	}
	if got := l.Wait("a"); got != time.Minute {
		t.Errorf("%s", got)
	}
}
