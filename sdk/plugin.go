package sdk

import (
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Description is what a plugin says of itself.
type Description struct {
	Kind       string // connector, service, auth
	Name       string // NamePattern; equals the NAME of broker-<kind>-NAME
	Version    string
	SDKVersion string
	Doc        string
	Settings   []Field
	Streams    []Stream // of connectors: declared streams; those found only by Discover are missing
	Abilities  []string // of services: what the session can do, e.g. "query"
}

// Field is one setting of a plugin, as host and documents see it.
type Field struct {
	Name     string
	Type     string // "string", "int", "float", "bool", "duration", "time", "list" (of strings), "map" (of strings)
	Doc      string
	Required bool
	Secret   bool
	Default  string   // as text; "" = none
	OneOf    []string // allowed values, as text
	Min, Max string   // bounds of int, float, duration; "" = none
	Format   string   // "", "url", "email", "path"
}

// Problem is one fault of the settings.
type Problem struct {
	Path    string // setting's name
	Summary string // what is wrong, one sentence
	Help    string // what to do, one sentence
	Warning bool   // true = the plugin can be used all the same
}

// CheckItem is one thing that a plugin found out about whether it can work.
type CheckItem struct {
	Name string
	Err  *fault.Fault // nil = good
}

// ProblemsFault is one error for all problems that keep a plugin from being used.
func ProblemsFault(problems []Problem) error {
	var texts []string
	f := fault.Fault{Code: fault.Config}
	for _, p := range problems {
		if p.Warning {
			continue
		}
		if texts == nil {
			f.Path, f.Help = p.Path, p.Help
		}
		texts = append(texts, strings.TrimSpace(p.Path+" "+p.Summary))
	}
	if texts == nil {
		return nil
	}
	f.What = "the settings are wrong: " + strings.Join(texts, "; ")
	return &f
}
