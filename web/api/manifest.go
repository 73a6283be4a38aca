package api

import (
	"encoding/json"
	"fmt"
)

// Manifest is one generation as one person may have it (interface.md §9): tables sorted by name, parts in table order,
// hashes in lower-case hex.
type Manifest struct {
	Format      int      `json:"format"` // 1
	Instance    Instance `json:"instance"`
	User        string   `json:"user"` // id
	Generation  int64    `json:"generation"`
	PublishedAt string   `json:"published_at"` // RFC 3339 UTC
	Oldest      int64    `json:"oldest"`       // the oldest generation that can still be had
	Root        string   `json:"root"`         // hash of the instance's unfiltered manifest of this generation
	Prev        *string  `json:"prev"`         // Root of the generation before; nil = none is kept
	DocsRev     string   `json:"docs_rev"`     // hash over Docs
	Tables      []Table  `json:"tables"`
	Docs        []Doc    `json:"docs"`
	PartHosts   []string `json:"part_hosts"` // origins besides the server's own that parts may be fetched from
}

// Instance names a broker: ID is random and stays, Name is for people.
type Instance struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Table is one table of a manifest.
type Table struct {
	ID          string   `json:"id"` // stays when the table is renamed
	Name        string   `json:"name"`
	Namespace   string   `json:"namespace"`
	Table       string   `json:"table"`
	Description string   `json:"description"`
	Strategy    string   `json:"strategy"`
	PrimaryKey  []string `json:"primary_key"`
	Generation  int64    `json:"generation"` // when it last changed
	PublishedAt string   `json:"published_at"`
	Rows        int64    `json:"rows"`
	Bytes       int64    `json:"bytes"`
	SchemaHash  string   `json:"schema_hash"`
	Columns     []Column `json:"columns"`
	Parts       []Part   `json:"parts"`
}

// Column is one column; ID is the Parquet field id, by which renamed and later columns are found in older parts.
type Column struct {
	ID          int    `json:"id"`
	Name        string `json:"name"`
	Type        string `json:"type"` // DuckDB's spelling
	SourceType  string `json:"source_type"`
	Nullable    bool   `json:"nullable"`
	Description string `json:"description"`
	PII         bool   `json:"pii"`
}

// Part is one immutable Parquet file.
type Part struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"` // bytes
	Rows   int64  `json:"rows"`
}

// Doc is one document for people and assistants, fetched by its hash like a part. Path is slash-separated below server/.
type Doc struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"` // bytes
}

// Format is the version of the manifest that this code writes and reads.
const Format = 1

// Limits of a manifest: more is refused before anything is written (G16).
const (
	maxTables  = 50_000
	maxParts   = 2_000_000
	maxColumns = 10_000
	maxDocs    = 200_000
)

// DecodeManifest reads the exact bytes of a manifest and checks every name, hash and number in it (Y1). The signature is
// the caller's to check first.
func DecodeManifest(body []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return Manifest{}, fmt.Errorf("read the manifest: %w", err)
	}
	if err := m.Validate(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// Validate checks the manifest by the rules of its fields.
func (m Manifest) Validate() error {
	if m.Format != Format {
		return fmt.Errorf("the manifest has format %d; this program reads format %d", m.Format, Format)
	}
	if m.Generation < 0 || m.Oldest < 0 || m.Oldest > m.Generation {
		return fmt.Errorf("the manifest has generation %d and oldest %d", m.Generation, m.Oldest)
	}
	if len(m.Tables) > maxTables || len(m.Docs) > maxDocs {
		return fmt.Errorf("the manifest lists %d tables and %d documents, more than this program takes", len(m.Tables), len(m.Docs))
	}
	parts := 0
	for i, t := range m.Tables {
		if err := t.validate(); err != nil {
			return err
		}
		if i > 0 && m.Tables[i-1].Name >= t.Name {
			return fmt.Errorf("the manifest's tables are not in order at %s", t.Name)
		}
		if parts += len(t.Parts); parts > maxParts {
			return fmt.Errorf("the manifest lists more than %d parts", maxParts)
		}
	}
	seen := map[string]bool{}
	for _, d := range m.Docs {
		if err := d.validate(); err != nil {
			return err
		}
		if seen[d.Path] {
			return fmt.Errorf("the manifest lists the document %q twice", d.Path)
		}
		seen[d.Path] = true
	}
	return nil
}

func (t Table) validate() error {
	if err := CheckTableName(t.Name); err != nil {
		return err
	}
	if t.Name != t.Namespace+"."+t.Table {
		return fmt.Errorf("the manifest names %q as %q.%q", t.Name, t.Namespace, t.Table)
	}
	if len(t.Columns) > maxColumns {
		return fmt.Errorf("%s has %d columns, more than this program takes", t.Name, len(t.Columns))
	}
	if t.Rows < 0 || t.Bytes < 0 || t.Generation < 0 {
		return fmt.Errorf("%s has negative figures", t.Name)
	}
	var rows int64
	for _, p := range t.Parts {
		if !IsHash(p.SHA256) || p.Size < 0 || p.Rows < 0 {
			return fmt.Errorf("%s has a part without hash or size", t.Name)
		}
		rows += p.Rows
	}
	if rows != t.Rows {
		return fmt.Errorf("%s has %d rows, its parts %d", t.Name, t.Rows, rows)
	}
	return nil
}

func (d Doc) validate() error {
	if err := CheckDocPath(d.Path); err != nil {
		return err
	}
	if !IsHash(d.SHA256) || d.Size < 0 {
		return fmt.Errorf("the document %q has no hash or size", d.Path)
	}
	return nil
}

// Find returns the table of a name: "shop.orders", or "orders" where that is unique.
func (m Manifest) Find(name string) (Table, bool) {
	var found Table
	n := 0
	for _, t := range m.Tables {
		if t.Name == name {
			return t, true
		}
		if t.Table == name {
			found, n = t, n+1
		}
	}
	return found, n == 1
}
