package copies_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ai-data-analyst/broker/host/internal/app/answers/copies"
	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// store is an object store of parts.
type store struct {
	mu      sync.Mutex
	content map[string][]byte
	fetched atomic.Int64
	before  func(part lake.Part) error // of an answer
}

func (s *store) open(_ context.Context, part lake.Part) (io.ReadSeekCloser, int64, error) {
	s.fetched.Add(1)
	if s.before != nil {
		if err := s.before(part); err != nil {
			return nil, 0, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return closable{bytes.NewReader(s.content[part.SHA256])}, part.Bytes, nil
}

type closable struct{ *bytes.Reader }

// Close implements io.Closer.
func (closable) Close() error { return nil }

// part makes a part of a size.
func (s *store) part(size int, mark byte) lake.Part {
	content := bytes.Repeat([]byte{mark}, size)
	sum := fmt.Sprintf("%x", sha256.Sum256(content))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.content == nil {
		s.content = map[string][]byte{}
	}
	s.content[sum] = content
	return lake.Part{Path: "a/b/data/" + sum + ".parquet", SHA256: sum, Bytes: int64(size)}
}

func open(t *testing.T, dir string, most int64, s *store) *copies.Copies {
	t.Helper()
	c, err := copies.Open(dir, most, s.open)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hold holds the parts and checks that the files have their bytes.
func hold(t *testing.T, c *copies.Copies, s *store, parts ...lake.Part) (release func()) {
	t.Helper()
	files, release, err := c.Hold(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range parts {
		if content, err := os.ReadFile(files[i]); err != nil || !bytes.Equal(content, s.content[part.SHA256]) {
			t.Errorf("the copy of part %d: %d bytes, %v", i, len(content), err)
		}
	}
	return release
}

func size(t *testing.T, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

func TestTheLeastUsedGoFirst(t *testing.T) {
	dir, s := t.TempDir(), &store{}
	a, b, third := s.part(400, 'a'), s.part(400, 'b'), s.part(400, 'c')
	c := open(t, dir, 1000, s)
	hold(t, c, s, a, b, a)() // the same part twice is one copy
	hold(t, c, s, a)()
	hold(t, c, s, third)() // b goes
	hold(t, c, s, a)()
	if n := s.fetched.Load(); n != 3 {
		t.Errorf("%d parts were fetched", n)
	}
	if n := size(t, dir); n != 800 {
		t.Errorf("%d bytes are kept", n)
	}
	release := hold(t, c, s, a, b)
	if _, _, err := c.Hold(t.Context(), []lake.Part{third}); !errors.Is(err, copies.ErrRoom) {
		t.Errorf("beside what is in use: %v", err)
	}
	release()
	release() // once only
	hold(t, c, s, third)()
	if _, _, err := c.Hold(t.Context(), []lake.Part{s.part(1001, 'd')}); !errors.Is(err, copies.ErrRoom) {
		t.Errorf("larger than all: %v", err)
	}
	if n := size(t, dir); n > 1000 {
		t.Errorf("%d bytes are kept", n)
	}
}

// G5: a copy is made of the right bytes, also of what an earlier process left, and of nothing else.
func TestG5_CopiesAreChecked(t *testing.T) {
	dir, s := t.TempDir(), &store{}
	a, b := s.part(300_000, 'a'), s.part(300_000, 'b')
	hold(t, open(t, dir, 1<<20, s), s, a, b)()
	file := filepath.Join(dir, a.SHA256+".parquet")
	broken := bytes.Clone(s.content[a.SHA256])
	broken[1000] ^= 1
	if err := os.WriteFile(file, broken, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fetching-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, dir, 1<<20, s) // another process
	s.fetched.Store(0)
	hold(t, c, s, a, b)()
	if n := s.fetched.Load(); n != 1 {
		t.Errorf("%d parts were fetched, one was damaged", n)
	}
	if n := size(t, dir); n != 600_000 {
		t.Errorf("%d bytes lie there", n)
	}
	bad := s.part(100, 'x')
	s.content[bad.SHA256] = bytes.Repeat([]byte{'y'}, 100)
	if _, _, err := c.Hold(t.Context(), []lake.Part{bad}); fault.CodeOf(err) != fault.Data {
		t.Errorf("wrong bytes in the store: %v", err)
	}
	s.content[bad.SHA256] = nil
	if _, _, err := c.Hold(t.Context(), []lake.Part{bad}); fault.CodeOf(err) != fault.Data {
		t.Errorf("no bytes in the store: %v", err)
	}
	if n := size(t, dir); n != 600_000 {
		t.Errorf("%d bytes lie there after that", n)
	}
}

// Many ask at once: a part is fetched once, and when who fetches it fails or leaves, another one does.
func TestManyAskAtOnce(t *testing.T) {
	s := &store{}
	a := s.part(1000, 'a')
	var once sync.Once
	s.before = func(lake.Part) (err error) {
		once.Do(func() { err = fault.New(fault.Transient, "the line broke") })
		return err
	}
	c := open(t, t.TempDir(), 5000, s)
	var failed atomic.Int64
	var asking sync.WaitGroup
	for range 30 {
		asking.Go(func() {
			_, release, err := c.Hold(t.Context(), []lake.Part{a})
			if err != nil {
				failed.Add(1)
				return
			}
			release()
		})
	}
	asking.Wait()
	if failed.Load() != 1 || s.fetched.Load() > 3 {
		t.Errorf("%d failed, it was fetched %d times", failed.Load(), s.fetched.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Hold(ctx, []lake.Part{s.part(10, 'z')}); err == nil {
		t.Error("who has left was answered")
	}
	hold(t, c, s, a)()
}
