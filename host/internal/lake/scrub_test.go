package lake_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/lake"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// take reads a part as the doors to the tables do.
func (w *world) take(t testing.TB, part lake.Part) ([]byte, error) {
	t.Helper()
	file, size, err := w.OpenPart(context.Background(), part)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	must(t, err)
	if int64(len(content)) != size {
		t.Errorf("%d bytes, said were %d", len(content), size)
	}
	return content, nil
}

// scrub runs one pass and returns how many parts it read.
func (w *world) scrub(t testing.TB) int {
	t.Helper()
	n, err := w.Scrub(context.Background(), 0, 7*24*time.Hour)
	must(t, err)
	return n
}

// G5: damage on the server's own disk is found in the background, told, and handed out to nobody; other parts and tables
// are served on. A whole delivery of the same rows mends it.
func TestG5_ScrubFindsDamage(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, w *world, part string){
		"one bit":   func(t *testing.T, w *world, part string) { w.flip(t, part, 100) },
		"cut short": func(t *testing.T, w *world, part string) { w.put(t, part, w.read(t, part)[:100]) },
		"gone":      func(t *testing.T, w *world, part string) { w.remove(t, part) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.sync(t, "run-1", spec(orders, "replace"), "", rows(0, 500)...)
			w.sync(t, "run-2", spec(items, "append"), "", rows(0, 5)...)
			w.sync(t, "run-3", spec(items, "append"), "", rows(5, 9)...)
			if n := w.scrub(t); n != 3 {
				t.Errorf("the first pass read %d parts", n)
			}
			if n := w.scrub(t); n != 0 {
				t.Errorf("a pass right after it read %d parts", n)
			}
			v, err := w.Current(context.Background(), orders)
			must(t, err)
			part := v.Parts[0]
			damage(t, w, part.Path)
			if what := w.Unreadable(orders); what != "" {
				t.Errorf("known before anybody looked: %s", what)
			}
			w.now = w.now.Add(8 * 24 * time.Hour)
			if n := w.scrub(t); n != 3 {
				t.Errorf("the pass a week later read %d parts", n)
			}
			if what := w.Unreadable(orders); !strings.Contains(what, part.SHA256) {
				t.Errorf("unreadable: %q", what)
			}
			if what := w.Unreadable(items); what != "" {
				t.Errorf("another table: %q", what)
			}
			if _, err := w.take(t, part); err == nil {
				t.Error("damaged bytes were handed out")
			}
			again := w.reopen(t)
			if what := again.Unreadable(orders); what == "" {
				t.Error("a new process knows nothing of it")
			}
			p := w.sync(t, "run-4", spec(orders, "replace"), "", rows(0, 500)...)
			if p.Status != lake.Unchanged {
				t.Errorf("the same rows: %s", p.Status)
			}
			if what := w.Unreadable(orders); what != "" {
				t.Errorf("after a whole delivery: %q", what)
			}
			if _, err := w.take(t, part); err != nil {
				t.Errorf("the mended part: %v", err)
			}
			if findings, err := w.Verify(context.Background(), true); err != nil || len(findings) > 0 {
				t.Errorf("afterwards: %v %v", findings, err)
			}
		})
	}
}

// reopen is another process's view of the lake, which may only read.
func (w *world) reopen(t testing.TB) *lake.Lake {
	t.Helper()
	options := w.options
	options.Exclusive = false
	opened, err := lake.Open(context.Background(), options)
	must(t, err)
	t.Cleanup(func() { opened.Close() })
	return opened
}

// G5: what was touched since it was last read is read whole before anybody gets a byte of it, by many at once too; what is
// put back as it was is served again.
func TestG5_FirstReadFindsDamage(t *testing.T) {
	w := newWorld(t)
	if w.bucket != nil {
		return // an object store hashes what it keeps; the story of scrubbing is told of it instead
	}
	w.sync(t, "run-1", spec(orders, "append"), "", rows(0, 500)...)
	v, err := w.Current(context.Background(), orders)
	must(t, err)
	part := v.Parts[0]
	whole, err := w.take(t, part)
	must(t, err)
	file := filepath.Join(w.options.Dir, part.Path)
	touch := func(content []byte, ago time.Duration) {
		t.Helper()
		w.put(t, part.Path, content)
		at := time.Now().Add(-ago)
		must(t, os.Chtimes(file, at, at))
	}
	broken := append([]byte(nil), whole...)
	broken[len(broken)/2] ^= 1
	touch(broken, time.Hour)
	var asking sync.WaitGroup
	for range 20 {
		asking.Add(1)
		go func() {
			defer asking.Done()
			if _, err := w.take(t, part); fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("damaged: %v", err)
			}
		}()
	}
	asking.Wait()
	if what := w.Unreadable(orders); what == "" {
		t.Error("nobody is told")
	}
	touch(whole, 2*time.Hour)
	if content, err := w.take(t, part); err != nil || string(content) != string(whole) {
		t.Errorf("put back: %v", err)
	}
	if what := w.Unreadable(orders); what != "" {
		t.Errorf("put back: %q", what)
	}
	if what := w.reopen(t).Unreadable(orders); what != "" {
		t.Errorf("put back, says another process: %q", what)
	}
}

// What has expired is no damage, and what was known of it is forgotten.
func TestG5_ScrubForgetsWhatIsGone(t *testing.T) {
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "replace"), "", rows(0, 500)...)
	w.scrub(t)
	old, err := w.Current(context.Background(), orders)
	must(t, err)
	w.flip(t, old.Parts[0].Path, 50)
	w.now = w.now.Add(8 * 24 * time.Hour)
	w.scrub(t)
	w.sync(t, "run-2", spec(orders, "replace"), "", rows(0, 600)...)
	if what := w.Unreadable(orders); what != "" {
		t.Errorf("the table does not need the part any more: %q", what)
	}
	if what, err := w.Damaged(context.Background(), old.Parts[0]); err != nil || what == "" {
		t.Errorf("the old part: %q %v", what, err)
	}
	w.now = w.now.Add(60 * 24 * time.Hour)
	if _, err := w.Expire(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := w.scrub(t); n != 1 {
		t.Errorf("%d parts were read", n)
	}
	if what, err := w.Damaged(context.Background(), old.Parts[0]); err != nil || what != "" {
		t.Errorf("an expired part: %q %v", what, err)
	}
}

// The rate is kept: a pass over the lake takes as long as its bytes need, and can be ended at any time.
func TestG5_ScrubIsSlowOnPurpose(t *testing.T) {
	w := newWorld(t)
	w.sync(t, "run-1", spec(orders, "append"), "", rows(0, 500)...)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { // a byte a second: it waits before it reads on
		_, err := w.Scrub(ctx, 1, time.Hour)
		ended <- err
	}()
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a pass over thousands of bytes at one a second has ended well")
		}
	case <-time.After(30 * time.Second):
		t.Error("the pass does not end when it is told to")
	}
	if n := w.scrub(t); n != 1 {
		t.Errorf("a pass that was ended counted: %d parts were left", n)
	}
}
