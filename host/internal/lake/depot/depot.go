// Package depot says what a lake needs of the place where its finished files are: a folder (disk.IO) or an object store
// (object.Store).
//
// Finished files never change: they are whole and durable once they have their name, or not there. Unfinished ones, and
// drafts, are on the machine's own disk and none of its business. Only host/internal/lake and its sub-folders import it.
package depot

import (
	"context"
	"io"

	iceio "github.com/apache/iceberg-go/io"
)

// Depot holds the finished files of one lake. A location is the URL of a file, as metadata names it; a path is the same
// below the lake's root, with slashes. What lies outside the lake is refused, whatever a metadata file says. A file that
// is not there is fs.ErrNotExist. Safe for concurrent use.
type Depot interface {
	iceio.WriteFileIO
	iceio.ReadFileIO
	iceio.StatIO

	// URL returns the location of a path.
	URL(path string) string
	// Path returns the path of a location.
	Path(location string) (string, error)
	// List returns the names right below a folder, sorted; none when there is no such folder.
	List(dir string) ([]string, error)
	// Unfinished returns the names in a folder that killed processes left and that are no files of the lake.
	Unfinished(dir string) ([]string, error)
	// Place gives a finished local file its name in the lake. Afterwards the local file is gone, and the other is durable
	// and has been checked against the file's size and SHA-256. A file of that name that is there already must be equal:
	// names of parts are hashes of their bytes.
	Place(ctx context.Context, file Local, path string) error
	// OpenPart opens a file for reading and returns its size. ctx bounds all reads.
	OpenPart(ctx context.Context, path string) (Reader, int64, error)
	// Near says whether reading here and there in a file costs little, so that nobody needs a copy of it first.
	Near() bool
}

// Local is a finished file on the machine's own disk.
type Local struct {
	Name   string // absolute
	Size   int64
	SHA256 string // hex
}

// Reader reads an open file, in order or at any place.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
}
