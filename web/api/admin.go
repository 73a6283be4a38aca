package api

// Directory is the answer of GET /admin/people: everybody whom the instance knows, and the groups.
type Directory struct {
	People []Person `json:"people"` // by address
	Groups []Group  `json:"groups"` // by name
}

// Person is one user as admins see them.
type Person struct {
	ID        string   `json:"id"`
	Email     string   `json:"email"`
	Name      string   `json:"name"`
	Role      string   `json:"role"`   // the one that holds
	Status    string   `json:"status"` // active, disabled, not admitted
	Invited   bool     `json:"invited"`
	Groups    []string `json:"groups"`
	Tokens    int      `json:"tokens"` // that can be used
	CreatedAt string   `json:"created_at"`
}

// Group is who may read what.
type Group struct {
	Name    string   `json:"name"`
	Members []string `json:"members"` // addresses
	Tables  []string `json:"tables"`  // patterns
	File    string   `json:"file,omitempty"`
	Line    int      `json:"line,omitempty"` // of the configuration that owns the group; 0 = it can be changed here
}

// Matrix is the answer of GET /admin/access: what each group opens.
type Matrix struct {
	Groups []string    `json:"groups"`
	Rows   []MatrixRow `json:"rows"` // tables by name
}

// MatrixRow is one table.
type MatrixRow struct {
	Table   string   `json:"table"`
	Dataset string   `json:"dataset,omitempty"`
	Private bool     `json:"private"` // its namespace is
	By      []string `json:"by"`      // for each group the pattern that opens the table; "" = none does
}

// Explained is the answer of GET /admin/access/explain.
type Explained struct {
	Allowed bool            `json:"allowed"`
	Because []ExplainedRule `json:"because"`
	Why     string          `json:"why"`
}

// ExplainedRule is one grant that opens a table.
type ExplainedRule struct {
	Group   string `json:"group"`
	Pattern string `json:"pattern"`
	Origin  string `json:"origin"`
	Line    int    `json:"line,omitempty"`
}

// Health is the answer of GET /admin/health: how the instance is.
type Health struct {
	Version   string       `json:"version"`
	StartedAt string       `json:"started_at"`
	Parts     []HealthPart `json:"parts"`
	Problems  []Finding    `json:"problems"` // of configuration and definitions
}

// HealthPart is one part of the instance.
type HealthPart struct {
	Name     string `json:"name"`  // state, lake, disk, plugin NAME …
	State    string `json:"state"` // ok, down, warning
	Required bool   `json:"required"`
	Detail   string `json:"detail"`
	Help     string `json:"help,omitempty"`
}

// Finding is something wrong in a file.
type Finding struct {
	Severity string `json:"severity"`
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Summary  string `json:"summary"`
	Help     string `json:"help,omitempty"`
}

// Plugins is the answer of GET /admin/plugins.
type Plugins struct {
	Plugins []Plugin `json:"plugins"`
}

// Plugin is one entry of the plugin folder.
type Plugin struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Version string   `json:"version"`
	SHA256  string   `json:"sha256"`
	Status  string   `json:"status"` // ready, ignored, untrusted, quarantined
	Reason  string   `json:"reason,omitempty"`
	UsedBy  []string `json:"used_by"` // blocks of the configuration
}

// Sources is the answer of GET /admin/sources.
type Sources struct {
	Sources []Source `json:"sources"`
}

// Source is one configured source.
type Source struct {
	Name      string `json:"name"`
	Connector string `json:"connector"`
	Schedule  string `json:"schedule,omitempty"`
	Timezone  string `json:"timezone,omitempty"`
	NextAt    string `json:"next_at,omitempty"`
	Tables    int    `json:"tables"` // published
	File      string `json:"file"`
	Line      int    `json:"line"`
	Error     string `json:"error,omitempty"` // why it cannot be used
	Help      string `json:"help,omitempty"`
}

// Storage is the answer of GET /admin/storage.
type Storage struct {
	Bytes      int64         `json:"bytes"`          // of all parts that are kept
	Free       int64         `json:"free,omitempty"` // of the disk; 0 = not known (an object store)
	RetainDays int           `json:"retain_days"`
	Oldest     int64         `json:"oldest"`
	Generation int64         `json:"generation"`
	Tables     []StoredTable `json:"tables"` // largest first
}

// StoredTable is what one table takes.
type StoredTable struct {
	Table    string `json:"table"`
	Dataset  string `json:"dataset,omitempty"`
	Bytes    int64  `json:"bytes"` // of the current version
	Kept     int64  `json:"kept"`  // of all versions that are kept, each part once
	Parts    int    `json:"parts"`
	Versions int    `json:"versions"`
}

// AuditFilter narrows the audit log; zero values leave nothing out.
type AuditFilter struct {
	Actor  string // user id or address
	Action string // whole, or the part before its dot
	Days   int
	Before int64 // number of a record: only older ones
	Check  bool  // read the whole chain and say whether it is sound
}

// Audit is the answer of GET /admin/audit: what was done, newest first.
type Audit struct {
	Records []AuditRecord `json:"records"`
	Next    int64         `json:"next,omitempty"`  // before of the next page; absent = that was all
	Check   *AuditCheck   `json:"check,omitempty"` // when asked for
}

// AuditRecord is one record of the log.
type AuditRecord struct {
	Seq     int64  `json:"seq"`
	At      string `json:"at"`
	Who     string `json:"who"` // address, or system
	Action  string `json:"action"`
	Object  string `json:"object,omitempty"`
	Outcome string `json:"outcome"` // ok, denied, failed
	Reason  string `json:"reason,omitempty"`
	Address string `json:"address,omitempty"`
	Via     string `json:"via,omitempty"`
	Request string `json:"request,omitempty"`
}

// AuditCheck says whether the chain is sound.
type AuditCheck struct {
	Records int64  `json:"records"` // that are sound, from the first
	Bad     int64  `json:"bad,omitempty"`
	Reason  string `json:"reason,omitempty"`
}
