package disk_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-data-analyst/broker/host/internal/lake/disk"
)

// traced notes the order of the steps and fails one of them.
type traced struct {
	disk.FS
	steps []string
	fail  string
}

func (f *traced) step(op, name string) error {
	if base := filepath.Base(name); disk.IsTemp(name) {
		op += " temp"
	} else {
		op += " " + base
	}
	f.steps = append(f.steps, op)
	if op == f.fail {
		return syscall.EIO
	}
	return nil
}

func (f *traced) Create(name string) (disk.File, error) {
	if err := f.step("create", name); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(name)
	return &tracedFile{file, f, name}, err
}

func (f *traced) Rename(from, to string) error {
	if err := f.step("rename", to); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f *traced) SyncDir(name string) error {
	if err := f.step("syncdir", name); err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

type tracedFile struct {
	disk.File
	fs   *traced
	name string
}

func (f *tracedFile) Write(p []byte) (int, error) {
	if err := f.fs.step("write", f.name); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *tracedFile) Sync() error {
	if err := f.fs.step("sync", f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *tracedFile) Close() error {
	return errors.Join(f.fs.step("close", f.name), f.File.Close())
}

// G3: temporary name, write, fsync, close, rename, fsync of the folder; and a failure at any step leaves nothing behind.
func TestG3_WriteFile(t *testing.T) {
	order := []string{"create temp", "write temp", "sync temp", "close temp", "rename x", "syncdir d"}
	for _, fail := range append([]string{""}, order...) {
		t.Run(fail, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			f := &traced{FS: disk.OS{}, fail: fail}
			err := disk.WriteFile(f, filepath.Join(dir, "x"), []byte("content"))
			if fail == "" {
				if diff := cmp.Diff(order, f.steps); err != nil || diff != "" {
					t.Fatalf("%v, steps (-want +got):\n%s", err, diff)
				}
				info, err := os.Stat(filepath.Join(dir, "x"))
				if err != nil || info.Mode().Perm() != disk.FileMode {
					t.Errorf("mode %v, %v", info.Mode(), err)
				}
				return
			}
			if !errors.Is(err, syscall.EIO) {
				t.Fatalf("error %v", err)
			}
			if n := strings.Count(strings.Join(f.steps, ","), "sync temp"); n > 1 {
				t.Errorf("a failed fsync was tried %d times", n)
			}
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range left {
				if disk.IsTemp(e.Name()) {
					t.Errorf("left behind: %s", e.Name())
				}
			}
		})
	}
}

func TestPlace(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		full := filepath.Join(dir, name)
		if err := os.WriteFile(full, []byte(content), 0o444); err != nil {
			t.Fatal(err)
		}
		return full
	}
	final := filepath.Join(dir, "final")
	for _, c := range []struct{ there, mine, want string }{{"", "abc", "abc"}, {"abc", "abc", "abc"}, {"torn", "abc", "abc"}} {
		os.Remove(final)
		if c.there != "" {
			write("final", c.there)
		}
		f := &traced{FS: disk.OS{}}
		if err := disk.Place(f, write("mine", c.mine), final); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(final)
		if err != nil || string(got) != c.want {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "mine")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: the temporary file is still there", c)
		}
		if last := f.steps[len(f.steps)-1]; !strings.HasPrefix(last, "syncdir") {
			t.Errorf("%+v: the folder was not synced: %v", c, f.steps)
		}
	}
}

// O7: modes do not depend on the umask.
func TestO7_ModesAreExplicit(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := disk.MkdirAll(disk.OS{}, dir); err != nil {
		t.Fatal(err)
	}
	if err := disk.WriteFile(disk.OS{}, filepath.Join(dir, "x"), nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{dir: 0o755, filepath.Dir(dir): 0o755, filepath.Join(dir, "x"): 0o444} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// C19: what is in the way is said.
func TestC19_FolderInTheWay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		if err := disk.MkdirAll(disk.OS{}, dir); err == nil {
			t.Errorf("%s was made", dir)
		}
	}
}

// Locations lead nowhere but below the lake.
func TestIOStaysInside(t *testing.T) {
	root := t.TempDir()
	files := disk.IO{FS: disk.OS{}, Root: root}
	for _, inside := range []string{files.URL("shop/orders/x"), root + "/shop/orders/x", "file://localhost" + root + "/shop/orders/x", files.URL("shop/../shop/orders/x")} {
		if path, err := files.Path(inside); err != nil || path != "shop/orders/x" {
			t.Errorf("%s: %s, %v", inside, path, err)
		}
	}
	odd := files.URL("shop/a b%#?ř")
	if path, err := files.Path(odd); err != nil || path != "shop/a b%#?ř" {
		t.Errorf("%s: %s, %v", odd, path, err)
	}
	for _, outside := range []string{files.URL("../x"), "/etc/passwd", "file:///etc/passwd", "s3://bucket" + root, "file://host" + root + "/x", root + "x", root + "/../x", "", "relative", "file:%zz"} {
		if _, err := files.Open(outside); err == nil {
			t.Errorf("%q was opened", outside)
		}
		if _, err := files.Create(outside); err == nil {
			t.Errorf("%q was created", outside)
		}
		if err := files.Remove(outside); err == nil {
			t.Errorf("%q was removed", outside)
		}
		if _, err := files.Stat(outside); err == nil {
			t.Errorf("%q was described", outside)
		}
	}
}

// C20: folders on two file systems are noticed before a run begins.
func TestC20_OneDevice(t *testing.T) {
	here := t.TempDir()
	there := filepath.Join(here, "below")
	if err := os.Mkdir(there, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := disk.OneDevice(here, there); err != nil {
		t.Errorf("one file system: %v", err)
	}
	var a, b syscall.Stat_t
	if syscall.Stat(here, &a) != nil || syscall.Stat("/dev/shm", &b) != nil || a.Dev == b.Dev {
		t.Log("there is no second file system here to try")
		return
	}
	other, err := os.MkdirTemp("/dev/shm", "lake")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(other)
	if err := disk.OneDevice(here, other); !errors.Is(err, syscall.EXDEV) {
		t.Errorf("two file systems: %v", err)
	}
	if left, _ := os.ReadDir(here); len(left) != 1 {
		t.Errorf("the probe left %v", left)
	}
	free, enough, err := disk.Space(here)
	if err != nil || free == 0 || !enough && free > 1<<30 {
		t.Errorf("%d bytes free, enough %v, %v", free, enough, err)
	}
}
