// Package file reads and replaces small files: a reader sees the old text or the new one, never half of it (G1).
//
// Used by the analyst's rooms for settings and accounts; data has its own ways in mirror.
package file

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Replace writes text under path, whole or not at all, durably. Missing folders are made.
func Replace(path string, text []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fault.Wrap(fault.Config, err, "make a folder for "+filepath.Base(path))
	}
	f, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return fault.Wrap(fault.Config, err, "write "+filepath.Base(path))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fault.Wrap(fault.Config, err, "write "+filepath.Base(path))
	}
	if err := errors.Join(os.Chmod(f.Name(), mode), os.Rename(f.Name(), path)); err != nil {
		return fault.Wrap(fault.Config, err, "write "+filepath.Base(path))
	}
	return nil
}

// Save writes v as JSON, readable by the owner alone.
func Save(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return Replace(path, append(text, '\n'), 0o600)
}

// Load reads JSON into v. An absent file leaves v as it is and is no error; one that cannot be read is.
func Load(path string, v any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.Config, err, "read "+filepath.Base(path))
	}
	if err := json.Unmarshal(text, v); err != nil {
		return &fault.Fault{Code: fault.Config, What: path + " cannot be read as JSON", Help: "Move it away and try again.", Err: err}
	}
	return nil
}

// Into lets write write to out, or to a file that appears whole or not at all.
func Into(out io.Writer, path string, write func(io.Writer) error) (err error) {
	if path == "" {
		return write(out)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".analyst-*")
	if err != nil {
		return fault.Wrap(fault.Config, err, "write --output")
	}
	err = errors.Join(write(file), file.Close())
	if err == nil {
		err = fault.Wrap(fault.Config, errors.Join(os.Chmod(file.Name(), 0o644), os.Rename(file.Name(), path)), "write --output")
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
