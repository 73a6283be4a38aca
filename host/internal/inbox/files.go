package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// files are the operations on disk, all below one root.
type files struct{ root *os.Root }

// revision is one kept state of a file.
type revision struct {
	name   string
	size   int64
	sha256 string
}

// sum is a hash with what says that it still holds.
type sum struct {
	size    int64
	changed time.Time
	sha256  string
}

// revisions lists what is kept of a file, oldest first.
func (i *Inbox) revisions(p *person, at spot) ([]revision, error) {
	var list []revision
	for n := 1; n <= maxRevisions; n++ {
		name := at.name(n)
		info, err := i.files.root.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
		known, ok := p.sums[name]
		if !ok || known.size != info.Size() || !known.changed.Equal(info.ModTime()) {
			hash, err := i.files.head(name, info.Size())
			if err != nil {
				return nil, err
			}
			known = sum{info.Size(), info.ModTime(), hash}
			p.sums[name] = known
		}
		list = append(list, revision{name, known.size, known.sha256})
	}
	return list, nil
}

// size is that of a file, 0 when there is none.
func (f *files) size(name string) (int64, error) {
	info, err := f.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look at %s: %w", name, err)
	}
	return info.Size(), nil
}

// head is the hash of the first n bytes.
func (f *files) head(name string, n int64) (string, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", name, err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.CopyN(hash, file, n); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// hashes are those of a file: whole, and of its first so many bytes.
type hashes struct {
	whole string
	at    map[int64]string
}

// heads reads a file once and hashes it up to each revision's size.
func (f *files) heads(name string, revisions []revision) (hashes, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return hashes{}, fmt.Errorf("open %s: %w", name, err)
	}
	defer file.Close()
	wanted := map[int64]bool{}
	for _, r := range revisions {
		wanted[r.size] = true
	}
	out, hash, read, buffer := hashes{at: map[int64]string{}}, sha256.New(), int64(0), make([]byte, 64<<10)
	for {
		n := int64(len(buffer))
		for size := range wanted {
			if size > read {
				n = min(n, size-read)
			}
		}
		if wanted[read] {
			out.at[read] = hex.EncodeToString(hash.Sum(nil))
		}
		got, err := file.Read(buffer[:n])
		hash.Write(buffer[:got])
		read += int64(got)
		if errors.Is(err, io.EOF) {
			out.whole = hex.EncodeToString(hash.Sum(nil))
			return out, nil
		}
		if err != nil {
			return hashes{}, fmt.Errorf("read %s: %w", name, err)
		}
	}
}

// write puts bytes at the end of a file that has offset bytes, durably (G3). What could not be made durable is removed:
// an fsync is not tried again on the same file.
func (f *files) write(name string, offset int64, content io.Reader) error {
	if err := f.folder(path.Dir(name)); err != nil {
		return err
	}
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return storing(err, name)
	}
	_, err = io.Copy(io.NewOffsetWriter(file, offset), content)
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil && offset == 0 {
		err = f.sync(path.Dir(name))
	}
	if err != nil {
		return storing(errors.Join(err, f.root.Remove(name)), name)
	}
	return nil
}

// copy begins a file with the content of another.
func (f *files) copy(from, to string) error {
	file, err := f.root.Open(from)
	if err != nil {
		return fmt.Errorf("open %s: %w", from, err)
	}
	defer file.Close()
	return f.write(to, 0, file)
}

// publish gives a whole, durable file its name.
func (f *files) publish(partial, target string) error {
	if err := f.folder(path.Dir(target)); err != nil {
		return err
	}
	if err := f.root.Rename(partial, target); err != nil {
		return storing(err, target)
	}
	if err := f.sync(path.Dir(target)); err != nil {
		return storing(err, target)
	}
	return nil
}

func storing(err error, name string) error {
	return fault.Wrap(fault.Transient, err, "store "+path.Base(name))
}

// folder makes a folder with those above it, durably.
func (f *files) folder(name string) error {
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		above := at
		at = path.Join(at, part)
		err := f.root.Mkdir(at, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = f.sync(path.Join(".", above))
		}
		if err != nil {
			return storing(err, at)
		}
	}
	return nil
}

// sync makes the names in a folder durable. Windows has no such call.
func (f *files) sync(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	opened, err := f.root.Open(folder)
	if err != nil {
		return fmt.Errorf("open %s: %w", folder, err)
	}
	err = opened.Sync()
	if closing := opened.Close(); err == nil {
		err = closing
	}
	return err
}

// count finds out what a person keeps, after what was begun before a time and never finished has gone.
func (f *files) count(p *person, user string, before time.Time) error {
	p.used, p.begun, p.count = 0, 0, 0
	err := fs.WalkDir(f.root.FS(), user, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case path.Base(path.Dir(name)) != partials:
			p.used += info.Size()
			p.count++
		case info.ModTime().Before(before):
			return f.root.Remove(name)
		default:
			p.begun += info.Size()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count what is kept: %w", err)
	}
	return nil
}
