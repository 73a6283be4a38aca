package gate

import (
	"regexp"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

var analystName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// CheckName refuses what is no name of an analyst.
func CheckName(name string) error {
	if !analystName.MatchString(name) {
		return fault.Newf(fault.Config, "%.60q is no name of an analyst", name).
			WithHelp("Names have 1 to 32 characters of a-z, 0-9 and -, and begin with a letter.")
	}
	return nil
}

// Machine is the name of the folder, below that of the person, that an analyst's pushes go into.
func Machine(name string) string { return "ssh-" + name }
