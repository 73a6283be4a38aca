package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Settle is how old the last change of a file must be before the file is read.
const Settle = 2 * time.Second

// headBytes is how much of a file's beginning its identity covers.
const headBytes = 64 << 10

// Identity is what tells one content of a file from another without reading all of it.
type Identity struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Changed int64  `json:"changed"` // mtime in nanoseconds
	Head    string `json:"head"`    // SHA-256 of the first bytes
}

// ErrGrowing is in the chain of errors about files that are still being written.
var ErrGrowing = errors.New("the file is still being written")

// Clock is the time as Opened sees it.
type Clock struct {
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// Opened is a file that may be read.
type Opened struct {
	*os.File
	Identity
	root *Root
}

// Open opens a file of the root. A file that changed within Settle is given that time: if it then changes no more it is
// read, else the error has ErrGrowing in its chain.
func (r *Root) Open(ctx context.Context, name string, clock Clock) (*Opened, error) {
	info, err := r.stat(name)
	if err != nil {
		return nil, err
	}
	if age := clock.Now().Sub(info.ModTime()); age < Settle {
		if err := clock.Sleep(ctx, min(Settle-age, Settle)); err != nil {
			return nil, err
		}
		again, err := r.stat(name)
		if err != nil {
			return nil, err
		}
		if again.Size() != info.Size() || !again.ModTime().Equal(info.ModTime()) {
			return nil, growing(name)
		}
		info = again
	}
	file, err := r.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, r.refused(name, err)
	}
	o := &Opened{File: file, Identity: Identity{Name: name}, root: r}
	if err := o.identify(info); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return o, nil
}

// stat returns what name is, if it may be read.
func (r *Root) stat(name string) (fs.FileInfo, error) {
	info, err := r.root.Stat(name)
	if err != nil {
		return nil, r.refused(name, err)
	}
	if info.IsDir() {
		return nil, fault.Newf(fault.Config, "%s is a folder, not a file", name)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.Newf(fault.Config, "%s is not a regular file (%s)", name, info.Mode().Type())
	}
	return info, nil
}

func (r *Root) refused(name string, err error) error {
	if strings.Contains(err.Error(), "escapes") {
		return &fault.Fault{
			Code: fault.Permission, What: fmt.Sprintf("%s is a link that leads out of %s", name, r.dir), Err: err,
			Help: "Set path to where the file really lies.",
		}
	}
	return missing(name, err)
}

// identify fills in the identity of the open file, which must be the one that info describes.
func (o *Opened) identify(info fs.FileInfo) error {
	now, err := o.Stat()
	if err != nil {
		return missing(o.Identity.Name, err)
	}
	if !os.SameFile(now, info) || !now.Mode().IsRegular() {
		return growing(o.Identity.Name)
	}
	head := sha256.New()
	if _, err := io.Copy(head, io.NewSectionReader(o.File, 0, headBytes)); err != nil {
		return missing(o.Identity.Name, err)
	}
	o.Size, o.Changed, o.Head = now.Size(), now.ModTime().UnixNano(), hex.EncodeToString(head.Sum(nil))
	return nil
}

// Unchanged says whether the file is still as it was when it was opened; it is asked once all has been read.
func (o *Opened) Unchanged() error {
	for _, look := range []func() (fs.FileInfo, error){o.Stat, func() (fs.FileInfo, error) { return o.root.root.Stat(o.Identity.Name) }} {
		info, err := look()
		if err != nil {
			return missing(o.Identity.Name, err)
		}
		if info.Size() != o.Size || info.ModTime().UnixNano() != o.Changed {
			return growing(o.Identity.Name)
		}
	}
	return nil
}

func growing(name string) error {
	return &fault.Fault{
		Code: fault.Transient, What: fmt.Sprintf("%s is still being written: it is left for the next run", name), Err: ErrGrowing,
		Help: "Write it under another name and rename it when it is complete.",
	}
}
