package api

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// SignatureHeader carries the signature of a manifest: "ed25519;key=<id>;<base64>" over the exact body (interface.md §9).
const SignatureHeader = "Broker-Signature"

// Keys is the answer of GET /keys: the newest first. Each older key has signed its successor.
type Keys struct {
	Keys []Key `json:"keys"`
}

// Key is a public key that manifests are signed with.
type Key struct {
	ID        string `json:"id"`         // KeyID of PublicKey
	PublicKey string `json:"public_key"` // base64, 32 bytes
	SignedBy  string `json:"signed_by"`  // id of the key before; "" = the first
	Signature string `json:"signature"`  // base64: the key before over the 32 bytes of PublicKey; "" = the first
	CreatedAt string `json:"created_at"` // RFC 3339 UTC
}

// ErrSignature is the error of a signature that is absent, malformed or wrong.
var ErrSignature = errors.New("the signature does not fit")

// ErrKeyChanged is the error of a signature by a key that does not descend from the pinned one.
var ErrKeyChanged = errors.New("the key is another one")

// KeyID is the short name of a public key: the first 16 hex digits of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Fingerprint is a public key as people compare it: its SHA-256 in groups of four.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	text := hex.EncodeToString(sum[:])
	var groups []string
	for at := 0; at < len(text); at += 4 {
		groups = append(groups, text[at:at+4])
	}
	return strings.Join(groups, " ")
}

// Sign returns the header for body.
func Sign(key ed25519.PrivateKey, body []byte) string {
	public, _ := key.Public().(ed25519.PublicKey) // always of this type
	return fmt.Sprintf("ed25519;key=%s;%s", KeyID(public), base64.StdEncoding.EncodeToString(ed25519.Sign(key, body)))
}

// SignatureKey returns the id of the key that a header names; "" for a header that is none.
func SignatureKey(header string) string {
	fields := strings.Split(header, ";")
	if len(fields) != 3 || fields[0] != "ed25519" {
		return ""
	}
	id, ok := strings.CutPrefix(fields[1], "key=")
	if !ok {
		return ""
	}
	return id
}

// Verify checks a header over the exact body. The error is ErrSignature.
func Verify(key ed25519.PublicKey, header string, body []byte) error {
	if SignatureKey(header) != KeyID(key) {
		return fmt.Errorf("signed by key %q, expected %q: %w", SignatureKey(header), KeyID(key), ErrSignature)
	}
	signature, err := base64.StdEncoding.DecodeString(header[strings.LastIndexByte(header, ';')+1:])
	if err != nil || !ed25519.Verify(key, body, signature) {
		return ErrSignature
	}
	return nil
}

// Verify checks a header over the exact body, by the pinned key or by one that descends from it. The error is ErrKeyChanged
// when the header names a key that does not, else ErrSignature.
func (k Keys) Verify(pinned ed25519.PublicKey, header string, body []byte) error {
	id := SignatureKey(header)
	if id == "" {
		return fmt.Errorf("no signature that can be read: %w", ErrSignature)
	}
	if id == KeyID(pinned) {
		return Verify(pinned, header, body)
	}
	key, err := k.Trust(pinned, id)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyChanged, err)
	}
	return Verify(key, header, body)
}

// Public decodes the public key and checks that the id is its own.
func (k Key) Public() (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.DecodeString(k.PublicKey)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("key %q cannot be read", k.ID)
	}
	key := ed25519.PublicKey(raw)
	if k.ID != KeyID(key) {
		return nil, fmt.Errorf("key %q has the id of another key", k.ID)
	}
	return key, nil
}

// Trust follows the chain of signatures from the pinned key to the key that a manifest names. The error is ErrSignature
// when there is no such chain.
func (k Keys) Trust(pinned ed25519.PublicKey, id string) (ed25519.PublicKey, error) {
	byID := map[string]Key{}
	for _, key := range k.Keys {
		byID[key.ID] = key
	}
	at, ok := byID[id]
	if !ok {
		return nil, fmt.Errorf("the server does not publish key %q: %w", id, ErrSignature)
	}
	wanted, err := at.Public()
	if err != nil {
		return nil, err
	}
	for range k.Keys {
		public, err := at.Public()
		if err != nil {
			return nil, err
		}
		if public.Equal(pinned) {
			return wanted, nil
		}
		before, ok := byID[at.SignedBy]
		if !ok {
			break
		}
		signer, err := before.Public()
		if err != nil {
			return nil, err
		}
		signature, err := base64.StdEncoding.DecodeString(at.Signature)
		if err != nil || !ed25519.Verify(signer, public, signature) {
			break
		}
		at = before
	}
	return nil, fmt.Errorf("key %q does not descend from the pinned key %q: %w", id, KeyID(pinned), ErrSignature)
}
