// Package ground is what every verb of analyst stands on: where the person is, their workspace, their login, the way to
// their server, the generation in use.
//
// It asks nothing of people and prints nothing but warnings. Imported by the verbs.
package ground

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/credential"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// Ground is where a verb runs and what it reads and writes.
type Ground struct {
	Dir     string // --dir; "" = the current folder
	In      io.Reader
	Out     io.Writer // documents
	Err     io.Writer // people's text and progress
	Getenv  func(string) string
	Now     func() time.Time
	Version string // of the program
}

// Place is the folder that the person means.
func (g *Ground) Place() (string, error) {
	if g.Dir != "" {
		return filepath.Abs(g.Dir)
	}
	return os.Getwd()
}

// Interactive says whether a person is at both ends.
func (g *Ground) Interactive() bool {
	file, ok := g.In.(*os.File)
	return ok && terminal.IsTerminal(file) && terminal.IsTerminal(g.Err)
}

// Workspace finds the workspace that the person is in.
func (g *Ground) Workspace() (*mirror.Workspace, error) {
	here, err := g.Place()
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "find the current folder")
	}
	w, err := mirror.Find(here)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, fault.Newf(fault.Config, "%s is no workspace", here).WithHelp("Make one with: analyst init")
	}
	return w, err
}

// Logins are the person's logins on this machine.
func (g *Ground) Logins() (credential.Store, error) {
	dir, err := credential.Dir(g.Getenv)
	if err != nil {
		return credential.Store{}, err
	}
	return credential.Store{Path: filepath.Join(dir, "credentials.json"), Keychain: g.Getenv("ANALYST_KEYCHAIN") != "off",
		Warn: func(text string) { fmt.Fprintln(g.Err, "warning: "+text) }}, nil
}

// Server is the way to the server of a workspace, with the person's token: $ANALYST_TOKEN, else that of the login. The
// login is a zero one where only the variable is there.
func (g *Ground) Server(w *mirror.Workspace) (*client.Client, credential.Login, error) {
	config, err := w.Config()
	if err != nil {
		return nil, credential.Login{}, err
	}
	logins, err := g.Logins()
	if err != nil {
		return nil, credential.Login{}, err
	}
	l, found := logins.Find(config.Server)
	secret := g.Getenv("ANALYST_TOKEN")
	if secret == "" {
		if found != nil {
			return nil, l, found
		}
		if secret, err = logins.Secret(l); err != nil {
			return nil, l, err
		}
	}
	pinned := l.Key
	if pinned == "" {
		pinned = config.Key
	}
	key, err := base64.StdEncoding.DecodeString(pinned)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, l, fault.New(fault.Config, "the pinned key of the server cannot be read").WithHelp("Log in again: analyst login " + config.Server)
	}
	c, err := g.Client(config.Server, secret, key, true) // whether plain http is wanted was asked at login
	return c, l, err
}

// Client is the way to a server. key nil means that nothing is checked, so nothing may be kept.
func (g *Ground) Client(server, token string, key ed25519.PublicKey, insecure bool) (*client.Client, error) {
	return client.New(client.Options{URL: server, Token: token, Key: key, InsecureHTTP: insecure, Now: g.Now, Version: g.Version})
}

// Held returns the generation in use. fault.StateExpired when there is none.
func (g *Ground) Held() (*mirror.Workspace, api.Manifest, error) {
	w, err := g.Workspace()
	if err != nil {
		return nil, api.Manifest{}, err
	}
	m, _, err := Generation(w, 0)
	return w, m, err
}

// Generation returns a held generation and its signed text, 0 = the one in use. fault.StateExpired when it is not at hand,
// or nothing is yet.
func Generation(w *mirror.Workspace, n int64) (api.Manifest, []byte, error) {
	m, body, err := w.Manifest(n)
	if fault.CodeOf(err) == fault.NotFound {
		err = fault.New(fault.StateExpired, "nothing was pulled yet").WithHelp("Run: analyst pull")
	}
	return m, body, err
}

// HeldTable returns one table of it, by its name or by its unique short name.
func (g *Ground) HeldTable(name string) (*mirror.Workspace, api.Manifest, api.Table, error) {
	w, m, err := g.Held()
	if err != nil {
		return w, m, api.Table{}, err
	}
	t, ok := m.Find(name)
	if !ok {
		return w, m, t, NoTable(m, name)
	}
	return w, m, t, nil
}

// NoTable says that a table is not there, and what is: one that is not granted looks the same (G12).
func NoTable(m api.Manifest, name string) error {
	var several []string
	for _, t := range m.Tables {
		if t.Table == name {
			several = append(several, t.Name)
		}
	}
	if len(several) > 1 {
		return fault.Newf(fault.NotFound, "there are several tables %q here", name).WithHelp("Name one in full: " + strings.Join(several, ", "))
	}
	f := fault.Newf(fault.NotFound, "there is no table %q here", name)
	for _, t := range m.Tables {
		if strings.Contains(t.Name, strings.ToLower(name)) || strings.HasSuffix(name, t.Table) {
			return f.WithHelp("Did you mean " + t.Name + "? All of them: analyst ls")
		}
	}
	return f.WithHelp("All of them: analyst ls. Ask an admin if one is missing.")
}

// Builder makes the database of views, where an engine is there.
func Builder() mirror.Builder {
	if engine := duck.Default(); engine.Kind() != "none" {
		return engine
	}
	return nil
}

// Settle brings views up to date that a crash or a move left behind.
func (g *Ground) Settle(ctx context.Context, w *mirror.Workspace) error {
	notes, err := w.Settle(ctx, Builder())
	for _, note := range notes {
		fmt.Fprintln(g.Err, terminal.Plain(note))
	}
	return err
}

// Failure is an error as scripts read it. Code is the stable one where there is one.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Help    string `json:"help,omitempty"`
}

// FailureOf returns err as scripts read it; nil for nil.
func FailureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	code := terminal.StableCode(err)
	if code == "" {
		code = string(fault.CodeOf(err))
	}
	return &Failure{Code: code, Message: strings.TrimSpace(fault.TextOf(err)), Help: fault.HelpOf(err)}
}

// Docs is the folder of a workspace's documents.
func Docs(w *mirror.Workspace) string { return filepath.Join(w.Dir, "server", "docs") }
