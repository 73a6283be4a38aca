package certificate_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/certificate"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// pair writes a certificate and its key; the serial number tells it apart.
func pair(t *testing.T, dir string, serial int64, until time.Time) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: until.Add(-24 * time.Hour), NotAfter: until, DNSNames: []string{"data.acme.com"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: bytes}))
	return cert, key
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func configured(cert, key string) *config.Config {
	c := &config.Config{}
	c.Server.TLSCert, c.Server.TLSKey, c.Server.TLSPlace = cert, key, "instance.hcl:7"
	return c
}

func serial(t *testing.T, p *certificate.Pair) int64 {
	t.Helper()
	held, err := p.TLS().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return held.Leaf.SerialNumber.Int64()
}

// G18: a pair that cannot be used stops the start, with the place of the setting.
func TestG18_ABadPairStopsTheStart(t *testing.T) {
	later := time.Now().Add(time.Hour)
	for name, harm := range map[string]func(t *testing.T, cert, key string){
		"no certificate":        func(t *testing.T, cert, _ string) { remove(t, cert) },
		"no key":                func(t *testing.T, _, key string) { remove(t, key) },
		"garbage":               func(t *testing.T, cert, _ string) { write(t, cert, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n")) },
		"empty key":             func(t *testing.T, _, key string) { write(t, key, nil) },
		"another's key":         func(t *testing.T, _, key string) { _, other := pair(t, t.TempDir(), 9, later); move(t, other, key) },
		"ended":                 func(t *testing.T, cert, _ string) { pair(t, filepath.Dir(cert), 9, time.Now().Add(-time.Hour)) },
		"a key that all read":   func(t *testing.T, _, key string) { chmod(t, key, 0o644) },
		"a folder for the cert": func(t *testing.T, cert, _ string) { remove(t, cert); mkdir(t, cert) },
	} {
		t.Run(name, func(t *testing.T) {
			cert, key := pair(t, t.TempDir(), 1, later)
			harm(t, cert, key)
			_, err := certificate.Open(configured(cert, key), time.Now, slog.New(slog.DiscardHandler))
			if fault.CodeOf(err) != fault.Config || !strings.HasPrefix(err.Error(), "instance.hcl:7: server.tls_cert: ") || fault.HelpOf(err) == "" {
				t.Errorf("%v", err)
			}
		})
	}
	if p, err := certificate.Open(&config.Config{}, time.Now, nil); p != nil || err != nil {
		t.Errorf("without a pair: %v %v", p, err)
	}
}

func remove(t *testing.T, path string)               { must(t, os.Remove(path)) }
func move(t *testing.T, from, to string)             { must(t, os.Rename(from, to)) }
func chmod(t *testing.T, path string, m os.FileMode) { must(t, os.Chmod(path, m)) }
func mkdir(t *testing.T, path string)                { must(t, os.Mkdir(path, 0o700)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A new pair is taken while serving; a bad one is logged, and the old one stays.
func TestThePairIsReadAgain(t *testing.T) {
	dir, later := t.TempDir(), time.Now().Add(time.Hour)
	cert, key := pair(t, dir, 1, later)
	var log bytes.Buffer
	p, err := certificate.Open(configured(cert, key), time.Now, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	p.Renew()
	if serial(t, p) != 1 || log.Len() != 0 {
		t.Errorf("nothing changed: %d %s", serial(t, p), log.String())
	}
	write(t, cert, []byte("broken"))
	p.Renew()
	if serial(t, p) != 1 || !strings.Contains(log.String(), "the old one stays") {
		t.Errorf("a broken one: %d %s", serial(t, p), log.String())
	}
	pair(t, dir, 2, later.Add(time.Minute))
	must(t, os.Chtimes(cert, later, later)) // another time than before, whatever the file system's clock
	p.Renew()
	if serial(t, p) != 2 {
		t.Errorf("a new one: %d %s", serial(t, p), log.String())
	}
	if c := p.TLS(); c.MinVersion < tls.VersionTLS12 || len(c.NextProtos) != 1 || c.NextProtos[0] != "http/1.1" {
		t.Errorf("%+v", c)
	}
}
