package supervisor

import (
	"fmt"
	"strings"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// scan lists the plugin folder. A folder that is not there is a mistake of the configuration, not an empty one (I9).
func (s *Supervisor) scan() ([]trust.Candidate, error) {
	all, err := trust.Scan(s.options.Dir)
	if err != nil {
		return nil, &fault.Fault{Code: fault.Config, What: err.Error(), Err: err,
			Help: "Make the folder and put plugins into it, or set plugins.dir to where they are."}
	}
	return all, nil
}

// label is what people call a candidate: NAME, or <kind>-<name> where two kinds share the name.
func label(c trust.Candidate, all []trust.Candidate) string {
	if c.Name == "" {
		return c.File
	}
	for _, other := range all {
		if other.Name == c.Name && other.Kind != c.Kind {
			return c.Kind + "-" + c.Name
		}
	}
	return c.Name
}

// find returns the candidate of this name and its label. kind may be "" when the name is unique or begins with it.
func (s *Supervisor) find(kind, name string) (trust.Candidate, string, error) {
	all, err := s.scan()
	if err != nil {
		return trust.Candidate{}, "", err
	}
	var matches []trust.Candidate
	for _, c := range all {
		if c.Name == "" {
			continue
		}
		full := c.Kind + "-" + c.Name
		if c.Name == name && (kind == "" || kind == c.Kind) || kind == "" && (full == name || c.File == name) {
			matches = append(matches, c)
		}
	}
	switch len(matches) {
	case 0:
		return trust.Candidate{}, "", s.notFound(kind, name, all)
	case 1:
		return matches[0], label(matches[0], all), nil
	}
	labels := make([]string, len(matches))
	for i, c := range matches {
		labels[i] = label(c, all)
	}
	return trust.Candidate{}, "", fault.Newf(fault.Config, "plugin name %q fits several files", name).
		WithHelp("Say which: " + strings.Join(labels, ", ") + ".")
}

func (s *Supervisor) notFound(kind, name string, all []trust.Candidate) error {
	if kind == "" {
		kind = "<kind>"
	}
	var names []string
	for _, c := range all {
		if c.Name != "" {
			names = append(names, label(c, all))
		}
	}
	there := "no plugins"
	if len(names) > 0 {
		there = strings.Join(names[:min(len(names), 20)], ", ")
	}
	return fault.Newf(fault.NotFound, "there is no plugin %q: no file broker-%s-%s in %s", name, kind, name, s.options.Dir).
		WithHelp(fmt.Sprintf("The folder holds %s; see broker plugins list.", there))
}

// approve returns the hash of the candidate's bytes if they may run (G10): fit, and of the hash that is pinned. With
// firstUse and under tofu, what is not pinned yet is pinned.
func (s *Supervisor) approve(c trust.Candidate, label string, firstUse bool) (string, error) {
	if c.Unfit != "" {
		return "", fault.Newf(fault.Config, "plugin %s cannot run: %s", label, c.Unfit).
			WithHelp("Mend or replace " + c.Path + ", then look with broker plugins list.")
	}
	found, err := trust.Hash(c.Path)
	if err != nil {
		return "", fault.Wrap(fault.Config, err, "read plugin "+label)
	}
	if s.options.Trust == Dev {
		return found, nil
	}
	pins, err := s.pins.All()
	if err != nil {
		return "", fault.Wrap(fault.Config, err, "check the trust of plugin "+label)
	}
	expected := pins[c.File].SHA256
	if expected == "" && s.options.Trust == TOFU && firstUse {
		if expected, err = s.pins.SetFirst(c.File, found); err != nil {
			return "", fault.Wrap(fault.Config, err, "pin plugin "+label)
		}
		if expected == found {
			s.options.Log.Info("pinned a plugin at its first use", "plugin", label, "sha256", found)
		}
	}
	if expected != found {
		return "", refusal(label, expected, found)
	}
	return found, nil
}

// refusal names both hashes in full and the way out (P2).
func refusal(label, expected, found string) error {
	if expected == "" {
		expected = "none (not pinned)"
	}
	return fault.Newf(fault.Config, "plugin %s is not trusted: expected SHA-256 %s, found %s", label, expected, found).
		WithHelp("If these bytes are wanted, run: broker plugins pin " + label)
}
