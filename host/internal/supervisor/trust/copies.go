package trust

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Copies is the folder of verified private copies, <Dir>/<sha256>/<file>. Plugins run from there only: the file in the
// plugin folder may change at any time, a copy never does (P4).
type Copies struct {
	Dir string
}

// Hash returns the SHA-256 of the file at path in hex. It does not follow a symbolic link.
func Hash(path string) (string, error) {
	file, err := openPlain(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return hashAll(io.Discard, file)
}

func hashAll(to io.Writer, file *os.File) (string, error) {
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", file.Name())
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(to, sum), file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Folder is where everything about the bytes with this hash is kept.
func (c Copies) Folder(hash string) string { return filepath.Join(c.Dir, hash) }

// Verified returns the path of a copy of source whose bytes have exactly this hash. A copy made earlier is hashed again;
// one that is damaged is replaced. Bytes of source that have another hash are never put in place.
func (c Copies) Verified(source, hash string) (string, error) {
	folder := c.Folder(hash)
	path := filepath.Join(folder, filepath.Base(source))
	if found, err := Hash(path); err == nil && found == hash && soundMode(path) {
		return path, nil
	}
	for _, dir := range []string{c.Dir, folder} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", fmt.Errorf("make the folder of plugin copies: %w", err)
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			return "", fmt.Errorf("close the folder of plugin copies: %w", err)
		}
	}
	if err := copyExactly(source, path, hash); err != nil {
		return "", fmt.Errorf("copy the plugin: %w", err)
	}
	return path, nil
}

func soundMode(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode() == 0o500 && hardLinks(info) == 1
}

func copyExactly(source, path, hash string) (err error) {
	from, err := openPlain(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.CreateTemp(filepath.Dir(path), ".copy-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreAbsent(os.Remove(to.Name())))
		}
	}()
	found, err := hashAll(to, from)
	if err == nil && found != hash {
		err = fmt.Errorf("%s changed while it was copied: SHA-256 is now %s, not %s", source, found, hash)
	}
	if err == nil {
		err = to.Chmod(0o500)
	}
	if err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return err
	}
	if err = os.Rename(to.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Prune removes the folders of hashes that nobody wants any more and that have not been touched since before. A process
// that still runs from there goes on.
func (c Copies) Prune(wanted map[string]bool, before time.Time) error {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for old plugin copies: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() || len(entry.Name()) != 64 || wanted[entry.Name()] || info.ModTime().After(before) {
			continue
		}
		if err := os.RemoveAll(c.Folder(entry.Name())); err != nil {
			return fmt.Errorf("remove an old plugin copy: %w", err)
		}
	}
	return nil
}
