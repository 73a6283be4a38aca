package api

// Discovery is the answer of GET /admin/sources/{name}/streams: what a source offers, and what of it is registered.
type Discovery struct {
	Source  string   `json:"source"`
	File    string   `json:"file"`    // name of the file that a registration is written into
	Version string   `json:"version"` // of that file; "" while it does not exist
	Streams []Stream `json:"streams"` // sorted by name
}

// Stream is one stream of a source.
type Stream struct {
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty"`
	Key         []string    `json:"key"`
	CursorField string      `json:"cursor_field,omitempty"`
	Strategies  []string    `json:"strategies"`      // that fit: full_refresh, incremental, partitioned
	Columns     []TypedName `json:"columns"`         // none = known only once it is read
	Table       string      `json:"table,omitempty"` // published name, when it is registered or published by default
	Registered  bool        `json:"registered"`      // data_description.md defines it
}

// Registration asks for tables in data_description.md: POST /admin/tables.
type Registration struct {
	Source  string     `json:"source"`
	Version string     `json:"version"` // as discovered; another is a conflict
	Tables  []NewTable `json:"tables"`
}

// NewTable is one table to register.
type NewTable struct {
	Stream      string   `json:"stream"`
	Folder      string   `json:"folder,omitempty"` // namespace; "" = main
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Strategy    string   `json:"strategy,omitempty"` // "" = full_refresh
	PrimaryKey  []string `json:"primary_key,omitempty"`
	PII         []string `json:"pii,omitempty"` // columns that hold personal data
}

// Registered is the answer of POST /admin/tables.
type Registered struct {
	Version string `json:"version"` // of the file now
}
