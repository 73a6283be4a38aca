package api

// Query asks for rows of the caller's tables (POST /query).
type Query struct {
	SQL        string `json:"sql"`
	Format     string `json:"format"`               // arrow | csv | json
	Limit      int64  `json:"limit,omitempty"`      // rows; 0 = the server's own
	Generation int64  `json:"generation,omitempty"` // 0 = current
}

// Result is the JSON form of rows: numbers beyond 2^53, HUGEINT and DECIMAL as text, NaN as null.
type Result struct {
	Columns    []TypedName `json:"columns"`
	Rows       [][]any     `json:"rows"`
	Truncated  bool        `json:"truncated"`
	Generation int64       `json:"generation"`
	Receipt    string      `json:"receipt,omitempty"`
}
