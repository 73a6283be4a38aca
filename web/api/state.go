package api

// States of a table, as pages and GET /states name them. Fresh and Unchanged are healthy; Syncing readers have the former
// version; in all others the last good version, if there is one, is still served.
const (
	StateFresh      = "fresh"      // published within its schedule
	StateUnchanged  = "unchanged"  // asked within its schedule; the source says nothing changed
	StateSyncing    = "syncing"    // a run is under way
	StateStale      = "stale"      // older than its schedule promises
	StatePartial    = "partial"    // part is published, the rest comes with later runs
	StateHeld       = "held"       // a new version waits for a person
	StateFailed     = "failed"     // the last run failed
	StateUnreadable = "unreadable" // its bytes do not match their hashes
	StateEmpty      = "empty"      // 0 rows, confirmed by the source
	StateNever      = "never"      // registered, not yet published
	StateSkipped    = "skipped"    // the due run was left out; nothing is lost
)

// AllStates are the states of a table, healthy ones first.
func AllStates() []string {
	return []string{StateFresh, StateUnchanged, StateSyncing, StateStale, StatePartial, StateHeld, StateFailed, StateUnreadable, StateEmpty, StateNever, StateSkipped}
}

// States is the answer of GET /states: how the caller's tables are.
type States struct {
	Generation  int64        `json:"generation"` // current
	PublishedAt string       `json:"published_at"`
	Tables      []TableState `json:"tables"` // sorted by name
}

// TableState is how one table is.
type TableState struct {
	Name      string     `json:"name"`
	Source    string     `json:"source"`
	State     string     `json:"state"`
	Since     string     `json:"since,omitempty"`      // when it came into this state
	CheckedAt string     `json:"checked_at,omitempty"` // when the source was last asked with success
	NextAt    string     `json:"next_at,omitempty"`    // next due run; "" = no schedule
	Schedule  string     `json:"schedule,omitempty"`
	Run       string     `json:"run,omitempty"`     // the run that explains the state
	Message   string     `json:"message,omitempty"` // why, when something is wrong; without other tables' names
	Help      string     `json:"help,omitempty"`
	Held      *Held      `json:"held,omitempty"`
	Days      []StateDay `json:"days"` // the last 30 days, oldest first, in UTC
}

// Held is a version that waits for a decision.
type Held struct {
	Reason string `json:"reason"`
	Rows   int64  `json:"rows"`   // of the held version
	Before int64  `json:"before"` // of the published one
	At     string `json:"at"`
}

// StateDay is how a table did on one day.
type StateDay struct {
	Date    string `json:"date"`  // YYYY-MM-DD
	State   string `json:"state"` // "" = no run was due
	Added   int64  `json:"added"`
	Updated int64  `json:"updated"`
	Deleted int64  `json:"deleted"`
	Runs    int    `json:"runs"`
}

// Runs is the answer of GET /runs: newest first.
type Runs struct {
	Runs    []Run  `json:"runs"`
	Skipped []Skip `json:"skipped,omitempty"` // due times within the span of Runs that were left out, newest first
	Next    string `json:"next,omitempty"`    // id from which the next page begins
}

// Skip is a due time of a source that was left out. Nothing is lost: the next run reads what this one would have.
type Skip struct {
	Source string `json:"source"`
	DueAt  string `json:"due_at"`
	Reason string `json:"reason"`
}

// Run is one sync of some tables: a command's or a tick's.
type Run struct {
	Run       string     `json:"run"`
	Trigger   string     `json:"trigger"`
	Source    string     `json:"source"`
	Status    string     `json:"status"` // running, published, unchanged, held, failed, cancelled: the worst of its tables
	StartedAt string     `json:"started_at"`
	EndedAt   string     `json:"ended_at,omitempty"`
	Tables    []RunTable `json:"tables"` // visible ones
}

// RunTable is one table's part of a run.
type RunTable struct {
	Name       string `json:"name"`
	Source     string `json:"source"`
	Status     string `json:"status"`
	Generation int64  `json:"generation,omitempty"`
	Attempts   int    `json:"attempts"`
	StartedAt  string `json:"started_at"`
	EndedAt    string `json:"ended_at,omitempty"`
	Rows       int64  `json:"rows"`
	Added      int64  `json:"added"`
	Updated    int64  `json:"updated"`
	Deleted    int64  `json:"deleted"`
	Rejected   int64  `json:"rejected"`
	Bytes      int64  `json:"bytes"`
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
	Help       string `json:"help,omitempty"`
}

// History is the answer of GET /tables/{name}/history: the versions of a table, newest first.
type History struct {
	Table    string    `json:"table"`
	Versions []Version `json:"versions"`
}

// Version is one published version of a table.
type Version struct {
	Generation  int64    `json:"generation"`
	PublishedAt string   `json:"published_at"`
	Rows        int64    `json:"rows"`
	Bytes       int64    `json:"bytes"`
	Parts       int      `json:"parts"`
	NewParts    int      `json:"new_parts"`
	NewBytes    int64    `json:"new_bytes"`       // to download for who has the version before
	Added       *int64   `json:"added,omitempty"` // nil = not known
	Updated     *int64   `json:"updated,omitempty"`
	Deleted     *int64   `json:"deleted,omitempty"`
	Schema      []string `json:"schema,omitempty"` // changes in words, e.g. "column coupon_code VARCHAR added"
}

// RunFilter narrows a list of runs; empty fields do not.
type RunFilter struct {
	Source string
	Table  string
	Status string
	Before string // id of a run: only older ones
	Limit  int    // 0 = 50, at most 200
}

// SyncAsk is the body of POST /admin/sync: sources, SOURCE.TABLE or published names; none = everything.
type SyncAsk struct {
	Select []string `json:"select"`
}

// SyncBegun is its answer: the run that began.
type SyncBegun struct {
	Run string `json:"run"`
}

// Progress is a glance at one table of a run under way: the data of the event run.progress. A last one with the phase
// published, unchanged, held, failed, cancelled or skipped tells the end.
type Progress struct {
	Run     string  `json:"run,omitempty"` // as GET /runs names it
	Table   string  `json:"table"`         // root of the tables that come together
	Source  string  `json:"source,omitempty"`
	Phase   string  `json:"phase"`
	Rows    int64   `json:"rows"`  // read so far
	Bytes   int64   `json:"bytes"` // read so far
	Rate    float64 `json:"rows_per_second"`
	Done    uint64  `json:"done,omitempty"` // of Total, in the source's own measure
	Total   uint64  `json:"total,omitempty"`
	EndsAt  string  `json:"ends_at,omitempty"` // expected: by Done of Total, else by the last runs
	Seconds float64 `json:"seconds"`           // since it began
}
