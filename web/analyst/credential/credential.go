// Package credential keeps what a person got at login, one entry for each server: the token in the system's keychain,
// or else in a file that only its owner may read, and beside it the pinned key of the server and the laptop's own key.
//
// A token is never in argv, in a workspace, in a log or in an error (G14). Imported by the verbs.
package credential

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/file"
	"github.com/ai-data-analyst/broker/web/api"
)

// Login is what is known of a server and of the person there.
type Login struct {
	URL         string           `json:"url"`
	Instance    api.Instance     `json:"instance"`
	Key         string           `json:"key"` // base64: the pinned public key that manifests are signed with
	User        string           `json:"user"`
	Email       string           `json:"email"`
	TokenID     string           `json:"token_id"`
	Expires     time.Time        `json:"expires"`
	Signing     []byte           `json:"signing,omitempty"`     // seed of the laptop's key for receipts
	Certificate *api.Certificate `json:"certificate,omitempty"` // of that key, by the server
	Token       string           `json:"token,omitempty"`       // only where there is no keychain
}

// contents is the file.
type contents struct {
	Last   string           `json:"last"`
	Logins map[string]Login `json:"logins"`
}

// Store reads and writes the file of logins.
type Store struct {
	Path     string // …/analyst/credentials.json
	Keychain bool   // false: tokens stay in the file
	// Warn is told when the file could be read by others and was closed to them (Y9).
	Warn func(text string)
}

// service is the name under which the keychain files our tokens.
const service = "analyst (broker)"

// Dir is the folder of the person's own configuration: $XDG_CONFIG_HOME/analyst, else the system's place.
func Dir(getenv func(string) string) (string, error) {
	if base := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "analyst"), nil
	}
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fault.Wrap(fault.Config, err, "find your configuration folder")
	}
	return filepath.Join(base, "analyst"), nil
}

// Find returns the login for a server, or the last one for "". fault.Auth when there is none.
func (s Store) Find(url string) (Login, error) {
	all, err := s.read()
	if err != nil {
		return Login{}, err
	}
	if url == "" {
		url = all.Last
	}
	login, ok := all.Logins[url]
	switch {
	case ok:
		return login, nil
	case url == "":
		return Login{}, fault.New(fault.Auth, "you are not logged in anywhere").WithHelp("Run: analyst login URL")
	}
	return Login{}, fault.Newf(fault.Auth, "you are not logged in at %s", url).WithHelp("Run: analyst login " + url)
}

// Secret returns the token of a login.
func (s Store) Secret(login Login) (string, error) {
	if login.Token != "" {
		return login.Token, nil
	}
	token, err := keyring.Get(service, login.URL)
	if err != nil {
		return "", &fault.Fault{Code: fault.Auth, What: "the keychain does not give the token for " + login.URL, Help: "Run: analyst login " + login.URL, Err: err}
	}
	return token, nil
}

// Save keeps a login and its token, and remembers the server as the last.
func (s Store) Save(login Login, token string) error {
	login.Token = token
	if s.Keychain && keyring.Set(service, login.URL, token) == nil {
		login.Token = "" // without a keychain the file keeps it
	}
	return s.change(func(all *contents) {
		all.Logins[login.URL] = login
		all.Last = login.URL
	})
}

// Remove forgets a login and its token.
func (s Store) Remove(url string) error {
	if s.Keychain {
		if err := keyring.Delete(service, url); err != nil && !errors.Is(err, keyring.ErrNotFound) && !errors.Is(err, keyring.ErrUnsupportedPlatform) {
			if login, found := s.Find(url); found != nil || login.Token == "" {
				return fault.Wrap(fault.Config, err, "take the token out of the keychain")
			}
		}
	}
	return s.change(func(all *contents) {
		delete(all.Logins, url)
		if all.Last == url {
			all.Last = ""
		}
	})
}

func (s Store) read() (contents, error) {
	all := contents{Logins: map[string]Login{}}
	info, err := os.Stat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return all, fault.Wrap(fault.Config, err, "look at your logins")
	}
	if err := s.close(info); err != nil {
		return all, err
	}
	if err := file.Load(s.Path, &all); err != nil {
		return all, err
	}
	if all.Logins == nil {
		all.Logins = map[string]Login{}
	}
	return all, nil
}

// close takes the rights of others away from the file (Y9).
func (s Store) close(info fs.FileInfo) error {
	if onlyOwner(info) {
		return nil
	}
	if s.Warn != nil {
		s.Warn(fmt.Sprintf("%s could be read by others (%04o); it is closed now. Revoke its token if others use this machine.", s.Path, info.Mode().Perm()))
	}
	if err := os.Chmod(s.Path, 0o600); err != nil {
		return fault.Wrap(fault.Config, err, "close your logins to others")
	}
	return nil
}

// change rewrites the file, whole or not at all.
func (s Store) change(edit func(*contents)) error {
	all, err := s.read()
	if err != nil {
		return err
	}
	edit(&all)
	if err := os.MkdirAll(filepath.Dir(s.Path), 0o700); err != nil {
		return fault.Wrap(fault.Config, err, "make the folder of your logins")
	}
	return file.Save(s.Path, all)
}
