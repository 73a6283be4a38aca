package tables

import (
	"fmt"
	"regexp"
	"time"

	"github.com/ai-data-analyst/broker/config/internal/diag"
)

// daysBack is what the date placeholders of filters mean.
var daysBack = map[string]int{
	"today": 0, "last_week": 7, "last_month": 30, "last_2_months": 60, "last_3_months": 90, "last_6_months": 180, "last_year": 365, "last_2_years": 730,
}

var placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

func (f *fields) filters(d *Definition) {
	for _, n := range f.list("where_filters") {
		one, ok := f.r.fields(f.p, n, f.what+".where_filters")
		if ok {
			filter := Filter{Column: one.text("column"), Operator: one.oneOf("operator", "eq", "eq", "ne", "gt", "ge", "lt", "le")}
			for _, value := range one.texts("values", false) {
				filter.Values = append(filter.Values, one.resolve(value))
			}
			if filter.Column == "" {
				one.fail(n, "column is missing", "write column: the name of the column")
			}
			if len(filter.Values) == 0 {
				one.fail(n, "values is missing", `write values: ["…"]`)
			}
			one.only("column", "operator", "values")
			d.Filters = append(d.Filters, filter)
		}
		f.fails += one.fails
	}
}

// resolve replaces date placeholders, e.g. {{last_6_months}}, by days before today.
func (f *fields) resolve(value string) string {
	return placeholder.ReplaceAllStringFunc(value, func(text string) string {
		name := placeholder.FindStringSubmatch(text)[1]
		days, ok := daysBack[trim(name)]
		if !ok {
			known := make([]string, 0, len(daysBack))
			for k := range daysBack {
				known = append(known, k)
			}
			f.fail(f.value["values"], fmt.Sprintf("there is no placeholder %q", clip(text)), n1(diag.DidYouMean(trim(name), known), "placeholders: today, last_week, last_month, last_2_months, last_3_months, last_6_months, last_year, last_2_years"))
			return text
		}
		return f.r.o.Today.AddDate(0, 0, -days).Format(time.DateOnly)
	})
}
