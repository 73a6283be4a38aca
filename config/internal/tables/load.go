package tables

import "github.com/ai-data-analyst/broker/config/internal/diag"

// Load reads the definitions beside the configuration.
func Load(o Options) (*Description, diag.List) { return &Description{}, nil }
