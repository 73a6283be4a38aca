package gate_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/gate"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

func who() sdk.Caller { return sdk.Caller{User: sdk.User{ID: "u1"}} }

func grow(t *testing.T, h *house) (dir string, fell func() error) {
	t.Helper()
	dir, tables, fell, err := h.Grow(t.Context(), "bob", who(), gate.Command{})
	if err != nil || len(tables) != 1 || tables[0] != "shop.orders" {
		t.Fatalf("%v: %v", tables, err)
	}
	return dir, fell
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestTreeOfLinks(t *testing.T) {
	h := newHouse(t, "one", "three")
	dir, fell := grow(t, h)
	for i, body := range h.parts {
		path := filepath.Join(dir, "shop.orders", string(rune('0'+i))+".parquet")
		if !os.SameFile(stat(t, path), stat(t, filepath.Join(h.lake, hashOf(body)+".parquet"))) {
			t.Errorf("part %d is no link of the lake's", i)
		}
	}
	for path, want := range map[string]string{"docs/tables/shop.orders.md": string(h.doc), "manifest.sig": "ed25519;key=k;sig\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != want {
			t.Errorf("%s is %q: %v", path, got, err)
		}
	}
	if mode := stat(t, filepath.Dir(dir)).Mode().Perm(); mode != 0o700 {
		t.Errorf("others may enter the tree: %o", mode)
	}
	before := stat(t, filepath.Join(dir, "manifest.json")).ModTime()
	again, fellAgain := grow(t, h) // both live at once
	if again == dir || !stat(t, filepath.Join(again, "manifest.json")).ModTime().Equal(before) || !stat(t, again).ModTime().Equal(stat(t, dir).ModTime()) {
		t.Error("an unchanged generation looks different the second time")
	}
	for _, fell := range []func() error{fell, fellAgain} {
		if err := fell(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(filepath.Join(h.Dir, "trees")); err != nil || len(left) != 1 { // the lock of all
		t.Errorf("left: %v, %v", left, err)
	}
	if stat(t, filepath.Join(h.lake, hashOf(h.parts[0])+".parquet")).Size() != 3 {
		t.Error("the lake lost a part")
	}
}

// G1: rsync takes files of one size and second for the same file, while "0.parquet" may be another part tomorrow.
func TestG1_PartsThatLookAlikeAreToldApart(t *testing.T) {
	h := newHouse(t, "AAAA")
	h.store(t, []byte("BBBB"), time.Now().Add(-time.Hour)) // of another generation: same size, same second
	look := func() (int64, time.Time) {
		dir, fell := grow(t, h)
		defer fell()
		info := stat(t, filepath.Join(dir, "shop.orders", "0.parquet"))
		return info.Size(), info.ModTime().Truncate(time.Second)
	}
	size, first := look()
	h.parts = [][]byte{[]byte("BBBB")}
	if other, second := look(); size == other && first.Equal(second) {
		t.Errorf("two parts look alike: %d bytes, %s", size, first)
	}
	h.parts = [][]byte{[]byte("AAAA")}
	if _, third := look(); !first.Equal(third) {
		t.Errorf("one part looks different: %s and %s", first, third)
	}
}

// A part that was written in this very second may get a twin within it; it is linked only when the second is over.
func TestG1_YoungPartsAreWaitedFor(t *testing.T) {
	h := newHouse(t)
	h.parts = [][]byte{[]byte("young"), []byte("from the future")}
	young := h.store(t, h.parts[0], time.Now())
	h.store(t, h.parts[1], time.Now().Add(time.Hour))
	dir, fell := grow(t, h)
	defer fell()
	if !time.Now().After(stat(t, young).ModTime().Truncate(time.Second).Add(time.Second)) {
		t.Error("the second is not over")
	}
	if stat(t, filepath.Join(dir, "shop.orders", "1.parquet")).ModTime().After(time.Now()) {
		t.Error("a part has a time that is still to come")
	}
}

func TestTreeOfAnObjectStore(t *testing.T) {
	h := newHouse(t, "one", "three")
	h.remote = true
	dir, fell := grow(t, h)
	if got, err := os.ReadFile(filepath.Join(dir, "shop.orders", "1.parquet")); err != nil || string(got) != "three" {
		t.Errorf("%q: %v", got, err)
	}
	if err := fell(); err != nil {
		t.Error(err)
	}
	kept := filepath.Join(h.Dir, "parts", hashOf(h.parts[0])+".parquet")
	dir, fell = grow(t, h)
	if !os.SameFile(stat(t, kept), stat(t, filepath.Join(dir, "shop.orders", "0.parquet"))) {
		t.Error("a part was fetched twice")
	}
	h.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	_, fellAgain := grow(t, h)
	stat(t, kept) // it is in a tree
	for _, f := range []func() error{fell, fellAgain} {
		if err := f(); err != nil {
			t.Error(err)
		}
	}
	h.parts = nil
	_, fell = grow(t, h)
	defer fell()
	if _, err := os.Lstat(kept); err == nil {
		t.Error("an idle part was kept")
	}
}

// G5: a part that arrives damaged is not served.
func TestG5_DamagedPart(t *testing.T) {
	h := newHouse(t, "one")
	h.remote, h.corrupt = true, true
	_, _, fell, err := h.Grow(t.Context(), "bob", who(), gate.Command{})
	if fault.CodeOf(err) != fault.Data {
		t.Errorf("%v", err)
	}
	if err := fell(); err != nil {
		t.Error(err)
	}
	if kept, err := os.ReadDir(filepath.Join(h.Dir, "parts")); err != nil || len(kept) != 0 {
		t.Errorf("kept: %v, %v", kept, err)
	}
}

// G11: what a killed gate left goes when the next one starts; what a living one serves stays.
func TestG11_TreesOfTheDead(t *testing.T) {
	h := newHouse(t, "one")
	living, fell := grow(t, h)
	dead, err := h.Abandon(t.Context(), "eve")
	if err != nil {
		t.Fatal(err)
	}
	_, next := grow(t, h)
	if _, err := os.Lstat(dead); err == nil {
		t.Error("the tree of a dead process is still there")
	}
	stat(t, filepath.Join(living, "manifest.json"))
	for _, f := range []func() error{fell, next} {
		if err := f(); err != nil {
			t.Error(err)
		}
	}
}

func TestManyTreesAtOnce(t *testing.T) {
	h := newHouse(t, "one", "three")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			dir, _, fell, err := h.Grow(context.Background(), "bob", who(), gate.Command{})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := os.Lstat(filepath.Join(dir, "shop.orders", "1.parquet")); err != nil {
				t.Error(err)
			}
			if err := fell(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if left, err := filepath.Glob(filepath.Join(h.Dir, "trees", "bob-*")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestWhoIsNotServed(t *testing.T) {
	serve := func(h *house, text string) error {
		c, err := gate.ParseCommand(text)
		if err != nil {
			t.Fatal(err)
		}
		return h.Serve(t.Context(), "bob", who(), c, gate.Streams{})
	}
	const pull, push = "rsync --server --sender -r . current/", "rsync --server -r . push/"
	for _, text := range []string{pull, push} {
		h := newHouse(t, "one")
		h.gone.Store(true)
		if err := serve(h, text); fault.CodeOf(err) != fault.Permission {
			t.Errorf("a removed key: %v", err)
		}
		h = newHouse(t, "one")
		h.out.Store(true)
		if err := serve(h, text); fault.CodeOf(err) != fault.Permission {
			t.Errorf("a disabled person: %v", err)
		}
		if _, err := os.Lstat(h.Push); err == nil {
			t.Error("a folder was made for somebody who is not let in")
		}
	}
	h := newHouse(t, "one")
	if err := serve(h, "rsync --server --sender -r . gen/1/"); fault.CodeOf(err) != fault.StateExpired || !strings.Contains(err.Error(), "2 to 9") {
		t.Errorf("an expired generation: %v", err)
	}
	if h.pins.Load() != 0 {
		t.Errorf("%d pins are left", h.pins.Load())
	}
	home := filepath.Join(h.Push, "u1", "laptop")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "big"), make([]byte, h.Quota+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := serve(h, push); fault.CodeOf(err) != fault.Permission || !strings.Contains(err.Error(), "quota") {
		t.Errorf("over the quota: %v", err)
	}
}

// A state database that cannot answer for a moment ends no transfer; one that stays silent does, well within a minute.
func TestG12_BlindGateCloses(t *testing.T) {
	h := newHouse(t)
	now := time.Now()
	h.Now = func() time.Time { return now }
	answer := fault.New(fault.Transient, "the database is busy")
	var err error = answer
	watch := h.Watch(func(context.Context) error { return err })
	for _, step := range []struct {
		after time.Duration
		err   error
		ends  bool
	}{{2 * time.Second, answer, false}, {10 * time.Second, answer, false}, {5 * time.Second, nil, false}, {19 * time.Second, answer, false}, {2 * time.Second, answer, true},
		{0, fault.New(fault.Permission, "no"), true}} {
		now, err = now.Add(step.after), step.err
		if got := watch(t.Context()); (got != nil) != step.ends {
			t.Errorf("%v later: %v", step.after, got)
		}
	}
}
