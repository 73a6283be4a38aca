package shelf_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/ai-data-analyst/broker/web/mirror/shelf"
)

const nobody = 65534

// A copy that another person made is read, not called damaged, though nothing can be noted in it.
func TestCopyOfAnotherPersonIsRead(t *testing.T) {
	dir := t.TempDir()
	put := func(text, sum string) string {
		name := hex.EncodeToString([]byte(sum))
		path := filepath.Join(dir, name[:2], name+".parquet")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o444)); err != nil {
			t.Fatal(err)
		}
		return name
	}
	whole := sha256.Sum256([]byte("whole"))
	good, bad := put("whole", string(whole[:])), put("other", string(make([]byte, 32)))
	if os.Geteuid() == 0 { // who may do everything becomes somebody else, on this thread
		runtime.LockOSThread() // and never unlocks it: the thread ends with the test
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755), syscall.Setfsuid(nobody)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := syscall.Setfsuid(0); err != nil {
				t.Error(err)
			}
		})
	}
	s := &shelf.Shelf{Root: dir, Suffix: ".parquet", Partial: filepath.Join(dir, "partial"), Record: filepath.Join(dir, "checked")}
	if err := s.Check(good, 5); err != nil {
		t.Errorf("the whole file: %v", err)
	}
	if err := s.Check(bad, 5); !errors.Is(err, shelf.ErrMismatch) {
		t.Errorf("the damaged file: %v", err)
	}
}
