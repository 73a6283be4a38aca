package chatter_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/chatter"
)

// G14: a secret is not seen, however it is written.
func TestG14_EveryFormOfASecret(t *testing.T) {
	secret := `p@ss "w0rd"/+ž%`
	pem := "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----"
	mask := chatter.NewMask([]string{secret, pem, "", "abc"})
	quoted, err := json.Marshal(map[string]string{"password": secret})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plain":           "password is " + secret + ".",
		"twice":           secret + secret,
		"json":            string(quoted),
		"go syntax":       "%!q " + strings.ReplaceAll(secret, `"`, `\"`),
		"query":           "https://x/?p=" + url.QueryEscape(secret),
		"path":            "https://x/" + url.PathEscape(secret),
		"base64":          base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 url":      base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"basic auth":      "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+secret)),
		"basic auth 2":    "Basic " + base64.StdEncoding.EncodeToString([]byte("usr:"+secret)),
		"basic auth 3":    "Basic " + base64.StdEncoding.EncodeToString([]byte("a:"+secret+"\n")),
		"hex":             hex.EncodeToString([]byte(secret)),
		"upper-case hex":  strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"line of a key":   "cannot read MIIEvQIBADANBgkqhkiG9w0B",
		"the whole key":   pem,
		"key in one line": strings.ReplaceAll(pem, "\n", `\n`),
	} {
		got := mask.Clean(text, 10_000)
		if !strings.Contains(got, "[redacted]") {
			t.Errorf("%s: %q is shown as %q", name, text, got)
		}
		for _, part := range []string{"p@ss", "w0rd", "cEBzcyA", "MIIEvQ", "AQEFAA", "70407373", "BzcyAidzByZCI"} {
			if strings.Contains(got, part) {
				t.Errorf("%s: %q is left in %q", name, part, got)
			}
		}
	}
	if got := mask.Clean("abc is too short to be hidden", 100); got != "abc is too short to be hidden" {
		t.Errorf("%q", got)
	}
	if got := chatter.NewMask(nil).Clean("nothing to hide", 100); got != "nothing to hide" {
		t.Errorf("%q", got)
	}
}

// A longer secret is hidden whole although a shorter one is a part of it.
func TestNestedSecrets(t *testing.T) {
	if got := chatter.NewMask([]string{"token", "token-of-ada"}).Apply("token-of-ada token"); got != "[redacted] [redacted]" {
		t.Errorf("%q", got)
	}
}

// Where a text is cut, no beginning of a secret is left: not even when masking makes room for it.
func TestCutInASecret(t *testing.T) {
	secret := strings.Repeat("0123456789", 10)
	mask := chatter.NewMask([]string{secret})
	for limit := 1_000; limit < 1_300; limit++ {
		if got := mask.Clean(strings.Repeat(secret, 60), limit); strings.Contains(got, "0123") {
			t.Fatalf("cut to %d bytes: %q", limit, got)
		}
	}
}

func TestClean(t *testing.T) {
	mask := chatter.NewMask([]string{"sesame"})
	for _, tc := range []struct {
		text string
		max  int
		want string
	}{
		{"plain", 100, "plain"},
		{"žluťoučký kůň 🐎", 100, "žluťoučký kůň 🐎"},
		{"\x1b[31mred\x07", 100, `\x1b[31mred\a`},
		{"a\r\nb\tc\x00", 100, `a\r\nb\tc\x00`},
		{"\u202egnp.exe\u200b\ufeff", 100, `\u202egnp.exe\u200b\ufeff`},
		{"\xff\xfe\x80", 100, `\xff\xfe\x80`},
		{"\u0085\u2028", 100, `\u0085\u2028`},
		{strings.Repeat("x", 30), 10, "xxxxxxxxxx…(+20 bytes)"},
		{"žžž", 3, "ž…(+3 bytes)"},
		{"xxxxxsesame", 8, "xxxxx[re…(+7 bytes)"},
		{"", 10, ""},
	} {
		if got := mask.Clean(tc.text, tc.max); got != tc.want {
			t.Errorf("Clean(%q, %d) = %q, want %q", tc.text, tc.max, got, tc.want)
		}
	}
}

type line struct {
	Level, Message string
	Fields         map[string]string
	Dropped        int
}

// pump runs what a plugin says through a Pump and returns what is logged.
func pump(t *testing.T, now func() time.Time, says string) ([]line, *chatter.Pump) {
	t.Helper()
	var log bytes.Buffer
	p := &chatter.Pump{
		Log:  slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})).With("plugin", "p"),
		Mask: chatter.NewMask([]string{"sesame"}), Now: now,
	}
	p.Read(strings.NewReader(says))
	var lines []line
	decoder := json.NewDecoder(&log)
	for decoder.More() {
		var l struct {
			Level, Msg, Plugin string
			Fields             map[string]string
			BytesDropped       int `json:"bytes_dropped"`
			Lines              int
		}
		if err := decoder.Decode(&l); err != nil {
			t.Fatal(err)
		}
		if l.Plugin != "p" {
			t.Errorf("plugin %q", l.Plugin)
		}
		lines = append(lines, line{l.Level, l.Msg, l.Fields, l.BytesDropped + l.Lines})
	}
	return lines, p
}

// P11: only what is structured in the one known way is taken as such; anything else is text.
func TestP11_Lines(t *testing.T) {
	for _, tc := range []struct {
		says string
		want []line
	}{
		{"", nil},
		{"\n\n", nil},
		{"hello\nworld", []line{{Level: "INFO", Message: "hello"}, {Level: "INFO", Message: "world"}}},
		{"windows\r\n", []line{{Level: "INFO", Message: "windows"}}},
		{`{"@message":1}`, []line{{Level: "INFO", Message: `{"@message":1}`}}},
		{`{"@message":null,"@level":null}`, []line{{Level: "INFO", Message: `{"@message":null,"@level":null}`}}},
		{`{"@message":"m"}`, []line{{Level: "INFO", Message: `{"@message":"m"}`}}},
		{`{"@message":"m","@level":{}}`, []line{{Level: "INFO", Message: `{"@message":"m","@level":{}}`}}},
		{`{"@message":"m","@level":"warn","@timestamp":5}`, []line{{Level: "WARN", Message: "m"}}},
		{`{"@message":"m","@level":"shout"}`, []line{{Level: "INFO", Message: "m"}}},
		{`{"@level":"error","@message":"open sesame","n":1,"s":"sesame\u001b","@module":"x"}`,
			[]line{{Level: "ERROR", Message: "open [redacted]", Fields: map[string]string{"n": "1", "s": `[redacted]\x1b`}}}},
		{`{"@level":"trace","@message":"a\nb"}`, []line{{Level: "DEBUG", Message: `a\nb`}}},
		{strings.Repeat("y", 100_000), []line{{Level: "INFO", Message: strings.Repeat("y", 65_536) + "…(+4097 bytes)", Dropped: 100_000 - 65_536 - 4_097}}},
	} {
		got, _ := pump(t, time.Now, tc.says)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%.80q (-want +got):\n%s", tc.says, diff)
		}
	}
}

func TestP11_RateLimit(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	seen := 0
	clock := func() time.Time { // the clock stands for 5,000 lines, then a second passes
		if seen++; seen > 5_000 {
			return now.Add(time.Second)
		}
		return now
	}
	lines, p := pump(t, clock, strings.Repeat("noise\n", 5_000)+"late\n"+strings.Repeat("noise\n", 1_000))
	var dropped, late int
	for _, l := range lines {
		if strings.Contains(l.Message, "dropped") {
			dropped += l.Dropped
		}
		if l.Message == "late" {
			late++
		}
	}
	if dropped != 4_000+801 || late != 1 || len(lines) != 1_000+200+2 {
		t.Errorf("%d lines, %d dropped, late seen %d times", len(lines), dropped, late)
	}
	if tail := p.Tail(); len(tail) != 200 {
		t.Errorf("a tail of %d lines", len(tail))
	}
}

func TestTail(t *testing.T) {
	var says strings.Builder
	for i := range 500 {
		says.WriteString(strings.Repeat("x", i%7))
		says.WriteString("open sesame\n")
	}
	says.WriteString("panic: no sesame\n\ngoroutine 1 [running]:\nlast")
	_, p := pump(t, time.Now, says.String())
	tail := p.Tail()
	if len(tail) != 200 || tail[199] != "last" || tail[198] != "goroutine 1 [running]:" || tail[197] != "panic: no [redacted]" {
		t.Errorf("%d lines, ending %q", len(tail), tail[max(0, len(tail)-3):])
	}
	if p.Panic() != "panic: no [redacted]" {
		t.Errorf("panic %q", p.Panic())
	}
}

// The writer never waits for long, whatever it writes and in whatever pieces.
func TestPumpReadsToTheEnd(t *testing.T) {
	r, w := io.Pipe()
	done := make(chan struct{})
	p := &chatter.Pump{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Mask: chatter.NewMask(nil), Now: time.Now}
	go func() { defer close(done); p.Read(r) }()
	for range 200 {
		if _, err := w.Write(bytes.Repeat([]byte{'z'}, 10_007)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if tail := p.Tail(); len(tail) != 1 || !strings.HasPrefix(tail[0], "zzz") || len(tail[0]) > 5_000 {
		t.Errorf("tail of %d lines", len(tail))
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "open sesame", "\x1b[2J", `{"@message":1}`, "\xff", "\u202e", "c2VzYW1l"} {
		f.Add(seed, 20)
	}
	mask := chatter.NewMask([]string{"sesame", "\x00\xff\n\"quoted\""})
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = min(max(limit, 0), 1_000)
		got := mask.Clean(text, limit)
		if !utf8.ValidString(got) || strings.Contains(got, "sesame") {
			t.Errorf("Clean(%q) = %q", text, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("Clean(%q) = %q holds %U", text, got, r)
			}
		}
		if len(got) > 12*limit+100 {
			t.Errorf("Clean(%q, %d) has %d bytes", text, limit, len(got))
		}
	})
}

func FuzzPump(f *testing.F) {
	for _, seed := range []string{"", "a\nb", `{"@message":"m","@level":"info","a":{"b":[1,2]}}` + "\n", `{"@message":1}`, "panic: x\n", "{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, says []byte) {
		var log bytes.Buffer
		p := &chatter.Pump{Log: slog.New(slog.NewTextHandler(&log, nil)), Mask: chatter.NewMask([]string{"sesame"}), Now: time.Now}
		p.Read(bytes.NewReader(says))
		for _, text := range append(p.Tail(), p.Panic(), strings.ReplaceAll(log.String(), "\n", "")) {
			for _, r := range text {
				if !unicode.IsPrint(r) {
					t.Errorf("%q holds %U", text, r)
				}
			}
		}
	})
}
