package main

import (
	"fmt"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/credential"
	"github.com/ai-data-analyst/broker/web/client"
	"github.com/ai-data-analyst/broker/web/mirror"
)

// workspace finds the workspace that the person is in.
func (g *global) workspace() (*mirror.Workspace, error) {
	here, err := g.place()
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "find the current folder")
	}
	w, err := mirror.Find(here)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, fault.Newf(fault.Config, "%s is no workspace", here).WithHelp("Make one with: analyst init")
	}
	return w, err
}

// logins are the person's logins on this machine.
func (g *global) logins() (credential.Store, error) {
	dir, err := credential.Dir(g.getenv)
	if err != nil {
		return credential.Store{}, err
	}
	return credential.Store{Path: filepath.Join(dir, "credentials.json"), Keychain: g.getenv("ANALYST_KEYCHAIN") != "off",
		Warn: func(text string) { fmt.Fprintln(g.err, "warning: "+text) }}, nil
}

// server is the way to the server of a workspace, with the person's token: $ANALYST_TOKEN, else that of the login.
func (g *global) server(w *mirror.Workspace) (*client.Client, credential.Login, error) {
	config, err := w.Config()
	if err != nil {
		return nil, credential.Login{}, err
	}
	logins, err := g.logins()
	if err != nil {
		return nil, credential.Login{}, err
	}
	l, found := logins.Find(config.Server)
	secret := g.getenv("ANALYST_TOKEN")
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
	c, err := g.client(config.Server, secret, pinned, true) // whether plain http is wanted was asked at login
	return c, l, err
}

// client is the way to a server.
func (g *global) client(server, token, key string, insecure bool) (*client.Client, error) {
	return client.New(client.Options{Server: server, Token: token, Key: key, Insecure: insecure, Now: g.now, Agent: "analyst/" + version})
}
