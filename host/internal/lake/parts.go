package lake

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"time"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Path returns where a part's file is in a lake that lies in a folder; "" in an object store.
func (l *Lake) Path(part Part) string {
	if l.bucket != nil {
		return ""
	}
	return filepath.Join(l.options.Dir, filepath.FromSlash(part.Path))
}

// Distant says whether the lake lies in an object store.
func (l *Lake) Distant() bool { return l.bucket != nil }

// URL returns where a part is, as other programs name it: file:///… or s3://bucket/….
func (l *Lake) URL(part Part) string { return l.files.URL(part.Path) }

// OpenPart opens a part for reading, wherever the lake lies, and returns its size. In a folder that is the open *os.File
// itself; in an object store bytes are fetched as they are read, from any position, until ctx ends. A part that is not
// there is a fault (not_found). One whose bytes are not those that were published is never handed out (G5): a process that
// holds the lake's lock reads a file of its own disk whole before it hands it out for the first time, or after it was
// touched.
func (l *Lake) OpenPart(ctx context.Context, part Part) (io.ReadSeekCloser, int64, error) {
	file, err := l.sound.Open(ctx, part)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fault.Newf(fault.NotFound, "part %s is not in the lake any more", part.Path).WithHelp("Ask for the newest generation.")
	}
	if err != nil {
		return nil, 0, l.onDisk(err)
	}
	return file, part.Bytes, nil
}

// Damaged says what is known to be wrong with the bytes of a part, without reading it; "" = nothing.
func (l *Lake) Damaged(ctx context.Context, part Part) (string, error) {
	what, err := l.sound.Damaged(ctx, part.Path)
	return what, l.asFault(err)
}

// Unreadable says what is known to be wrong with the bytes of a table as it is published now; "" = nothing.
func (l *Lake) Unreadable(table sdk.TableName) string {
	ctx, cancel := context.WithTimeout(context.Background(), unreadableTime)
	defer cancel()
	wrong, err := l.sound.Wrong(ctx)
	if err == nil && len(wrong) == 0 {
		return ""
	}
	v, again := l.publisher.Current(ctx, table)
	if err := errors.Join(err, again); err != nil {
		l.options.Log.Warn("what is known of the parts of a table cannot be asked", "table", table, "error", err)
		return ""
	}
	for _, part := range v.Parts {
		if what := wrong[part.Path]; what != "" {
			return "part " + path.Base(part.Path) + ": " + what
		}
	}
	return ""
}

// unreadableTime bounds the question what is wrong with a table.
const unreadableTime = 5 * time.Second

// Scrub reads the parts of all kept generations that were not read since every ago, the longest unseen first, at most rate
// bytes a second (0 = as fast as it goes), and compares their bytes with their names (G5). Damage is no error: it is
// logged, Unreadable knows it, and OpenPart holds it back until it is mended. Scrub returns how many parts it read.
func (l *Lake) Scrub(ctx context.Context, rate int64, every time.Duration) (int, error) {
	if !l.options.Exclusive {
		return 0, l.needsLock()
	}
	n, err := l.sound.Scrub(ctx, l.keeper.Parts, rate, every)
	return n, l.asFault(err)
}

// SignedURL returns a URL by which anybody can read a part until ttl is over, straight from the object store; "" where
// the lake lies in a folder. It is a secret: not for logs.
func (l *Lake) SignedURL(ctx context.Context, part Part, ttl time.Duration) (string, error) {
	if l.bucket == nil {
		return "", nil
	}
	return l.bucket.SignedURL(ctx, part.Path, ttl)
}
