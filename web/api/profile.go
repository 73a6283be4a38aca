package api

import "strconv"

// Profile is the answer of GET /tables/{name}/profile: what the columns of a table hold. What is not known is absent.
// Numbers are unrounded; whole numbers beyond 2^53 and decimals of more than 15 digits are text.
type Profile struct {
	Table           string              `json:"table"`
	Generation      int64               `json:"generation"`
	ComputedAt      string              `json:"computed_at,omitempty"` // RFC 3339 UTC, of the newest part
	Rows            int64               `json:"rows"`
	Bytes           int64               `json:"bytes"`
	Incomplete      bool                `json:"incomplete,omitempty"`       // some parts have no statistics: all figures but rows and bytes are of covered_rows
	CoveredRows     *int64              `json:"covered_rows,omitempty"`     // of an incomplete one: rows that the figures are of
	CompletenessPct *float64            `json:"completeness_pct,omitempty"` // mean of the columns
	MissingCells    *int64              `json:"missing_cells,omitempty"`
	DuplicateKeys   *int64              `json:"duplicate_keys,omitempty"` // rows whose key another row has already; exact to 32,768 rows, then estimated
	VariableTypes   map[string]int      `json:"variable_types"`           // columns by category
	DateRange       *ProfileSpan        `json:"date_range,omitempty"`     // of the first date or timestamp column with data
	Alerts          []ProfileAlert      `json:"alerts"`
	Relations       []ProfileRelation   `json:"relations"`
	Metrics         []ProfileMetric     `json:"metrics"`
	Sample          []map[string]string `json:"sample"` // at most five rows, column → text; NULL and masked columns are left out
	Trend           []ProfileTrend      `json:"trend"`  // the oldest first
	Columns         []ProfileColumn     `json:"columns"`
}

// ProfileColumn is what one column holds.
type ProfileColumn struct {
	Name            string           `json:"name"`
	Type            string           `json:"type"`
	Category        string           `json:"category"` // numeric, string, boolean, date, timestamp, other
	PII             bool             `json:"pii"`
	Masked          bool             `json:"masked,omitempty"` // values are personal: nothing that tells one is here
	IsKey           bool             `json:"is_key"`
	Nulls           *int64           `json:"nulls,omitempty"`
	CompletenessPct *float64         `json:"completeness_pct,omitempty"`
	Distinct        *int64           `json:"distinct,omitempty"`
	DistinctExact   *bool            `json:"distinct_exact,omitempty"`
	Numeric         *ProfileNumbers  `json:"numeric,omitempty"`
	String          *ProfileLengths  `json:"string,omitempty"`
	Boolean         *ProfileBooleans `json:"boolean,omitempty"`
	Date            *ProfileSpan     `json:"date,omitempty"`
	Top             []ProfileTop     `json:"top,omitempty"` // at most ten, the most frequent first, when there are at most 50 distinct values
	Samples         []string         `json:"samples,omitempty"`
}

// ProfileNumbers are the figures of a numeric column. NaN and infinite values count only in the histogram's outside.
type ProfileNumbers struct {
	Min       any          `json:"min,omitempty"`
	Max       any          `json:"max,omitempty"`
	Mean      any          `json:"mean,omitempty"`
	StdDev    any          `json:"stddev,omitempty"` // of a sample; absent for fewer than two values
	Median    any          `json:"median,omitempty"`
	P5        any          `json:"p5,omitempty"`
	P25       any          `json:"p25,omitempty"`
	P75       any          `json:"p75,omitempty"`
	P95       any          `json:"p95,omitempty"`
	Zeros     int64        `json:"zeros"`
	Negatives int64        `json:"negatives"`
	Histogram *ProfileBars `json:"histogram,omitempty"`
}

// ProfileBars is a histogram: bar i holds values from edges[i], included, to edges[i+1], left out but for the last bar.
// counts and outside add up to the values that are not NULL.
type ProfileBars struct {
	Edges   []any   `json:"edges"` // rising; one more than counts
	Counts  []int64 `json:"counts"`
	Outside int64   `json:"outside"` // NaN and infinite values
}

// ProfileLengths are the lengths of texts in code points.
type ProfileLengths struct {
	Min int64   `json:"min_length"`
	Max int64   `json:"max_length"`
	Avg float64 `json:"avg_length"`
}

// ProfileBooleans counts.
type ProfileBooleans struct {
	True  int64 `json:"true"`
	False int64 `json:"false"`
}

// ProfileSpan is a stretch of time.
type ProfileSpan struct {
	Earliest  string           `json:"earliest"` // 2026-01-31, or RFC 3339; without zone where the column has none
	Latest    string           `json:"latest"`
	SpanDays  int64            `json:"span_days"`
	Histogram *ProfileCalendar `json:"histogram,omitempty"` // of a column
}

// ProfileCalendar is a histogram over time.
type ProfileCalendar struct {
	Unit    string          `json:"unit"` // hour, day, month, quarter, year, decade, century, millennium
	Buckets []ProfileBucket `json:"buckets"`
}

// ProfileBucket counts the values from its start to the start of the next unit.
type ProfileBucket struct {
	Start string `json:"start"`
	Count int64  `json:"count"`
}

// ProfileTop is a value, as text, and how many rows have it.
type ProfileTop struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// ProfileAlert is what is worth a look. Code is constant, unique, high_missing, missing, zeros, imbalance or
// high_cardinality.
type ProfileAlert struct {
	Column  string `json:"column"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ProfileRelation is a foreign key of the table, or of another visible one to it.
type ProfileRelation struct {
	Table       string `json:"table"`
	Column      string `json:"column"`     // of this table
	RefColumn   string `json:"ref_column"` // of the other one
	Direction   string `json:"direction"`  // belongs_to: this table refers to the other one; has_many
	Description string `json:"description,omitempty"`
}

// ProfileMetric is a metric that names the table.
type ProfileMetric struct {
	Name string `json:"name"`
	File string `json:"file"` // below docs/metrics/
}

// ProfileTrend is the size of the table in one generation.
type ProfileTrend struct {
	Generation  int64  `json:"generation"`
	PublishedAt string `json:"published_at"`
	Rows        int64  `json:"rows"`
	Bytes       int64  `json:"bytes"`
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
