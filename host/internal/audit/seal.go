package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// mark is a place in the chain.
type mark struct {
	seq  int64
	hash string
}

// seal is the file that remembers how far the chain went: "<seq> <hash> <HMAC-SHA-256 of both>", one line of sealSize
// bytes, written in place. A line is far smaller than a sector, so no crash leaves half of it; one that came too late to
// the disk says an older place, which is still true.
type seal struct {
	mu   sync.Mutex
	path string
	key  []byte
	lock *flock.Flock // between processes
}

const (
	sealName = "audit.head"
	keyName  = "audit.key" // below keys/
	keySize  = 32
	sealSize = 20 + 1 + 64 + 1 + 64 + 1
)

func openSeal(dir string) (*seal, error) {
	folder := filepath.Join(dir, "keys")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fault.Wrap(fault.Config, err, "make the folder of keys")
	}
	key, err := openKey(filepath.Join(folder, keyName))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, sealName)
	return &seal{path: path, key: key, lock: flock.New(path+".lock", flock.SetPermissions(0o600))}, nil
}

// openKey reads the key, or makes it. Of several processes that make it at once, the first one's stays.
func openKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(path); err == nil {
			key, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "open the key of the audit log")
	}
	if len(key) != keySize {
		return nil, fault.Newf(fault.Config, "the key of the audit log, %s, is damaged", path).WithHelp("Restore it from a backup.")
	}
	return key, nil
}

func makeKey(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), keyName+".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // its second name stays
	key := make([]byte, keySize)
	rand.Read(key) // never fails
	_, err = f.Write(key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// line is the text of a mark.
func (s *seal) line(m mark) string {
	said := fmt.Sprintf("%020d %s", m.seq, m.hash)
	sum := hmac.New(sha256.New, s.key)
	sum.Write([]byte(said)) // never fails
	return said + " " + hex.EncodeToString(sum.Sum(nil)) + "\n"
}

// read is what the file says; found is false when there is none. errForged for a file that this key did not make.
func (s *seal) read() (m mark, found bool, err error) {
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, false, nil
	}
	if err != nil {
		return mark{}, false, err
	}
	if len(text) != sealSize {
		return mark{}, true, errForged
	}
	if _, err := fmt.Sscanf(string(text), "%d %s", &m.seq, &m.hash); err != nil || !hmac.Equal([]byte(s.line(m)), text) {
		return mark{}, true, errForged
	}
	return m, true, nil
}

var errForged = errors.New("the seal of the audit log was not made with its key")

// press moves the seal to a mark, never back. A seal that says what the chain does not hold stays as it is, for
// verify to find: hashOf says what the chain holds.
func (s *seal) press(ctx context.Context, to mark, hashOf func(context.Context, int64) (string, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.lock.Lock(); err != nil {
		return fault.Wrap(fault.Transient, err, "lock the seal of the audit log")
	}
	defer s.lock.Unlock() // the kernel gives it back with the process
	at, found, err := s.read()
	switch {
	case errors.Is(err, errForged), err == nil && !found && to.seq != 1 && !s.first(ctx, to, hashOf), err == nil && found && at.seq >= to.seq:
		return nil
	case err != nil:
		return fault.Wrap(fault.Transient, err, "read the seal of the audit log")
	}
	if found {
		hash, err := hashOf(ctx, at.seq)
		if err != nil {
			return fault.Wrap(fault.Transient, err, "look where the seal of the audit log is")
		}
		if hash != at.hash {
			return nil
		}
	}
	return s.write(to)
}

// first says whether a log without a seal is so young that none was made yet: others may have written the first records
// at the same moment.
func (s *seal) first(ctx context.Context, to mark, hashOf func(context.Context, int64) (string, error)) bool {
	hash, err := hashOf(ctx, 1)
	return err == nil && hash != "" && to.seq <= young
}

// young is the number of a record up to which its log may have no seal yet.
const young = 64

func (s *seal) write(to mark) error {
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fault.Wrap(fault.Transient, err, "write the seal of the audit log")
	}
	_, err = f.WriteAt([]byte(s.line(to)), 0)
	if err := errors.Join(err, f.Close()); err != nil {
		return fault.Wrap(fault.Transient, err, "write the seal of the audit log")
	}
	return nil
}
