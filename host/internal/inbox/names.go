package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// The grammar of everything that becomes a name on disk (G15).
var (
	machineName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	userName    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	itemPath    = regexp.MustCompile(`^(notes/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.md|sessions/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\.jsonl)$`)
	device      = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])\.`) // names that some systems keep for devices
)

func wrong(field, format string, args ...any) error {
	f := fault.Newf(fault.Config, format, args...)
	f.Path = field
	return f
}

func checkMachine(who sdk.Caller, machine string) error {
	if !machineName.MatchString(machine) {
		return wrong("machine", "machine must have 1 to 40 characters of a-z, 0-9 and -")
	}
	if !userName.MatchString(who.User.ID) {
		return fault.New(fault.Bug, "the user's id is no name of a folder")
	}
	return nil
}

// checkItem says why a file cannot be taken; "" = it can.
func checkItem(item api.PushItem) string {
	base := path.Base(item.Path)
	switch {
	case !itemPath.MatchString(item.Path) || strings.Contains(base, "..") || device.MatchString(base):
		return "the path must be notes/NAME.md or sessions/NAME.jsonl"
	case !api.IsHash(item.SHA256):
		return "sha256 is no hash"
	case item.Size < 0 || item.Size > maxFile:
		return fmt.Sprintf("a file may have up to %d bytes", maxFile)
	case item.Prefix < 0 || item.Prefix > item.Size || item.Prefix > 0 && !api.IsHash(item.PrefixSHA256):
		return "prefix does not lie in the file"
	}
	return ""
}

// spot is where a file and its revisions are kept.
type spot struct {
	dir, stem, ext string // "<user>/<machine>/notes", "todo", ".md"
	partial        string // what has arrived of this content so far
}

func spotOf(who sdk.Caller, machine string, item api.PushItem) spot {
	base, home := path.Base(item.Path), path.Join(who.User.ID, machine)
	key := sha256.Sum256([]byte(item.Path + "\x00" + item.SHA256))
	return spot{path.Join(home, path.Dir(item.Path)), strings.TrimSuffix(base, path.Ext(base)), path.Ext(base),
		path.Join(home, partials, hex.EncodeToString(key[:16]))}
}

// partials is the folder of what was begun; no pushed name begins with a dot.
const partials = ".partial"

// name is the n-th revision's: "todo.md", "todo~2.md", … No pushed name has a "~".
func (s spot) name(n int) string {
	if n == 1 {
		return path.Join(s.dir, s.stem+s.ext)
	}
	return path.Join(s.dir, fmt.Sprintf("%s~%d%s", s.stem, n, s.ext))
}
