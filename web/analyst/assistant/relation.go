package assistant

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// schema is the part of docs/schema.yml that says how tables relate.
type schema struct {
	Tables []struct {
		Name        string `yaml:"name"`
		ForeignKeys []struct {
			Column      string `yaml:"column"`
			References  string `yaml:"references"` // <namespace>.<table>.<column>
			Description string `yaml:"description"`
		} `yaml:"foreign_keys"`
	} `yaml:"tables"`
}

// relations are those of one table, from the documents that came with the copy.
func (l Local) relations(table string) ([]api.Relation, error) {
	out := []api.Relation{}
	text, err := os.ReadFile(filepath.Join(l.Docs, "schema.yml"))
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, fault.Wrap(fault.Config, err, "read server/docs/schema.yml")
	}
	var s schema
	if err := yaml.Unmarshal(text, &s); err != nil {
		return out, fault.Wrap(fault.Data, err, "read server/docs/schema.yml")
	}
	for _, t := range s.Tables {
		if t.Name != table {
			continue
		}
		for _, key := range t.ForeignKeys {
			at := strings.LastIndexByte(key.References, '.')
			if at < 0 {
				return out, fault.Newf(fault.Data, "server/docs/schema.yml says that %.100s.%.100s refers to %.100q, which is no column", table, key.Column, key.References)
			}
			out = append(out, api.Relation{Column: key.Column, Table: key.References[:at], RefColumn: key.References[at+1:], Description: key.Description})
		}
	}
	return out, nil
}

// profile is what the columns of a table hold, from the document that came with the copy, without what other tools tell; nil
// where none came.
func (l Local) profile(table string) (*api.Profile, error) {
	name := "profiles/" + table + ".json"
	text, err := os.ReadFile(filepath.Join(l.Docs, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(fault.Config, err, "read server/docs/"+name)
	}
	var p api.Profile
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fault.Wrap(fault.Data, err, "read server/docs/"+name)
	}
	p.Sample, p.Trend, p.Relations = nil, nil, nil
	return &p, nil
}
