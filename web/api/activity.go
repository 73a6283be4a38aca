package api

// Activity is the answer of GET /activity: what was really used in the last Days days, tables that the caller may see
// only. Who did it is named to admins; others see counts and their own lines.
type Activity struct {
	Days    int           `json:"days"`
	People  int           `json:"people"` // that pulled or asked
	Pulls   int64         `json:"pulls"`
	Queries int64         `json:"queries"`
	ByDay   []ActivityDay `json:"by_day"` // oldest first, none left out
	Tables  []TableUse    `json:"tables"` // most used first
	Groups  []GroupUse    `json:"groups"` // admins only
}

// ActivityDay is one day in UTC.
type ActivityDay struct {
	Date    string `json:"date"`
	Pulls   int64  `json:"pulls"`
	Queries int64  `json:"queries"`
	People  int    `json:"people"`
}

// TableUse is how much a table was used.
type TableUse struct {
	Table    string   `json:"table"`
	People   int      `json:"people"`
	Pulls    int64    `json:"pulls"`
	Queries  int64    `json:"queries"`
	LastAt   string   `json:"last_at,omitempty"`
	With     []string `json:"with,omitempty"`      // visible tables asked together with it, most often first
	LastDays []int64  `json:"last_days,omitempty"` // pulls and queries of each day, oldest first
}

// GroupUse is how much the members of a group did.
type GroupUse struct {
	Group   string `json:"group"`
	People  int    `json:"people"`
	Pulls   int64  `json:"pulls"`
	Queries int64  `json:"queries"`
}

// Machines is the answer of GET /me/machines: the programs that pulled with the caller's tokens, latest first.
type Machines struct {
	Machines []Machine `json:"machines"`
}

// Machine is one place that pulls.
type Machine struct {
	Token      string `json:"token"` // id
	Label      string `json:"label"`
	Generation int64  `json:"generation"` // last asked for
	PulledAt   string `json:"pulled_at"`
	Client     string `json:"client,omitempty"` // User-Agent
}
