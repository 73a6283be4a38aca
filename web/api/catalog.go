package api

// Catalog is the answer of GET /catalog: what the caller may see, without parts.
type Catalog struct {
	Generation  int64          `json:"generation"`
	PublishedAt string         `json:"published_at"`
	Tables      []CatalogTable `json:"tables"`
	Datasets    []Dataset      `json:"datasets"`
	Total       int            `json:"total"` // of visible tables, before a page was cut
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
