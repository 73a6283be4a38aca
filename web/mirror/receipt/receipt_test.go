//go:build cgo && !lite

package receipt_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/ask"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/mirror/receipt"
)

// hashed runs a statement and hashes what comes.
func hashed(ctx context.Context, s duck.Session, sql string, limit int64, params []duck.Param) (receipt.Result, error) {
	statement, err := ask.Check(sql)
	if err != nil {
		return receipt.Result{}, err
	}
	conn, err := duck.Default().Open(ctx, s)
	if err != nil {
		return receipt.Result{}, err
	}
	defer conn.Close()
	a, err := ask.Run(ctx, conn, statement, limit, params)
	if err != nil {
		return receipt.Result{}, err
	}
	defer a.Close()
	h := receipt.NewHasher(a.Columns, statement.Ordered)
	defer h.Close()
	a.See = h.Add
	if err := a.Rest(); err != nil {
		return receipt.Result{}, err
	}
	return h.Result()
}

func must(t *testing.T, s duck.Session, sql string) receipt.Result {
	t.Helper()
	r, err := hashed(t.Context(), s, sql, 0, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return r
}

// The hash is the same for any number of threads, any order of rows, and sums that differ in their last digits.
func TestHashIsSteady(t *testing.T) {
	sql := "SELECT range % 1000 AS g, sum(sqrt(range)) AS s, avg(range / 7) AS a, count(*) AS n, [sum(sqrt(range))] AS l, {'d': avg(sqrt(range))} AS st FROM range(2000000) GROUP BY 1"
	want := must(t, duck.Session{Threads: 1}, sql)
	for _, threads := range []int{2, 4, 7} {
		if got := must(t, duck.Session{Threads: threads}, sql); !cmp.Equal(got, want) {
			t.Errorf("%d threads: %s", threads, cmp.Diff(want, got))
		}
	}
	a, b := must(t, duck.Session{}, "VALUES (1, 'a'), (2, 'b'), (2, 'b')"), must(t, duck.Session{}, "VALUES (2, 'b'), (1, 'a'), (2, 'b')")
	if a.SHA256 != b.SHA256 {
		t.Error("the order of rows counts where nothing orders them")
	}
	a, b = must(t, duck.Session{}, "SELECT * FROM (VALUES (1), (2)) t(x) ORDER BY x"), must(t, duck.Session{}, "SELECT * FROM (VALUES (1), (2)) t(x) ORDER BY x DESC")
	if a.SHA256 == b.SHA256 || a.RowsSHA256 != b.RowsSHA256 {
		t.Error("the order of rows does not count where ORDER BY says it")
	}
	for x, y := range map[string]string{"SELECT 0.0::DOUBLE AS x": "SELECT -0.0::DOUBLE AS x", "SELECT 0.1::DOUBLE + 0.2 AS x": "SELECT 0.3::DOUBLE AS x", "SELECT [0.1::DOUBLE + 0.2] AS x": "SELECT [0.3::DOUBLE] AS x"} {
		if must(t, duck.Session{}, x).SHA256 != must(t, duck.Session{}, y).SHA256 {
			t.Errorf("%s and %s have other hashes", x, y)
		}
	}
}

// No two results that differ read alike.
func TestHashTellsResultsApart(t *testing.T) {
	seen := map[string]string{}
	for _, sql := range []string{
		"SELECT NULL::VARCHAR AS x", "SELECT '' AS x", "SELECT 'NULL' AS x", "SELECT '∅' AS x", "SELECT NULL::INTEGER AS x", "SELECT 1 AS x", "SELECT '1' AS x", "SELECT 1::BIGINT AS x", "SELECT 1::HUGEINT AS x",
		"SELECT 1.0::DOUBLE AS x", "SELECT 1.0::DECIMAL(2,1) AS x", "SELECT 1.00::DECIMAL(3,2) AS x", "SELECT 1 AS y", "SELECT 'ab' AS x, 'c' AS y", "SELECT 'a' AS x, 'bc' AS y", "SELECT 'abc' AS x, '' AS y",
		"SELECT * FROM (VALUES ('a'), ('b')) t(x)", "SELECT * FROM (VALUES ('ab')) t(x)", "SELECT * FROM (VALUES ('a'), ('a'), ('b')) t(x)", "SELECT 'a' AS x WHERE false", "SELECT 1 AS x WHERE false",
		"SELECT 0.3000000001::DOUBLE AS x", "SELECT 0.3000000002::DOUBLE AS x", "SELECT 'nan'::DOUBLE AS x", "SELECT NULL::DOUBLE AS x", "SELECT [1] AS x", "SELECT ['1'] AS x", "SELECT [[1]] AS x", "SELECT '[1]' AS x",
		"SELECT {'a': NULL} AS x", "SELECT NULL::STRUCT(a INTEGER) AS x", "SELECT MAP {'a': 1} AS x", "SELECT {'a': 1} AS x", "SELECT DATE '2024-01-01' AS x", "SELECT TIMESTAMP '2024-01-01' AS x",
		"SELECT * FROM (VALUES ('a', NULL), (NULL, 'a')) t(x, y)", "SELECT * FROM (VALUES ('a', 'a'), (NULL, NULL)) t(x, y)",
	} {
		sum := must(t, duck.Session{}, sql).SHA256
		if other, ok := seen[sum]; ok {
			t.Errorf("%s and %s have the same hash", sql, other)
		}
		seen[sum] = sql
	}
}

func signed(t *testing.T, key ed25519.PrivateKey, change func(*receipt.Receipt)) receipt.Receipt {
	t.Helper()
	r := receipt.Receipt{ID: receipt.NewID(time.Unix(1_700_000_000, 0)), SQL: "SELECT count(*) AS n FROM shop.orders", Params: []duck.Param{{Name: "p", Type: "BIGINT", Value: "1"}}, Generation: 12,
		ManifestSHA256: strings.Repeat("a", 64), Engine: receipt.Engine{Name: "duckdb", Version: "v1"}, Tables: []receipt.Table{}, Columns: []string{"n BIGINT"}, Deterministic: true, Rows: 1,
		ResultSHA256: strings.Repeat("b", 64), At: time.Unix(1_700_000_000, 0).UTC(), User: "u1"}
	if change != nil {
		change(&r)
	}
	if err := r.Sign(key); err != nil {
		t.Fatal(err)
	}
	return r
}

func newKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeptAndFoundAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "receipts")
	key := newKey(t)
	first := signed(t, key, nil)
	second := signed(t, key, func(r *receipt.Receipt) { r.ID = receipt.NewID(time.Unix(1_800_000_000, 0)) })
	for _, r := range []receipt.Receipt{first, second} {
		if err := receipt.Save(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{first.ID, first.ID[:12], filepath.Join(dir, first.ID+".json")} {
		got, err := receipt.Load(dir, name)
		if diff := cmp.Diff(first, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		if err := got.Verify(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "zz.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	list, unreadable, err := receipt.List(dir)
	if err != nil || unreadable != 1 || len(list) != 2 || list[0].ID != second.ID {
		t.Errorf("%d receipts, %d unreadable, %v", len(list), unreadable, err)
	}
	if _, err := receipt.Load(dir, "0"); fault.CodeOf(err) != fault.Config || !strings.Contains(err.Error(), "2 receipts begin with") {
		t.Errorf("the beginning of two: %v", err)
	}
	for _, name := range []string{"nothing", "*", "", filepath.Join(dir, "none.json"), "../x"} {
		if r, err := receipt.Load(dir, name); fault.CodeOf(err) != fault.Config {
			t.Errorf("%q: %v, %v", name, r.ID, err)
		}
	}
}

// Whatever is changed in the file of a receipt is found.
func TestEveryChangeOfAReceiptIsFound(t *testing.T) {
	dir := t.TempDir()
	r := signed(t, newKey(t), nil)
	if err := receipt.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, r.ID+".json")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(text []byte) error {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		r, err := receipt.Load(dir, path)
		if err != nil {
			return err
		}
		return r.Verify()
	}
	if err := check(whole); err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		changed := append([]byte{}, whole...)
		changed[i] ^= 1
		var before, after any
		if json.Unmarshal(whole, &before) == nil && json.Unmarshal(changed, &after) == nil && cmp.Equal(before, after) {
			continue // a blank
		}
		if err := check(changed); fault.CodeOf(err) != fault.Config {
			t.Errorf("byte %d (%q): %v", i, whole[max(0, i-10):i+1], err)
		}
	}
	for _, text := range []string{strings.Replace(string(whole), "{", `{"more": 1,`, 1), string(whole) + "{}", "", "null", "[]", string(whole[:len(whole)/2]), strings.Replace(string(whole), r.Key, "", 1)} {
		if err := check([]byte(text)); fault.CodeOf(err) != fault.Config {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

// held are generations of a person; the parts of a table are named by its version.
func held(generations map[int64]map[string]string, current int64) func(int64) (api.Manifest, error) {
	return func(n int64) (api.Manifest, error) {
		if n == 0 {
			n = current
		}
		tables, ok := generations[n]
		if !ok {
			return api.Manifest{}, fault.New(fault.StateExpired, "not here")
		}
		m := api.Manifest{Generation: n}
		for _, name := range []string{"shop.customers", "shop.orders"} {
			if version, ok := tables[name]; ok {
				_, table, _ := strings.Cut(name, ".")
				m.Tables = append(m.Tables, api.Table{Name: name, Namespace: "shop", Table: table, Parts: []api.Part{{SHA256: version}}})
			}
		}
		return m, nil
	}
}

func TestReplay(t *testing.T) {
	key := newKey(t)
	both := map[string]string{"shop.customers": "c1", "shop.orders": "o1"}
	there := held(map[int64]map[string]string{12: both}, 12)
	m, err := there(12)
	if err != nil {
		t.Fatal(err)
	}
	r := signed(t, key, func(r *receipt.Receipt) { r.Tables = receipt.TablesOf(m, r.SQL) })
	if len(r.Tables) != 1 || r.Tables[0].Name != "shop.orders" {
		t.Fatalf("%v", r.Tables)
	}
	same := receipt.Result{Rows: r.Rows, Columns: r.Columns, SHA256: r.ResultSHA256}
	for name, c := range map[string]struct {
		held    func(int64) (api.Manifest, error)
		receipt receipt.Receipt
		got     receipt.Result
		want    receipt.Verdict
		why     string
	}{
		"same":                 {there, r, same, receipt.Same, "1 rows"},
		"newer, same parts":    {held(map[int64]map[string]string{15: {"shop.orders": "o1"}}, 15), r, same, receipt.Same, ""},
		"other rows":           {there, r, receipt.Result{Rows: 1, Columns: r.Columns, SHA256: "x"}, receipt.Different, "other values"},
		"more rows":            {there, r, receipt.Result{Rows: 2, Columns: r.Columns, SHA256: "x"}, receipt.Different, "2 rows instead of 1"},
		"other columns":        {there, r, receipt.Result{Rows: 1, Columns: []string{"m BIGINT"}, SHA256: "x"}, receipt.Different, "m BIGINT instead of n BIGINT"},
		"moves":                {there, signed(t, key, func(r *receipt.Receipt) { r.Deterministic = false }), receipt.Result{Rows: 1, Columns: r.Columns, SHA256: "x"}, receipt.Different, "each time"},
		"ties":                 {there, signed(t, key, func(r *receipt.Receipt) { r.Ordered, r.RowsSHA256 = true, "r" }), receipt.Result{Rows: 1, Columns: r.Columns, SHA256: "x", RowsSHA256: "r"}, receipt.Same, "ranks alike"},
		"not granted":          {held(map[int64]map[string]string{12: {"shop.customers": "c1"}}, 12), r, same, receipt.NotPermitted, "shop.orders"},
		"not granted any more": {held(map[int64]map[string]string{15: {"shop.customers": "c1"}}, 15), r, same, receipt.NotPermitted, "shop.orders"},
		"not at hand":          {held(map[int64]map[string]string{15: {"shop.orders": "o2"}}, 15), r, same, receipt.NotAvailable, "--generation 12"},
		"nothing here":         {held(nil, 0), r, same, receipt.NotAvailable, "--generation 12"},
		"another server's":     {held(map[int64]map[string]string{12: {"shop.orders": "o9"}}, 12), r, same, receipt.NotAvailable, "another server"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := receipt.Replay(t.Context(), c.receipt, c.held, func(_ context.Context, again receipt.Receipt) (receipt.Result, error) {
				if _, err := c.held(again.Generation); err != nil {
					t.Errorf("asked of generation %d: %v", again.Generation, err)
				}
				return c.got, nil
			})
			if err != nil || out.Verdict != c.want || !strings.Contains(out.Why, c.why) {
				t.Errorf("%s: %s, %v", out.Verdict, out.Why, err)
			}
		})
	}
	r.Rows++
	if _, err := receipt.Replay(t.Context(), r, there, nil); fault.CodeOf(err) != fault.Config {
		t.Errorf("a changed one: %v", err)
	}
	r.Rows--
	wrong := errors.New("disk")
	if _, err := receipt.Replay(t.Context(), r, func(int64) (api.Manifest, error) { return api.Manifest{}, wrong }, nil); !errors.Is(err, wrong) {
		t.Errorf("%v", err)
	}
}
