package words_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/pb"
	"github.com/ai-data-analyst/broker/sdk/internal/wire/words"
)

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"plain words, ž 日本 🙂":       "plain words, ž 日本 🙂",
		"two\r\nlines\tand":         `two\r\nlines\tand`,
		"\x1b[31mred\x00":           `\x1b[31mred\x00`,
		"bad \xff\xfe bytes":        `bad \xff\xfe bytes`,
		"\u202egnp.exe\u200b\ufeff": `\u202egnp.exe\u200b\ufeff`,
		"a real \ufffd is named":    `a real \ufffd is named`,
		strings.Repeat("é", 200):    strings.Repeat("é", 98) + "…",
	} {
		got := words.Tidy(in, words.MaxShort)
		if got != want || len(got) > words.MaxShort || !utf8.ValidString(got) {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	if got := words.TidyDoc("a\n\tb\x07"); got != "a\n\tb\\a" {
		t.Errorf("document %q", got)
	}
}

func TestSecretsAreFoundInEveryShape(t *testing.T) {
	s := words.SecretsIn([]byte(`{"token":"tok/en 1","list":["alpha","beta"],"map":{"k":"gamma"},"short":"ab","number":12345,"user":"me"}`),
		[]string{"token", "list", "map", "short", "number", "absent"})
	got := s.Hide("tok/en 1 tok%2Fen+1 tok%2Fen%201 alpha beta gamma ab me")
	if want := strings.TrimSpace(strings.Repeat("[redacted] ", 6)) + " ab me"; got != want {
		t.Errorf("hidden %q, want %q", got, want)
	}
	if words.SecretsIn([]byte("no json"), []string{"a"}) != nil {
		t.Error("secrets in no JSON")
	}
}

// A longer secret that holds a shorter one goes first, so that nothing of it is left.
func TestLongerSecretsGoFirst(t *testing.T) {
	s := words.SecretsIn([]byte(`{"a":"pass","b":"password"}`), []string{"a", "b"})
	if got := s.Hide("password"); got != "[redacted]" {
		t.Errorf("left %q", got)
	}
}

func TestFaultsGoThereAndBack(t *testing.T) {
	for _, code := range fault.Codes {
		in := &fault.Fault{Code: code, What: "what", Help: "help", Scope: "orders", Path: "token", RetryAfter: time.Second}
		out := words.ErrorFromPB(words.ErrorToPB(fmt.Errorf("page 1: %w", in), nil), nil)
		want := *in
		want.What = "page 1: what"
		if *out != want {
			t.Errorf("%s came back as %+v", code, out)
		}
	}
	if f := words.ErrorFromPB(words.ErrorToPB(errors.New("x"), nil), nil); f.Code != fault.Bug {
		t.Errorf("an error without class is %s", f.Code)
	}
	if f := words.ErrorFromPB(&pb.Error{RetryAfterMs: 1 << 63}, nil); f.RetryAfter != 24*time.Hour {
		t.Errorf("a huge delay became %s", f.RetryAfter)
	}
}
