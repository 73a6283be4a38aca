package rows

import "github.com/ai-data-analyst/broker/sdk/internal/jsonvalue"

// ParseJSON reads one JSON value as jsonvalue does: numbers stay text (json.Number).
func ParseJSON(text []byte) (any, error) { return jsonvalue.Parse(text) }
