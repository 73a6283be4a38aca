package disk

import (
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	iceio "github.com/apache/iceberg-go/io"
)

// IO is iceberg-go's way to a lake's files. Locations are file URLs below Root; anything else is refused, whatever a
// metadata file says.
type IO struct {
	FS   FS
	Root string // absolute
}

var (
	_ iceio.WriteFileIO = IO{}
	_ iceio.ReadFileIO  = IO{}
	_ iceio.StatIO      = IO{}
)

// URL returns the location of a path below Root.
func (d IO) URL(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(d.Root, path))}).String()
}

// Path returns the path, below Root and slash-separated, that a location names.
func (d IO) Path(location string) (string, error) {
	full, err := d.local(location)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(d.Root, full)
	return filepath.ToSlash(rel), err
}

func (d IO) local(location string) (string, error) {
	path := location
	if strings.HasPrefix(location, "file:") {
		u, err := url.Parse(location)
		if err != nil || u.Host != "" && u.Host != "localhost" {
			return "", fmt.Errorf("location %.200q is not a file on this machine", location)
		}
		path = u.Path
	}
	path = filepath.Clean(filepath.FromSlash(path))
	if path != d.Root && !strings.HasPrefix(path, d.Root+string(filepath.Separator)) {
		return "", fmt.Errorf("location %.200q is outside the lake %s", location, d.Root)
	}
	return path, nil
}

// Open opens a file for reading.
func (d IO) Open(location string) (iceio.File, error) {
	path, err := d.local(location)
	if err != nil {
		return nil, err
	}
	return d.FS.Open(path)
}

// ReadFile reads a whole file.
func (d IO) ReadFile(location string) ([]byte, error) {
	path, err := d.local(location)
	if err != nil {
		return nil, err
	}
	return ReadFile(d.FS, path)
}

// Stat describes a file.
func (d IO) Stat(location string) (fs.FileInfo, error) {
	path, err := d.local(location)
	if err != nil {
		return nil, err
	}
	return d.FS.Stat(path)
}

// Create begins a file that its Close makes durable and visible.
func (d IO) Create(location string) (iceio.FileWriter, error) {
	path, err := d.local(location)
	if err != nil {
		return nil, err
	}
	if err := MkdirAll(d.FS, filepath.Dir(path)); err != nil {
		return nil, err
	}
	w, err := Create(d.FS, path)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// WriteFile writes a whole file, durably.
func (d IO) WriteFile(location string, content []byte) error {
	path, err := d.local(location)
	if err != nil {
		return err
	}
	if err := MkdirAll(d.FS, filepath.Dir(path)); err != nil {
		return err
	}
	return WriteFile(d.FS, path, content)
}

// Remove removes a file.
func (d IO) Remove(location string) error {
	path, err := d.local(location)
	if err != nil {
		return err
	}
	return d.FS.Remove(path)
}
