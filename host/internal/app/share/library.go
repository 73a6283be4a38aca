package share

import (
	"context"

	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/sdk"
)

// library is what people have written about tables, as manifest wants it.
type library struct{ options Options }

func newLibrary(o Options) *library { return &library{options: o} }

// Edition implements manifest.Library.
func (l *library) Edition(context.Context, int64) (manifest.Edition, error) { return edition{}, nil }

// edition says what the sources say.
type edition struct{}

// Rev implements manifest.Edition.
func (edition) Rev() string { return "sources" }

// Describe implements manifest.Edition.
func (edition) Describe(t manifest.Table) manifest.Words {
	w := manifest.Words{Description: t.Description, Columns: map[string]manifest.Remark{}}
	for _, c := range t.Columns {
		w.Columns[c.Name] = manifest.Remark{Description: c.Doc, PII: c.PII}
	}
	return w
}

// Datasets implements manifest.Edition.
func (edition) Datasets() []manifest.Dataset { return nil }

// Write implements manifest.Edition.
func (edition) Write(manifest.Shelf, func(sdk.TableName) bool) ([]manifest.Document, error) {
	return nil, nil
}
