package progress

import "fmt"

// PullReport is what a pull did (interface.md §9).
type PullReport struct {
	From       int64      `json:"from"` // generation that was in use before; 0 = none
	Generation int64      `json:"generation"`
	DryRun     bool       `json:"dry_run"`
	Downloaded Amount     `json:"downloaded"`
	Reused     Amount     `json:"reused"`
	Tables     []Pulled   `json:"tables"`
	Seconds    float64    `json:"seconds"`
	Notes      []string   `json:"notes,omitempty"`
	Error      *PullError `json:"error"`
}

// Amount counts parts and their bytes.
type Amount struct {
	Parts int   `json:"parts"`
	Bytes int64 `json:"bytes"`
}

// Pulled is one table of a report. Status is new, updated, unchanged, removed or failed.
type Pulled struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
}

// PullError is an error as a report shows it.
type PullError struct {
	Code    string `json:"code"` // stable code, else the class
	Message string `json:"message"`
	Help    string `json:"help,omitempty"`
}

// Size is a number of bytes for people.
func Size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}
