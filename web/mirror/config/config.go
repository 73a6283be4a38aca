// Package config says what a workspace is a copy of: the file .analyst/config.json, which also makes a folder a workspace.
//
// It knows nothing of what is pulled. Imported by mirror.
package config

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/disk"
)

// Config says what a workspace is a copy of.
type Config struct {
	Server   string       `json:"server"`
	Instance api.Instance `json:"instance"`
	Key      string       `json:"key"` // base64: the pinned public key
	User     string       `json:"user"`
	Email    string       `json:"email"`
}

// File is where it lies below a workspace, with slashes; before is where earlier programs put it.
const (
	File   = ".analyst/config.json"
	before = ".analyst/workspace.json"
)

// Marks says whether a folder is a workspace.
func Marks(dir string) bool {
	for _, name := range []string{File, before} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err == nil {
			return true
		}
	}
	return false
}

// Load reads it. fault.NotFound for a folder that is no workspace.
func Load(dir string) (Config, error) {
	var c Config
	name := File
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		name = before
		text, err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return c, fault.Newf(fault.NotFound, "%s is no workspace", dir).WithHelp("Make one with: analyst init")
	}
	if err != nil {
		return c, fault.Wrap(fault.Config, err, "read "+name)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, &fault.Fault{Code: fault.Config, What: name + " cannot be read", Help: "Move it away, then run analyst init again; the data stays.", Err: err}
	}
	return c, nil
}

// Save writes it, whole or not at all; one under the earlier name goes.
func Save(dir string, c Config) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fault.Wrap(fault.Bug, err, "write "+File)
	}
	if err := disk.Write(filepath.Join(dir, filepath.FromSlash(File)), append(text, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(before))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
