// Package trust says which files of the plugin folder are plugins, which of them may run, and from where.
//
// It never executes anything (G10). Only supervisor imports it.
package trust

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
)

// Kinds are the kinds of plugins there are.
var Kinds = []string{"connector", "auth", "service"}

// Candidate is one entry of the plugin folder. It is fit to run when Unfit is empty.
type Candidate struct {
	File  string // name of the file, by which it is pinned
	Path  string
	Kind  string // "" when the name is not a plugin's
	Name  string
	Unfit string // why it may not run, one sentence without full stop
}

// Scan lists the entries of dir in name order, unfit ones with the reason. It opens no plugin.
func Scan(dir string) ([]Candidate, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the plugin folder: %w", err)
	}
	folder := folderFault(dir)
	found := make([]Candidate, 0, len(entries))
	for _, entry := range entries {
		c := Candidate{File: entry.Name(), Path: filepath.Join(dir, entry.Name())}
		c.Kind, c.Name, c.Unfit = splitName(entry.Name())
		if c.Unfit == "" {
			c.Unfit = fileFault(c.Path)
		}
		if c.Unfit == "" {
			c.Unfit = folder
		}
		found = append(found, c)
	}
	return found, nil
}

// splitName takes broker-<kind>-<name> apart, or says what is wrong with it.
func splitName(file string) (kind, name, unfit string) {
	base := file
	if runtime.GOOS == "windows" {
		base = strings.TrimSuffix(base, ".exe")
	}
	rest, ok := strings.CutPrefix(base, "broker-")
	if ok {
		kind, name, ok = strings.Cut(rest, "-")
	}
	if !ok || !knownKind(kind) {
		return "", "", "its name is not broker-connector-NAME, broker-auth-NAME or broker-service-NAME"
	}
	if !sdk.ValidName(name) {
		return kind, "", fmt.Sprintf("its NAME %.80q does not match %s", name, sdk.NamePattern)
	}
	return kind, name, ""
}

func knownKind(kind string) bool {
	for _, k := range Kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// P3: who else can write the folder could put any file in place of a plugin.
func folderFault(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return "its folder cannot be read: " + reason(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return fmt.Sprintf("its folder can be written by others (mode %04o); run chmod go-w on the folder", info.Mode().Perm())
	}
	return ""
}

// P1, P3.
func fileFault(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return "it cannot be read: " + reason(err)
	}
	mode := info.Mode()
	switch {
	case mode&fs.ModeSymlink != 0:
		return "it is a symbolic link; copy the file itself"
	case !mode.IsRegular():
		return "it is not a regular file"
	case mode&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return "it is setuid or setgid; run chmod ug-s on it"
	case hardLinks(info) > 1:
		return fmt.Sprintf("it has %d hard links, so it can change under another name; copy it instead", hardLinks(info))
	case runtime.GOOS != "windows" && mode.Perm()&0o022 != 0:
		return fmt.Sprintf("it can be written by others (mode %04o); run chmod go-w on it", mode.Perm())
	case runtime.GOOS != "windows" && mode.Perm()&0o111 == 0:
		return fmt.Sprintf("it is not executable (mode %04o); run chmod +x on it", mode.Perm())
	}
	file, err := openPlain(path)
	if err != nil {
		return "it cannot be read: " + reason(err)
	}
	defer file.Close()
	return formatFault(file)
}

// reason gives the cause without the path, which stands beside it already.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// formatFault says why the operating system would not run these bytes. Scripts that name their interpreter are fine.
func formatFault(file io.Reader) string {
	head := make([]byte, 64)
	n, err := io.ReadFull(file, head)
	if n == 0 {
		return "it is empty"
	}
	if err != nil && err != io.ErrUnexpectedEOF {
		return "it cannot be read: " + reason(err)
	}
	head = head[:n]
	if strings.HasPrefix(string(head), "#!") {
		return ""
	}
	here := runtime.GOOS + "/" + runtime.GOARCH
	format, machine := formatOf(head)
	switch {
	case format == "":
		return "it is neither a program for " + here + " nor a script that begins with #!"
	case format != formatHere(runtime.GOOS):
		return "it is a program for another operating system; this is " + here
	case machine != "" && machine != runtime.GOARCH:
		return "it is a program for " + machine + "; this is " + here
	}
	return ""
}
