package lake

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Path returns where a part's file is in a lake that lies in a folder; "" in an object store.
func (l *Lake) Path(part Part) string {
	if l.bucket != nil {
		return ""
	}
	return filepath.Join(l.options.Dir, filepath.FromSlash(part.Path))
}

// URL returns where a part is, as other programs name it: file:///… or s3://bucket/….
func (l *Lake) URL(part Part) string { return l.files.URL(part.Path) }

// OpenPart opens a part for reading, wherever the lake lies, and returns its size. In a folder that is the open *os.File
// itself; in an object store bytes are fetched as they are read, from any position, until ctx ends. A part that is not
// there is a fault (not_found); one that has another size than was published is never handed out (G5).
func (l *Lake) OpenPart(ctx context.Context, part Part) (io.ReadSeekCloser, int64, error) {
	file, size, err := l.files.OpenPart(ctx, part.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fault.Newf(fault.NotFound, "part %s is not in the lake any more", part.Path).WithHelp("Ask for the newest generation.")
	}
	if err != nil {
		return nil, 0, l.onDisk(err)
	}
	if size != part.Bytes {
		err := fault.Newf(fault.Data, "part %s has %d bytes, published were %d", part.Path, size, part.Bytes).WithHelp(`Run "broker lake verify".`)
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, size, nil
}

// SignedURL returns a URL by which anybody can read a part until ttl is over, straight from the object store; "" where
// the lake lies in a folder. It is a secret: not for logs.
func (l *Lake) SignedURL(ctx context.Context, part Part, ttl time.Duration) (string, error) {
	if l.bucket == nil {
		return "", nil
	}
	return l.bucket.SignedURL(ctx, part.Path, ttl)
}
