package workspace

import (
	"encoding/json"
	"fmt"
)

// ledger remembers which entries of shared files are ours, so that a later version can take its old ones out again.
type ledger struct {
	Format int      `json:"format"`
	Allow  []string `json:"allow"`
	Deny   []string `json:"deny"`
}

// owned writes the ledger of this version.
func owned(_ Options, old []byte) ([]byte, error) {
	if old != nil && !json.Valid(old) {
		return nil, errDamaged
	}
	text, err := json.MarshalIndent(ledger{Format: 1, Allow: allow, Deny: deny}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the list of own entries: %w", err)
	}
	return append(text, '\n'), nil
}
