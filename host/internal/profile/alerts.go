package profile

import (
	"fmt"
	"strconv"

	"github.com/ai-data-analyst/broker/web/api"
)

// Thresholds of alerts, in percent but for the last.
const (
	highMissing  = 30
	missing      = 5
	mostlyZero   = 50
	imbalanced   = 60
	highDistinct = 50
)

// alerts says what is worth a look in a column.
func (c *column) alerts() []api.ProfileAlert {
	var out []api.ProfileAlert
	say := func(code, format string, args ...any) {
		out = append(out, api.ProfileAlert{Column: c.name, Code: code, Message: c.name + " " + fmt.Sprintf(format, args...)})
	}
	present := c.rows - c.nulls
	count, _ := c.distinct()
	if c.nulls == 0 && count == 1 {
		say("constant", "is constant (single value)")
	}
	if c.nulls == 0 && present > 0 && c.unique() {
		say("unique", "has all unique values")
	}
	switch gone := share(c.nulls, c.rows); {
	case gone > highMissing:
		say("high_missing", "has %s%% missing values", rounded(gone))
	case gone > missing:
		say("missing", "has %s%% missing values", rounded(gone))
	}
	if top := c.top(); len(top) > 0 {
		if most := share(top[0].Count, present); most > imbalanced {
			say("imbalance", "is highly imbalanced (top value %s%%)", rounded(most))
		}
	}
	if c.numbers != nil {
		if zeros := share(c.numbers.Zeros, present); zeros > mostlyZero {
			say("zeros", "has %s%% zero values", rounded(zeros))
		}
	}
	if c.kind.Category == text && count > highDistinct {
		say("high_cardinality", "has high cardinality (%d distinct)", count)
	}
	return out
}

// unique says whether no value comes twice.
func (c *column) unique() bool {
	if c.values == nil {
		return c.rows == int64(len(c.truths()))
	}
	return c.values.Unique()
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

func rounded(percent float64) string { return strconv.FormatFloat(percent, 'f', 1, 64) }
