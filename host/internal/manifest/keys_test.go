package manifest_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

func openKeys(t *testing.T, dir string) *manifest.Keys {
	t.Helper()
	keys, err := manifest.OpenKeys(dir, func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func list(t *testing.T, keys *manifest.Keys) api.Keys {
	t.Helper()
	published, err := keys.List()
	if err != nil {
		t.Fatal(err)
	}
	return published
}

// A rotation is followed by whoever has pinned an older key, and holds at once in a process that serves.
func TestRotationIsAChain(t *testing.T) {
	h := newHouse(t)
	h.lake.publish(map[sdk.TableName][]string{orders: {"o"}})
	pinned := h.public(t)
	var ids []string
	for range 3 {
		made, err := h.keys.Rotate()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, made.ID)
		_, signed := h.document(t, "bob", 0)
		if api.SignatureKey(signed.Signature) != made.ID {
			t.Errorf("signed by %s after the rotation to %s", api.SignatureKey(signed.Signature), made.ID)
		}
		key, err := list(t, h.keys).Trust(pinned, made.ID)
		if err != nil || api.Verify(key, signed.Signature, signed.Body) != nil {
			t.Errorf("the pinned key does not lead to %s: %v", made.ID, err)
		}
	}
	published := list(t, h.keys)
	if len(published.Keys) != 4 || published.Keys[0].ID != ids[2] {
		t.Errorf("keys %+v", published)
	}
	published.Keys[1].Signature = published.Keys[2].Signature
	if _, err := published.Trust(pinned, ids[2]); err == nil {
		t.Error("a broken chain is trusted")
	}
}

// Another process rotates; this one signs with the new key.
func TestRotationByAnotherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	here, there := openKeys(t, dir), openKeys(t, dir)
	made, err := there.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, here).Keys[0].ID; got != made.ID {
		t.Errorf("this process has %s, the other made %s", got, made.ID)
	}
}

// Rotations at once leave one chain: each either follows the one before or is told to wait.
func TestRotationsAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	pinned, err := list(t, openKeys(t, dir)).Keys[0].Public()
	check(t, err)
	var made sync.Map
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			keys, err := manifest.OpenKeys(dir, time.Now)
			if err != nil {
				t.Error(err)
				return
			}
			key, err := keys.Rotate()
			if err != nil && fault.CodeOf(err) != fault.Transient {
				t.Error(err)
			}
			if err == nil {
				made.Store(key.ID, true)
			}
		})
	}
	group.Wait()
	published := list(t, openKeys(t, dir))
	made.Range(func(id, _ any) bool {
		if _, err := published.Trust(pinned, id.(string)); err != nil {
			t.Errorf("a rotation is lost: %v", err)
		}
		return true
	})
}

func TestFirstKeyIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "keys")
	var mu sync.Mutex
	seen := map[string]bool{}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			keys, err := manifest.OpenKeys(dir, time.Now)
			if err != nil {
				t.Error(err)
				return
			}
			published, err := keys.List()
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			seen[published.Keys[0].ID] = true
		})
	}
	group.Wait()
	if len(seen) != 1 {
		t.Errorf("%d first keys", len(seen))
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

// G14: a secret that others may read is refused, and so is a file that is not whole: nothing is made anew over it.
func TestG14_KeysThatCannotBeTrusted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("rights are those of the folder there")
	}
	for name, spoil := range map[string]func(t *testing.T, path string, text []byte){
		"group may read": func(t *testing.T, path string, _ []byte) { check(t, os.Chmod(path, 0o640)) },
		"all may read":   func(t *testing.T, path string, _ []byte) { check(t, os.Chmod(path, 0o604)) },
		"cut":            func(t *testing.T, path string, text []byte) { check(t, os.WriteFile(path, text[:len(text)/2], 0o600)) },
		"empty":          func(t *testing.T, path string, _ []byte) { check(t, os.WriteFile(path, nil, 0o600)) },
		"other secret": func(t *testing.T, path string, text []byte) {
			check(t, os.WriteFile(path, []byte(strings.Replace(string(text), `"seed": "`, `"seed": "AAAA`, 1)), 0o600))
		},
		"a link": func(t *testing.T, path string, text []byte) {
			check(t, os.WriteFile(path+".other", text, 0o600))
			check(t, os.Remove(path))
			check(t, os.Symlink(path+".other", path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			keys := openKeys(t, dir)
			path := filepath.Join(dir, "manifest.json")
			text, err := os.ReadFile(path)
			check(t, err)
			spoil(t, path, text)
			before, err := os.ReadFile(path)
			check(t, err)
			for _, err := range []error{second(keys.List()), second(keys.Rotate()), second(manifest.OpenKeys(dir, time.Now))} {
				if code := fault.CodeOf(err); code != fault.Config && code != fault.Data {
					t.Errorf("got %v", err)
				}
				if err != nil && strings.Contains(err.Error(), `"seed"`) {
					t.Error("the error shows the secret")
				}
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Error("the file was written over")
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
