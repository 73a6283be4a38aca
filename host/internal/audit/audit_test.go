package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/audit"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		at := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC)
		full := audit.Entry{At: at, UserID: "u1", Email: "eve@acme.com", Action: "groups.grant", Object: "finance: hr.*", Outcome: audit.Denied,
			Reason: "no right ✗", Address: "2001:db8::1", Request: "abc", Via: "portal"}
		for _, e := range []audit.Entry{full, {Action: "config.reload", Email: audit.System}, {Action: "bad.text", Object: "a\x00b\xff" + strings.Repeat("x", 5000)}} {
			if err := h.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		list, err := h.List(t.Context(), audit.Filter{})
		if err != nil || len(list) != 3 {
			t.Fatalf("%d records: %v", len(list), err)
		}
		if got := list[2]; got.Entry != full || got.Seq != 1 || got.Prev != "" || len(got.Hash) != 64 || list[1].Prev != got.Hash {
			t.Errorf("%+v", got)
		}
		if list[1].Outcome != audit.OK || list[1].At.IsZero() || len(list[0].Object) > 2100 {
			t.Errorf("%+v %d", list[1], len(list[0].Object))
		}
		for _, c := range []struct {
			filter audit.Filter
			want   int
		}{{audit.Filter{Actor: "u1"}, 1}, {audit.Filter{Actor: "eve@acme.com"}, 1}, {audit.Filter{Action: "groups"}, 1}, {audit.Filter{Action: "groups.grant"}, 1},
			{audit.Filter{Action: "group"}, 0}, {audit.Filter{Action: "group_"}, 0}, {audit.Filter{Since: at.Add(time.Second)}, 2}, {audit.Filter{Before: 2}, 1}, {audit.Filter{Limit: 2}, 2}} {
			if list, err := h.List(t.Context(), c.filter); err != nil || len(list) != c.want {
				t.Errorf("%+v: %d records, want %d: %v", c.filter, len(list), c.want, err)
			}
		}
		if v := h.verdict(t); v.Bad != 0 || v.Records != 3 {
			t.Errorf("%+v", v)
		}
		if err := h.Record(t.Context(), audit.Entry{}); fault.CodeOf(err) != fault.Bug {
			t.Errorf("an entry without an action: %v", err)
		}
	})
}

// tamper does one thing to the log that nobody may do; it returns what was done.
func tamper(t *testing.T, h *house, r *rand.Rand, n int) string {
	seq := 1 + r.IntN(n)
	columns := []string{"user_id", "email", "action", "object", "outcome", "reason", "address", "request", "via", "prev", "hash"}
	switch r.IntN(6) {
	case 0:
		h.exec(t, fmt.Sprintf(`DELETE FROM audit_log WHERE seq = %d`, seq))
		return fmt.Sprintf("record %d deleted", seq)
	case 1:
		column := columns[r.IntN(len(columns))]
		h.exec(t, fmt.Sprintf(`UPDATE audit_log SET %s = %s || 'x' WHERE seq = %d`, column, column, seq))
		return fmt.Sprintf("%s of record %d changed", column, seq)
	case 2:
		h.exec(t, fmt.Sprintf(`UPDATE audit_log SET at = at + %d WHERE seq = %d`, 1+r.IntN(1e9), seq))
		return fmt.Sprintf("time of record %d changed", seq)
	case 3:
		other := 1 + r.IntN(n-1)
		if other >= seq {
			other++
		}
		for _, step := range [][2]int{{seq, -1}, {other, seq}, {-1, other}} {
			h.exec(t, fmt.Sprintf(`UPDATE audit_log SET seq = %d WHERE seq = %d`, step[1], step[0]))
		}
		return fmt.Sprintf("records %d and %d swapped", seq, other)
	case 4: // the tail, with the head of the database set to fit
		h.exec(t, fmt.Sprintf(`DELETE FROM audit_log WHERE seq >= %d`, seq))
		h.exec(t, fmt.Sprintf(`UPDATE audit_head SET seq = %d, hash = COALESCE((SELECT hash FROM audit_log WHERE seq = %d), '')`, seq-1, seq-1))
		return fmt.Sprintf("everything from record %d on cut off", seq)
	default:
		h.exec(t, fmt.Sprintf(`DELETE FROM audit_log WHERE seq >= %d`, seq))
		return fmt.Sprintf("everything from record %d on deleted", seq)
	}
}

// Whatever is done to one record or to the tail is found: 1,000 random trials.
func TestG20_NothingIsRewrittenQuietly(t *testing.T) {
	h := newHouse(t, "sqlite")
	const n = 24
	h.fill(t, n)
	if v := h.verdict(t); v.Bad != 0 || v.Records != n {
		t.Fatalf("%+v", v)
	}
	h.exec(t, `CREATE TABLE good_log AS SELECT * FROM audit_log`)
	h.exec(t, `CREATE TABLE good_head AS SELECT * FROM audit_head`)
	h.exec(t, `PRAGMA synchronous = OFF`)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for trial := range 1000 {
		what := tamper(t, h, r, n)
		if v := h.verdict(t); v.Bad == 0 || v.Reason == "" {
			t.Fatalf("seed %d, trial %d: %s: not found", seed, trial, what)
		}
		for _, statement := range []string{`DELETE FROM audit_log`, `DELETE FROM audit_head`, `INSERT INTO audit_log SELECT * FROM good_log`, `INSERT INTO audit_head SELECT * FROM good_head`} {
			h.exec(t, statement)
		}
	}
	if v := h.verdict(t); v.Bad != 0 || v.Records != n {
		t.Errorf("%+v", v)
	}
}

// A log that somebody wrote anew from a record on, with hashes that fit, is not the one that was sealed; it is found also
// when the log has grown since.
func TestG20_ALogWrittenAnewIsFound(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		h.fill(t, 70)
		h.exec(t, `DELETE FROM audit_log WHERE seq > 40`)
		h.exec(t, `UPDATE audit_head SET seq = 40, hash = (SELECT hash FROM audit_log WHERE seq = 40)`)
		blind, err := audit.Open(audit.Options{DB: h.db, Postgres: h.postgres, Now: time.Now, Log: slog.New(slog.DiscardHandler)}) // as an attacker without the key
		if err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			if err := blind.Record(t.Context(), audit.Entry{Action: "innocent.deed", Object: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if v := h.verdict(t); v.Bad != 70 {
			t.Errorf("%+v", v)
		}
		h.fill(t, 10) // the honest log goes on, and does not seal what it finds
		if v := h.verdict(t); v.Bad != 70 {
			t.Errorf("after more records: %+v", v)
		}
	})
}

func TestG20_TheSealItself(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, path string){
		"removed": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"emptied": func(t *testing.T, path string) { write(t, path, nil) },
		"earlier place": func(t *testing.T, path string) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			copy(text, fmt.Sprintf("%020d", 3))
			write(t, path, text)
		},
		"another key": func(t *testing.T, path string) {
			write(t, filepath.Join(filepath.Dir(path), "keys", "audit.key"), make([]byte, 32))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, "sqlite")
			h.fill(t, 70)
			harm(t, filepath.Join(h.dir, "audit.head"))
			h.Log = h.open(t)
			if v := h.verdict(t); v.Bad == 0 || v.Records != 70 {
				t.Errorf("%+v", v)
			}
			h.fill(t, 3)
			if v := h.verdict(t); v.Bad == 0 {
				t.Errorf("after more records: %+v", v)
			}
		})
	}
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Several processes at once make one chain without gaps.
func TestManyWritersOneChain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *house) {
		var all sync.WaitGroup
		for range 4 {
			log := h.open(t)
			all.Go(func() {
				for i := range 25 {
					if err := log.Record(context.Background(), audit.Entry{Action: "tokens.create", Object: fmt.Sprint(i)}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if v := h.verdict(t); v.Bad != 0 || v.Records != 100 {
			t.Errorf("%+v", v)
		}
	})
}

// A deed is written down although its request was given up, and what cannot be written is counted.
func TestNote(t *testing.T) {
	h := newHouse(t, "sqlite")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.Note(ctx, audit.Entry{Action: "tokens.revoke"})
	if v := h.verdict(t); v.Records != 1 || h.Lost() != 0 {
		t.Errorf("%+v, %d lost", v, h.Lost())
	}
	h.db.Close()
	h.Note(t.Context(), audit.Entry{Action: "tokens.revoke"})
	if h.Lost() != 1 {
		t.Errorf("%d lost", h.Lost())
	}
}

func BenchmarkRecord(b *testing.B) {
	h := newBench(b)
	for b.Loop() {
		if err := h.Record(b.Context(), audit.Entry{UserID: "u", Email: "a@acme.com", Action: "tokens.create", Object: "t"}); err != nil {
			b.Fatal(err)
		}
	}
}
