//go:build linux

package crash_test

import (
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// watch counts what happens in a data folder, file by file, as the kernel tells it.
type watch struct {
	file *os.File

	mu    sync.Mutex
	dirs  map[int32]string
	count int
	at    int    // call once when count gets here; 0 = never
	call  func() // in the goroutine that reads, so that little time passes
	ended chan struct{}
}

const changes = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_MODIFY | syscall.IN_DELETE

// watchData begins to count in root. call is called at the n-th change.
func watchData(t *testing.T, root string, n int, call func()) *watch {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{file: os.NewFile(uintptr(fd), "inotify"), dirs: map[int32]string{}, at: n, call: call, ended: make(chan struct{})}
	w.add(fd, root)
	go w.read(fd)
	return w
}

// add watches a folder and those in it.
func (w *watch) add(fd int, root string) {
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			if id, err := syscall.InotifyAddWatch(fd, path, changes); err == nil {
				w.dirs[int32(id)] = path
			}
		}
		return nil // what is gone by now is not watched
	})
}

func (w *watch) read(fd int) {
	defer close(w.ended)
	buffer := make([]byte, 64<<10)
	for {
		n, err := w.file.Read(buffer)
		if err != nil {
			return
		}
		for rest := buffer[:n]; len(rest) >= syscall.SizeofInotifyEvent; {
			id, mask := int32(binary.NativeEndian.Uint32(rest)), binary.NativeEndian.Uint32(rest[4:])
			size := binary.NativeEndian.Uint32(rest[12:])
			name := strings.TrimRight(string(rest[syscall.SizeofInotifyEvent:syscall.SizeofInotifyEvent+size]), "\x00")
			rest = rest[syscall.SizeofInotifyEvent+size:]
			w.note(fd, id, mask, name)
		}
	}
}

func (w *watch) note(fd int, id int32, mask uint32, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	if w.count == w.at {
		w.call()
	}
	if mask&syscall.IN_ISDIR != 0 && mask&syscall.IN_CREATE != 0 {
		w.add(fd, filepath.Join(w.dirs[id], name))
	}
}

// stop ends the count and returns it.
func (w *watch) stop() int {
	_ = w.file.Close()
	<-w.ended
	return w.count
}
