package access_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
)

// forms are the ways in which a secret could still be read somewhere.
func forms(secret string) map[string]string {
	reversed := []byte(secret)
	slices.Reverse(reversed)
	return map[string]string{"plain": secret, "hex": hex.EncodeToString([]byte(secret)), "base64": base64.StdEncoding.EncodeToString([]byte(secret[:len(secret)/3*3])),
		"URL": url.QueryEscape(secret), "reversed": string(reversed), "without its mark": strings.TrimPrefix(secret, "brk_")}
}

// failing is a store whose changes break, with errors that tell what they were given.
type failing struct{ kept }

func (failing) AddToken(_ context.Context, token sdk.Token, hash string) error {
	return fmt.Errorf("insert %v %s: disk full", token, hash)
}

func (failing) TouchToken(_ context.Context, id string, now time.Time) error {
	return fmt.Errorf("update %s %v: disk full", id, now)
}

func (failing) UseCode(_ context.Context, kind, hash string, now time.Time) (bool, error) {
	return false, fmt.Errorf("update %s %s %v: disk full", kind, hash, now)
}

// G14: secrets of tokens and codes are in no log, error, report or database file.
func TestG14_SecretsAreNowhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broker.db")
	ctx := t.Context()
	s, err := store.Open(ctx, store.Options{URL: "sqlite", Path: path})
	must(t, err)
	var seen bytes.Buffer // logs, errors, and whatever is shown
	log := slog.New(slog.NewTextHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	good := access.New(access.Options{Store: kept{s.People(), s.Tokens(), s.Codes()}, Rules: acme(), Log: log})
	bad := access.New(access.Options{Store: failing{kept{s.People(), s.Tokens(), s.Codes()}}, Rules: acme(), Log: log})
	show := func(values ...any) {
		for _, v := range values {
			text, err := json.Marshal(v)
			fmt.Fprintf(&seen, "%v %+v %#v %s %v\n", v, v, v, text, err)
			log.Debug("shown", "value", v)
		}
	}

	_, _, err = good.AddUser(ctx, access.NewUser{Email: "bob@acme.com"})
	must(t, err)
	var canaries []string
	token, secret, err := good.CreateTokenFor(ctx, "bob@acme.com", "laptop", 0, nil)
	must(t, err)
	who, err := good.Authenticate(ctx, secret.Reveal())
	must(t, err)
	canaries = append(canaries, secret.Reveal())
	show(token, secret, who, struct{ Secret sdk.Secret }{secret})
	code, err := good.BeginCode(ctx, who, challenge)
	must(t, err)
	canaries = append(canaries, code, verifier)
	device, user, err := good.BeginDevice(ctx)
	must(t, err)
	canaries = append(canaries, device, user, strings.ReplaceAll(user, "-", ""))
	for _, a := range []*access.Access{bad, good} {
		_, err1 := a.Authenticate(ctx, secret.Reveal())
		_, err2 := a.Authenticate(ctx, secret.Reveal()+"x")
		err3 := a.ApproveDevice(ctx, who, user)
		_, _, _, err4 := a.FinishCode(ctx, code, verifier, "laptop")
		_, _, _, err5 := a.FinishDevice(ctx, device, "laptop")
		_, _, _, err6 := a.FinishCode(ctx, code, "x"+verifier, "laptop")
		_, _, _, err7 := a.FinishDevice(ctx, device+"x", "laptop")
		_, _, err8 := a.IssueToken(ctx, who, "", 0, nil)
		gone, stop := context.WithCancel(ctx)
		stop()
		_, err9 := a.Authenticate(gone, secret.Reveal())
		_, _, _, err10 := a.FinishDevice(gone, device, "")
		show(errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9, err10))
		must(t, a.Close())
	}
	tokens, err := good.AllTokens(ctx, "")
	must(t, err)
	show(tokens)
	if !strings.Contains(seen.String(), "disk full") {
		t.Error("no error was provoked")
	}

	texts := map[string][]byte{"what was logged and shown": seen.Bytes()}
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	for _, e := range entries { // the log of the database too
		texts[e.Name()], err = os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
		must(t, err)
	}
	must(t, s.Close())
	texts["the closed database"], err = os.ReadFile(path)
	must(t, err)
	for _, canary := range canaries {
		for form, text := range forms(canary) {
			for place, body := range texts {
				if bytes.Contains(body, []byte(text)) {
					t.Errorf("%s has a secret (%s)", place, form)
				}
			}
		}
	}
}
