//go:build linux

package crash_test

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// check reads what is published as any reader of Parquet would, and compares it with the numbered source: nothing lost,
// nothing repeated, nothing torn, nothing acknowledged that is not published (G1, G2, G4).
func (h *house) check(tables map[string]table) {
	h.t.Helper()
	newest := map[string]int64{}
	for name, one := range tables {
		event, rows := h.read(name, one)
		if rows != one.Rows {
			h.t.Errorf("%s: %d rows are read, broker says %d", name, rows, one.Rows)
		}
		if event > h.upstream || event < h.seen[name] {
			h.t.Errorf("%s: readers see event %d after %d, upstream is at %d", name, event, h.seen[name], h.upstream)
		}
		newest[name], h.seen[name] = event, event
	}
	if newest["shop.orders"] != newest["shop.items"] {
		h.t.Errorf("orders are as of event %d, their items as of %d", newest["shop.orders"], newest["shop.items"])
	}
	for name, event := range h.acknowledged() {
		if event > newest["shop."+name] {
			h.t.Errorf("%s: event %d was acknowledged, published is %d", name, event, newest["shop."+name])
		}
	}
	if h.t.Failed() {
		h.t.FailNow()
	}
}

// read compares one table with the source and returns the event it is as of.
func (h *house) read(name string, one table) (event, rows int64) {
	h.t.Helper()
	from := fmt.Sprintf("read_parquet(['%s'])", strings.Join(one.Files, "','"))
	switch name {
	case "shop.log":
		return h.readLog(from)
	case "shop.sheet":
		return h.readSheet(from)
	}
	event = h.number("SELECT coalesce(max(\"at\"), 0) FROM " + from)
	var want, got []string
	var sql string
	switch name {
	case "shop.orders":
		want, sql = ordersAt(event), `SELECT id || ' ' || "at" || ' ' || text FROM `+from+` ORDER BY id, "at"`
	case "shop.items":
		want, sql = itemsAt(event), `SELECT order_id || ' ' || line || ' ' || "at" FROM `+from+` ORDER BY order_id, line, "at"`
	default:
		h.t.Fatalf("a table %s", name)
	}
	got = h.texts(sql)
	if diff := cmp.Diff(want, got); diff != "" {
		h.t.Fatalf("%s as of event %d (-source +readers):\n%.2000s", name, event, diff)
	}
	return event, int64(len(got))
}

func (h *house) readLog(from string) (event, rows int64) {
	h.t.Helper()
	var distinct, first, wrong int64
	err := h.db.QueryRow("SELECT count(*), count(DISTINCT seq), coalesce(min(seq), 1), coalesce(max(seq), 0), count(*) FILTER (value <> seq * seq % 1000003) FROM "+from).
		Scan(&rows, &distinct, &first, &event, &wrong)
	if err != nil {
		h.t.Fatal(err)
	}
	if rows != event || distinct != rows || first != 1 || wrong != 0 {
		h.t.Errorf("shop.log: %d rows, %d of them different, from %d to %d, %d wrong", rows, distinct, first, event, wrong)
	}
	return event, rows
}

func (h *house) readSheet(from string) (event, rows int64) {
	h.t.Helper()
	var editions, distinct, last int64
	err := h.db.QueryRow("SELECT count(*), count(DISTINCT id), coalesce(max(id), 0), count(DISTINCT edition), coalesce(max(edition), 0) FROM "+from).
		Scan(&rows, &distinct, &last, &editions, &event)
	if err != nil {
		h.t.Fatal(err)
	}
	if rows != 2000+event%100 || distinct != rows || last != rows || editions != 1 {
		h.t.Errorf("shop.sheet: %d rows, %d of them different, last %d, of %d editions, newest %d", rows, distinct, last, editions, event)
	}
	return event, rows
}

// latest is the last event of each order that is left after so many events; it knows the source's rules a second time.
func latest(event int64) []int64 {
	last := make([]int64, 997)
	for e := int64(1); e <= event; e++ {
		last[e*7919%997] = e
		if e%50 == 13 || e%50 == 37 {
			last[e*7919%997] = 0
		}
	}
	return last
}

func ordersAt(event int64) (rows []string) {
	for id, at := range latest(event) {
		if at > 0 {
			rows = append(rows, fmt.Sprintf("%d %d order %d as of %d", id, at, id, at))
		}
	}
	return rows
}

func itemsAt(event int64) (rows []string) {
	for id, at := range latest(event) {
		for line := 1; line <= 2 && at > 0; line++ {
			rows = append(rows, fmt.Sprintf("%d %d %d", id, line, at))
		}
	}
	return rows
}

func (h *house) number(query string) (n int64) {
	h.t.Helper()
	if err := h.db.QueryRow(query).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *house) texts(query string) (all []string) {
	h.t.Helper()
	rows, err := h.db.Query(query)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, text.String)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return all
}

// acknowledged is the farthest event of each stream that the source was told to be published. A line that the plugin's
// death cut in two says nothing.
func (h *house) acknowledged() map[string]int64 {
	far := map[string]int64{}
	file, err := os.Open(filepath.Join(h.dir, "acked"))
	if err != nil {
		return far
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var place struct {
			Stream string
			Event  int64
		}
		if json.Unmarshal(lines.Bytes(), &place) == nil {
			far[place.Stream] = max(far[place.Stream], place.Event)
		}
	}
	return far
}

// whole wants that everything is published, that the lake is in order, and that nothing is left of any run before (G11).
func (h *house) whole() {
	h.t.Helper()
	tables := h.published()
	h.check(tables)
	for name := range tables {
		if h.seen[name] != h.upstream {
			h.t.Errorf("%s is as of event %d after a clean sync, upstream is at %d", name, h.seen[name], h.upstream)
		}
	}
	h.tidy()
	for _, one := range h.runs() {
		if one.EndedAt == nil {
			h.t.Errorf("the journal has no end of a run: %+v", one)
		}
	}
	if h.t.Failed() {
		h.t.FailNow()
	}
}

// tidy wants that no process, draft, socket or temporary file is left.
func (h *house) tidy() {
	h.t.Helper()
	h.await("the plugin is gone", func() bool { return len(h.plugins()) == 0 })
	for _, dir := range []string{filepath.Join(h.dir, "data/lake/drafts"), filepath.Join(h.dir, "data/state/run"), h.tmp} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			h.t.Error(err)
		}
		for _, entry := range entries {
			h.t.Errorf("left in %s: %s", dir, entry.Name())
		}
	}
	err := filepath.WalkDir(filepath.Join(h.dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && path == filepath.Join(h.dir, "data/state/run") {
			return fs.SkipDir // looked at above
		}
		if err == nil && (strings.Contains(entry.Name(), "tmp") || strings.Contains(entry.Name(), ".copy-") || entry.Type()&fs.ModeSocket != 0) {
			h.t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		h.t.Error(err)
	}
}
