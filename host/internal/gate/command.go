package gate

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Command is what a client asks for, checked.
type Command struct {
	Push       bool
	Generation int64    // of a pull; 0 = the current one
	Path       string   // as the client gave it, without what leads to the root: current/x, gen/7/, or what follows push/
	Options    []string // of rsync, as the client gave them
}

// maxCommand is the longest command that is read, in bytes.
const maxCommand = 2000

// What a command may be made of. Whatever means something to a shell, and the backslash by which rsync protects it, is not
// in it; so splitting at spaces is all the parsing there is.
var plainCommand = regexp.MustCompile(`^[A-Za-z0-9_./,=:@%+ -]+$`)

// The options that rsync's client hands to its server (rsync 3.4, options.c, server_options), as far as they cannot reach
// outside the tree, run programs, write on pull, or delete: letters by direction; e is the client's version, never a shell.
// Not among them: s (arguments outside of the command line), k and K (links to folders), A and X (more than files).
var (
	sendLetters    = regexp.MustCompile(`^-[DHILNORSUWbcdglmnopqrtuvxyz]*(e[0-9]{0,3}\.[A-Za-z0-9]{0,30})?$`)
	receiveLetters = regexp.MustCompile(`^-[DHIORWcdglmnopqrtuvxz]*(e[0-9]{0,3}\.[A-Za-z0-9]{0,30})?$`)
	blockSize      = regexp.MustCompile(`^-B[0-9]{1,9}$`)
	timeWindow     = regexp.MustCompile(`^-@-?[0-9]{1,9}$`)
)

// Values of long options: a figure, a choice of words; nil = the option has none.
var (
	figure = regexp.MustCompile(`^[0-9]{1,15}$`)
	choice = regexp.MustCompile(`^[a-z0-9,]{1,60}$`)
	suffix = regexp.MustCompile(`^[A-Za-z0-9/]{0,500}$`)
	format = regexp.MustCompile(`^(X|%i)$`)
)

// longOption finds what a long option may have as its value.
func longOption(name string, push bool) (value *regexp.Regexp, ok bool) {
	switch name {
	case "bwlimit", "timeout", "compress-level", "checksum-seed", "block-size":
		return figure, true
	case "compress-choice", "checksum-choice":
		return choice, true
	case "skip-compress":
		return suffix, true
	case "numeric-ids", "safe-links", "list-only", "no-implied-dirs", "new-compress", "old-compress", "no-W", "no-r", "specials", "no-specials", "stats":
		return nil, true
	case "inplace", "open-noatime":
		return nil, !push
	case "partial", "ignore-existing", "existing", "size-only", "mkpath", "fsync", "ignore-times":
		return nil, push
	case "max-size", "min-size", "modify-window":
		return figure, push
	case "log-format":
		return format, push
	}
	return nil, false
}

// ParseCommand checks the command of a client, as sshd hands it over in SSH_ORIGINAL_COMMAND. Everything that rsync's
// client would not send for a plain pull or push is fault.Permission.
func ParseCommand(text string) (Command, error) {
	if strings.TrimSpace(text) == "" {
		return Command{}, refused("this key runs rsync only: there is no shell here")
	}
	if len(text) > maxCommand || !plainCommand.MatchString(text) {
		return Command{}, refused("this key runs rsync only, on plain paths: current/, gen/<n>/ and push/")
	}
	words := strings.Split(text, " ")
	if len(words) < 4 || words[0] != "rsync" || words[1] != "--server" {
		return Command{}, refused("this key runs rsync only")
	}
	words = words[2:]
	c := Command{Push: words[0] != "--sender"}
	if !c.Push {
		words = words[1:]
	}
	for len(words) > 0 && words[0] != "." {
		if err := checkOption(words[0], c.Push); err != nil {
			return Command{}, err
		}
		c.Options = append(c.Options, words[0])
		words = words[1:]
	}
	if len(words) != 2 || len(c.Options) > 40 {
		return Command{}, refused("rsync must ask for exactly one path here")
	}
	return c, c.setPath(words[1])
}

func refused(what string) error { return fault.New(fault.Permission, what) }

func checkOption(word string, push bool) error {
	letters := sendLetters
	if push {
		letters = receiveLetters
	}
	if len(word) > 1 && (letters.MatchString(word) || blockSize.MatchString(word) || push && timeWindow.MatchString(word)) {
		return nil
	}
	if long, isLong := strings.CutPrefix(word, "--"); isLong {
		name, given, has := strings.Cut(long, "=")
		value, ok := longOption(name, push)
		if ok && has == (value != nil) && (!has || value.MatchString(given)) {
			return nil
		}
	}
	what := "pulling"
	if push {
		what = "pushing"
	}
	return fault.Newf(fault.Permission, "the rsync option %.60q is not taken when %s here", word, what)
}

var (
	pulled  = regexp.MustCompile(`^(current|gen/([1-9][0-9]{0,17}))(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,200})*/?$`)
	written = regexp.MustCompile(`^push((/[A-Za-z0-9_][A-Za-z0-9_.-]{0,200})*)(/?)$`)
)

// setPath takes the one path. Names in it do not begin with a dot, so that no way leads upwards.
func (c *Command) setPath(path string) error {
	if c.Push {
		found := written.FindStringSubmatch(path)
		if found == nil {
			return refused("only push/ can be written here, and folders below it with plain names")
		}
		c.Path = "." + found[1] + found[3]
		return nil
	}
	found := pulled.FindStringSubmatch(path)
	if found == nil {
		return refused("only current/ and gen/<n>/ can be read here, and what is below them")
	}
	if found[2] != "" {
		c.Generation, _ = strconv.ParseInt(found[2], 10, 64) // at most 18 digits
	}
	c.Path = path
	return nil
}

// root is where in the tree the generation stands: the name that the client asked for.
func (c Command) root() string {
	if c.Generation == 0 {
		return "current"
	}
	return "gen/" + strconv.FormatInt(c.Generation, 10)
}

// args are those of rsync. What is pushed gets neither owners nor devices nor links that lead anywhere, and modes of ours.
func (c Command) args() []string {
	args := []string{"--server"}
	if !c.Push {
		args = append(args, "--sender")
	}
	args = append(args, c.Options...)
	if c.Push {
		args = append(args, "--munge-links", "--no-super", "--no-specials", "--chmod=D0700,F0600")
	}
	return append(args, "--", ".", c.Path)
}
