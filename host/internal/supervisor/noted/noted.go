// Package noted keeps what a plugin said of itself in a file beside its verified copy, so that it is asked once. Only the
// supervisor imports it.
package noted

import (
	"encoding/json"
	"os"

	"github.com/ai-data-analyst/broker/host/internal/supervisor/trust"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

type note struct {
	Format      int                   `json:"format"`
	Description connector.Description `json:"description"`
}

// Write keeps a description durably.
func Write(path string, description connector.Description) error {
	text, err := json.Marshal(note{Format: 1, Description: description})
	if err != nil {
		return err
	}
	return trust.WriteDurably(path, text)
}

// Read returns a description kept earlier. A note that cannot be read is no loss: the plugin is asked again.
func Read(path string) (connector.Description, bool) {
	var kept note
	text, err := os.ReadFile(path)
	ok := err == nil && json.Unmarshal(text, &kept) == nil && kept.Format == 1
	return kept.Description, ok
}
