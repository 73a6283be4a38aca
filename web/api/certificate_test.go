package api_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/ai-data-analyst/broker/web/api"
)

func TestACertificateHoldsForItsMembersOnly(t *testing.T) {
	server, laptop := ed25519.NewKeyFromSeed(make([]byte, 32)), ed25519.NewKeyFromSeed([]byte("another seed of thirty-two bytes"))
	c := api.Certificate{Instance: "i", User: "u", Email: "ada@example.com", IssuedAt: "2026-11-25T00:00:00Z",
		PublicKey: base64.StdEncoding.EncodeToString(laptop.Public().(ed25519.PublicKey))}
	if err := c.Sign(server); err != nil {
		t.Fatal(err)
	}
	if err := c.Verify(server.Public().(ed25519.PublicKey)); err != nil {
		t.Error(err)
	}
	if err := c.Verify(laptop.Public().(ed25519.PublicKey)); !errors.Is(err, api.ErrSignature) {
		t.Errorf("another server's key: %v", err)
	}
	for name, change := range map[string]func(*api.Certificate){
		"instance": func(c *api.Certificate) { c.Instance = "j" }, "user": func(c *api.Certificate) { c.User = "v" },
		"email": func(c *api.Certificate) { c.Email = "bob@example.com" }, "moved": func(c *api.Certificate) { c.User, c.Email = "u\nada@example.com", "" },
		"key": func(c *api.Certificate) { c.PublicKey = base64.StdEncoding.EncodeToString(make([]byte, 32)) }, "time": func(c *api.Certificate) { c.IssuedAt = "" },
		"signature": func(c *api.Certificate) { c.Signature = "" }, "no key": func(c *api.Certificate) { c.PublicKey = "x" },
	} {
		changed := c
		change(&changed)
		if err := changed.Verify(server.Public().(ed25519.PublicKey)); !errors.Is(err, api.ErrSignature) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}
