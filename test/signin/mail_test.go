package signin_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// arrival is a mail that arrived.
type arrival struct {
	from    string
	to      []string
	header  mail.Header
	subject string
	text    string // the plain part
}

// postOffice is a mail server on this machine: STARTTLS by an authority of its own, and a login.
type postOffice struct {
	port     string
	ca       string // PEM file
	secret   string
	arrivals chan arrival
	server   *smtp.Server
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	certificate, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	o := &postOffice{ca: filepath.Join(t.TempDir(), "ca.pem"), secret: "kX9v-post-7Qp2", arrivals: make(chan arrival, 100)}
	if err := os.WriteFile(o.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), 0o644); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, o.port, err = net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	o.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counter{office: o}, nil }))
	o.server.Domain = "localhost"
	o.server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = o.server.Serve(listener)
	}()
	t.Cleanup(func() { o.server.Close(); <-done })
	return o
}

// counter is one connection to the post office. Who has not logged in sends nothing.
type counter struct {
	office  *postOffice
	known   bool
	arrival arrival
}

func (c *counter) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *counter) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, name, secret string) error {
		if c.known = name == "broker" && secret == c.office.secret; !c.known {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (c *counter) Reset()        { c.arrival = arrival{} }
func (c *counter) Logout() error { return nil }

func (c *counter) Mail(from string, _ *smtp.MailOptions) error {
	if !c.known {
		return smtp.ErrAuthRequired
	}
	c.arrival.from = from
	return nil
}

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.arrival.to = append(c.arrival.to, to)
	return nil
}

func (c *counter) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l := c.arrival
	if l.text, l.header, err = plainPart(text); err != nil {
		return err
	}
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(l.header.Get("Subject")); err != nil {
		return err
	}
	c.office.arrivals <- l
	return nil
}

// plainPart reads the first part of a mail of alternatives.
func plainPart(text []byte) (string, mail.Header, error) {
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return "", nil, err
	}
	kind, with, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		return "", nil, errors.New("not a mail of alternatives: " + kind)
	}
	part, err := multipart.NewReader(m.Body, with["boundary"]).NextRawPart()
	if err != nil {
		return "", nil, err
	}
	plain, err := io.ReadAll(quotedprintable.NewReader(part))
	return string(plain), m.Header, err
}

// next is the mail that comes next.
func (o *postOffice) next(t *testing.T) arrival {
	t.Helper()
	select {
	case l := <-o.arrivals:
		return l
	case <-time.After(30 * time.Second):
		t.Fatal("no mail")
		return arrival{}
	}
}

// link is the address in a mail.
func (l arrival) link(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`http\S+`).FindString(l.text)
	if found == "" {
		t.Fatalf("no link in %q", l.text)
	}
	return found
}
