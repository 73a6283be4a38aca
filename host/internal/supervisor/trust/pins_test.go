package trust_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func pinsIn(dir string) trust.Pins {
	return trust.Pins{Path: filepath.Join(dir, "state", "plugins.lock.json"), Now: func() time.Time { return noon }}
}

var (
	hashA = strings.Repeat("a", 64)
	hashB = strings.Repeat("b", 64)
)

func TestPins(t *testing.T) {
	pins := pinsIn(t.TempDir())
	if all, err := pins.All(); err != nil || len(all) != 0 {
		t.Fatalf("without a file: %v, %v", all, err)
	}
	if got, err := pins.SetFirst("broker-connector-x", hashA); err != nil || got != hashA {
		t.Fatalf("first use: %q, %v", got, err)
	}
	if got, err := pins.SetFirst("broker-connector-x", hashB); err != nil || got != hashA {
		t.Fatalf("second use with other bytes: %q, %v; want the first hash", got, err)
	}
	if err := pins.Set("broker-connector-y", hashB); err != nil {
		t.Fatal(err)
	}
	all, err := pinsIn(filepath.Dir(filepath.Dir(pins.Path))).All()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]trust.Pin{"broker-connector-x": {SHA256: hashA, Pinned: noon}, "broker-connector-y": {SHA256: hashB, Pinned: noon}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
	for _, want := range []bool{true, false} {
		if was, err := pins.Remove("broker-connector-x"); err != nil || was != want {
			t.Errorf("remove: %v, %v; want %v", was, err, want)
		}
	}
	if info, err := os.Stat(pins.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the pins: %v, %v", info.Mode(), err)
	}
}

// G6: a file that cannot be understood is never taken for "nothing is pinned", and never overwritten.
func TestUnreadablePinsStopEverything(t *testing.T) {
	for _, text := range []string{
		"", "{", "null garbage", `{"version":2,"plugins":{}}`, `{"version":1,"plugins":{"x":{"sha256":""}}}`, `{"version":1,"plugins":[]}`,
	} {
		pins := pinsIn(t.TempDir())
		if err := os.MkdirAll(filepath.Dir(pins.Path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, pins.Path, []byte(text), 0o600)
		if all, err := pins.All(); err == nil {
			t.Errorf("%q: read as %v", text, all)
		}
		if _, err := pins.SetFirst("x", hashA); err == nil {
			t.Errorf("%q: pinned over it", text)
		}
		if got, err := os.ReadFile(pins.Path); err != nil || string(got) != text {
			t.Errorf("%q: now %q, %v", text, got, err)
		}
	}
}

func TestPinsOfManyWritersAreAllKept(t *testing.T) {
	dir := t.TempDir()
	var writers sync.WaitGroup
	for i := range 16 {
		writers.Go(func() {
			if err := pinsIn(dir).Set("broker-connector-"+string(rune('a'+i)), hashA); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if all, err := pinsIn(dir).All(); err != nil || len(all) != 16 {
		t.Errorf("%d pins, %v; want 16", len(all), err)
	}
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// G10, P4: what runs is the copy, and the copy has the hash that was trusted, whatever happens to the dropped file.
func TestP4_OnlyTheVerifiedCopyRuns(t *testing.T) {
	dir := folder(t)
	copies := trust.Copies{Dir: filepath.Join(dir, "state", "plugins")}
	source := filepath.Join(dir, "broker-connector-x")
	write(t, source, []byte("good"), 0o755)
	path, err := copies.Verified(source, sum("good"))
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(copies.Dir, sum("good"), "broker-connector-x"); path != want {
		t.Errorf("path %s, want %s", path, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o500 {
		t.Errorf("mode %v, %v; want 0500", info.Mode(), err)
	}

	write(t, source, []byte("evil"), 0o755)
	again, err := copies.Verified(source, sum("good"))
	if text, _ := os.ReadFile(again); err != nil || string(text) != "good" {
		t.Errorf("the copy is %q, %v after the dropped file changed", text, err)
	}
	if _, err := copies.Verified(source, sum("other")); err == nil {
		t.Error("bytes with another hash were put in place")
	}
	if left, _ := filepath.Glob(filepath.Join(copies.Dir, "*", ".copy-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedCopyIsReplaced(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"other bytes": func(path string) error {
			return os.WriteFile(path, []byte("evil"), 0o500)
		},
		"symlink": func(path string) error {
			if err := os.Rename(path, path+".moved"); err != nil {
				return err
			}
			return os.Symlink(path+".moved", path)
		},
		"writable":  func(path string) error { return os.Chmod(path, 0o777) },
		"hard link": func(path string) error { return os.Link(path, path+".twin") },
		"gone":      os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			copies := trust.Copies{Dir: filepath.Join(dir, "plugins")}
			source := filepath.Join(dir, "broker-connector-x")
			write(t, source, []byte("good"), 0o755)
			path, err := copies.Verified(source, sum("good"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			if path, err = copies.Verified(source, sum("good")); err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(path)
			if err != nil || info.Mode() != 0o500 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			if text, _ := os.ReadFile(path); string(text) != "good" {
				t.Errorf("the copy is %q", text)
			}
		})
	}
}

func TestHashDoesNotFollowALink(t *testing.T) {
	dir := folder(t)
	write(t, filepath.Join(dir, "target"), []byte("good"), 0o755)
	if err := os.Symlink("target", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if hash, err := trust.Hash(filepath.Join(dir, "link")); err == nil {
		t.Errorf("hashed through a link: %s", hash)
	}
	if _, err := trust.Hash(dir); err == nil {
		t.Error("hashed a folder")
	}
}

// P4: the dropped file is swapped all the time while copies are made; whatever is put in place has the trusted hash.
func TestP4_SwapRace(t *testing.T) {
	dir := folder(t)
	source := filepath.Join(dir, "broker-connector-x")
	good, evil := strings.Repeat("good", 20_000), strings.Repeat("evil", 20_000)
	for i, text := range []string{good, evil} {
		write(t, filepath.Join(dir, string(rune('0'+i))), []byte(text), 0o755)
	}
	write(t, source, []byte(good), 0o755)
	stop := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			temp := filepath.Join(dir, "temp")
			_ = os.Remove(temp)
			if os.Link(filepath.Join(dir, string(rune('0'+i%2))), temp) == nil {
				_ = os.Rename(temp, source)
			}
		}
	})
	for i := range 200 {
		copies := trust.Copies{Dir: filepath.Join(dir, "copies", string(rune('a'+i%26)))}
		path, err := copies.Verified(source, sum(good))
		if err != nil {
			continue // refused: the other bytes were there
		}
		if text, _ := os.ReadFile(path); string(text) != good {
			t.Fatalf("try %d: other bytes were put in place", i)
		}
		_ = os.RemoveAll(copies.Dir)
	}
	close(stop)
	swapper.Wait()
}

func TestPrune(t *testing.T) {
	dir := folder(t)
	copies := trust.Copies{Dir: filepath.Join(dir, "plugins")}
	if err := copies.Prune(nil, noon); err != nil {
		t.Errorf("without a folder: %v", err)
	}
	old, recent := noon.Add(-48*time.Hour), noon
	for name, at := range map[string]time.Time{sum("wanted"): old, sum("old"): old, sum("recent"): recent, "something_else": old} {
		sub := filepath.Join(copies.Dir, name)
		if err := os.MkdirAll(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(sub, "broker-connector-x"), []byte(name), 0o500)
		if err := os.Chtimes(sub, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := copies.Prune(map[string]bool{sum("wanted"): true}, noon.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{sum("wanted"): true, sum("old"): false, sum("recent"): true, "something_else": true} {
		if _, err := os.Stat(filepath.Join(copies.Dir, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
