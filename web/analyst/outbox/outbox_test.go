package outbox_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/outbox"
	"github.com/ai-data-analyst/broker/web/api"
)

// server keeps files in memory by the rules of web/api/push.go. It can lose its connection after some chunks.
type server struct {
	files    map[string][]byte
	halves   map[string][]byte
	received int64
	failIn   int // chunks until the connection breaks; 0 = never
	machine  string
	lie      string // path that it answers about unasked
	refuse   string
}

func newServer() *server { return &server{files: map[string][]byte{}, halves: map[string][]byte{}} }

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func (s *server) Offer(_ context.Context, o api.PushOffer) (api.PushAnswer, error) {
	s.machine = o.Machine
	var a api.PushAnswer
	for _, i := range o.Items {
		old := s.files[i.Path]
		w := api.PushWant{Path: i.Path, State: "want", Offset: int64(len(s.halves[i.Path]))}
		switch {
		case i.Path == s.refuse:
			w = api.PushWant{Path: i.Path, State: "refused", Reason: "over the quota"}
		case sum(old) == i.SHA256:
			w.State = "have"
		case i.Prefix > 0 && sum(old) == i.PrefixSHA256 && w.Offset == 0:
			s.halves[i.Path] = append([]byte{}, old...)
			w.Offset = i.Prefix
		}
		a.Items = append(a.Items, w)
	}
	if s.lie != "" {
		a.Items = append(a.Items, api.PushWant{Path: s.lie, State: "want"})
	}
	return a, nil
}

func (s *server) SendChunk(_ context.Context, _ string, i api.PushItem, offset int64, chunk []byte) (api.PushWant, error) {
	if s.failIn > 0 {
		if s.failIn--; s.failIn == 0 {
			return api.PushWant{}, fault.New(fault.Transient, "the connection broke")
		}
	}
	if offset != int64(len(s.halves[i.Path])) {
		return api.PushWant{}, fault.New(fault.Data, "a gap")
	}
	s.received += int64(len(chunk))
	s.halves[i.Path] = append(s.halves[i.Path], chunk...)
	if int64(len(s.halves[i.Path])) < i.Size {
		return api.PushWant{Path: i.Path, State: "want", Offset: int64(len(s.halves[i.Path]))}, nil
	}
	s.files[i.Path] = s.halves[i.Path]
	delete(s.halves, i.Path)
	if sum(s.files[i.Path]) != i.SHA256 {
		return api.PushWant{Path: i.Path, State: "refused", Reason: "other bytes"}, nil
	}
	return api.PushWant{Path: i.Path, State: "have"}, nil
}

func put(t *testing.T, dir, path, text string) {
	t.Helper()
	full := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func push(t *testing.T, o outbox.Outbox, s *server) (outbox.Report, error) {
	t.Helper()
	items, err := o.Items()
	if err != nil {
		t.Fatal(err)
	}
	return o.Push(t.Context(), s, items)
}

var secret = "brk_" + strings.Repeat("a", 43)

func TestY11_OnlyRedactedTextLeavesAndOnce(t *testing.T) {
	o := outbox.Outbox{Dir: t.TempDir(), Now: time.Now}
	if agreed, err := o.Consented(); agreed || err != nil {
		t.Fatal("consent without asking", err)
	}
	put(t, o.Dir, "CLAUDE.local.md", "my notes; token "+secret)
	put(t, o.Dir, "user/sessions/s1.jsonl", `{"a":"`+secret+`"}`+"\n")
	put(t, o.Dir, "user/sessions/empty.jsonl", "")
	s := newServer()
	report, err := push(t, o, s)
	if err != nil || report.Sent != 2 || report.Removed["token"] != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	for path, text := range s.files {
		if strings.Contains(string(text), secret) || !strings.Contains(string(text), "[redacted token]") {
			t.Errorf("%s: %s", path, text)
		}
	}
	if s.machine == "" || strings.Trim(s.machine, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(s.machine) > 40 {
		t.Errorf("machine %q", s.machine)
	}
	before := s.received
	if report, err = push(t, o, s); err != nil || report.Sent != 0 || report.Had != 2 || s.received != before {
		t.Errorf("again: %+v, %v, %d bytes more", report, err, s.received-before)
	}
	put(t, o.Dir, "user/sessions/s1.jsonl", `{"a":"`+secret+`"}`+"\n"+`{"b":2}`+"\n")
	if report, err = push(t, o, s); err != nil || report.Sent != 1 || report.Bytes != int64(len(`{"b":2}`)+1) {
		t.Errorf("grown: %+v, %v", report, err)
	}
}

func TestABrokenPushGoesOn(t *testing.T) {
	o := outbox.Outbox{Dir: t.TempDir(), Now: time.Now}
	put(t, o.Dir, "user/sessions/big.jsonl", strings.Repeat(`{"line":"0123456789"}`+"\n", 600_000)) // three chunks and a bit
	s := newServer()
	s.failIn = 3
	if _, err := push(t, o, s); fault.CodeOf(err) != fault.Transient {
		t.Fatalf("broken: %v", err)
	}
	before := s.received
	report, err := push(t, o, s)
	if err != nil || report.Sent != 1 || before == 0 || report.Bytes >= int64(600_000*22) {
		t.Errorf("%+v after %d bytes, %v", report, before, err)
	}
}

func TestAServerThatLiesOrRefuses(t *testing.T) {
	o := outbox.Outbox{Dir: t.TempDir(), Now: time.Now}
	put(t, o.Dir, "CLAUDE.local.md", "a")
	s := newServer()
	s.lie = "../../etc/passwd"
	if _, err := push(t, o, s); fault.CodeOf(err) != fault.Bug {
		t.Errorf("asked for what was not offered: %v", err)
	}
	s = newServer()
	s.refuse = "notes/CLAUDE.local.md"
	o = outbox.Outbox{Dir: t.TempDir(), Now: time.Now}
	put(t, o.Dir, "CLAUDE.local.md", "a")
	report, err := push(t, o, s)
	if err != nil || len(report.Refused) != 1 || report.Refused[0].Reason == "" {
		t.Errorf("%+v, %v", report, err)
	}
}
