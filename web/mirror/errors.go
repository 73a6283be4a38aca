package mirror

import "github.com/ai-data-analyst/broker/web/mirror/wrong"

// Error is a failure with a code that scripts may rely on (interface.md §9).
type Error = wrong.Error
