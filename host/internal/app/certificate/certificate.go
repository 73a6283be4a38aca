// Package certificate reads the pair of files that HTTPS is served with, and reads it again when it changes. It is part of
// the room app.
package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Pair is a certificate with its key, in files.
type Pair struct {
	cert, key string // paths
	log       *slog.Logger
	now       func() time.Time
	held      atomic.Pointer[tls.Certificate]
	seen      atomic.Pointer[stamps]
}

// stamps tell whether files are those that were read.
type stamps struct{ cert, key stamp }

type stamp struct {
	size int64
	time time.Time
}

// Open reads the pair of a configuration; nil when it has none. A bad pair is an error with the place of the setting (G18).
func Open(c *config.Config, now func() time.Time, log *slog.Logger) (*Pair, error) {
	s := c.Server
	if s.TLSCert == "" && s.TLSKey == "" {
		return nil, nil
	}
	p := &Pair{cert: s.TLSCert, key: s.TLSKey, log: log, now: now}
	if err := p.read(); err != nil {
		what := fmt.Sprintf("server.tls_cert: %v", err)
		if s.TLSPlace != "" {
			what = s.TLSPlace + ": " + what
		}
		return nil, fault.New(fault.Config, what).
			WithHelp("Let tls_cert name the certificate with its chain, and tls_key the key that belongs to it, both in PEM and readable by broker; or remove both.")
	}
	return p, nil
}

// TLS is what a listener is wrapped with: TLS 1.2 or newer, HTTP/1.1 alone.
func (p *Pair) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.held.Load(), nil }}
}

// lookEvery is how often the files are looked at.
const lookEvery = 10 * time.Second

// Run reads the pair again when its files change, until ctx ends.
func (p *Pair) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
			p.Renew()
		}
	}
}

// Renew reads the pair again if its files have changed. A bad new pair is logged, and the old one stays.
func (p *Pair) Renew() {
	now, err := p.stamps()
	if err == nil && now == *p.seen.Load() {
		return
	}
	if err == nil {
		err = p.read()
	}
	if err != nil {
		p.log.Error("the new certificate cannot be used; the old one stays", "certificate", p.cert, "error", err)
		return
	}
	p.log.Info("the certificate was read again", "certificate", p.cert, "until", p.held.Load().Leaf.NotAfter)
}

func (p *Pair) read() error {
	seen, err := p.stamps() // before: a change while reading is seen as one the next time
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return err
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return err
		}
	}
	if now := p.now(); now.After(pair.Leaf.NotAfter) {
		return fmt.Errorf("the certificate in %s ended at %s", p.cert, pair.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	p.held.Store(&pair)
	p.seen.Store(&seen)
	return nil
}

func (p *Pair) stamps() (all stamps, err error) {
	for path, s := range map[string]*stamp{p.cert: &all.cert, p.key: &all.key} {
		info, err := os.Stat(path)
		if err != nil {
			return all, err
		}
		if path == p.key && info.Mode().Perm()&0o007 != 0 {
			return all, fmt.Errorf("the key in %s can be read by everybody on this machine: chmod o-rwx", path)
		}
		*s = stamp{info.Size(), info.ModTime()}
	}
	return all, nil
}
