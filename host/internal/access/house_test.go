package access_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/ai-data-analyst/broker/host/internal/access"
	"github.com/ai-data-analyst/broker/host/internal/store"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	v1 "github.com/ai-data-analyst/broker/web/v1"
)

// What the API needs of access.
var (
	_ v1.Access = (*access.Access)(nil)
	_ v1.SignIn = (*access.Access)(nil)
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a time that tests move.
type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.micros.Store(noon.UnixMicro())
	return c
}
func (c *clock) now() time.Time          { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *clock) forward(d time.Duration) { c.micros.Add(d.Microseconds()) }

// kept is a store as access wants it.
type kept struct {
	store.People
	store.Tokens
	store.Codes
}

// house is an instance: one database, and any number of processes that have it open.
type house struct {
	options store.Options
	clock   *clock
}

// eachDatabase runs a test on SQLite, and on Postgres when TEST_PG_URL names one.
func eachDatabase(t *testing.T, test func(t *testing.T, h house)) {
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
	base := os.Getenv("TEST_PG_URL")
	if base == "" {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		test(t, house{store.Options{URL: ownSchema(t, base)}, newClock()})
	})
}

func onSQLite(t *testing.T) house {
	return house{store.Options{URL: "sqlite", Path: filepath.Join(t.TempDir(), "broker.db")}, newClock()}
}

// open is a process that has the database open.
func (h house) open(t *testing.T, rules access.Rules) *access.Access {
	t.Helper()
	s, err := store.Open(context.Background(), h.options)
	must(t, err)
	a := access.New(access.Options{Store: kept{s.People(), s.Tokens(), s.Codes()}, Rules: rules, Now: h.clock.now})
	t.Cleanup(func() {
		must(t, a.Close())
		must(t, s.Close())
	})
	return a
}

func ownSchema(t *testing.T, base string) string {
	t.Helper()
	db, err := sql.Open("pgx", base)
	must(t, err)
	name := fmt.Sprintf("access_test_%016x", rand.Uint64())
	_, err = db.Exec("CREATE SCHEMA " + name)
	must(t, err)
	t.Cleanup(func() {
		_, err := db.Exec("DROP SCHEMA " + name + " CASCADE")
		must(t, err)
		must(t, db.Close())
	})
	u, err := url.Parse(base)
	must(t, err)
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// invite adds a user and returns a token of theirs.
func invite(t *testing.T, a *access.Access, email string, role sdk.Role, scopes ...sdk.Scope) string {
	t.Helper()
	_, _, err := a.AddUser(t.Context(), access.NewUser{Email: email, Role: role})
	must(t, err)
	_, secret, err := a.CreateTokenFor(t.Context(), email, "test", 0, scopes)
	must(t, err)
	return secret.Reveal()
}

// callerOf signs a token in.
func callerOf(t *testing.T, a *access.Access, secret string) sdk.Caller {
	t.Helper()
	who, err := a.Authenticate(t.Context(), secret)
	must(t, err)
	return who
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("class %q (%v), want %q", fault.CodeOf(err), err, code)
	}
}

func equal[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
