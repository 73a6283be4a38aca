package assistant

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// schema is the part of docs/schema.yml that says how tables relate.
type schema struct {
	Tables map[string]struct {
		Relations []struct {
			Column      string `yaml:"column"`
			Table       string `yaml:"table"`
			RefColumn   string `yaml:"ref_column"`
			Description string `yaml:"description"`
		} `yaml:"relations"`
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
		return out, fault.Wrap(fault.Config, err, "read the schema")
	}
	var s schema
	if err := yaml.Unmarshal(text, &s); err != nil {
		return out, fault.Wrap(fault.Data, err, "read the schema")
	}
	for _, r := range s.Tables[table].Relations {
		out = append(out, api.Relation{Column: r.Column, Table: r.Table, RefColumn: r.RefColumn, Description: r.Description})
	}
	return out, nil
}
