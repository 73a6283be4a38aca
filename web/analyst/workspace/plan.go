package workspace

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/file"
)

// Options say what the files are about.
type Options struct {
	Dir      string // absolute
	Analyst  string // absolute path of this program: hooks and .mcp.json call it
	Instance string // name, for people
	Server   string // address
	Email    string
	Version  string
	Now      time.Time
}

// State says what would happen to a file.
type State string

// The states of a file.
const (
	New     State = "new"
	Changed State = "changed"
	Same    State = "unchanged"
	Damaged State = "damaged" // cannot be read as what it is: it is put aside, a new one is written
)

// File is one file of a workspace as it is and as it would be.
type File struct {
	Path  string // slash-separated below the workspace
	Why   string // what it is for, one line
	State State
	Old   []byte
	New   []byte
}

// Plan says what would be written. It changes nothing.
func Plan(o Options) ([]File, error) {
	var files []File
	for _, part := range []struct {
		path, why string
		make      func(Options, []byte) ([]byte, error)
	}{
		{"CLAUDE.md", "tells Claude Code how to ask", claudeMD},
		{"AGENTS.md", "the same for other assistants", claudeMD},
		{"CLAUDE.local.md", "your own notes; written once", localMD},
		{".claude/settings.json", "hooks, permissions; yours stay", settings},
		{".claude/rules/broker-data.md", "rules for asking the data", rules},
		{".mcp.json", "tools to call; your servers stay", mcp},
		{".gitignore", "keeps data and state out of git", gitignore},
		{".analyst/owned.json", "which entries are ours", owned},
	} {
		old, err := os.ReadFile(filepath.Join(o.Dir, filepath.FromSlash(part.path)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Wrap(fault.Config, err, "read "+part.path)
		}
		f := File{Path: part.path, Why: part.why, Old: old}
		f.New, err = part.make(o, old)
		switch {
		case errors.Is(err, errDamaged):
			f.State = Damaged
			if f.New, err = part.make(o, nil); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		case old == nil:
			f.State = New
		case bytes.Equal(old, f.New):
			f.State = Same
		default:
			f.State = Changed
		}
		files = append(files, f)
	}
	return files, nil
}

// errDamaged is the error of a file that is not what its name says.
var errDamaged = errors.New("it cannot be read")

// Diff shows what would change, as a unified diff; "" for nothing.
func (f File) Diff() string {
	from := "a/" + f.Path
	if f.State == New {
		from = "/dev/null"
	}
	return string(diff.Diff(from, f.Old, "b/"+f.Path, f.New))
}

// Write writes what Plan said, each file whole or not at all. A damaged file is put aside first, under the name that
// Write returns for it.
func Write(o Options, files []File) (aside []string, err error) {
	for _, f := range files {
		if f.State == Same {
			continue
		}
		path := filepath.Join(o.Dir, filepath.FromSlash(f.Path))
		if f.State == Damaged {
			kept := path + ".broken-" + o.Now.UTC().Format("20060102-150405")
			if err := os.Rename(path, kept); err != nil {
				return aside, fault.Wrap(fault.Config, err, "put the damaged "+f.Path+" aside")
			}
			aside = append(aside, kept)
		}
		if err := file.Replace(path, f.New, 0o644); err != nil {
			return aside, err
		}
	}
	return aside, nil
}
