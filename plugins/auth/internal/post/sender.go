// Package post sends the mails of sign-in plugins: always encrypted, in the background, and as long as a mail is of use.
//
// It knows nothing of what stands in a mail, and says nothing of it or of whom it goes to: neither in errors nor in logs.
package post

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// How the connection is encrypted.
const (
	StartTLS = "starttls" // RFC 3207; a server that does not offer it is refused
	Implicit = "implicit" // RFC 8314 §3.3
)

// ErrDown is in the chain of errors that say that the mail server is not reached, or does not take our credentials.
var ErrDown = errors.New("the mail server is not reached")

// Settings say how mail is sent. They are part of the settings of plugins.
type Settings struct {
	Host     string     `cfg:"host" doc:"Mail server that sends for us, by name."`
	Port     int        `cfg:"port" doc:"Its port; 465 goes with tls implicit." default:"587" min:"1" max:"65535"`
	TLS      string     `cfg:"tls" doc:"How the connection is encrypted: starttls after hello, implicit from the start." default:"starttls" oneof:"starttls,implicit"`
	CAFile   string     `cfg:"ca_file" doc:"PEM file of the authorities that vouch for the server, instead of the system's." format:"path"`
	Username string     `cfg:"username" doc:"Name to log in with; none = no login."`
	Password sdk.Secret `cfg:"password" doc:"Password to log in with."`
	From     string     `cfg:"from" doc:"Sender: an address, or Name <address>."`
	Subject  string     `cfg:"subject" doc:"Subject of the mails; none = it says what they are for."`
}

// Sender sends mails, each by a connection of its own. It is used by many at once.
type Sender struct {
	settings Settings
	trust    *tls.Config
}

// patience is how long the server may take for one answer.
const patience = 15 * time.Second

// New checks the settings (fault.Config) and connects to nothing.
func New(s Settings) (*Sender, error) {
	switch {
	case s.Host == "" || !oneLine(s.Host) || strings.ContainsAny(s.Host, " /"):
		return nil, setting("host", "is no name of a mail server")
	case s.Port < 1 || s.Port > 65535:
		return nil, setting("port", "is no port")
	case s.TLS != StartTLS && s.TLS != Implicit:
		return nil, setting("tls", "is neither starttls nor implicit")
	case (s.Username == "") != (s.Password == ""):
		return nil, setting("username", "and password are set together or not at all")
	}
	if !oneLine(s.Subject) || len(s.Subject) > 200 {
		return nil, setting("subject", "is not one line of at most 200 bytes")
	}
	if _, err := mail.ParseAddress(s.From); err != nil || !oneLine(s.From) {
		return nil, setting("from", "is no address, as in broker@acme.com or Acme Data <broker@acme.com>")
	}
	trust := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		text, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, setting("ca_file", "cannot be read: "+err.Error())
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(text) {
			return nil, setting("ca_file", "holds no certificate in PEM")
		}
	}
	return &Sender{s, trust}, nil
}

// Problems are what is wrong with settings.
func Problems(s Settings) []sdk.Problem {
	_, err := New(s)
	if err == nil {
		return nil
	}
	if f, ok := fault.As(err); ok && f.Path != "" {
		return []sdk.Problem{{Path: f.Path, Summary: strings.TrimPrefix(f.What, f.Path+" ")}}
	}
	return []sdk.Problem{{Summary: err.Error()}}
}

func setting(path, what string) error {
	f := fault.Newf(fault.Config, "%s %s", path, what)
	f.Path = path
	return f
}

// Send sends one mail: fault.Transient when it may work later (ErrDown is in the chain when the server is at fault, not
// the mail), fault.Data when the server refuses it for good. To nobody ("") it connects, logs in and hangs up.
func (s *Sender) Send(ctx context.Context, m Mail) error {
	message, err := s.message(m)
	if err != nil {
		return err
	}
	client, err := gomail.NewClient(s.settings.Host, gomail.WithTimeout(patience)) // sends by a connection that it is given
	if err != nil {
		return fault.Wrap(fault.Config, err, "set the sending of mail up")
	}
	connection, err := s.dial(ctx)
	if err != nil {
		return down("connect to the mail server", err)
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })() // whoever gives up does not wait for the server
	session, err := s.greet(connection)
	if err != nil {
		return err
	}
	defer hangUp(session)
	if m.To == "" {
		return nil
	}
	return refusal(client.SendWithSMTPClient(session, message))
}

// down is what went wrong with the server, whatever the mail.
func down(doing string, err error) error {
	return &fault.Fault{Code: fault.Transient, What: doing + ": " + err.Error(), Err: errors.Join(ErrDown, err)}
}

func (s *Sender) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	address := net.JoinHostPort(s.settings.Host, strconv.Itoa(s.settings.Port))
	if s.settings.TLS == Implicit {
		return (&tls.Dialer{Config: s.trust}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// greet says hello, encrypts and logs in. Nothing is said in the open but hello and STARTTLS.
func (s *Sender) greet(connection net.Conn) (*smtp.Client, error) {
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, down("wait for the mail server", err)
	}
	session, err := smtp.NewClient(connection, s.settings.Host)
	if err != nil {
		return nil, down("greet the mail server", err)
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		if err := session.Hello(name); err != nil {
			return nil, down("greet the mail server", err)
		}
	}
	if s.settings.TLS == StartTLS {
		if offered, _ := session.Extension("STARTTLS"); !offered {
			return nil, down("encrypt", errors.New("the server does not offer STARTTLS"))
		}
		if err := session.StartTLS(s.trust); err != nil {
			return nil, down("encrypt", err)
		}
	}
	if s.settings.Username == "" {
		return session, nil
	}
	how, err := s.login(session)
	if err == nil {
		err = session.Auth(how)
	}
	if err != nil {
		return nil, down("log in to the mail server", err)
	}
	return session, nil
}

// login is the best way to log in of those that the server offers.
func (s *Sender) login(session *smtp.Client) (smtp.Auth, error) {
	_, offered := session.Extension("AUTH")
	name, secret, ways := s.settings.Username, s.settings.Password.Reveal(), strings.Fields(offered)
	switch {
	case slices.Contains(ways, "SCRAM-SHA-256"):
		return smtp.ScramSHA256Auth(name, secret), nil
	case slices.Contains(ways, "PLAIN"):
		return smtp.PlainAuth("", name, secret, s.settings.Host, false), nil
	case slices.Contains(ways, "LOGIN"):
		return smtp.LoginAuth(name, secret, s.settings.Host, false), nil
	case slices.Contains(ways, "CRAM-MD5"):
		return smtp.CRAMMD5Auth(name, secret), nil
	}
	return nil, fmt.Errorf("it offers none of SCRAM-SHA-256, PLAIN, LOGIN and CRAM-MD5, but %.200q", offered)
}

// hangUp says goodbye. Whether the server does too does not matter: it has taken the mail, or not, by then.
func hangUp(session *smtp.Client) {
	_ = session.Quit()
}

// refusal says why a mail is not taken by the numbers of RFC 5321 and RFC 3463; the server's words may quote the mail.
func refusal(err error) error {
	if err == nil {
		return nil
	}
	var said *gomail.SendError
	if !errors.As(err, &said) {
		return fault.New(fault.Transient, "the mail server broke off")
	}
	code := fault.Data
	if said.IsTemp() || said.ErrorCode() == 0 {
		code = fault.Transient
	}
	return fault.Newf(code, "the mail server answers %d %.20q: %s", said.ErrorCode(), said.EnhancedStatusCode(), said.Reason)
}

func (s *Sender) message(mail Mail) (*gomail.Msg, error) {
	subject := cmp.Or(s.settings.Subject, mail.Subject)
	if !oneLine(mail.To) || !oneLine(subject) {
		return nil, fault.New(fault.Data, "an address or a subject of more than one line")
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if mail.To == "" {
		return m, nil
	}
	if err := m.From(s.from(mail.Site)); err != nil {
		return nil, fault.New(fault.Config, "from is no address")
	}
	if err := m.To(mail.To); err != nil {
		return nil, fault.New(fault.Data, "the mail goes to no address")
	}
	m.Subject(subject)
	m.SetDate()
	m.SetMessageID()
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no answering machine answers
	m.SetBodyString(gomail.TypeTextPlain, mail.Text)
	if mail.HTML != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, mail.HTML)
	}
	return m, nil
}

// from is the sender in the name of the instance, unless the settings give a name.
func (s *Sender) from(site string) string {
	address, err := mail.ParseAddress(s.settings.From)
	if err != nil || address.Name != "" || !oneLine(site) {
		return s.settings.From
	}
	return (&mail.Address{Name: site, Address: address.Address}).String()
}

// oneLine says whether a text can stand in a header: no CR, LF, NUL or anything else that is not printed.
func oneLine(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
