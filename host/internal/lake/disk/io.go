package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	iceio "github.com/apache/iceberg-go/io"

	"github.com/ai-data-analyst/broker/host/internal/lake/depot"
)

// IO is a lake's folder, and iceberg-go's way to the files in it. Locations are file URLs below Root.
type IO struct {
	FS   FS
	Root string // absolute
}

var _ depot.Depot = IO{}

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

func (d IO) full(path string) string { return filepath.Join(d.Root, filepath.FromSlash(path)) }

// List returns the names in a folder: none when it does not exist or is a file. What cannot be read is an error (G6).
func (d IO) List(dir string) ([]string, error) {
	info, err := d.FS.Stat(d.full(dir))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look into the lake: %w", err)
	}
	names, err := d.FS.List(d.full(dir))
	if err != nil {
		return nil, fmt.Errorf("look into the lake: %w", err)
	}
	return names, nil
}

// Unfinished returns the names of temporary files in a folder.
func (d IO) Unfinished(dir string) ([]string, error) {
	names, err := d.List(dir)
	var temps []string
	for _, name := range names {
		if IsTemp(name) {
			temps = append(temps, name)
		}
	}
	return temps, err
}

// Place moves a finished, synced file to its path and syncs the folder.
func (d IO) Place(_ context.Context, file depot.Local, path string) error {
	if err := MkdirAll(d.FS, filepath.Dir(d.full(path))); err != nil {
		return err
	}
	return Place(d.FS, file.Name, d.full(path))
}

// OpenPart opens a file for reading; on the machine's own file system that is an *os.File.
func (d IO) OpenPart(_ context.Context, path string) (depot.Reader, int64, error) {
	file, err := d.FS.Open(d.full(path))
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// Near is true: a disk reads anywhere.
func (d IO) Near() bool { return true }
