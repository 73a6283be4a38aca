package manifest

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/manifest/filing"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// Library keeps what people have written about tables.
type Library interface {
	// Edition is what holds in the newest generation. It is asked at every request and cheap.
	Edition(ctx context.Context, newest int64) (Edition, error)
}

// Edition is what people have written, as of one moment. It does not change.
type Edition interface {
	// Rev differs whenever anything that the others return could.
	Rev() string
	// Describe returns what is to be said of a table, by people or else by its source. Texts are fit to be shown: bounded,
	// without characters that hide or steer (Y10).
	Describe(table Table) Words
	// Datasets are the configured ones with the names of all their tables, published or not.
	Datasets() []Dataset
	// Write writes what a person who sees exactly the tables of visible is to read: nothing of any other table stands in
	// it. Paths are slash-separated, below docs/. The same input makes the same bytes.
	Write(shelf Shelf, visible func(sdk.TableName) bool) ([]Document, error)
}

// Words are what is said of a table.
type Words struct {
	Description string
	Dataset     string
	Columns     map[string]Remark
	Relations   []api.Relation // Table is a full name
}

// Remark is what is said of a column.
type Remark struct {
	Description string
	PII         bool
	SourceType  string // "" = as published
}

// Dataset is a configured dataset. Has says whether a table belongs to it.
type Dataset struct {
	Name, Label, Description, SizeHint string
	Requires                           []string
	Has                                func(sdk.TableName) bool
	Known                              []sdk.TableName // tables of it that are named somewhere, published or not
}

// Shelf is a generation as documents are written about it: every visible table as its manifest shows it, in order of
// name.
type Shelf struct {
	Generation  int64
	PublishedAt string
	Tables      []Exhibit
	All         []sdk.TableName // every published table, visible or not
}

// Exhibit is a table of a Shelf.
type Exhibit struct {
	api.Table
	Source    string
	Dataset   string
	Relations []api.Relation // to visible tables only
}

// Document is one document. Body is shared and never changed.
type Document = filing.Document
