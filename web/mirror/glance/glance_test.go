package glance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ai-data-analyst/broker/web/mirror/disk"
	"github.com/ai-data-analyst/broker/web/mirror/glance"
)

// written is a note of two files in a folder, kept at path.
func written(t *testing.T) (path string, files []string) {
	t.Helper()
	root := t.TempDir()
	sums := map[string]bool{}
	stamps := map[string]disk.Stamp{}
	for _, digit := range []string{"a", "b"} {
		sum := strings.Repeat(digit, 64)
		file := filepath.Join(root, sum[:2], sum+".parquet")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(digit), 0o644); err != nil {
			t.Fatal(err)
		}
		at, err := disk.Look(file)
		if err != nil {
			t.Fatal(err)
		}
		sums[sum], stamps[sum], files = true, at, append(files, file)
	}
	n := glance.Note{Basis: "it"}
	whole, err := n.Put(root, ".parquet", sums, func(sum string) (disk.Stamp, bool) { at, ok := stamps[sum]; return at, ok })
	if !whole || err != nil {
		t.Fatal(whole, err)
	}
	path = filepath.Join(t.TempDir(), "note")
	if err := glance.Write(path, n); err != nil {
		t.Fatal(err)
	}
	return path, files
}

func TestUntouched(t *testing.T) {
	path, files := written(t)
	n, ok := glance.Read(path)
	if !ok || n.Basis != "it" || !n.Untouched() {
		t.Fatalf("%+v %v", n, ok)
	}
	if err := os.WriteFile(files[1], []byte("longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	if n.Untouched() {
		t.Error("a longer file is not seen")
	}
}

// A note with any bit flipped, or cut anywhere, is none.
func TestG5_DamagedNoteIsNone(t *testing.T) {
	path, _ := written(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	none := func(what string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if n, ok := glance.Read(path); ok {
			t.Errorf("%s: %+v", what, n)
		}
	}
	for i := range text {
		bad := slices.Clone(text)
		bad[i] ^= 1 << (i % 8)
		none(fmt.Sprint("flip at ", i), bad)
		none(fmt.Sprint("cut at ", i), text[:i])
	}
	none("longer", append(slices.Clone(text), 0))
}

func TestPutKnowsAllOrNothing(t *testing.T) {
	n := glance.Note{}
	none := func(string) (disk.Stamp, bool) { return disk.Stamp{}, false }
	if whole, err := n.Put("/x", "", map[string]bool{strings.Repeat("a", 64): true}, none); whole || err != nil || len(n.Shelves) != 0 {
		t.Errorf("%v %v %+v", whole, err, n)
	}
	known := func(string) (disk.Stamp, bool) { return disk.Stamp{}, true }
	if _, err := n.Put("/x", "", map[string]bool{"../../etc": true}, known); err == nil {
		t.Error("takes what is no hash")
	}
}

func TestBasis(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if glance.Basis([]string{"a"}, file) != "" {
		t.Error("a file that is not there is something")
	}
	seen := map[string]bool{}
	for _, text := range []string{"1", "2"} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, said := range [][]string{{"a", "b"}, {"ab"}, {"a b"}, {`a" "b`}} {
			seen[glance.Basis(said, file)] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d bases, want 8", len(seen))
	}
}
