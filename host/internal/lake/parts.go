package lake

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Path returns where a part's file is, in a lake that lies in a folder.
func (l *Lake) Path(part Part) string {
	return filepath.Join(l.options.Dir, filepath.FromSlash(part.Path))
}

// OpenPart opens a part for reading, wherever the lake lies, and returns its size. In a folder that is the open *os.File
// itself; in an object store bytes are fetched as they are read, from any position, until ctx ends. A part that is not
// there is a fault (not_found); one that has another size than was published is never handed out (G5).
func (l *Lake) OpenPart(_ context.Context, part Part) (io.ReadSeekCloser, int64, error) {
	file, err := l.options.FS.Open(l.Path(part))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fault.Newf(fault.NotFound, "part %s is not in the lake any more", part.Path).WithHelp("Ask for the newest generation.")
	}
	if err != nil {
		return nil, 0, l.onDisk(err)
	}
	info, err := file.Stat()
	if err == nil && info.Size() != part.Bytes {
		err = fault.Newf(fault.Data, "part %s has %d bytes, published were %d", part.Path, info.Size(), part.Bytes).WithHelp(`Run "broker lake verify".`)
	}
	if err != nil {
		return nil, 0, errors.Join(l.onDisk(err), file.Close())
	}
	return file, part.Bytes, nil
}
