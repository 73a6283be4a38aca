package manifest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-data-analyst/broker/host/internal/manifest/filing"
	"github.com/ai-data-analyst/broker/host/internal/manifest/spell"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/web/api"
)

// view is a generation as everybody with the same grant may have it, under one edition. It does not change.
type view struct {
	generation   *generation
	exhibits     []Exhibit         // without parts
	location     map[string]string // of the Iceberg tables
	tables       [][]byte          // JSON of each table, parts included
	filing.Filed                   // the documents
}

type viewKey struct {
	seq         int64
	digest, rev string
}

// spoken is a version as an edition describes it.
type spoken struct {
	rev     string
	exhibit Exhibit // relations to all tables
	json    []byte
}

// speak returns v as the edition describes it.
func (v *version) speak(edition Edition) (*spoken, error) {
	rev := edition.Rev()
	if s := v.said.Load(); s != nil && s.rev == rev {
		return s, nil
	}
	words := edition.Describe(v.Table)
	name := v.Head.Table
	t := api.Table{ID: v.ID, Name: string(name), Namespace: name.Namespace(), Table: name.Table(), Description: words.Description,
		Strategy: v.Strategy, PrimaryKey: append([]string{}, v.Key...), Generation: v.Seq, PublishedAt: v.Published.UTC().Format(time.RFC3339Nano),
		Rows: v.rows, Bytes: v.bytes, SchemaHash: v.schemaHash, Columns: make([]api.Column, len(v.Columns)), Parts: make([]api.Part, len(v.Parts))}
	for i, c := range v.Columns {
		remark := words.Columns[c.Name]
		t.Columns[i] = api.Column{ID: c.ID, Name: c.Name, Type: v.types[i], SourceType: remark.SourceType, Nullable: !c.Required,
			Description: remark.Description, PII: c.PII || remark.PII}
		if remark.SourceType == "" {
			t.Columns[i].SourceType = spell.Source(c.Type)
		}
	}
	for i, p := range v.Parts {
		t.Parts[i] = api.Part{SHA256: hex.EncodeToString(p.SHA256[:]), Size: p.Size, Rows: p.Rows}
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write the manifest of %s: %w", name, err)
	}
	t.Parts = nil
	s := &spoken{rev: rev, exhibit: Exhibit{Table: t, Source: v.Source, Dataset: words.Dataset, Relations: words.Relations}, json: text}
	v.said.Store(s)
	return s, nil
}

// newView cuts what visible allows out of a generation.
func newView(g *generation, edition Edition, visible func(sdk.TableName) bool, cabinet *filing.Cabinet) (*view, error) {
	n := len(g.versions)
	out := &view{generation: g, location: make(map[string]string, n), tables: make([][]byte, 0, n), exhibits: make([]Exhibit, 0, n)}
	shelf := Shelf{Generation: g.seq, PublishedAt: g.published, All: make([]sdk.TableName, 0, n)}
	seen := make(map[string]bool, n)
	for _, v := range g.versions {
		shelf.All = append(shelf.All, v.Head.Table)
		seen[string(v.Head.Table)] = visible(v.Head.Table)
	}
	for _, v := range g.versions {
		if !seen[string(v.Head.Table)] {
			continue
		}
		s, err := v.speak(edition)
		if err != nil {
			return nil, err
		}
		out.tables = append(out.tables, s.json)
		e := s.exhibit
		e.Relations = slices.DeleteFunc(slices.Clone(e.Relations), func(r api.Relation) bool { return !seen[r.Table] })
		out.exhibits = append(out.exhibits, e)
		out.location[e.Name] = v.Location
	}
	shelf.Tables = out.exhibits
	documents, err := edition.Write(shelf, visible)
	if err != nil {
		return nil, fmt.Errorf("write the documents of generation %d: %w", g.seq, err)
	}
	out.Filed, err = cabinet.File(documents)
	return out, err
}

// weight is roughly how many bytes a view holds that others do not share: small documents are mostly those of one table,
// which many see.
func (w *view) weight() int {
	const shared = 16 << 10
	n := 1_000 + 1_000*len(w.exhibits) + 300*len(w.Documents)
	for _, body := range w.Bodies {
		if len(body) > shared {
			n += len(body)
		}
	}
	return n
}

// find returns the table of a name.
func (w *view) find(name sdk.TableName) (Exhibit, bool) {
	at, ok := slices.BinarySearchFunc(w.exhibits, string(name), func(e Exhibit, name string) int { return strings.Compare(e.Name, name) })
	if !ok {
		return Exhibit{}, false
	}
	return w.exhibits[at], true
}

// body writes the manifest of one person: the head is theirs, documents and tables are shared.
func (w *view) body(head api.Manifest) ([]byte, error) {
	head.Format, head.Generation, head.PublishedAt, head.Root = api.Format, w.generation.seq, w.generation.published, w.generation.root
	head.DocsRev, head.Docs, head.Tables = w.Rev, []api.Doc{}, []api.Table{}
	text, err := json.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	before, rest, hasTables := strings.Cut(string(text), noTables)
	between, after, hasDocs := strings.Cut(rest, noDocs)
	if !hasTables || !hasDocs {
		return nil, fmt.Errorf("write the manifest: it has no tables and documents, in this order")
	}
	size := len(text) + len(w.JSON)
	for _, t := range w.tables {
		size += len(t) + 1
	}
	body := append(append(make([]byte, 0, size), before...), noTables[:len(noTables)-1]...)
	for i, t := range w.tables {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, t...)
	}
	body = append(append(append(body, ']'), between...), noDocs[:len(noDocs)-2]...)
	return append(append(body, w.JSON...), after...), nil
}

// What a manifest without tables and documents has in their place; inside a text its quotes would be escaped.
const noTables, noDocs = `"tables":[]`, `"docs":[]`
