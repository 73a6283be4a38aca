package api

import "strconv"

// Profile is the answer of GET /tables/{name}/profile: what the columns of a table hold. What is not known is absent.
// Numbers are unrounded; whole numbers beyond 2^53 and decimals of more than 15 digits are text.
type Profile struct {
	Table           string              `json:"table"`                      // full name
	Generation      int64               `json:"generation"`                 // that published this version
	ComputedAt      string              `json:"computed_at,omitempty"`      // RFC 3339 UTC, of the newest part
	Rows            int64               `json:"rows"`                       // of the whole table
	Bytes           int64               `json:"bytes"`                      // of its parts
	Incomplete      bool                `json:"incomplete,omitempty"`       // some parts have no statistics: all figures but rows and bytes are of covered_rows
	CoveredRows     *int64              `json:"covered_rows,omitempty"`     // of an incomplete one: rows that the figures are of
	CompletenessPct *float64            `json:"completeness_pct,omitempty"` // mean of the columns
	MissingCells    *int64              `json:"missing_cells,omitempty"`    // cells that are NULL
	DuplicateKeys   *int64              `json:"duplicate_keys,omitempty"`   // rows whose key another row has already; exact to 32,768 rows, then estimated
	VariableTypes   map[string]int      `json:"variable_types"`             // columns by category
	DateRange       *ProfileSpan        `json:"date_range,omitempty"`       // of the first date or timestamp column with data
	Alerts          []ProfileAlert      `json:"alerts"`                     // in order of the columns
	Relations       []ProfileRelation   `json:"relations"`                  // foreign keys of the table, and of others to it
	Metrics         []ProfileMetric     `json:"metrics"`                    // those that name the table
	Sample          []map[string]string `json:"sample"`                     // at most five rows, column → text; NULL and masked columns are left out
	Trend           []ProfileTrend      `json:"trend"`                      // the oldest first
	Columns         []ProfileColumn     `json:"columns"`                    // in table order
}

// ProfileColumn is what one column holds.
type ProfileColumn struct {
	Name            string           `json:"name"`                       // of the column
	Type            string           `json:"type"`                       // as published
	Category        string           `json:"category"`                   // numeric, string, boolean, date, timestamp, other
	PII             bool             `json:"pii"`                        // its values are personal
	Masked          bool             `json:"masked,omitempty"`           // values are personal: nothing that tells one is here
	IsKey           bool             `json:"is_key"`                     // it is in the primary key
	Nulls           *int64           `json:"nulls,omitempty"`            // rows that are NULL
	CompletenessPct *float64         `json:"completeness_pct,omitempty"` // share of the rows that are not NULL
	Distinct        *int64           `json:"distinct,omitempty"`         // different values that are not NULL
	DistinctExact   *bool            `json:"distinct_exact,omitempty"`   // false: distinct is an estimate, within 2 %
	Numeric         *ProfileNumbers  `json:"numeric,omitempty"`          // figures, of numbers
	String          *ProfileLengths  `json:"string,omitempty"`           // lengths, of texts
	Boolean         *ProfileBooleans `json:"boolean,omitempty"`          // counts, of booleans
	Date            *ProfileSpan     `json:"date,omitempty"`             // of dates and timestamps
	Top             []ProfileTop     `json:"top,omitempty"`              // at most ten, the most frequent first, when there are at most 50 distinct values
	Samples         []string         `json:"samples,omitempty"`          // the first five different values
}

// ProfileNumbers are the figures of a numeric column. NaN and infinite values count only in the histogram's outside.
type ProfileNumbers struct {
	Min       any          `json:"min,omitempty"`       // least value
	Max       any          `json:"max,omitempty"`       // greatest value
	Mean      any          `json:"mean,omitempty"`      // arithmetic mean
	StdDev    any          `json:"stddev,omitempty"`    // of a sample; absent for fewer than two values
	Median    any          `json:"median,omitempty"`    // within 1 % of rank, as all percentiles
	P5        any          `json:"p5,omitempty"`        // 5th percentile
	P25       any          `json:"p25,omitempty"`       // 25th percentile
	P75       any          `json:"p75,omitempty"`       // 75th percentile
	P95       any          `json:"p95,omitempty"`       // 95th percentile
	Zeros     int64        `json:"zeros"`               // values that are 0
	Negatives int64        `json:"negatives"`           // values below 0
	Histogram *ProfileBars `json:"histogram,omitempty"` // in at most 15 bars of equal width
}

// ProfileBars is a histogram: bar i holds values from edges[i], included, to edges[i+1], left out but for the last bar.
// counts and outside add up to the values that are not NULL.
type ProfileBars struct {
	Edges   []any   `json:"edges"`   // rising; one more than counts
	Counts  []int64 `json:"counts"`  // values in each bar
	Outside int64   `json:"outside"` // NaN and infinite values
}

// ProfileLengths are the lengths of texts in code points.
type ProfileLengths struct {
	Min int64   `json:"min_length"` // of the shortest
	Max int64   `json:"max_length"` // of the longest
	Avg float64 `json:"avg_length"` // mean
}

// ProfileBooleans counts.
type ProfileBooleans struct {
	True  int64 `json:"true"`  // rows that are true
	False int64 `json:"false"` // rows that are false
}

// ProfileSpan is a stretch of time.
type ProfileSpan struct {
	Earliest  string           `json:"earliest"`            // 2026-01-31, or RFC 3339; without zone where the column has none
	Latest    string           `json:"latest"`              // likewise
	SpanDays  int64            `json:"span_days"`           // days from the first to the last
	Histogram *ProfileCalendar `json:"histogram,omitempty"` // of a column
}

// ProfileCalendar is a histogram over time.
type ProfileCalendar struct {
	Unit    string          `json:"unit"`    // hour, day, month, quarter, year, decade, century, millennium
	Buckets []ProfileBucket `json:"buckets"` // every unit from the first to the last, empty ones too
}

// ProfileBucket counts the values from its start to the start of the next unit.
type ProfileBucket struct {
	Start string `json:"start"` // as earliest of a span
	Count int64  `json:"count"` // values in it
}

// ProfileTop is a value, as text, and how many rows have it.
type ProfileTop struct {
	Value string `json:"value"` // as text, shortened when long
	Count int64  `json:"count"` // rows that have it
}

// ProfileAlert is what is worth a look.
type ProfileAlert struct {
	Column  string `json:"column"`  // that it is about
	Code    string `json:"code"`    // constant, unique, high_missing, missing, zeros, imbalance or high_cardinality
	Message string `json:"message"` // for people
}

// ProfileRelation is a foreign key of the table, or of another visible one to it.
type ProfileRelation struct {
	Table       string `json:"table"`                 // the other one
	Column      string `json:"column"`                // of this table
	RefColumn   string `json:"ref_column"`            // of the other one
	Direction   string `json:"direction"`             // belongs_to: this table refers to the other one; has_many
	Description string `json:"description,omitempty"` // as people wrote it
}

// ProfileMetric is a metric that names the table.
type ProfileMetric struct {
	Name string `json:"name"` // of the metric
	File string `json:"file"` // below docs/metrics/
}

// ProfileTrend is the size of the table in one generation.
type ProfileTrend struct {
	Generation  int64  `json:"generation"`   // that published a version
	PublishedAt string `json:"published_at"` // RFC 3339 UTC
	Rows        int64  `json:"rows"`         // of that version
	Bytes       int64  `json:"bytes"`        // of that version
}

// ProfileFloat reads a number of a profile, which may be text; false for none.
func ProfileFloat(number any) (float64, bool) {
	switch n := number.(type) {
	case float64:
		return n, true
	case int64:
		return float64(n), true
	case string:
		f, err := strconv.ParseFloat(n, 64)
		return f, err == nil
	default:
		return 0, false
	}
}
