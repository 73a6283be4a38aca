package lake_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
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
	every     int                      // a check at every how many steps
	committed map[sdk.TableName]string // where the database has the tables' metadata
	acked     int64                    // rows that a source was told to forget
	started   int64                    // rows handed over so far
	aside     bool                     // mutant: the cursor is kept in a file of its own
	steps     int
	points    int
	found     map[string]int
	inside    bool
}

const simulatedRoot = "/data/lake"

func newSimulation(t testing.TB, seed uint64, every int) *simulation {
	t.Helper()
	s := &simulation{fs: newMemFS(), rng: rand.New(rand.NewPCG(seed, 1)), every: every, committed: map[sdk.TableName]string{}, found: map[string]int{}}
	s.world = &world{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s.options = lake.Options{Dir: simulatedRoot, Dialect: "sqlite", Exclusive: true, FS: s.fs, Now: func() time.Time { return s.now }}
	s.options.DB = openSQLite(t, filepath.Join(t.TempDir(), "broker.db"))
	if _, err := s.options.DB.Exec(`PRAGMA synchronous = off`); err != nil { // nobody cuts this machine's power
		t.Fatal(err)
	}
	s.options.DB.SetMaxOpenConns(1)
	s.options.Step = func(name string) {
		if name == "after-commit" {
			s.inside = true // the connection is free again: ask what was committed
			s.refresh(t)
			s.inside = false
		}
	}
	s.open(t)
	s.fs.point = func() { s.point(t) }
	return s
}

func (s *simulation) refresh(t testing.TB) {
	t.Helper()
	rows, err := s.options.DB.Query(`SELECT table_namespace, table_name, metadata_location FROM iceberg_tables`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var ns, name, location string
		must(t, rows.Scan(&ns, &name, &location))
		s.committed[sdk.TableName(ns+"."+name)] = location
	}
	must(t, rows.Err())
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
	s.check(s.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: s.rng}))
}

// check is what a reader and the next run find after the crash.
func (s *simulation) check(after *vfs.MemFS) {
	files := disk.IO{FS: &memFS{MemFS: after, point: func() {}}, Root: simulatedRoot}
	cursors := map[sdk.TableName]int64{}
	for name, location := range s.committed {
		meta, parts, err := look(files, location)
		if err != nil {
			s.found["a committed table cannot be read: "+kind(err)]++
			return
		}
		rows := int64(0)
		for _, p := range parts {
			rows += p
		}
		cursor, err := snapshot.DecodeCursor(meta.CurrentSnapshot().Summary.Properties[snapshot.CursorProperty])
		if err != nil {
			s.found["the cursor cannot be read"]++
			return
		}
		position, _ := strconv.ParseInt(string(cursor.Data), 10, 64) // 0 without a cursor
		if name == orders && s.aside {
			position = s.readAside(files)
		}
		if name == orders && position != rows {
			s.found["cursor and rows disagree: the next run would lose or repeat"]++
		}
		cursors[name] = rows
	}
	if cursors[orders] != cursors[items] {
		s.found["tables of one set are of different generations"]++
	}
	if cursors[orders] < s.acked {
		s.found["rows that were acknowledged are lost"]++
	}
	if cursors[orders] > s.started {
		s.found["rows that were never delivered"]++
	}
}

func kind(err error) string {
	for _, what := range []string{"metadata", "manifest list", "manifest", "part"} {
		if strings.Contains(err.Error(), what) {
			return what
		}
	}
	return err.Error()
}

// look reads a table from its metadata file down to the bytes of its parts.
func look(files disk.IO, location string) (table.Metadata, []int64, error) {
	content, err := files.ReadFile(location)
	if err != nil {
		return nil, nil, fmt.Errorf("metadata: %w", err)
	}
	meta, err := table.ParseMetadataBytes(content)
	if err != nil {
		return nil, nil, fmt.Errorf("metadata: %w", err)
	}
	parts, err := snapshot.Parts(meta.CurrentSnapshot(), files, files)
	if err != nil {
		return nil, nil, err
	}
	rows := make([]int64, len(parts))
	for i, p := range parts {
		f, err := files.FS.Open(filepath.Join(files.Root, p.Path))
		if err != nil {
			return nil, nil, fmt.Errorf("part: %w", err)
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil || hex.EncodeToString(h.Sum(nil)) != p.SHA256 {
			return nil, nil, fmt.Errorf("part %s is torn: %v", p.Path, err)
		}
		rows[i] = p.Rows
	}
	return meta, rows, nil
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

// run publishes some generations of a set of two tables in a mode and checks at the crash points.
func (s *simulation) run(t testing.TB, mode string, publications int) {
	t.Helper()
	child := spec(items, mode)
	child.Root = false
	for i := range int64(publications) {
		from, to := i*7, i*7+7
		if mode == "replace" {
			from = 0
		}
		if mode == "merge" && i > 0 {
			from -= 3 // some that are there already
		}
		s.started = to
		s.now = s.now.Add(3 * time.Hour)
		d := s.draft(t, fmt.Sprint("run-", i), spec(orders, mode), child)
		op := map[string]string{"append": "append", "replace": "append", "merge": "upsert"}[mode]
		fresh := rows(from, to)
		for j := range fresh {
			fresh[j].name = fmt.Sprint("run ", i, " row ", fresh[j].id)
		}
		deliver(t, d, orders, op, fresh...)
		deliver(t, d, items, op, fresh...)
		must(t, d.Checkpoint(at(strconv.FormatInt(to, 10)), ""))
		if _, err := d.Publish(context.Background(), true); err != nil {
			t.Fatal(err)
		}
		s.acked = to
		if s.aside {
			s.writeAside(t, to)
		}
		must(t, d.Discard())
		if i%5 == 4 {
			_, err := s.Expire(context.Background())
			must(t, err)
		}
	}
}

const asideFile = simulatedRoot + "/cursor.json"

func (s *simulation) writeAside(t testing.TB, position int64) {
	t.Helper()
	content, err := json.Marshal(position)
	must(t, err)
	must(t, disk.WriteFile(s.fs, asideFile, content))
}

func (s *simulation) readAside(files disk.IO) (position int64) {
	content, err := disk.ReadFile(files.FS, asideFile)
	if err == nil {
		err = json.Unmarshal(content, &position)
	}
	if err != nil {
		return 0
	}
	return position
}

// simulate runs lakes with different seeds until there were enough crash points.
func simulate(t testing.TB, points, every int, prepare func(*simulation)) (total int, found map[string]int) {
	t.Helper()
	found = map[string]int{}
	for seed := uint64(1); total < points; seed++ {
		s := newSimulation(t, seed, every)
		prepare(s)
		s.run(t, []string{"append", "merge", "replace"}[seed%3], 10)
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
	points, found := simulate(t, wanted, 1, func(*simulation) {})
	t.Logf("%d crash points", points)
	for what, n := range found {
		t.Errorf("%d of %d crash points: %s", n, points, what)
	}
}

// The simulation would notice what it is there for.
func TestG3_MutantsAreCaught(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			points, found := simulate(t, 700, 2, func(s *simulation) {
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
