package mirror_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client"
	"github.com/ai-data-analyst/broker/web/client/clienttest"
	"github.com/ai-data-analyst/broker/web/mirror"
)

// TestMain is also the program that tests kill: with MIRROR_DIR set it pulls, and nothing else.
func TestMain(m *testing.M) {
	if dir := os.Getenv("MIRROR_DIR"); dir != "" {
		os.Exit(pullOnly(dir, os.Getenv("MIRROR_URL")))
	}
	os.Exit(m.Run())
}

func pullOnly(dir, url string) int {
	w, err := mirror.Find(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	c, err := client.New(client.Options{URL: url, Token: clienttest.Token})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := w.Pull(context.Background(), c, mirror.PullOptions{Builder: builder{}, Jobs: 3}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func child(t *testing.T, w *mirror.Workspace, url string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "MIRROR_DIR="+w.Dir, "MIRROR_URL="+url)
	return cmd
}

// kills is how often the pull is killed, killing how long at most that may take.
const (
	kills   = 200
	killing = 25 * time.Second
)

// G1, Y4: a pull that is killed anywhere leaves the old generation or the new one, and the next pull completes.
func TestY4_KilledAnywhere(t *testing.T) {
	s := clienttest.New(t)
	publish := func(n int) {
		tables := []api.Table{clienttest.Table("shop.still", 1, s.Blob(content(7, 1000), 1))}
		for i := range 3 {
			tables = append(tables, clienttest.Table(fmt.Sprintf("shop.t%d", i), int64(n), s.Blob(content(uint64(n*10+i), 20_000), 1), s.Blob(content(uint64(i), 500), 1)))
		}
		if n%2 == 0 {
			tables = tables[:3] // a table comes and goes
		}
		s.Publish([]api.Doc{s.Doc("docs/a.md", fmt.Sprint(n)), s.Doc(fmt.Sprintf("docs/x/n%d.md", n%3), "x")}, tables...)
	}
	publish(1)
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	begun := time.Now()
	if err := child(t, w, s.URL).Run(); err != nil {
		t.Fatalf("the child cannot pull: %v", err)
	}
	span := max(4*time.Since(begun), 20*time.Millisecond) // longer than the pull of a change, mostly
	deadline, old, done := time.Now().Add(killing), 0, 0
	random := rand.New(rand.NewPCG(1, 2))
	for n := 2; done < kills && time.Now().Before(deadline); n, done = n+1, done+1 {
		publish(n)
		cmd := child(t, w, s.URL)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); cmd.Wait() }()
		select {
		case <-time.After(time.Duration(random.Int64N(int64(span)))):
			cmd.Process.Kill()
		case <-ended:
		}
		<-ended
		m, _, err := w.Manifest(0)
		if err != nil || (m.Generation != int64(n) && m.Generation != int64(n-1)) {
			t.Fatalf("kill %d: generation %d, %v", done, m.Generation, err)
		}
		if m.Generation == int64(n-1) {
			old++
		}
		if _, err := w.Settle(t.Context(), builder{}); err != nil {
			t.Fatalf("kill %d: settle: %v", done, err)
		}
		whole(t, w, m.Generation)
		pull(t, w, from)
		whole(t, w, int64(n))
		if t.Failed() {
			t.Fatalf("kill %d", done)
		}
	}
	t.Logf("%d kills, %d of them left the old generation", done, old)
}

// A pull that is killed in the middle of a part goes on from there.
func TestY4_ResumesAfterAKill(t *testing.T) {
	s := clienttest.New(t)
	body := content(1, 8<<20)
	part := s.Blob(body, 1)
	s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	w := workspace(t, s)
	half, first := make(chan struct{}), sync.Once{}
	var offset atomic.Value
	s.Nasty(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/parts/") {
			return false
		}
		if asked := r.Header.Get("Range"); asked != "" {
			offset.Store(asked)
			return false
		}
		rw.Header().Set("Content-Length", fmt.Sprint(len(body)))
		rw.Header().Set("Content-Type", "application/octet-stream")
		rw.Write(body[:len(body)/2])
		rw.(http.Flusher).Flush()
		first.Do(func() { close(half) })
		<-r.Context().Done()
		return true
	})
	cmd := child(t, w, s.URL)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-half
	partial := filepath.Join(w.Dir, ".analyst/partial", part.SHA256)
	await(t, func() bool { info, err := os.Stat(partial); return err == nil && info.Size() >= 1<<20 })
	cmd.Process.Kill()
	cmd.Wait()
	pull(t, w, source(t, s))
	whole(t, w, 1)
	if asked := offset.Load(); asked == nil || asked == "bytes=0-" {
		t.Errorf("the second pull asked for %v", asked)
	}
}

func await(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("waited 30 s in vain")
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// Y4: two pulls at once: one leaves, naming the holder, or waits; both end well.
func TestY4_TwoAtOnce(t *testing.T) {
	s := clienttest.New(t)
	part := s.Blob(content(1, 100), 1)
	s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	w := workspace(t, s)
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.Nasty(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/parts/") {
			once.Do(func() { close(arrived) })
			<-release
		}
		return false
	})
	first := make(chan error, 1)
	go func() {
		_, err := w.Pull(context.Background(), source(t, s), options())
		first <- err
	}()
	<-arrived
	_, err := w.Pull(t.Context(), source(t, s), options())
	if codeOf(err) != "locked" || fault.CodeOf(err) != fault.Transient || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("%v", err)
	}
	if notes, err := w.Settle(t.Context(), builder{}); err != nil || notes != nil {
		t.Errorf("settle while a pull runs: %v", err)
	}
	second := make(chan error, 1)
	go func() {
		_, err := w.Pull(context.Background(), source(t, s), options(func(o *mirror.PullOptions) { o.Wait = time.Minute }))
		second <- err
	}()
	close(release)
	if a, b := <-first, <-second; a != nil || b != nil {
		t.Errorf("%v, %v", a, b)
	}
	whole(t, w, 1)
}

// Y4: a disk that is too small is told before anything comes, with figures.
func TestY4_NoRoom(t *testing.T) {
	s := clienttest.New(t)
	s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 100), 1)))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	s.Publish(nil, clienttest.Table("shop.orders", 2, s.Blob(content(2, 100_000), 1)))
	s.Seen()
	_, err := w.Pull(t.Context(), from, options(func(o *mirror.PullOptions) { o.Free = func(string) (int64, error) { return 50_000, nil } }))
	if codeOf(err) != "disk_full" || !strings.Contains(err.Error(), "50 kB") || len(s.Seen()) != 1 {
		t.Errorf("%v", err)
	}
	whole(t, w, 1)
}

// Y4: a disk that fills up in the middle leaves the old generation, and the next pull goes on.
func TestY4_DiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := mount(dir); err != nil {
		t.Skipf("no file system of a fixed size can be made here: %v", err)
	}
	t.Cleanup(func() { unmount(dir) })
	s := clienttest.New(t)
	w := workspaceAt(t, s, filepath.Join(dir, "w"))
	s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 100_000), 1)))
	roomy := func(o *mirror.PullOptions) { o.Free = func(string) (int64, error) { return 1 << 40, nil } }
	from := source(t, s)
	pull(t, w, from, roomy)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 4<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Publish(nil, clienttest.Table("shop.orders", 2, s.Blob(content(2, 6<<20), 1)))
	_, err := w.Pull(t.Context(), from, options(roomy))
	if codeOf(err) != "disk_full" || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
	whole(t, w, 1)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	pull(t, w, from, roomy)
	whole(t, w, 2)
}

// G5: one bit in a part on its way, a thousand times: no pull takes it.
func TestG5_FlippedOnTheWay(t *testing.T) {
	s := clienttest.New(t)
	body := content(1, 4096)
	part := s.Blob(body, 1)
	s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	w, from := workspace(t, s), source(t, s)
	random := rand.New(rand.NewPCG(3, 4))
	s.Nasty(func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/parts/") {
			return false
		}
		bad := content(1, 4096)
		bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
		rw.Header().Set("Content-Type", "application/octet-stream")
		rw.Write(bad)
		return true
	})
	for flips := 0; flips < 1000; flips += 3 { // three tries each
		if _, err := w.Pull(t.Context(), from, options()); codeOf(err) != "hash_mismatch" {
			t.Fatalf("flip %d: %v", flips, err)
		}
	}
	if _, err := os.Stat(w.PartPath(part.SHA256)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// G5: one bit in a part that is here, a thousand times: found before a view uses it, and healed by a pull.
func TestG5_FlippedOnDisk(t *testing.T) {
	s := clienttest.New(t)
	body := content(1, 4096)
	part := s.Blob(body, 1)
	s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	path := w.PartPath(part.SHA256)
	random := rand.New(rand.NewPCG(5, 6))
	for flip := range 1000 {
		bad := content(1, 4096)
		bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
		if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, bad, 0o644)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Settle(t.Context(), builder{}); codeOf(err) != "hash_mismatch" || !strings.Contains(err.Error(), path) {
			t.Fatalf("flip %d: %v", flip, err)
		}
		if flip%50 == 0 {
			report := pull(t, w, from)
			if report.Downloaded.Parts != 1 || len(report.Notes) == 0 {
				t.Errorf("flip %d: %+v", flip, report)
			}
			whole(t, w, 1)
		}
	}
}

// G5: a flip that leaves size and time as they were, as failing disks do, is found by --verify.
func TestG5_SilentRotIsFoundByVerify(t *testing.T) {
	s := clienttest.New(t)
	part := s.Blob(content(1, 4096), 1)
	s.Publish(nil, clienttest.Table("shop.orders", 1, part))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	path := w.PartPath(part.SHA256)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := content(1, 4096)
	bad[99] ^= 4
	if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, bad, 0o444), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	report := pull(t, w, from, func(o *mirror.PullOptions) { o.Verify = true })
	if report.Downloaded.Parts != 1 || report.Reused.Parts != 0 {
		t.Errorf("%+v", report)
	}
	whole(t, w, 1)
}

// G5: one bit in a manifest, on its way or here, a thousand times each: it is never believed.
func TestG5_FlippedManifest(t *testing.T) {
	s := clienttest.New(t)
	m := s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 100), 1)))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	signed := s.Signed(m)
	random := rand.New(rand.NewPCG(7, 8))
	flip := func() []byte {
		bad := []byte(string(signed.Body))
		bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
		return bad
	}
	fake := fakeSource{Source: from, manifest: func() mirror.Answer {
		return mirror.Answer{Body: flip(), Signature: signed.Signature}
	}}
	files, err := filepath.Glob(filepath.Join(w.Dir, ".analyst/generations/1-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	for i := range 1000 {
		if _, err := w.Pull(t.Context(), fake, options()); codeOf(err) != "signature" {
			t.Fatalf("flip %d on the way: %v", i, err)
		}
		if err := errors.Join(os.Chmod(files[0], 0o644), os.WriteFile(files[0], flip(), 0o644)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Manifest(0); codeOf(err) != "hash_mismatch" {
			t.Fatalf("flip %d here: %v", i, err)
		}
		if err := os.WriteFile(files[0], signed.Body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(files[0], flip(), 0o644); err != nil {
		t.Fatal(err)
	}
	pull(t, w, from) // fetched again
	whole(t, w, 1)
}

type fakeSource struct {
	mirror.Source
	manifest func() mirror.Answer
}

func (f fakeSource) Manifest(context.Context, int64, string) (mirror.Answer, error) {
	return f.manifest(), nil
}

// A workspace that has moved makes its views anew, without the server.
func TestMovedWorkspace(t *testing.T) {
	s := clienttest.New(t)
	s.Publish([]api.Doc{s.Doc("docs/a.md", "x")}, clienttest.Table("shop.orders", 1, s.Blob(content(1, 100), 1)))
	w := workspace(t, s)
	pull(t, w, source(t, s))
	if err := os.WriteFile(w.Mine(), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Close()
	to := filepath.Join(t.TempDir(), "it's elsewhere")
	if err := os.Rename(w.Dir, to); err != nil {
		t.Fatal(err)
	}
	moved, err := mirror.Find(filepath.Join(to, "user/duckdb"))
	if err != nil {
		t.Fatal(err)
	}
	if is, err := moved.Moved(); !is || err != nil {
		t.Errorf("not seen to have moved: %v", err)
	}
	if notes, err := moved.Settle(t.Context(), builder{}); err != nil || len(notes) > 0 {
		t.Errorf("%q %v", notes, err)
	}
	text, err := os.ReadFile(moved.Database())
	if err != nil || strings.Contains(string(text), w.Dir) || !strings.Contains(string(text), "it''s elsewhere") {
		t.Errorf("%v\n%s", err, text)
	}
	if text, err := os.ReadFile(moved.Mine()); string(text) != "mine" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if is, err := moved.Moved(); is || err != nil {
		t.Errorf("still seen to have moved: %v", err)
	}
	before, err := os.Stat(moved.Database())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := moved.Settle(t.Context(), builder{}); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(moved.Database()); err != nil || !os.SameFile(before, after) {
		t.Errorf("made again without need: %v", err)
	}
}

// G5: a document that was damaged is not shown; the next pull heals it.
func TestG5_DamagedDocument(t *testing.T) {
	s := clienttest.New(t)
	d := s.Doc("docs/a.md", "the rules")
	s.Publish([]api.Doc{d}, clienttest.Table("shop.orders", 1))
	w, from := workspace(t, s), source(t, s)
	pull(t, w, from)
	path := filepath.Join(w.Dir, ".analyst/docs", d.SHA256[:2], d.SHA256)
	if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, []byte("the ruler"), 0o644), os.Remove(filepath.Join(w.Dir, ".analyst/settled.json"))); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Settle(t.Context(), builder{}); codeOf(err) != "hash_mismatch" || !strings.Contains(err.Error(), "docs/a.md") {
		t.Errorf("%v", err)
	}
	pull(t, w, from)
	whole(t, w, 1)
}

func TestStateThatWasDamaged(t *testing.T) {
	for _, name := range []string{"held.json", "settled.json", "keys.json", "parts.checked", "pulled_at"} {
		t.Run(name, func(t *testing.T) {
			s := clienttest.New(t)
			s.Publish(nil, clienttest.Table("shop.orders", 1, s.Blob(content(1, 100), 1)))
			w, from := workspace(t, s), source(t, s)
			pull(t, w, from)
			if err := os.WriteFile(filepath.Join(w.Dir, ".analyst", name), []byte(hex.EncodeToString([]byte(name))+"\n{"), 0o644); err != nil {
				t.Fatal(err)
			}
			if report := pull(t, w, from); report.Downloaded.Parts != 0 {
				t.Errorf("fetched again: %+v", report)
			}
			whole(t, w, 1)
		})
	}
}
