package inbox_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/inbox"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

var ada = sdk.Caller{User: sdk.User{ID: "u1"}}

func hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func item(path string, content []byte) api.PushItem {
	return api.PushItem{Path: path, Size: int64(len(content)), SHA256: hash(content)}
}

func open(t *testing.T, dir string, quota int64) *inbox.Inbox {
	t.Helper()
	i, err := inbox.Open(inbox.Options{Dir: dir, Quota: quota})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	return i
}

func offer(t *testing.T, i *inbox.Inbox, machine string, items ...api.PushItem) api.PushAnswer {
	t.Helper()
	answer, err := i.Offer(context.Background(), ada, api.PushOffer{Machine: machine, Items: items})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// send pushes content as a client does: offer, then chunks from where the answer says.
func send(t *testing.T, i *inbox.Inbox, machine string, it api.PushItem, content []byte, chunk int) (sent int) {
	t.Helper()
	state := offer(t, i, machine, it).Items[0]
	for state.State == "want" {
		end := min(int(state.Offset)+chunk, len(content))
		next, err := i.Receive(context.Background(), ada, machine, it, state.Offset, bytes.NewReader(content[state.Offset:end]))
		if err != nil {
			t.Fatal(err)
		}
		sent += end - int(state.Offset)
		state = next
	}
	if state.State != "have" {
		t.Fatalf("%s: %+v", it.Path, state)
	}
	return sent
}

// kept are the files of ada's machine, without what was only begun.
func kept(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Contains(name, ".partial") {
			return err
		}
		content, err := os.ReadFile(name)
		short, _ := filepath.Rel(dir, name)
		files[filepath.ToSlash(short)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestPushedFileIsKeptOnceAndGrows(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir, 0)
	first := []byte("line 1\n")
	if sent := send(t, i, "laptop", item("sessions/a.jsonl", first), first, 3); sent != len(first) {
		t.Errorf("sent %d", sent)
	}
	if sent := send(t, i, "laptop", item("sessions/a.jsonl", first), first, 3); sent != 0 {
		t.Errorf("sent again: %d", sent)
	}
	grown := []byte("line 1\nline 2\n")
	it := item("sessions/a.jsonl", grown)
	it.Prefix, it.PrefixSHA256 = int64(len(first)), hash(first)
	if sent := send(t, i, "laptop", it, grown, 100); sent != len(grown)-len(first) {
		t.Errorf("sent %d of the growth", sent)
	}
	other := []byte("quite another\n")
	send(t, i, "laptop", item("sessions/a.jsonl", other), other, 100)
	if sent := send(t, i, "laptop", item("sessions/a.jsonl", first), first, 100); sent != 0 {
		t.Error("an older state of what is kept was asked for")
	}
	empty := []byte{}
	send(t, i, "laptop", item("notes/empty.md", empty), empty, 100)
	want := map[string]string{"u1/laptop/sessions/a.jsonl": string(grown), "u1/laptop/sessions/a~2.jsonl": string(other), "u1/laptop/notes/empty.md": ""}
	got := kept(t, dir)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("kept %q\nwant %q", got, want)
	}
	if used := offer(t, i, "laptop").Used; used != int64(len(grown)+len(other)) {
		t.Errorf("used %d", used)
	}
}

func TestGrowthThatDoesNotFitIsKeptBeside(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir, 0)
	first := []byte("what was here")
	send(t, i, "laptop", item("notes/n.md", first), first, 100)
	changed := []byte("what WAS here, and more")
	it := item("notes/n.md", changed)
	it.Prefix, it.PrefixSHA256 = 13, hash(changed[:13]) // the server has another beginning
	if sent := send(t, i, "laptop", it, changed, 4); sent != len(changed) {
		t.Errorf("sent %d", sent)
	}
	got := kept(t, dir)
	if got["u1/laptop/notes/n.md"] != string(first) || got["u1/laptop/notes/n~2.md"] != string(changed) {
		t.Errorf("kept %q", got)
	}
}

// G3: what was counted is there after the process is gone, and the push goes on from there.
func TestPushResumesAfterRestart(t *testing.T) {
	dir := t.TempDir()
	content := make([]byte, 300_000)
	random := rand.NewChaCha8([32]byte{7})
	random.Read(content)
	it := item("sessions/long.jsonl", content)
	counted := int64(0)
	for step := range 100 {
		i, err := inbox.Open(inbox.Options{Dir: dir}) // never closed in order: nothing depends on that
		if err != nil {
			t.Fatal(err)
		}
		state := offer(t, i, "laptop", it).Items[0]
		if state.State == "have" {
			break
		}
		if state.Offset != counted {
			t.Fatalf("step %d: %d bytes were acknowledged, %d are there", step, counted, state.Offset)
		}
		end := min(state.Offset+7_000, it.Size)
		next, err := i.Receive(context.Background(), ada, "laptop", it, state.Offset, bytes.NewReader(content[state.Offset:end]))
		if err != nil {
			t.Fatal(err)
		}
		counted = next.Offset
		i.Close()
	}
	if got := kept(t, dir)["u1/laptop/sessions/long.jsonl"]; got != string(content) {
		t.Errorf("%d bytes kept, want %d", len(got), len(content))
	}
}

func TestChunkAtAnotherPlaceIsNotTaken(t *testing.T) {
	i := open(t, t.TempDir(), 0)
	content := []byte("0123456789")
	it := item("notes/n.md", content)
	for _, offset := range []int64{3, 10} {
		state, err := i.Receive(context.Background(), ada, "laptop", it, offset, bytes.NewReader(content[offset:]))
		if err != nil || state.State != "want" || state.Offset != 0 {
			t.Errorf("at %d: %+v, %v", offset, state, err)
		}
	}
	send(t, i, "laptop", it, content, 3)
}

func TestWrongHashIsNotKept(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir, 0)
	it := item("notes/n.md", []byte("right"))
	_, err := i.Receive(context.Background(), ada, "laptop", it, 0, strings.NewReader("wrong"))
	if fault.CodeOf(err) != fault.Data {
		t.Errorf("got %v", err)
	}
	if got := kept(t, dir); len(got) != 0 {
		t.Errorf("kept %q", got)
	}
	send(t, i, "laptop", it, []byte("right"), 100)
}

func TestHostileNames(t *testing.T) {
	dir := t.TempDir()
	i := open(t, filepath.Join(dir, "push"), 0)
	content := []byte("x")
	for _, path := range []string{"", "/etc/passwd", "../x.md", "notes/../../x.md", "notes/..", "notes/.md", "notes/.hidden.md", "notes/a/b.md", `notes\x.md`,
		"notes/x.md\x00", "notes/x.md\n", "notes/x~2.md", "notes/con.md", "notes/NUL.md", "notes/x.exe", "notes/x.jsonl", "sessions/x.md", "notes/a..md", "Notes/x.md",
		"notes/ü.md", "notes/%2e%2e.md", "notes/" + strings.Repeat("a", 200) + ".md", "notes/x.md/", "./notes/x.md", "notes//x.md"} {
		it := item(path, content)
		if state := offer(t, i, "laptop", it).Items[0]; state.State != "refused" || state.Reason == "" {
			t.Errorf("%q: %+v", path, state)
		}
		if _, err := i.Receive(context.Background(), ada, "laptop", it, 0, bytes.NewReader(content)); fault.CodeOf(err) != fault.Config {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, machine := range []string{"", ".", "..", "a/b", "A", "-a", "ü", strings.Repeat("a", 41), ".partial", "a b"} {
		if _, err := i.Offer(context.Background(), ada, api.PushOffer{Machine: machine}); fault.CodeOf(err) != fault.Config {
			t.Errorf("machine %q: %v", machine, err)
		}
	}
	for _, it := range []api.PushItem{{Path: "notes/a.md", SHA256: "x"}, {Path: "notes/a.md", SHA256: hash(nil), Size: -1}, {Path: "notes/a.md", SHA256: hash(nil), Size: 1 << 40},
		{Path: "notes/a.md", SHA256: hash(nil), Size: 1, Prefix: 2, PrefixSHA256: hash(nil)}, {Path: "notes/a.md", SHA256: hash(nil), Size: 5, Prefix: 2}} {
		if state := offer(t, i, "laptop", it).Items[0]; state.State != "refused" {
			t.Errorf("%+v: %+v", it, state)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the inbox: %v, %v", entries, err)
	}
	if got := kept(t, dir); len(got) != 0 {
		t.Errorf("kept %q", got)
	}
}

// A link that somebody put into the folder leads nowhere else.
func TestLinksOutOfTheFolderAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	home := filepath.Join(dir, "push", "u1", "laptop")
	if err := os.MkdirAll(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(home, "notes")); err != nil {
		t.Skip(err)
	}
	i := open(t, filepath.Join(dir, "push"), 0)
	content := []byte("x")
	it := item("notes/a.md", content)
	if _, err := i.Receive(context.Background(), ada, "laptop", it, 0, bytes.NewReader(content)); err == nil {
		t.Error("no error")
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 0 {
		t.Errorf("written outside: %v", entries)
	}
}

func TestQuota(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir, 100)
	eighty := bytes.Repeat([]byte("a"), 80)
	send(t, i, "laptop", item("notes/a.md", eighty), eighty, 30)
	thirty := bytes.Repeat([]byte("b"), 30)
	if state := offer(t, i, "desk", item("notes/b.md", thirty)).Items[0]; state.State != "refused" || !strings.Contains(state.Reason, "quota") {
		t.Errorf("%+v", state)
	}
	state, err := i.Receive(context.Background(), ada, "desk", item("notes/b.md", thirty), 0, bytes.NewReader(thirty))
	if err != nil || state.State != "refused" {
		t.Errorf("unasked: %+v, %v", state, err)
	}
	ninety := append(bytes.Clone(eighty), []byte("0123456789")...) // growth counts once
	it := item("notes/a.md", ninety)
	it.Prefix, it.PrefixSHA256 = 80, hash(eighty)
	if sent := send(t, i, "laptop", it, ninety, 30); sent != 10 {
		t.Errorf("sent %d", sent)
	}
	six := []byte("123456")
	answer := offer(t, i, "laptop", item("notes/c.md", six), item("notes/d.md", six))
	if answer.Items[0].State != "want" || answer.Items[1].State != "refused" || answer.Used != 90 || answer.Quota != 100 {
		t.Errorf("%+v", answer)
	}
	if answer := offer(t, open(t, dir, 100), "laptop"); answer.Used != 90 { // counted anew
		t.Errorf("after a restart %+v", answer)
	}
}

func TestBegunAndForgottenGoes(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir, 0)
	it := item("notes/a.md", []byte("whole"))
	if _, err := i.Receive(context.Background(), ada, "laptop", it, 0, strings.NewReader("wh")); err != nil {
		t.Fatal(err)
	}
	later, err := inbox.Open(inbox.Options{Dir: dir, Now: func() time.Time { return time.Now().Add(31 * 24 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	if state := offer(t, later, "laptop", it).Items[0]; state.Offset != 0 {
		t.Errorf("%+v", state)
	}
}

// Two programs of one person push the same growing file, and others: nothing is torn or lost.
func TestPushesAtOnce(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir, 0)
	var states [][]byte
	content := []byte{}
	for n := range 20 {
		content = append(bytes.Clone(content), fmt.Sprintf("line %d\n", n)...)
		states = append(states, content)
	}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for n, state := range states {
				push(t, i, "sessions/shared.jsonl", states, n)
				push(t, i, fmt.Sprintf("sessions/own-%d.jsonl", worker), states, n)
				_ = state
			}
		}()
	}
	all.Wait()
	last := string(states[len(states)-1])
	got := kept(t, dir)
	for name, content := range got {
		if !strings.HasPrefix(last, content) {
			t.Errorf("%s is torn: %q", name, content)
		}
	}
	for _, name := range []string{"shared", "own-0", "own-3"} {
		if got["u1/laptop/sessions/"+name+".jsonl"] != last {
			t.Errorf("%s has %d bytes, want %d", name, len(got["u1/laptop/sessions/"+name+".jsonl"]), len(last))
		}
	}
	if answer := offer(t, i, "laptop"); answer.Used != sizes(got) {
		t.Errorf("used %d, kept %d", answer.Used, sizes(got))
	}
}

func sizes(files map[string]string) (n int64) {
	for _, content := range files {
		n += int64(len(content))
	}
	return n
}

// push sends states[n] as grown from states[n-1].
func push(t *testing.T, i *inbox.Inbox, path string, states [][]byte, n int) {
	it := item(path, states[n])
	if n > 0 {
		it.Prefix, it.PrefixSHA256 = int64(len(states[n-1])), hash(states[n-1])
	}
	answer, err := i.Offer(context.Background(), ada, api.PushOffer{Machine: "laptop", Items: []api.PushItem{it}})
	if err != nil {
		t.Error(err)
		return
	}
	state := answer.Items[0]
	for state.State == "want" {
		var chunk io.Reader = bytes.NewReader(states[n][state.Offset:min(int(state.Offset)+5, len(states[n]))])
		if state, err = i.Receive(context.Background(), ada, "laptop", it, state.Offset, chunk); err != nil {
			t.Error(err)
			return
		}
	}
	if state.State != "have" {
		t.Errorf("%+v", state)
	}
}
