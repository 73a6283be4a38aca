package version

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
)

// Observer watches the rows that go into parts, those of rewritten parts too (decision 19). It must not keep a batch
// without retaining it, and cannot fail a run. A part's calls come in order; parts of several tables may interleave.
type Observer interface {
	Begin(table sdk.TableName, part int)              // part numbers one part of the draft
	Batch(part int, batch arrow.Record)               // rows of the part, in order
	Close(part int, sha256 string, rows, bytes int64) // the part is finished
}
