package share

import (
	"path/filepath"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/web/api"
)

// OpenKeys opens the keys that manifests are signed with, and makes the first one when there is none.
func OpenKeys(stateDir string, now func() time.Time) (*manifest.Keys, error) {
	return manifest.OpenKeys(filepath.Join(stateDir, "keys"), now)
}

// Keyring is the keys that manifests are signed with, for the command line.
type Keyring struct{ keys *manifest.Keys }

// KeyReport is one key. Its JSON form is that of `broker keys list --json`.
type KeyReport struct {
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"` // as people compare it
	CreatedAt   string `json:"created_at"`
	SignedBy    string `json:"signed_by,omitempty"` // id of the key before
	Signs       bool   `json:"signs"`               // the one that signs now
}

// OpenKeyring opens the keys of an instance.
func OpenKeyring(stateDir string, now func() time.Time) (*Keyring, error) {
	keys, err := OpenKeys(stateDir, now)
	return &Keyring{keys}, err
}

// List lists the keys, the newest first.
func (k *Keyring) List() ([]KeyReport, error) {
	published, err := k.keys.List()
	if err != nil {
		return nil, err
	}
	reports := make([]KeyReport, len(published.Keys))
	for i, key := range published.Keys {
		if reports[i], err = reportOf(key); err != nil {
			return nil, err
		}
		reports[i].Signs = i == 0
	}
	return reports, nil
}

// Rotate makes a new key, signed by the one before.
func (k *Keyring) Rotate() (KeyReport, error) {
	key, err := k.keys.Rotate()
	if err != nil {
		return KeyReport{}, err
	}
	report, err := reportOf(key)
	report.Signs = true
	return report, err
}

func reportOf(key api.Key) (KeyReport, error) {
	public, err := key.Public()
	if err != nil {
		return KeyReport{}, err
	}
	return KeyReport{ID: key.ID, Fingerprint: api.Fingerprint(public), CreatedAt: key.CreatedAt, SignedBy: key.SignedBy}, nil
}
