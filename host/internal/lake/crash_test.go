package lake_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/host/internal/lake/snapshot"
	"github.com/ai-data-analyst/broker/sdk"
)

// simulation publishes on a file system that may crash after every step. The database commits atomically and durably:
// what it says at a crash is what was committed, whatever became of the files.
type simulation struct {
	*world
	fs        *memFS
	rng       *rand.Rand
	every     int     // a check at every how many steps
	recover   int     // a whole recovery at every how many checks; 0 = never
	reader    *sql.DB // sees what is committed, also while a transaction is open
	committed map[sdk.TableName]closure
	acked     int64 // rows that a source was told to forget
	started   int64 // rows handed over so far
	mode      string
	aside     bool // mutant: the cursor is kept in a file of its own
	steps     int
	points    int
	found     map[string]int
	inside    bool
}

// closure is a committed table: every file that it needs, with its bytes, and what they say.
type closure struct {
	files    map[string][]byte
	rows     int64
	position int64 // of the cursor
}

const simulatedRoot = "/data/lake"

func newSimulation(t testing.TB, seed uint64, mode string) *simulation {
	t.Helper()
	s := &simulation{fs: newMemFS(), rng: rand.New(rand.NewPCG(seed, 1)), every: 1, mode: mode, committed: map[sdk.TableName]closure{}, found: map[string]int{}}
	s.world = &world{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s.options = lake.Options{Dir: simulatedRoot, Dialect: "sqlite", Exclusive: true, FS: s.fs, Now: func() time.Time { return s.now }}
	file := filepath.Join(t.TempDir(), "broker.db")
	s.options.DB, s.reader = openSQLite(t, file), openSQLite(t, file)
	s.options.DB.SetMaxOpenConns(1)
	if _, err := s.options.DB.Exec(`PRAGMA synchronous = off`); err != nil { // nobody cuts this machine's power
		t.Fatal(err)
	}
	s.options.Step = func(name string) {
		if name == "after-commit" {
			s.refresh(t)
		}
	}
	s.open(t)
	s.fs.point = func() { s.point(t) }
	return s
}

// refresh notes what is committed now.
func (s *simulation) refresh(t testing.TB) {
	t.Helper()
	s.inside = true
	defer func() { s.inside = false }()
	rows, err := s.reader.Query(`SELECT table_namespace, table_name, metadata_location FROM iceberg_tables`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var ns, name, location string
		must(t, rows.Scan(&ns, &name, &location))
		c, err := s.look(location)
		if err != nil {
			t.Fatalf("what was committed cannot be read: %v", err)
		}
		s.committed[sdk.TableName(ns+"."+name)] = c
	}
	must(t, rows.Err())
}

// look gathers a table from its metadata file down to its parts.
func (s *simulation) look(location string) (closure, error) {
	files := disk.IO{FS: s.fs, Root: simulatedRoot}
	c := closure{files: map[string][]byte{}}
	take := func(location string) error {
		path, err := files.Path(location)
		if err == nil {
			c.files[path], err = files.ReadFile(location)
		}
		return err
	}
	if err := take(location); err != nil {
		return c, err
	}
	content, err := files.ReadFile(location)
	if err != nil {
		return c, err
	}
	meta, err := table.ParseMetadataBytes(content)
	if err != nil {
		return c, err
	}
	current := meta.CurrentSnapshot()
	manifests, err := current.Manifests(files)
	if err != nil {
		return c, err
	}
	names := []string{current.ManifestList}
	for _, m := range manifests {
		names = append(names, m.FilePath())
	}
	parts, err := snapshot.Parts(current, files, files)
	if err != nil {
		return c, err
	}
	for _, p := range parts {
		names = append(names, files.URL(p.Path))
		c.rows += p.Rows
	}
	for _, name := range names {
		if err := take(name); err != nil {
			return c, err
		}
	}
	if file := current.Summary.Properties[snapshot.CursorFile]; file != "" {
		if err := take(file); err != nil {
			return c, err
		}
	}
	cursor, err := snapshot.LoadCursor(files, current.Summary.Properties)
	c.position, _ = strconv.ParseInt(strings.TrimRight(string(cursor.Data), " "), 10, 64) // 0 without a cursor
	return c, err
}

// point is a step after which the machine may lose power.
func (s *simulation) point(t testing.TB) {
	if s.inside {
		return
	}
	s.steps++
	if s.steps%s.every != 0 {
		return
	}
	s.inside = true
	defer func() { s.inside = false }()
	s.points++
	percent := []int{0, 30, 70, 100}[s.rng.IntN(4)]
	after := s.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: s.rng})
	s.check(after)
	if s.recover > 0 && s.points%s.recover == 0 {
		s.restart(t, after)
	}
}

// check is what a reader finds after the crash, and where the next run would begin.
func (s *simulation) check(after *vfs.MemFS) {
	files := &memFS{MemFS: after, point: func() {}}
	for name, c := range s.committed {
		for path, want := range c.files {
			got, err := disk.ReadFile(files, filepath.Join(simulatedRoot, path))
			if err != nil || !bytes.Equal(got, want) {
				s.found["a file of a committed table is lost or torn: "+filepath.Base(filepath.Dir(path))]++
			}
		}
		position := c.position
		if s.aside {
			position = s.readAside(files)
		}
		if name == orders && position != c.rows {
			s.found["cursor and rows disagree: the next run would lose or repeat"]++
		}
	}
	seen := s.committed[orders].rows
	switch {
	case seen != s.committed[items].rows:
		s.found["tables of one set are of different generations"]++
	case seen < s.acked:
		s.found["rows that were acknowledged are lost"]++
	case seen > s.started:
		s.found["rows that were never delivered"]++
	}
}

// restart starts again after the crash: nothing may be left behind, and the next run completes the rows.
func (s *simulation) restart(t testing.TB, after *vfs.MemFS) {
	t.Helper()
	copied := filepath.Join(t.TempDir(), fmt.Sprint("copy-", s.points, ".db"))
	_, err := s.reader.Exec(`VACUUM INTO ?`, copied)
	must(t, err)
	w := &world{now: s.now.Add(time.Minute), options: s.options}
	w.options.FS, w.options.Step = &memFS{MemFS: after, point: func() {}, skip: func(string, string) bool { return false }}, nil
	w.options.DB = openSQLite(t, copied)
	defer w.options.DB.Close()
	w.open(t)
	if left, err := w.options.FS.List(simulatedRoot + "/drafts"); err != nil || len(left) > 0 {
		t.Errorf("after a restart the drafts are %v, %v", left, err)
	}
	for _, f := range walk(t, w.options.FS, simulatedRoot) {
		if disk.IsTemp(f) {
			t.Errorf("after a restart there is %s", f)
		}
	}
	cursor, err := w.Cursor(context.Background(), orders)
	must(t, err)
	from, _ := strconv.ParseInt(strings.TrimRight(string(cursor.Data), " "), 10, 64) // 0 before the first run
	s.deliver(t, w, "after", from, from+7)
	for _, name := range []sdk.TableName{orders, items} {
		v, err := w.Current(context.Background(), name)
		must(t, err)
		if v.Rows != from+7 {
			t.Errorf("after a restart and a run %s has %d rows, want %d", name, v.Rows, from+7)
		}
	}
	findings, err := w.Verify(context.Background(), true)
	if err != nil || len(findings) > 0 {
		t.Errorf("after a restart and a run: %v, %v", findings, err)
	}
}

func walk(t testing.TB, files disk.FS, dir string) []string {
	t.Helper()
	var found []string
	names, err := files.List(dir)
	must(t, err)
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := files.Stat(path)
		must(t, err)
		if info.IsDir() {
			found = append(found, walk(t, files, path)...)
		} else {
			found = append(found, path)
		}
	}
	return found
}

// mutants are ways to get it wrong, each of which the simulation must catch.
var mutants = []struct {
	name  string
	skip  func(op, name string) bool
	aside bool
}{
	{name: "no fsync of parts", skip: func(op, name string) bool { return op == "sync" && !strings.Contains(name, "/metadata/") }},
	{name: "no fsync of the folder of parts", skip: func(op, name string) bool { return op == "syncdir" && strings.HasSuffix(name, "/data") }},
	{name: "no fsync of manifests and metadata", skip: func(op, name string) bool { return op == "sync" && strings.Contains(name, "/metadata/") }},
	{name: "no fsync of the folder of metadata", skip: func(op, name string) bool { return op == "syncdir" && strings.HasSuffix(name, "/metadata") }},
	{name: "no fsync of new folders in their parents", skip: func(op, name string) bool {
		return op == "syncdir" && !strings.HasSuffix(name, "/metadata") && !strings.HasSuffix(name, "/data")
	}},
	{name: "cursor in a second place", aside: true},
}

// run publishes some generations of a set of two tables and checks at the crash points.
func (s *simulation) run(t testing.TB, publications int) {
	t.Helper()
	for i := range int64(publications) {
		s.now = s.now.Add(3 * time.Hour)
		s.started = i*7 + 7
		d := s.deliver(t, s.world, fmt.Sprint("run-", i), i*7, s.started)
		s.acked = s.started
		if s.aside {
			s.writeAside(t, s.acked)
		}
		must(t, d.Discard())
		if i%5 == 4 {
			_, err := s.Expire(context.Background())
			must(t, err)
		}
	}
}

// deliver makes one run: rows [from, to) in the manner of the mode, and the cursor to.
func (s *simulation) deliver(t testing.TB, w *world, run string, from, to int64) *lake.Draft {
	t.Helper()
	child := spec(items, s.mode)
	child.Root = false
	op := "append"
	switch {
	case s.mode == "replace":
		from = 0
	case s.mode == "merge":
		from, op = max(from-3, 0), "upsert" // some that are there already
	}
	fresh := rows(from, to)
	for i := range fresh {
		fresh[i].name = fmt.Sprint(run, " row ", fresh[i].id)
	}
	d, err := w.Draft(context.Background(), lake.RunInfo{ID: run, Holder: "simulation"}, []lake.Spec{spec(orders, s.mode), child})
	must(t, err)
	deliver(t, d, orders, op, fresh...)
	deliver(t, d, items, op, fresh...)
	position := strconv.FormatInt(to, 10)
	if to%2 == 0 {
		position += strings.Repeat(" ", 10_000) // a cursor that lies in a file of its own
	}
	must(t, d.Checkpoint(at(position), ""))
	_, err = d.Publish(context.Background(), true)
	must(t, err)
	return d
}

const asideFile = simulatedRoot + "/cursor.json"

func (s *simulation) writeAside(t testing.TB, position int64) {
	t.Helper()
	content, err := json.Marshal(position)
	must(t, err)
	must(t, disk.WriteFile(s.fs, asideFile, content))
}

func (s *simulation) readAside(files disk.FS) (position int64) {
	content, err := disk.ReadFile(files, asideFile)
	if err == nil {
		err = json.Unmarshal(content, &position)
	}
	if err != nil {
		return 0
	}
	return position
}

// simulate runs lakes with different seeds until there were enough crash points.
func simulate(t testing.TB, points int, prepare func(*simulation)) (total int, found map[string]int) {
	t.Helper()
	found = map[string]int{}
	for seed := uint64(1); total < points; seed++ {
		s := newSimulation(t, seed, []string{"append", "merge", "replace"}[seed%3])
		prepare(s)
		s.run(t, 10)
		total += s.points
		for what, n := range s.found {
			found[what] += n
		}
	}
	return total, found
}

// G1, G2, G3: a power cut after any step of any file leaves the database's tables whole, with the cursor that belongs to
// their rows.
func TestG2_CrashSimulation(t *testing.T) {
	wanted := 20_000
	if testing.Short() {
		wanted = 2_000
	}
	if more, err := strconv.Atoi(os.Getenv("CRASH_POINTS")); err == nil {
		wanted = more
	}
	points, found := simulate(t, wanted, func(s *simulation) { s.recover = 700 })
	t.Logf("%d crash points", points)
	for what, n := range found {
		t.Errorf("%d of %d crash points: %s", n, points, what)
	}
}

// The simulation would notice what it is there for.
func TestG3_MutantsAreCaught(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			points, found := simulate(t, 1200, func(s *simulation) {
				s.every = 2
				s.aside = m.aside
				if m.skip != nil {
					s.fs.skip = m.skip
				}
			})
			if len(found) == 0 {
				t.Errorf("%d crash points and nothing noticed", points)
			}
			t.Logf("%d crash points: %v", points, found)
		})
	}
}
