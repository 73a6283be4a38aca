package share

import (
	"context"
	"sync"

	"github.com/ai-data-analyst/broker/config"
	"github.com/ai-data-analyst/broker/host/internal/app/door"
	"github.com/ai-data-analyst/broker/host/internal/catalog"
	"github.com/ai-data-analyst/broker/host/internal/manifest"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// library is what people have written about tables, as manifest wants it. It is read again for every new generation and
// every new configuration.
type library struct {
	options Options

	mu     sync.Mutex
	newest int64
	config *config.Config
	held   *edition
}

func newLibrary(o Options) *library { return &library{options: o} }

// Edition implements manifest.Library. Where something cannot be read, what was read before stays: unreadable is not
// absent (I9).
func (l *library) Edition(_ context.Context, newest int64) (manifest.Edition, error) {
	configured := l.options.Config()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil && newest <= l.newest && l.config == configured { // a question may come late
		return l.held, nil
	}
	writings, err := l.read(configured)
	if err != nil {
		l.options.Log.Error("what is written about the tables cannot be read in full", "error", err)
	}
	if err == nil || l.held == nil || l.config != configured {
		book, problems := catalog.NewBook(writings)
		for _, p := range problems {
			l.options.Log.Warn(p.String(), "help", p.Help)
		}
		if l.held == nil || l.held.book.Rev() != book.Rev() {
			l.held = &edition{book: book, datasets: writings.Datasets, options: l.options}
		}
	}
	l.newest, l.config = newest, configured
	return l.held, nil
}

func (l *library) read(c *config.Config) (catalog.Writings, error) {
	description, _ := l.options.Describe() // its diagnostics are check's and sync's to report
	w := catalog.Writings{Instance: c.Instance.Name, Definitions: door.Definitions(description), Undecided: description.Incomplete || len(description.Broken) > 0}
	shelf, err := openShelf(c.Dir)
	if err != nil {
		return w, err
	}
	w.Prose = shelf.text("data_description.md")
	for _, d := range c.Datasets {
		w.Datasets = append(w.Datasets, catalog.Dataset{Name: d.Name, Label: d.Label, Description: d.Description, SizeHint: d.SizeHint, Requires: d.Requires,
			Patterns: d.Tables, Text: shelf.text("datasets/" + d.Name + ".md")})
	}
	w.Metrics = shelf.metrics()
	return w, shelf.close()
}

// edition is a catalog.Book as manifest wants it.
type edition struct {
	book     *catalog.Book
	datasets []catalog.Dataset
	options  Options

	mu     sync.Mutex
	fields map[string]fields // by table: of the generation that was written about last
}

// fields are the columns of a table as catalog wants them, in the generation that made them.
type fields struct {
	generation int64
	of         []catalog.Field
}

// Rev implements manifest.Edition.
func (e *edition) Rev() string { return e.book.Rev() }

// Describe implements manifest.Edition.
func (e *edition) Describe(t manifest.Table) manifest.Words {
	said, _ := e.book.Find(t.Head.Table)
	w := manifest.Words{Description: either(said.Description, t.Description), Dataset: e.datasetOf(t.Head.Table), Columns: make(map[string]manifest.Remark, len(t.Columns))}
	for _, c := range t.Columns {
		remark := said.Remark(c.Name)
		w.Columns[c.Name] = manifest.Remark{Description: either(remark.Description, c.Doc), PII: remark.PII || c.PII, SourceType: catalog.Line(remark.Type)}
	}
	for _, k := range e.book.Relations(t.Head.Table) {
		w.Relations = append(w.Relations, api.Relation(k))
	}
	return w
}

// either is the first of two texts that says something, fit to be shown.
func either(first, second string) string {
	if text := catalog.Line(first); text != "" {
		return text
	}
	return catalog.Line(second)
}

func (e *edition) datasetOf(name sdk.TableName) string {
	for _, d := range e.datasets {
		if e.book.Has(d, name) {
			return d.Name
		}
	}
	return ""
}

// Datasets implements manifest.Edition.
func (e *edition) Datasets() []manifest.Dataset {
	all := make([]manifest.Dataset, len(e.datasets))
	for i, d := range e.datasets {
		all[i] = manifest.Dataset{Name: d.Name, Label: catalog.Line(d.Label), Description: catalog.Line(d.Description), SizeHint: catalog.Line(d.SizeHint), Requires: d.Requires,
			Has: func(name sdk.TableName) bool { return e.book.Has(d, name) }}
		for _, name := range e.book.Names() {
			if e.book.Has(d, name) {
				all[i].Known = append(all[i].Known, name)
			}
		}
	}
	return all
}

// Write implements manifest.Edition.
func (e *edition) Write(shelf manifest.Shelf, visible func(sdk.TableName) bool) ([]manifest.Document, error) {
	tables := make([]catalog.Exhibit, len(shelf.Tables))
	e.mu.Lock()
	for i, t := range shelf.Tables {
		tables[i] = e.exhibit(t)
	}
	e.mu.Unlock()
	written := e.book.Documents(tables, shelf.All, visible)
	docs := make([]manifest.Document, len(written))
	for i, d := range written {
		docs[i] = manifest.Document(d)
	}
	return append(docs, e.profiles(shelf.Tables)...), nil
}

// profiles are docs/profiles/<table>.json. One that cannot be had is left out: the tables are what counts.
func (e *edition) profiles(tables []manifest.Exhibit) []manifest.Document {
	if e.options.Profile == nil {
		return nil
	}
	var docs []manifest.Document
	referring := manifest.Referring(tables)
	for _, t := range tables {
		body, err := e.options.Profile(context.Background(), t, referring[t.Name])
		if err != nil {
			e.options.Log.Warn("a profile is left out of the documents", "table", t.Name, "error", err)
		}
		if err == nil && body != nil {
			docs = append(docs, manifest.Document{Path: "docs/profiles/" + t.Name + ".json", Body: body})
		}
	}
	return docs
}

// exhibit is a table as catalog wants it; the caller holds mu. Columns are shared by all who see the table.
func (e *edition) exhibit(t manifest.Exhibit) catalog.Exhibit {
	out := catalog.Exhibit{Name: sdk.TableName(t.Name), Description: t.Description, Source: t.Source, Dataset: t.Dataset, Strategy: t.Strategy, Key: t.PrimaryKey,
		Rows: t.Rows, Bytes: t.Bytes, Generation: t.Table.Generation, Published: t.PublishedAt}
	known, ok := e.fields[t.Name]
	if !ok || known.generation != t.Table.Generation {
		known = fields{t.Table.Generation, make([]catalog.Field, len(t.Columns))}
		for i, c := range t.Columns {
			known.of[i] = catalog.Field{Name: c.Name, Type: c.Type, SourceType: c.SourceType, Description: c.Description, Nullable: c.Nullable, PII: c.PII}
		}
		if e.fields == nil {
			e.fields = map[string]fields{}
		}
		e.fields[t.Name] = known
	}
	out.Columns = known.of
	for _, r := range t.Relations {
		out.Relations = append(out.Relations, catalog.ForeignKey(r))
	}
	return out
}
