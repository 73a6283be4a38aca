package visit

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/ai-data-analyst/broker/sdk/auth"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// maxEntries is how much one provider remembers (G16).
const maxEntries = 100_000

// HostOf is what the plugin of an auth block may ask of the host.
func (v *Visits) HostOf(provider string) auth.Host { return keep{v, provider} }

// keep is the store of one auth block. The key of an entry is kept as a hash, its value sealed by the key: the database
// alone tells neither (G14).
type keep struct {
	visits   *Visits
	provider string
}

func (k keep) place(key string) string { return hashOf(k.provider + "\x00" + key) }

// seal returns the cipher of a key.
func (k keep) seal(key string) (cipher.AEAD, error) {
	secret, err := hkdf.Key(sha256.New, []byte(key), []byte(k.provider), "broker auth entry 1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Put implements auth.Host.
func (k keep) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	if key == "" || len(key) > auth.MaxKey || len(value) > auth.MaxValue || life < 0 || life > auth.MaxLife {
		return fault.New(fault.Config, "the key, the value or its life is beyond what may be kept")
	}
	if life == 0 {
		life = auth.MaxLife
	}
	seal, err := k.seal(key)
	if err != nil {
		return err
	}
	sealed := base64.RawStdEncoding.EncodeToString(seal.Seal(nil, nil, value, nil))
	now := k.visits.now()
	return k.visits.store.Put(ctx, k.provider, k.place(key), sealed, now, now.Add(life), maxEntries)
}

// Find implements auth.Host.
func (k keep) Find(ctx context.Context, key string) ([]byte, bool, error) {
	sealed, found, err := k.visits.store.Find(ctx, k.provider, k.place(key), k.visits.now())
	return k.open(key, sealed, found, err)
}

// Take implements auth.Host.
func (k keep) Take(ctx context.Context, key string) ([]byte, bool, error) {
	sealed, found, err := k.visits.store.Take(ctx, k.provider, k.place(key), k.visits.now())
	return k.open(key, sealed, found, err)
}

func (k keep) open(key, sealed string, found bool, err error) ([]byte, bool, error) {
	if err != nil || !found {
		return nil, false, err
	}
	seal, err := k.seal(key)
	if err != nil {
		return nil, false, err
	}
	raw, err := base64.RawStdEncoding.DecodeString(sealed)
	if err == nil {
		raw, err = seal.Open(nil, nil, raw, nil)
	}
	return raw, err == nil, fault.Wrap(fault.Data, err, "open what a sign-in plugin kept")
}

// Admits implements auth.Host.
func (k keep) Admits(ctx context.Context, email string) (bool, error) {
	admission, _, err := k.visits.access.AdmissionOf(ctx, email)
	return admission != "", err
}
