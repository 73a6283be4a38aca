package door

import (
	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/schedule"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// TableNames reads names of tables as people write them.
func TableNames(texts []string) ([]sdk.TableName, error) {
	names := make([]sdk.TableName, len(texts))
	for i, text := range texts {
		name, err := sdk.ParseTableName(text)
		if err != nil {
			return nil, fault.Wrap(fault.Config, err, "read the table's name")
		}
		names[i] = name
	}
	return names, nil
}

// Field is a setting of a plugin as the configuration wants it.
func Field(f connector.Field) config.Field {
	return config.Field{Name: f.Name, Type: f.Type, Doc: f.Doc, Required: f.Required, Secret: f.Secret, Default: f.Default,
		OneOf: f.OneOf, Min: f.Min, Max: f.Max, Format: f.Format}
}

// CheckCron says what is wrong with a schedule.
func CheckCron(expr, zone string) error {
	_, err := schedule.Parse(expr, zone)
	return err
}

// NoteOf is an issue of a run in one line.
func NoteOf(issue connector.Issue) string {
	note := issue.Code
	if issue.Column != "" {
		note += " in " + issue.Column
	}
	if issue.Key != "" {
		note += " at " + issue.Key
	}
	if issue.Sample != "" {
		note += ": " + issue.Sample
	}
	return note
}
