package signin

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/access/visit"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web"
)

// CookieKeys are what cookies are signed and sealed with, in a file that only its owner may read. Another process may
// rotate them while a broker serves.
type CookieKeys struct {
	path string
	log  *slog.Logger

	mu    sync.Mutex
	read  time.Time // of the file that pairs were read from
	pairs []web.CookiePair
}

// keptPair is one pair in the file.
type keptPair struct {
	Hash    []byte    `json:"hash"`
	Block   []byte    `json:"block"`
	Created time.Time `json:"created"`
}

// OpenCookieKeys opens the keys in <stateDir>/keys, and makes the first pair when there is none. A file that cannot be
// read, or that others may read, is an error, never a reason for new keys (G18).
func OpenCookieKeys(stateDir string, now func() time.Time, log *slog.Logger) (*CookieKeys, error) {
	k := &CookieKeys{path: keysFile(stateDir), log: log}
	_, err := os.Lstat(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = RotateKeys(stateDir, now)
	}
	if err == nil {
		err = k.load()
	}
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "open the keys of cookies "+k.path)
	}
	return k, nil
}

// Pairs are the keys as they are now, the newest first. What cannot be read now is logged, and the keys before hold.
func (k *CookieKeys) Pairs() []web.CookiePair {
	k.mu.Lock()
	defer k.mu.Unlock()
	if info, err := os.Stat(k.path); err != nil || !info.ModTime().Equal(k.read) {
		if err := k.loadHeld(); err != nil {
			k.log.Error("the keys of cookies cannot be read again; the ones before hold", "error", err)
		}
	}
	return k.pairs
}

func (k *CookieKeys) load() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.loadHeld()
}

func (k *CookieKeys) loadHeld() error {
	info, err := os.Stat(k.path)
	if err != nil {
		return err
	}
	kept, err := readPairs(k.path)
	if err != nil {
		return err
	}
	var pairs []web.CookiePair
	for _, p := range kept {
		pairs = append(pairs, web.CookiePair{Hash: p.Hash, Block: p.Block})
	}
	k.pairs, k.read = pairs, info.ModTime()
	return nil
}

// readPairs reads the file.
func readPairs(path string) ([]keptPair, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Config, "the file is open to others").WithHelp("chmod 600 it, and run broker keys rotate.")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var kept []keptPair
	if err := json.Unmarshal(text, &kept); err != nil {
		return nil, err
	}
	if len(kept) == 0 {
		return nil, fault.New(fault.Data, "it holds no keys")
	}
	for _, p := range kept {
		if len(p.Hash) != 64 || len(p.Block) != 32 {
			return nil, fault.New(fault.Data, "it holds a key of a wrong length")
		}
	}
	return kept, nil
}

func keysFile(stateDir string) string { return filepath.Join(stateDir, "keys", "cookies.json") }

// RotateKeys makes a new pair, which signs from now on. Older ones are read as long as a cookie of theirs may live.
func RotateKeys(stateDir string, now func() time.Time) error {
	path := keysFile(stateDir)
	kept, err := readPairs(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fresh := keptPair{Hash: make([]byte, 64), Block: make([]byte, 32), Created: now().UTC()}
	rand.Read(fresh.Hash)  // never fails
	rand.Read(fresh.Block) // never fails
	list := []keptPair{fresh}
	for i, p := range kept {
		until := fresh.Created // when p ceased to sign
		if i > 0 {
			until = kept[i-1].Created
		}
		if fresh.Created.Sub(until) < visit.Life {
			list = append(list, p)
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return replace(path, text)
}

// replace makes text the content of a file that only its owner may read: readers see the old or the new one whole.
func replace(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".cookies-*") // 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
