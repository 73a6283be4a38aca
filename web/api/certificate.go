package api

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
)

// ReceiptKey asks the server to say whose key it is that signs a laptop's receipts (POST /me/receipt-key).
type ReceiptKey struct {
	PublicKey string `json:"public_key"` // base64, 32 bytes
}

// Certificate says that a key signs a person's receipts, by the key that signs manifests: a colleague checks it offline
// with the server's key that they pinned.
type Certificate struct {
	Instance  string `json:"instance"` // id
	User      string `json:"user"`     // id
	Email     string `json:"email"`
	PublicKey string `json:"public_key"` // base64, 32 bytes
	IssuedAt  string `json:"issued_at"`  // RFC 3339 UTC
	Key       string `json:"key"`        // KeyID of the server's key
	Signature string `json:"signature"`  // base64, over the lines of the other members
}

// text is what is signed: a line for each member, after one that keeps it apart from other signatures of the same key.
func (c Certificate) text() []byte {
	return []byte(strings.Join([]string{"broker receipt key 1", c.Instance, c.User, c.Email, c.PublicKey, c.IssuedAt, c.Key}, "\n"))
}

// check refuses what cannot be a certificate: no member may hold a line end, so no two read alike.
func (c Certificate) check() error {
	for _, member := range []string{c.Instance, c.User, c.Email, c.PublicKey, c.IssuedAt, c.Key} {
		if strings.ContainsAny(member, "\r\n") {
			return fmt.Errorf("a member of the certificate holds a line end: %w", ErrSignature)
		}
	}
	if raw, err := base64.StdEncoding.DecodeString(c.PublicKey); err != nil || len(raw) != ed25519.PublicKeySize {
		return fmt.Errorf("the certificate is of no key: %w", ErrSignature)
	}
	return nil
}

// Sign fills in Key and Signature.
func (c *Certificate) Sign(key ed25519.PrivateKey) error {
	public, _ := key.Public().(ed25519.PublicKey) // always of this type
	c.Key = KeyID(public)
	if err := c.check(); err != nil {
		return err
	}
	c.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, c.text()))
	return nil
}

// Verify checks the certificate with the server's key. The error is ErrSignature.
func (c Certificate) Verify(server ed25519.PublicKey) error {
	if err := c.check(); err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(c.Signature)
	if err != nil || c.Key != KeyID(server) || !ed25519.Verify(server, c.text(), signature) {
		return fmt.Errorf("the certificate is not by key %s: %w", KeyID(server), ErrSignature)
	}
	return nil
}
