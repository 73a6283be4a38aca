package api

// Catalog is the answer of GET /catalog: what the caller may see, without parts.
type Catalog struct {
	Generation  int64          `json:"generation"`
	PublishedAt string         `json:"published_at"`
	Tables      []CatalogTable `json:"tables"`
	Datasets    []Dataset      `json:"datasets"`
	Total       int            `json:"total"`            // of visible tables, before a page was cut
	Found       int            `json:"found"`            // of those, what the filter leaves, before a page was cut
	Page        int            `json:"page,omitempty"`   // from 1
	Pages       int            `json:"pages,omitempty"`  // 0 = no page was asked for
	Facets      *CatalogFacets `json:"facets,omitempty"` // of an answer in pages
}

// CatalogTable is one table as lists show it.
type CatalogTable struct {
	Name        string   `json:"name"`
	Namespace   string   `json:"namespace"`
	Table       string   `json:"table"`
	Description string   `json:"description"`
	Dataset     string   `json:"dataset,omitempty"`
	Source      string   `json:"source"`
	Strategy    string   `json:"strategy"`
	PrimaryKey  []string `json:"primary_key"`
	Rows        int64    `json:"rows"`
	Bytes       int64    `json:"bytes"`
	Columns     int      `json:"columns"`
	Generation  int64    `json:"generation"`
	PublishedAt string   `json:"published_at"`
	State       string   `json:"state,omitempty"` // one of the State… texts; "" = not known
}

// TableDetail is the answer of GET /tables/{name}.
type TableDetail struct {
	CatalogTable
	Fields    []Column   `json:"fields"`
	Relations []Relation `json:"relations"`
	Location  string     `json:"location,omitempty"` // admins only: folder or URL of the Iceberg table
}

// Relation says that a column refers to a column of another visible table.
type Relation struct {
	Column      string `json:"column"`
	Table       string `json:"table"`
	RefColumn   string `json:"ref_column"`
	Description string `json:"description,omitempty"`
}

// Dataset groups tables that a person takes or leaves together.
type Dataset struct {
	Name        string   `json:"name"`
	Label       string   `json:"label"`
	Description string   `json:"description,omitempty"`
	SizeHint    string   `json:"size_hint,omitempty"`
	Requires    []string `json:"requires"`
	Tables      []string `json:"tables"` // visible ones
}

// Sample is the answer of GET /tables/{name}/sample: a few rows as text; values of columns marked pii are hidden.
type Sample struct {
	Table      string      `json:"table"`
	Generation int64       `json:"generation"`
	Columns    []TypedName `json:"columns"`
	Rows       [][]*string `json:"rows"` // nil = NULL
	Masked     []string    `json:"masked"`
}

// TypedName is a column of a result.
type TypedName struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Changes is the answer of GET /changes?since=N: newest generation first.
type Changes struct {
	Generation  int64    `json:"generation"` // current
	Since       int64    `json:"since"`
	Complete    bool     `json:"complete"` // false: generations after Since have expired
	Generations []Change `json:"generations"`
}

// Change is one generation and the visible tables that it changed; generations that changed no visible table are left out.
type Change struct {
	Generation  int64    `json:"generation"`
	PublishedAt string   `json:"published_at"`
	Tables      []string `json:"tables"`
}

// CatalogFilter narrows a catalog; empty fields do not.
type CatalogFilter struct {
	Text    string // words that must all stand in the name, the columns or the descriptions
	Dataset string
	State   string // one of the State… texts
	Source  string
	Page    int // 0 = everything
	PerPage int // 0 = 100, at most 1,000
}

// CatalogPage is how many tables a page of a catalog has where nothing is asked.
const CatalogPage = 100

// CatalogFacets say how many of the tables that were found are of what, before a page was cut. What a facet itself narrows
// by does not count for it, so that the others of it can be chosen.
type CatalogFacets struct {
	Datasets []CatalogFacet `json:"datasets"` // most tables first
	States   []CatalogFacet `json:"states"`   // how tables are
	Sources  []CatalogFacet `json:"sources"`  // where tables come from
}

// CatalogFacet is one value and how many tables have it.
type CatalogFacet struct {
	Value string `json:"value"` // of the filter
	Count int    `json:"count"` // of visible tables
}

// Definitions is the answer of GET /metrics-definitions: those whose tables the caller may see.
type Definitions struct {
	Definitions []DefinitionHead `json:"definitions"` // by category, then name
}

// DefinitionHead is what a list says of a definition.
type DefinitionHead struct {
	Name        string   `json:"name"`
	DisplayName string   `json:"display_name"`
	Category    string   `json:"category"`
	Unit        string   `json:"unit,omitempty"`
	Description string   `json:"description,omitempty"`
	Tables      []string `json:"tables"`
	Synonyms    []string `json:"synonyms"`
	File        string   `json:"file"` // <category>/<name>.yml below metrics/
}
