// Package files finds the files behind a path, folder or glob, names a stream after each, and says when a file may be
// read: never one outside of its root, never a half written one, and never anything but a regular file.
//
// It knows no CSV. Only the csv connector imports it.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Root is where the files of a source lie.
type Root struct {
	path    string // as the settings have it
	dir     string
	name    string // the one file, in dir; "" for many
	pattern string // for a glob, in dir; "" otherwise
	root    *os.Root
}

// File is one file with the stream named after it.
type File struct {
	Stream string
	Name   string // in the root, with slashes; what messages call the file
	Err    error  // why it cannot be read, if that is known beforehand
}

// Open returns the Root of a file, folder or glob.
func Open(path string) (*Root, error) {
	r := &Root{path: path}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		r.dir = path
	case err == nil || !strings.ContainsAny(path, "*?["):
		r.dir, r.name = filepath.Split(filepath.Clean(path))
	default:
		r.dir, r.pattern = splitGlob(path)
		if _, err := filepath.Match(r.pattern, ""); err != nil {
			return nil, &fault.Fault{Code: fault.Config, What: fmt.Sprintf("the glob %s is wrong: %v", path, err), Path: "path"}
		}
	}
	if r.dir == "" {
		r.dir = "."
	}
	if err != nil && r.pattern == "" {
		return nil, missing(path, err)
	}
	if r.root, err = os.OpenRoot(r.dir); err != nil {
		return nil, missing(r.dir, err)
	}
	return r, nil
}

// splitGlob returns the folder before the first special character, and the rest.
func splitGlob(glob string) (dir, pattern string) {
	glob = filepath.Clean(glob)
	special := strings.IndexAny(glob, "*?[")
	cut := strings.LastIndexByte(glob[:special], filepath.Separator) + 1
	return glob[:cut], filepath.ToSlash(glob[cut:])
}

// Close closes the root.
func (r *Root) Close() error { return r.root.Close() }

// List returns the files as they are now, in order of their streams' names. A path behind which there is no file is an
// error, never an empty list (G6).
func (r *Root) List() ([]File, error) {
	names, err := r.names()
	if err != nil {
		return nil, missing(r.path, err)
	}
	if len(names) == 0 {
		what := "no CSV file (*.csv, *.csv.gz, *.csv.zst) lies in the folder " + r.path
		if r.pattern != "" {
			what = "no file matches " + r.path
		}
		return nil, fault.New(fault.NotFound, what).WithHelp("Set path to a file, a folder with CSV files, or a glob.")
	}
	return r.streams(names), nil
}

func (r *Root) names() ([]string, error) {
	switch {
	case r.name != "":
		return []string{r.name}, nil
	case r.pattern != "":
		names, err := fs.Glob(r.root.FS(), r.pattern)
		hidden := strings.HasPrefix(path.Base(r.pattern), ".")
		return slices.DeleteFunc(names, func(n string) bool {
			info, err := r.root.Stat(n)
			return strings.HasPrefix(path.Base(n), ".") && !hidden || err == nil && info.IsDir()
		}), err
	}
	entries, err := fs.ReadDir(r.root.FS(), ".")
	var names []string
	for _, e := range entries {
		if isCSV(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// isCSV says whether a folder offers a file of this name.
func isCSV(name string) bool {
	name = strings.ToLower(name)
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	return strings.HasSuffix(name, ".csv") && !strings.HasPrefix(name, ".")
}

// streams names a stream after each file. Files that would have one name are all refused.
func (r *Root) streams(names []string) []File {
	slices.Sort(names)
	var files []File
	at := map[string]int{}
	for _, name := range names {
		stream := StreamName(name)
		if i, taken := at[stream]; taken {
			files[i].Err = collision(files[i], name)
			continue
		}
		at[stream] = len(files)
		files = append(files, File{Stream: stream, Name: name})
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Stream, b.Stream) })
	return files
}

func collision(f File, name string) error {
	if f.Err != nil {
		return f.Err
	}
	return fault.Newf(fault.Config, "the files %s and %s would both be the stream %s", f.Name, name, f.Stream).
		WithHelp("Rename one of them, or set path to a glob that matches only one.").WithScope(f.Stream)
}

// StreamName returns the name of a file's stream: its base name up to the first dot, lower-cased, with other characters
// as "_".
func StreamName(name string) string {
	base, _, _ := strings.Cut(strings.TrimLeft(path.Base(name), "."), ".")
	plain := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToLower(base))
	if sdk.ValidName(plain) {
		return plain
	}
	if normal := sdk.NormalName(base); normal != "" {
		return normal
	}
	return "file"
}

func missing(path string, err error) error {
	var inner *fs.PathError
	cause := err
	if errors.As(err, &inner) {
		cause = inner.Err
	}
	f := &fault.Fault{Code: fault.Transient, What: fmt.Sprintf("%s cannot be read: %v", path, cause), Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Code, f.What = fault.NotFound, fmt.Sprintf("the file %s does not exist", path)
		f.Help = "Put it back, or correct path. What was published stays as it is."
	case errors.Is(err, fs.ErrPermission):
		f.Code, f.Help = fault.Permission, "Let the account that broker runs as read it."
	}
	return f
}
