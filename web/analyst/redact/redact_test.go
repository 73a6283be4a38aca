package redact_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/analyst/redact"
)

// Made-up secrets; each is put together here so that scanners do not take this file for a leak.
var secrets = map[string]string{
	"jwt":           "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
	"token":         "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
	"aws-key":       "AKIA" + "IOSFODNN7EXAMPLE",
	"google-key":    "AIza" + "SyA1234567890abcdefghijklmnopqrstuvw",
	"authorization": "Authorization: Bearer " + "abcdef0123456789abcdef",
	"url-password":  "postgres://app:" + "hunter2@db.acme.com/x",
	"password":      "password=" + "correct-horse",
	"card":          "4111 1111 " + "1111 1111",
	"private-key":   "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----",
}

var parts = map[string]string{"url-password": "hunter2", "password": "correct-horse", "authorization": "abcdef0123456789abcdef", "private-key": "MIIEow"}

func TestY11_SecretsGoAndAreCounted(t *testing.T) {
	for kind, secret := range secrets {
		hidden := secret
		if p := parts[kind]; p != "" {
			hidden = p
		}
		out, counts := redact.New().Text([]byte("before " + secret + " after"))
		if bytes.Contains(out, []byte(hidden)) || counts[kind] != 1 {
			t.Errorf("%s: %q, %v", kind, out, counts)
		}
		if !bytes.HasPrefix(out, []byte("before ")) || !bytes.HasSuffix(out, []byte(" after")) {
			t.Errorf("%s: the text around it changed: %q", kind, out)
		}
	}
}

// A transcript is JSON lines, where quotes and line ends are escaped, at times twice.
func TestY11_JSONStaysJSON(t *testing.T) {
	for kind, secret := range secrets {
		hidden := secret
		if p := parts[kind]; p != "" {
			hidden = p
		}
		inner, err := json.Marshal(map[string]string{"content": "x " + secret + " y"})
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(map[string]any{"type": "user", "message": string(inner), "password": "pass word, long", "usage": map[string]int{"output_tokens": 12345}})
		if err != nil {
			t.Fatal(err)
		}
		out, _ := redact.New().Lines(append(line, '\n'))
		var back map[string]any
		if err := json.Unmarshal(out, &back); err != nil {
			t.Errorf("%s: %v in %s", kind, err, out)
		}
		if bytes.Contains(out, []byte(hidden)) || bytes.Contains(out, []byte("pass word")) || !bytes.Contains(out, []byte("12345")) {
			t.Errorf("%s: %s", kind, out)
		}
	}
}

func TestHonestTextStays(t *testing.T) {
	for _, text := range []string{
		"the tokenizer splits tokens: 4096 of them", "select password_changed_at from users", "session_id 44444444-4444-4444-8444-444444444444",
		"1764061234567 ms", "order 4111 1111 1111 1112", "token: null", "secret = env(\"X\")", "api_key=$KEY", "sha256 " + strings.Repeat("ab", 32),
		"https://acme.com/a:b@c", "he is basic but good", "toolu_01A09q90qw90lq917835lq9",
	} {
		if out, counts := redact.New().Text([]byte(text)); string(out) != text {
			t.Errorf("%q became %q (%v)", text, out, counts)
		}
	}
}

// The beginning of a growing transcript must come out the same each time: the server continues it by its hash.
func TestBeginningStaysTheSame(t *testing.T) {
	var all []byte
	for _, s := range secrets {
		line, err := json.Marshal(map[string]string{"content": s})
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, line...), '\n')
	}
	whole, _ := redact.New().Lines(all)
	for at := range all {
		if all[at] != '\n' {
			continue
		}
		if part, _ := redact.New().Lines(all[:at+1]); !bytes.HasPrefix(whole, part) {
			t.Fatalf("cut at %d: %q", at, part)
		}
	}
}

func TestTwiceChangesNothing(t *testing.T) {
	for kind, s := range secrets {
		once, _ := redact.New().Text([]byte(s))
		if again, counts := redact.New().Text(once); !bytes.Equal(once, again) || len(counts) != 0 {
			t.Errorf("%s: %q then %q %v", kind, once, again, counts)
		}
	}
}
