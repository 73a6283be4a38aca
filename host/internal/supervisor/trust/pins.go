package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Pins is the file that says which bytes may run, by file name. Every question reads it anew, so that a pin set by
// another program holds at once.
type Pins struct {
	Path string
	Now  func() time.Time
}

// Pin is one trusted file.
type Pin struct {
	SHA256 string    `json:"sha256"`
	Pinned time.Time `json:"pinned_at"`
}

type pinFile struct {
	Version int            `json:"version"`
	Plugins map[string]Pin `json:"plugins"`
}

// All returns the pins by file name: none when there is no file. A file that cannot be read is an error, never
// "nothing is pinned" (I9).
func (p Pins) All() (map[string]Pin, error) {
	file, err := p.load()
	return file.Plugins, err
}

func (p Pins) load() (pinFile, error) {
	empty := pinFile{Version: 1, Plugins: map[string]Pin{}}
	text, err := os.ReadFile(p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, fmt.Errorf("read the pins: %w", err)
	}
	file := empty
	if err := json.Unmarshal(text, &file); err != nil {
		return empty, fmt.Errorf("read the pins in %s: %w", p.Path, err)
	}
	if file.Version != 1 {
		return empty, fmt.Errorf("the pins in %s have format %d; this program knows format 1", p.Path, file.Version)
	}
	for name, pin := range file.Plugins {
		if len(pin.SHA256) != 64 {
			return empty, fmt.Errorf("the pins in %s give %q the hash %.80q, which is no SHA-256", p.Path, name, pin.SHA256)
		}
	}
	if file.Plugins == nil {
		file.Plugins = empty.Plugins
	}
	return file, nil
}

// Set pins file to a hash, whatever it was pinned to before. It is on disk when Set returns (G3).
func (p Pins) Set(file, sha256 string) error {
	return p.change(func(pins map[string]Pin) bool {
		pins[file] = Pin{SHA256: sha256, Pinned: p.Now().UTC().Truncate(time.Second)}
		return true
	})
}

// SetFirst pins file unless it is pinned already, and returns the hash it is pinned to from now on.
func (p Pins) SetFirst(file, sha256 string) (string, error) {
	pinned := sha256
	err := p.change(func(pins map[string]Pin) bool {
		if pin, ok := pins[file]; ok {
			pinned = pin.SHA256
			return false
		}
		pins[file] = Pin{SHA256: sha256, Pinned: p.Now().UTC().Truncate(time.Second)}
		return true
	})
	return pinned, err
}

// Remove takes the pin of file away and says whether there was one.
func (p Pins) Remove(file string) (bool, error) {
	var was bool
	err := p.change(func(pins map[string]Pin) bool {
		_, was = pins[file]
		delete(pins, file)
		return was
	})
	return was, err
}

// change is read, edit, replace, under a lock that other programs take too.
func (p Pins) change(edit func(map[string]Pin) bool) error {
	if err := os.MkdirAll(filepath.Dir(p.Path), 0o700); err != nil {
		return fmt.Errorf("make the folder of the pins: %w", err)
	}
	lock := flock.New(p.Path + ".lock")
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock the pins: %w", err)
	}
	defer lock.Close()
	file, err := p.load()
	if err != nil {
		return err
	}
	if !edit(file.Plugins) {
		return nil
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return fmt.Errorf("write the pins: %w", err)
	}
	if err := WriteDurably(p.Path, append(text, '\n')); err != nil {
		return fmt.Errorf("write the pins: %w", err)
	}
	return nil
}

// WriteDurably replaces the file at path by text: readers see the old or the new one whole, also after loss of power.
func WriteDurably(path string, text []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return syncDir(filepath.Dir(path))
}
