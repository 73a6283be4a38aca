// Package shelf keeps files under the SHA-256 of their bytes: parts and documents. A file is on the shelf when its bytes
// were hashed and fitted, and it has not been touched since (G5).
//
// It asks for bytes through a function and knows no server. One process at a time, by mirror's lock. Imported by mirror.
package shelf

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/disk"
)

// ErrMismatch is the error of bytes that are not those that were asked for.
var ErrMismatch = errors.New("the bytes do not have the hash that they should have")

// Shelf is one folder of files by hash.
type Shelf struct {
	Root    string // files are <Root>/<aa>/<sha256><Suffix>
	Suffix  string
	Partial string // folder of what has come in part
	Record  string // file of what was checked: a line for each file, appended

	mu     sync.Mutex
	stamps map[string]disk.Stamp
	log    *os.File
	named  map[string]bool // folders with new names that are not synced yet

	buffers sync.Pool // of *[stretch]byte, for what comes
}

// Path is where the file of a hash lies, there or not.
func (s *Shelf) Path(sha256 string) string {
	return filepath.Join(s.Root, sha256[:2], sha256+s.Suffix)
}

// Load reads the record. A line that cannot be read is a file to be hashed again, no error.
func (s *Shelf) Load() error {
	s.stamps = map[string]disk.Stamp{}
	f, err := os.Open(s.Record)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if sum, at, ok := decode(lines.Text()); ok {
			s.stamps[sum] = at
		}
	}
	return lines.Err()
}

// decode reads a line of the record: hash, size, time and inode with spaces between. One that is none was cut by a crash.
func decode(line string) (sum string, at disk.Stamp, ok bool) {
	fields := strings.Split(line, " ")
	if len(fields) != 4 || !api.IsHash(fields[0]) {
		return "", at, false
	}
	var errs [3]error
	at.Size, errs[0] = strconv.ParseInt(fields[1], 10, 64)
	at.Time, errs[1] = strconv.ParseInt(fields[2], 10, 64)
	at.Inode, errs[2] = strconv.ParseUint(fields[3], 10, 64)
	return fields[0], at, errs == [3]error{}
}

// Has says whether the file of a hash was checked and is untouched; there says that some file of that name and size is.
func (s *Shelf) Has(sha256 string, size int64) (checked, there bool) {
	now, err := disk.Look(s.Path(sha256))
	if err != nil || now.Size != size {
		return false, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.stamps[sha256]
	return ok && known == now, true
}

// Stamp is how the file of a hash stood when it was checked; none when it was not, or not noted.
func (s *Shelf) Stamp(sha256 string) (disk.Stamp, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.stamps[sha256]
	return at, ok
}

// Each does something for 0 to n-1, several at once: with thousands of files, asking the disk for each is most of a pull
// that brings nothing.
func Each(n int, do func(i int)) {
	var asking sync.WaitGroup
	const stride = 256
	for from := 0; from < n; from += stride {
		asking.Go(func() {
			for i := from; i < min(from+stride, n); i++ {
				do(i)
			}
		})
	}
	asking.Wait()
}

// Check hashes a file that is there. ErrMismatch for one whose bytes are others.
func (s *Shelf) Check(sha256 string, size int64) error {
	path := s.Path(sha256)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := same(f, sha256, size); err != nil {
		return err
	}
	err = s.settle(path, sha256)
	if disk.IsReadOnly(err) {
		return nil // the bytes are right; in a copy that only others may write they are read again each time
	}
	return err
}

func same(f io.Reader, sum string, size int64) error {
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return err
	}
	if n != size || hex.EncodeToString(h.Sum(nil)) != sum {
		return ErrMismatch
	}
	return nil
}

// settle notes that a file was checked. Its time is set back: whatever writes to it later moves the time, however coarse
// the clock of the file system is.
func (s *Shelf) settle(path, sum string) error {
	past := time.Now().Add(-4 * time.Second).Truncate(2 * time.Second)
	if err := os.Chmod(path, 0o644); err != nil { // Windows sets no times of files that cannot be written
		return err
	}
	if err := errors.Join(os.Chtimes(path, past, past), os.Chmod(path, 0o444)); err != nil {
		return err
	}
	now, err := disk.Look(path)
	if err != nil {
		return err
	}
	return s.note(sum, now)
}

func (s *Shelf) note(sum string, at disk.Stamp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log == nil {
		var err error
		if s.log, err = os.OpenFile(s.Record, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
			return err
		}
	}
	s.stamps[sum] = at
	_, err := fmt.Fprintf(s.log, "%s %d %d %d\n", sum, at.Size, at.Time, at.Inode)
	return err
}

// Source opens the bytes of a hash from an offset on.
type Source func(ctx context.Context, offset int64) (io.ReadCloser, error)

// Take fetches a file in one attempt, from where the one before stopped: it is hashed as it comes, synced, and named last.
// Its name is last on the disk only after Sync.
// at is told how far it is, in bytes of the file; first, what lay there from before.
func (s *Shelf) Take(ctx context.Context, sum string, size int64, from Source, at func(position int64)) error {
	if err := errors.Join(os.MkdirAll(s.Partial, 0o755), os.MkdirAll(filepath.Dir(s.Path(sum)), 0o755)); err != nil {
		return err
	}
	name := filepath.Join(s.Partial, sum)
	if err := os.Chmod(name, 0o644); err != nil && !errors.Is(err, fs.ErrNotExist) { // whole already, but not named
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	buffer, ok := s.buffers.Get().(*[stretch]byte)
	if !ok {
		buffer = new([stretch]byte) // as large ones do, it begins at a page
	}
	defer s.buffers.Put(buffer)
	t := &taking{file: f, hash: sha256.New(), size: size, at: at, buffer: buffer[:]}
	if err := t.resume(); err != nil {
		return err
	}
	if err := t.copy(ctx, from); err != nil {
		return err
	}
	if hex.EncodeToString(t.hash.Sum(nil)) != sum {
		at(0)
		return errors.Join(ErrMismatch, f.Close(), os.Remove(name))
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := s.settle(name, sum); err != nil {
		return err
	}
	if err := disk.Rename(name, s.Path(sum)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.named == nil {
		s.named = map[string]bool{}
	}
	s.named[filepath.Dir(s.Path(sum))] = true
	return nil
}

// Sync makes the names of everything that Take took last: each folder once, however many files came into it.
func (s *Shelf) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for dir := range s.named {
		if err := disk.SyncDir(dir); err != nil {
			return err
		}
		delete(s.named, dir)
	}
	return nil
}

// taking is one file on its way in.
type taking struct {
	file    *os.File
	hash    hash.Hash
	size    int64
	got     int64
	flushed int64 // handed to the disk already
	direct  bool  // writes go past the system's memory
	buffer  []byte
	at      func(int64)
}

// resume hashes what is there already.
func (t *taking) resume() error {
	n, err := io.Copy(t.hash, io.LimitReader(t.file, t.size+1))
	if err != nil {
		return err
	}
	if n > t.size {
		t.hash.Reset()
		n = 0
		if _, err := t.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := t.file.Truncate(0); err != nil {
			return err
		}
	}
	t.got = n
	t.at(n)
	return nil
}

const (
	stretch    = 1 << 20 // bytes that are read at once
	flushEvery = 8 << 20 // bytes after which the disk may begin to write, so that the sync at the end has little left to do
	large      = 4 << 20 // bytes from which on a file is written directly: copying it into the system's memory first costs as much as hashing it
)

func (t *taking) copy(ctx context.Context, from Source) error {
	if t.got == t.size {
		return nil
	}
	body, err := from(ctx, t.got)
	if err != nil {
		return err
	}
	defer body.Close()
	buffer := t.buffer[:min(stretch, t.size-t.got+1)]
	if t.size-t.got >= large && t.got%disk.Block == 0 {
		t.direct = disk.Direct(t.file, true)
	}
	for {
		n, err := io.ReadAtLeast(body, buffer, len(buffer))
		if n > 0 {
			if t.got+int64(n) > t.size {
				return errors.Join(ErrMismatch, t.file.Truncate(0))
			}
			if err := t.write(buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			if t.got < t.size {
				return io.ErrUnexpectedEOF
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// write takes the next bytes. The last ones, which fill no block, go the common way.
func (t *taking) write(b []byte) error {
	if t.direct && len(b)%disk.Block != 0 {
		t.direct = disk.Direct(t.file, false)
	}
	n, err := t.file.Write(b)
	if t.direct && disk.IsUnfit(err) {
		t.direct = disk.Direct(t.file, false)
		_, err = t.file.Write(b[n:])
	}
	if err != nil {
		return err
	}
	t.hash.Write(b)
	t.got += int64(len(b))
	t.at(t.got)
	if t.direct {
		t.flushed = t.got
	} else if t.got-t.flushed >= flushEvery {
		disk.Begin(t.file, t.flushed, t.got-t.flushed)
		t.flushed = t.got
	}
	return nil
}

// Keep removes every file but those of these hashes, and the lines of the record that say nothing any more. What cannot be
// removed now stays for the next time; the error tells.
func (s *Shelf) Keep(these map[string]bool) error {
	var failed error
	err := filepath.WalkDir(s.Root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		sum := strings.TrimSuffix(entry.Name(), s.Suffix)
		if entry.IsDir() || !api.IsHash(sum) || these[sum] {
			return nil
		}
		s.mu.Lock()
		delete(s.stamps, sum)
		s.mu.Unlock()
		failed = errors.Join(failed, os.Remove(path))
		return nil
	})
	return errors.Join(failed, err, s.compact())
}

// compact writes the record anew, without what was said twice.
func (s *Shelf) compact() error {
	if err := s.Close(); err != nil {
		return err
	}
	var text strings.Builder
	for sum, at := range s.stamps {
		fmt.Fprintf(&text, "%s %d %d %d\n", sum, at.Size, at.Time, at.Inode)
	}
	return disk.Write(s.Record, []byte(text.String()), 0o644)
}

// Close closes the record.
func (s *Shelf) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log == nil {
		return nil
	}
	err := s.log.Close()
	s.log = nil
	return err
}
