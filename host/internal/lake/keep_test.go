package lake_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Retention: what readers may hold stays, then the newest 100, then those within retain_days; files follow.
func TestExpire(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	for i := range 6 {
		w.sync(t, fmt.Sprint("run-", i), spec(orders, "replace"), fmt.Sprint("c", i), rows(int64(i), int64(i)+50)...)
		w.now = w.now.Add(20 * 24 * time.Hour)
	}
	// Generation 6 is 20 days old, 5 was replaced 20 days ago, 4 40 days ago, …
	release, err := w.Pin(ctx, 2, time.Hour)
	must(t, err)
	if _, err := w.Expire(ctx); err != nil {
		t.Fatal(err)
	}
	readable := func() (seqs []int64) {
		for n := int64(1); n <= 6; n++ {
			if _, err := w.Generation(ctx, n); err == nil {
				seqs = append(seqs, n)
			} else if fault.CodeOf(err) != fault.NotFound {
				t.Fatal(err)
			}
		}
		return seqs
	}
	if diff := cmp.Diff([]int64{2, 5, 6}, readable()); diff != "" {
		t.Errorf("generations (-want +got):\n%s", diff)
	}
	if parts := w.files(t, ".parquet"); len(parts) != 3 {
		t.Errorf("%d parts", len(parts))
	}
	must(t, release(ctx))
	expired, err := w.Expire(ctx)
	must(t, err)
	if expired.Snapshots != 1 || expired.Files == 0 || expired.Bytes == 0 {
		t.Errorf("expired %+v", expired)
	}
	if diff := cmp.Diff([]int64{5, 6}, readable()); diff != "" {
		t.Errorf("generations (-want +got):\n%s", diff)
	}
	if findings, err := w.Verify(ctx, true); err != nil || len(findings) > 0 {
		t.Errorf("verify: %v, %v", findings, err)
	}
	if _, err := w.Pin(ctx, 2, time.Hour); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("pinned what is gone: %v", err)
	}
	again, err := w.Expire(ctx)
	must(t, err)
	if again.Snapshots+again.Files != 0 {
		t.Errorf("nothing was left to do, but %+v went", again)
	}
}

// A day's generations are kept however many they are; after that the newest 100.
func TestExpireKeepsADay(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	for i := range int64(115) {
		w.sync(t, fmt.Sprint("run-", i), spec(orders, "append"), "", rows(i, i+1)...)
		w.now = w.now.Add(time.Minute)
	}
	if _, err := w.Generation(ctx, 1); err != nil {
		t.Errorf("generation 1, two hours old: %v", err)
	}
	w.now = w.now.Add(25 * time.Hour)
	_, err := w.Expire(ctx)
	must(t, err)
	if _, err := w.Generation(ctx, 15); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("generation 15 of 115: %v", err)
	}
	g, err := w.Generation(ctx, 16)
	must(t, err)
	if g.Tables[0].Rows != 16 {
		t.Errorf("generation 16 has %d rows", g.Tables[0].Rows)
	}
	if v, _ := w.Current(ctx, orders); v.Rows != 115 {
		t.Errorf("%d rows", v.Rows)
	}
	if n := len(w.files(t, ".metadata.json")); n > 11 {
		t.Errorf("%d metadata files", n)
	}
}

// Expire leaves a table alone that a run is writing: its parts are not named by anything yet.
func TestExpireLeavesDraftsAlone(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "append"), "", rows(0, 5)...)
	orphan := "shop/orders/data/" + strings.Repeat("0", 64) + ".parquet"
	w.put(t, orphan, []byte("not named"))
	d := w.draft(t, "run-2", spec(orders, "append"))
	_, err := w.Expire(ctx)
	must(t, err)
	if !w.has(t, orphan) {
		t.Error("a part was removed under a run")
	}
	must(t, d.Discard())
	_, err = w.Expire(ctx)
	must(t, err)
	if w.has(t, orphan) {
		t.Error("the orphan is still there")
	}
}

// G5: verify finds every kind of damage, and says where.
func TestG5_Verify(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, w *world, part string)
		quick  bool // found without reading every byte
	}{
		{"one bit", func(t *testing.T, w *world, part string) { w.flip(t, part, 100) }, false},
		{"the last bit", func(t *testing.T, w *world, part string) { w.flip(t, part, -1) }, false},
		{"cut short", func(t *testing.T, w *world, part string) { w.put(t, part, w.read(t, part)[:100]) }, true},
		{"empty", func(t *testing.T, w *world, part string) { w.put(t, part, nil) }, true},
		{"gone", func(t *testing.T, w *world, part string) { w.remove(t, part) }, true},
		{"a folder in its place", func(t *testing.T, w *world, part string) {
			w.remove(t, part)
			if w.bucket == nil {
				must(t, os.Mkdir(filepath.Join(w.options.Dir, part), 0o755))
			}
		}, true},
		{"a link in its place", func(t *testing.T, w *world, part string) {
			away := filepath.Join(w.options.Dir, "away")
			if w.bucket == nil {
				must(t, os.WriteFile(away, w.read(t, part), 0o444))
			}
			w.remove(t, part)
			if w.bucket == nil {
				must(t, os.Symlink(away, filepath.Join(w.options.Dir, part)))
			}
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			w := newWorld(t)
			w.sync(t, "run-1", spec(orders, "append"), "", rows(0, 5)...)
			w.sync(t, "run-2", spec(orders, "append"), "", rows(5, 9)...)
			if findings, err := w.Verify(ctx, true); err != nil || len(findings) > 0 {
				t.Fatalf("before: %v, %v", findings, err)
			}
			v, err := w.Current(ctx, orders)
			must(t, err)
			c.damage(t, w, v.Parts[1].Path)
			for _, full := range []bool{false, true} {
				findings, err := w.Verify(ctx, full)
				must(t, err)
				want := 0
				if full || c.quick {
					want = 1
				}
				if len(findings) != want || want == 1 && (findings[0].Path != v.Parts[1].Path || findings[0].Table != orders) {
					t.Errorf("full %v: %+v", full, findings)
				}
			}
		})
	}
}

func (w *world) flip(t *testing.T, path string, at int) {
	t.Helper()
	content := w.read(t, path)
	if at < 0 {
		at = len(content) - 1
	}
	content[at] ^= 1
	w.put(t, path, content)
}

// What a killed process leaves is gone after the next start; what is published is not.
func TestG11_StartSweeps(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "append"), "c1", rows(0, 5)...)
	left, err := w.Draft(ctx, lake.RunInfo{ID: "run-2", Holder: "dead"}, []lake.Spec{spec(orders, "append")})
	must(t, err)
	deliver(t, left, orders, "append", rows(5, 9)...)
	w.put(t, "shop/orders/metadata/00001-dead.metadata.json", []byte("left behind"))
	for _, name := range []string{"drafts/run-2/x", "shop/orders/data/.tmp-1", "shop/orders/metadata/.tmp-2"} {
		if w.bucket != nil && !strings.HasPrefix(name, "drafts/") {
			continue // an object is whole or not there
		}
		full := filepath.Join(w.options.Dir, name)
		must(t, os.MkdirAll(filepath.Dir(full), 0o755))
		must(t, os.WriteFile(full, []byte("left behind"), 0o600))
	}
	reader := w.options
	reader.Exclusive = false
	only, err := lake.Open(ctx, reader) // one who only reads touches nothing
	must(t, err)
	if _, err := only.Draft(ctx, lake.RunInfo{ID: "r"}, []lake.Spec{spec(items, "append")}); fault.CodeOf(err) != fault.Bug {
		t.Errorf("a reader opened a draft: %v", err)
	}
	if _, err := os.Stat(filepath.Join(w.options.Dir, "drafts/run-2/x")); err != nil {
		t.Errorf("a reader swept: %v", err)
	}
	w.open(t)
	var names []string
	for _, f := range w.files(t, "") {
		rel, _ := filepath.Rel(w.options.Dir, f)
		names = append(names, filepath.Dir(rel)+"/*"+filepath.Ext(rel))
	}
	want := []string{"./*.json", "shop/orders/data/*.parquet", "shop/orders/metadata/*.json", "shop/orders/metadata/*.avro", "shop/orders/metadata/*.avro"}
	if diff := cmp.Diff(counted(want), counted(names)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	w.sync(t, "run-3", spec(orders, "append"), "c2", rows(5, 9)...) // the dead run's lease is void
}

func counted(names []string) map[string]int {
	n := map[string]int{}
	for _, name := range names {
		n[name]++
	}
	return n
}

// fullDisk fails every write, as the kernel would, from the n-th step on.
type fullDisk struct {
	disk.FS
	left int
	err  error
}

func (f *fullDisk) step() error {
	if f.left--; f.left < 0 {
		return f.err
	}
	return nil
}

func (f *fullDisk) Create(name string) (disk.File, error) {
	if err := f.step(); err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	file, err := f.FS.Create(name)
	return fullFile{file, f}, err
}

func (f *fullDisk) Rename(from, to string) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f *fullDisk) SyncDir(name string) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

func (f *fullDisk) Mkdir(name string, mode fs.FileMode) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.FS.Mkdir(name, mode)
}

type fullFile struct {
	disk.File
	disk *fullDisk
}

func (f fullFile) Write(p []byte) (int, error) {
	if err := f.disk.step(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f fullFile) Sync() error {
	if err := f.disk.step(); err != nil {
		return err
	}
	return f.File.Sync()
}

// D22: a disk that is full, broken or read-only at any step: the run fails, the table is as before, nothing is left, and
// the same rows are published once the disk works again.
func TestD22_DiskFailsAtEveryStep(t *testing.T) {
	for _, broken := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
		t.Run(broken.Error(), func(t *testing.T) {
			ctx := context.Background()
			w := newWorld(t)
			full := &fullDisk{FS: disk.OS{}, left: 1 << 30, err: broken}
			w.options.FS = full
			w.open(t)
			w.sync(t, "run-0", spec(orders, "append"), "c0", rows(0, 5)...)
			for n := 0; ; n++ {
				full.left = n
				err := w.try(ctx, fmt.Sprint("run-", n+1), rows(5, 9)...)
				full.left = 1 << 30
				v, readErr := w.Current(ctx, orders)
				must(t, readErr)
				if err == nil {
					if n < 10 || v.Rows != 9 {
						t.Fatalf("published after %d steps with %d rows", n, v.Rows)
					}
					break
				}
				if v.Rows != 5 || string(v.Cursor.Data) != "c0" {
					t.Fatalf("step %d: %d rows, cursor %s after %v", n, v.Rows, v.Cursor.Data, err)
				}
				if code := fault.CodeOf(err); code != fault.Transient && code != fault.Config || fault.HelpOf(err) == "" {
					t.Errorf("step %d: %v (%s)", n, err, fault.HelpOf(err))
				}
				for _, f := range w.files(t, "") {
					if disk.IsTemp(f) {
						t.Errorf("step %d left %s", n, f)
					}
				}
			}
			if findings, err := w.Verify(ctx, true); err != nil || len(findings) > 0 {
				t.Errorf("verify: %v, %v", findings, err)
			}
		})
	}
}

// try makes a run that may fail.
func (w *world) try(ctx context.Context, run string, delivered ...row) (err error) {
	d, err := w.Draft(ctx, lake.RunInfo{ID: run, Holder: "test"}, []lake.Spec{spec(orders, "append")})
	if err != nil {
		return err
	}
	defer d.Discard()
	if err := d.Schema(orders, columns, nil); err != nil {
		return err
	}
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		return err
	}
	b := record(schema, delivered...)
	defer b.Release()
	if err := d.Append(orders, "append", b); err != nil {
		return err
	}
	if err := d.Checkpoint(at("c1"), ""); err != nil {
		return err
	}
	_, err = d.Publish(ctx, true)
	return err
}
