package mirror

import (
	"github.com/ai-data-analyst/broker/web/mirror/disk"
	"github.com/ai-data-analyst/broker/web/mirror/wrong"
)

// Error is a failure with a code that scripts may rely on (interface.md §9).
type Error = wrong.Error

// Unwritable says whether err is that of a place that this person cannot write to.
func Unwritable(err error) bool { return disk.IsReadOnly(err) }

// Writable says whether this person may keep anything of their own in the workspace's databases.
func (w *Workspace) Writable() bool { return disk.Writable(w.path("user/duckdb")) }
