// Package seal keeps the keys that manifests are signed with: one signs, the older ones are public only, and each has
// signed its successor.
//
// Only host/internal/manifest imports it.
package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// keyFile holds all keys of an instance: the newest, with its secret, signs; the older ones are public only.
const keyFile = "manifest.json"

// maxKeyFile is how many bytes the file may have: some hundred rotations.
const maxKeyFile = 1 << 20

// Keys are the keys that manifests are signed with. Safe for concurrent use; a rotation by another process holds at the
// next signature.
type Keys struct {
	dir string
	now func() time.Time

	mu   sync.Mutex
	seen fs.FileInfo // of the file that is held
	held ring
}

// ring is the content of keyFile.
type ring struct {
	Seed []byte    `json:"seed"` // of the newest key, 32 bytes
	Keys []api.Key `json:"keys"` // the newest first

	private ed25519.PrivateKey // of Seed
}

// Open opens the keys in dir, <data_dir>/state/keys, and makes the first one when there is none. Rights wider than
// the owner's are refused: whoever reads the secret can sign for the instance.
func Open(dir string, now func() time.Time) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Config, err, "make the folder of keys")
	}
	k := &Keys{dir: dir, now: now}
	_, err := k.current()
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	first, err := newRing(ring{}, now())
	if err != nil {
		return nil, err
	}
	if err := k.write(first, os.Link); err != nil && !errors.Is(err, fs.ErrExist) { // another process was first: its key holds
		return nil, fmt.Errorf("keep the first signing key: %w", err)
	}
	_, err = k.current()
	return k, err
}

// List returns the public keys, the newest first.
func (k *Keys) List() (api.Keys, error) {
	held, err := k.current()
	return api.Keys{Keys: held.Keys}, err
}

// Rotate makes a new key, signed by the one before, and returns it. The secret of the one before is gone afterwards.
func (k *Keys) Rotate() (made api.Key, err error) {
	lock := flock.New(filepath.Join(k.dir, "rotate.lock"), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return api.Key{}, fmt.Errorf("lock the signing keys: %w", err)
	}
	if !locked {
		return api.Key{}, fault.New(fault.Transient, "another process rotates the signing keys").WithHelp("Look at the keys before you try again.")
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	held, err := k.current()
	if err != nil {
		return api.Key{}, err
	}
	next, err := newRing(held, k.now())
	if err != nil {
		return api.Key{}, err
	}
	if err := k.write(next, os.Rename); err != nil {
		return api.Key{}, fmt.Errorf("keep the new signing key: %w", err)
	}
	return next.Keys[0], nil
}

// Certify signs what a certificate says. fault.Config when it is of no key.
func (k *Keys) Certify(c api.Certificate) (api.Certificate, error) {
	key, _, err := k.Signer()
	if err != nil {
		return c, err
	}
	if err := c.Sign(key); err != nil {
		return c, &fault.Fault{Code: fault.Config, What: "public_key is no Ed25519 key in base64", Path: "public_key", Err: err}
	}
	return c, nil
}

// Signer is the newest key and its id.
func (k *Keys) Signer() (ed25519.PrivateKey, string, error) {
	held, err := k.current()
	if err != nil {
		return nil, "", err
	}
	return held.private, held.Keys[0].ID, nil
}

// newRing puts a new key before those of a ring.
func newRing(before ring, now time.Time) (ring, error) {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed) // never fails
	public, ok := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	if !ok {
		return ring{}, fault.New(fault.Bug, "a new signing key has no public half")
	}
	key := api.Key{ID: api.KeyID(public), PublicKey: base64.StdEncoding.EncodeToString(public), CreatedAt: now.UTC().Format(time.RFC3339)}
	if len(before.Keys) > 0 {
		key.SignedBy = before.Keys[0].ID
		key.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(before.private, public))
	}
	return ring{Seed: seed, Keys: append([]api.Key{key}, before.Keys...)}, nil
}

// current is the ring as the file has it now.
func (k *Keys) current() (ring, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	path := filepath.Join(k.dir, keyFile)
	info, err := os.Lstat(path)
	if err != nil {
		return ring{}, fmt.Errorf("look at the signing keys: %w", err)
	}
	if k.seen != nil && os.SameFile(info, k.seen) && info.ModTime().Equal(k.seen.ModTime()) && info.Mode() == k.seen.Mode() && info.Size() == k.seen.Size() {
		return k.held, nil
	}
	if err := fit(path, info); err != nil {
		return ring{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return ring{}, fmt.Errorf("read the signing keys: %w", err)
	}
	held, err := decodeRing(text)
	if err != nil {
		return ring{}, (&fault.Fault{Code: fault.Data, What: "read the signing keys in " + path + ": " + err.Error(), Err: err}).
			WithHelp("Put the file back from a backup; analysts have pinned these keys.")
	}
	k.seen, k.held = info, held
	return held, nil
}

// fit refuses what is no plain file of the owner alone.
func fit(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return fault.Newf(fault.Config, "%s is not a file of signing keys", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fault.Newf(fault.Config, "%s may be read by others (mode %04o)", path, info.Mode().Perm()).
			WithHelp("Run chmod 600 on it, and broker keys rotate if somebody may have read it.")
	}
	return nil
}

func decodeRing(text []byte) (ring, error) {
	var r ring
	if err := json.Unmarshal(text, &r); err != nil {
		return ring{}, err
	}
	if len(r.Seed) != ed25519.SeedSize || len(r.Keys) == 0 {
		return ring{}, errors.New("there is no key in it")
	}
	public, err := r.Keys[0].Public()
	if err != nil {
		return ring{}, err
	}
	r.private = ed25519.NewKeyFromSeed(r.Seed)
	if !public.Equal(r.private.Public()) {
		return ring{}, errors.New("the secret is not that of the newest key")
	}
	return r, nil
}

// write keeps a ring durably: temp name, sync, then place puts it under its name, sync of the folder.
func (k *Keys) write(r ring, place func(from, to string) error) (err error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(k.dir, ".manifest-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(file.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if _, err = file.Write(append(text, '\n')); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := place(file.Name(), filepath.Join(k.dir, keyFile)); err != nil {
		return err
	}
	dir, err := os.Open(k.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
