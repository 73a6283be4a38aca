package gate

import (
	"regexp"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Entry is one analyst of an authorized_keys file.
type Entry struct {
	Name string
	Key  string // Key.Line
}

// AuthorizedKeys writes the text of an authorized_keys file: each key may start this program's gate and nothing else, no
// terminal, no forwarding. Paths are absolute; fault.Config when one has a character that the file cannot carry.
func AuthorizedKeys(entries []Entry, executable, config string) (string, error) {
	var b strings.Builder
	b.WriteString("# Written whole by broker add-analyst and remove-analyst; changes by hand are lost.\n")
	for _, e := range entries {
		command, err := shellWords(executable, "gate", e.Name, "--config", config)
		if err != nil {
			return "", err
		}
		// sshd(8): within the quotes only \" is special, and stands for a quote.
		b.WriteString(`restrict,command="` + strings.ReplaceAll(command, `"`, `\"`) + `" ` + e.Key + " " + e.Name + "\n")
	}
	return b.String(), nil
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)

// shellWords writes words so that a POSIX shell reads them as they are: sshd hands the command to the user's shell.
func shellWords(words ...string) (string, error) {
	quoted := make([]string, len(words))
	for i, w := range words {
		if strings.ContainsAny(w, "\n\r\x00") {
			return "", fault.New(fault.Config, "a path with a line break cannot stand in authorized_keys").WithHelp("Move the program or the configuration to another folder.")
		}
		quoted[i] = w
		if !plainWord.MatchString(w) {
			quoted[i] = `'` + strings.ReplaceAll(w, `'`, `'\''`) + `'`
		}
	}
	return strings.Join(quoted, " "), nil
}
