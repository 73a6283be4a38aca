package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/config"
	"github.com/ai-data-analyst/broker/web/mirror/disk"
	"github.com/ai-data-analyst/broker/web/mirror/lock"
	"github.com/ai-data-analyst/broker/web/mirror/place"
	"github.com/ai-data-analyst/broker/web/mirror/shelf"
	"github.com/ai-data-analyst/broker/web/mirror/wrong"
)

// Workspace is one folder of a person.
type Workspace struct{ Dir string } // absolute, without links

// Config says what a workspace is a copy of.
type Config = config.Config

// folders of a workspace.
var folders = []string{".analyst/generations", "server/parts", "server/tables", "server/docs", "user/duckdb", "user/notifications",
	"user/artifacts", "user/scripts", "user/parquet", "user/sessions"}

// Find returns the workspace that a folder lies in. fault.NotFound when there is none.
func Find(from string) (*Workspace, error) {
	dir, err := place.Real(from)
	if err != nil {
		return nil, err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if config.Marks(at) {
			return &Workspace{Dir: at}, nil
		}
		if at == filepath.Dir(at) {
			return nil, fault.Newf(fault.NotFound, "%s is in no workspace", from).WithHelp("Make one with: analyst init DIR")
		}
	}
}

// Create makes a folder a workspace, or takes one that is there for the same server and person; its configuration is then
// renewed.
func Create(dir string, c Config) (*Workspace, error) {
	dir, err := place.Real(dir)
	if err != nil {
		return nil, err
	}
	if err := Fit(dir, c); err != nil {
		return nil, err
	}
	w := &Workspace{Dir: dir}
	for _, folder := range folders {
		if err := os.MkdirAll(w.path(folder), 0o755); err != nil {
			return nil, wrong.OnDisk(err, "make the folder "+folder)
		}
	}
	return w, w.SetConfig(c)
}

// Fit refuses folders that must not become a workspace of c: a home, a root, a system's own, another's workspace.
func Fit(dir string, c Config) error {
	if err := place.Fit(dir); err != nil {
		return err
	}
	before, err := (&Workspace{Dir: dir}).Config()
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		return nil
	case err != nil:
		return err
	case before.Instance.ID != c.Instance.ID || before.User != c.User:
		return fault.Newf(fault.Config, "%s is the workspace of %s at %s", dir, before.Email, before.Server).WithHelp("Choose another folder.")
	}
	return nil
}

// Config reads what the workspace is a copy of. fault.NotFound for a folder that is no workspace.
func (w *Workspace) Config() (Config, error) { return config.Load(w.Dir) }

// SetConfig renews what the workspace is a copy of.
func (w *Workspace) SetConfig(c Config) error {
	return wrong.OnDisk(config.Save(w.Dir, c), "write "+config.File)
}

// lock takes the workspace for one process; another one waits so long, or leaves naming the holder (Y4).
func (w *Workspace) lock(ctx context.Context, wait time.Duration) (unlock func(), err error) {
	unlock, err = lock.Take(ctx, w.path(".analyst/lock"), wait)
	var held *lock.Held
	if errors.As(err, &held) {
		return nil, wrong.New(wrong.Locked, fault.Transient, nil, "Wait for it to end, or give a time to wait: analyst pull --wait 10m", "%v", held)
	}
	return unlock, wrong.OnDisk(err, "lock the workspace")
}

// PartPath is where the part of a hash lies, there or not.
func (w *Workspace) PartPath(sha256 string) string { return w.parts().Path(sha256) }

// Database is the file of views; it is made anew by each pull and holds nothing else.
func (w *Workspace) Database() string { return w.path("user/duckdb/analytics.duckdb") }

// Mine is the person's own database file; never touched here.
func (w *Workspace) Mine() string { return w.path("user/duckdb/mine.duckdb") }

// Script is the SQL of the views, for duckdb -init.
func (w *Workspace) Script() string { return w.path("user/duckdb/init.sql") }

func (w *Workspace) path(slashed string) string {
	return filepath.Join(w.Dir, filepath.FromSlash(slashed))
}

func (w *Workspace) parts() *shelf.Shelf {
	return &shelf.Shelf{Root: w.path("server/parts"), Suffix: ".parquet", Partial: w.path(".analyst/partial"), Record: w.path(".analyst/parts.checked")}
}

func (w *Workspace) docs() *shelf.Shelf {
	return &shelf.Shelf{Root: w.path(".analyst/docs"), Partial: w.path(".analyst/partial"), Record: w.path(".analyst/docs.checked")}
}

// save writes a small JSON file, whole or not at all.
func (w *Workspace) save(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fault.Wrap(fault.Bug, err, "write "+name)
	}
	return wrong.OnDisk(disk.Write(w.path(name), append(text, '\n'), 0o644), "write "+name)
}

// load reads a small JSON file; an absent one leaves v as it is.
func (w *Workspace) load(name string, v any) error {
	text, err := os.ReadFile(w.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return wrong.OnDisk(err, "read "+name)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return &fault.Fault{Code: fault.Data, What: name + " is damaged", Help: "Move it away and run: analyst pull", Err: err}
	}
	return nil
}
