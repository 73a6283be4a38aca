// Package parquet turns record batches into Parquet files: encoding, row groups, statistics, schema mapping.
//
// It takes Arrow v17 and gives back files and figures without any Iceberg or Arrow v18 type, so that another encoder can
// take the place of the one inside. No paths, no policy. Imported by lake and, for sample files, by app.
package parquet

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
)

// Column is one column as published: lake.md §4's types with the field id that Parquet and Iceberg share.
type Column struct {
	ID       int // Parquet field id, never reused in a table
	Name     string
	Type     sdk.Type // published type: its Children are not used, see Children
	Required bool
	Doc      string
	Children []Column // List: the element; Struct: the fields; Map: key, value
}

// Stats are the figures of one leaf column of one file.
type Stats struct {
	ID     int   // field id
	Values int64 // NULLs included
	Nulls  int64
	NaNs   int64
	Bytes  int64  // compressed
	Lower  []byte // Iceberg single-value serialization (spec, appendix D); nil = unknown
	Upper  []byte
}

// File is what is known of a finished file.
type File struct {
	Rows    int64
	Bytes   int64
	SHA256  string // lower-case hex, of the file's bytes
	Stats   []Stats
	Splits  []int64 // offsets of row groups
	Columns int
}

// Writer writes one file. Not for concurrent use.
type Writer interface {
	// Write adds the rows of a batch whose columns stand in the order of the columns the Writer was made with. It
	// converts to the published types; a value that does not fit is an error. batch stays the caller's.
	Write(batch arrow.Record) error
	// Buffered returns roughly how many bytes of rows are not yet in the file, and how many are.
	Buffered() (pending, written int64)
	// Close finishes the file; the io.Writer below stays open.
	Close() (File, error)
}
