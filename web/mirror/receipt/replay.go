package receipt

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Verdict is what a replay found.
type Verdict string

// The verdicts; each has an exit code of its own.
const (
	Same         Verdict = "same"          // 0
	Different    Verdict = "different"     // 1
	NotAvailable Verdict = "not_available" // 3: the receipt's version of a table is not at hand
	NotPermitted Verdict = "not_permitted" // 5: a table is not among the person's own
)

// Outcome is a replay's. Why says it for people.
type Outcome struct {
	Verdict  Verdict `json:"verdict"`
	Expected Result  `json:"expected"`
	Got      *Result `json:"got"`
	Why      string  `json:"why"`
}

// Result is what is compared.
type Result struct {
	Rows       int64    `json:"rows"`
	Columns    []string `json:"columns"`
	SHA256     string   `json:"sha256"`
	RowsSHA256 string   `json:"rows_sha256,omitempty"` // of an ordered result: in any order
}

// Ask runs a receipt's statement over the generation that it names and returns what came: its hash is made with Hasher.
type Ask func(ctx context.Context, r Receipt) (Result, error)

// Replay runs a receipt's statement again. held gives a generation of the person's own, 0 = the one in use;
// fault.StateExpired when it is not at hand, fault.NotFound when nothing is. Any held generation serves in which the
// receipt's tables are the same, part by part.
func Replay(ctx context.Context, r Receipt, held func(generation int64) (api.Manifest, error), ask Ask) (Outcome, error) {
	if err := r.Verify(); err != nil {
		return Outcome{}, err
	}
	out := Outcome{Expected: Result{r.Rows, r.Columns, r.ResultSHA256, r.RowsSHA256}}
	generation, verdict, why, err := where(r, held)
	if err != nil || verdict != "" {
		out.Verdict, out.Why = verdict, why
		return out, err
	}
	again := r
	again.Generation = generation
	got, err := ask(ctx, again)
	if err != nil {
		return out, fault.Wrap(fault.CodeOf(err), err, "run the receipt's statement again")
	}
	out.Got = &got
	out.Verdict, out.Why = compare(r, got)
	return out, nil
}

// where finds a generation at hand that has the receipt's tables: its own, else the one in use. The verdict says why there
// is none.
func where(r Receipt, held func(int64) (api.Manifest, error)) (generation int64, verdict Verdict, why string, err error) {
	verdict = NotAvailable
	why = fmt.Sprintf("generation %d is not here: analyst pull --generation %d fetches it while the server keeps it", r.Generation, r.Generation)
	for _, n := range []int64{r.Generation, 0} {
		m, err := held(n)
		if code := fault.CodeOf(err); code == fault.StateExpired || code == fault.NotFound {
			continue
		}
		if err != nil {
			return 0, "", "", err
		}
		missing, other := match(r, m)
		switch {
		case missing == "" && other == "":
			return m.Generation, "", "", nil
		case missing != "":
			verdict, why = NotPermitted, missing+" is not among your tables: it is not granted to you, or it was not there"
		case n == r.Generation:
			why = fmt.Sprintf("%s has other parts in your generation %d than in the receipt's: the receipt is of another server, or its history was made anew", other, n)
		}
	}
	return 0, verdict, why, nil
}

// match names a table of the receipt that a manifest does not have, and one that it has in another version.
func match(r Receipt, m api.Manifest) (missing, other string) {
	for _, t := range r.Tables {
		i := slices.IndexFunc(m.Tables, func(mine api.Table) bool { return mine.Name == t.Name })
		switch {
		case i < 0:
			missing = t.Name
		case partsHash(m.Tables[i]) != t.PartsSHA256:
			other = t.Name
		}
	}
	return missing, other
}

func compare(r Receipt, got Result) (Verdict, string) {
	switch {
	case got.SHA256 == r.ResultSHA256:
		return Same, fmt.Sprintf("the same %d rows", got.Rows)
	case r.RowsSHA256 != "" && got.RowsSHA256 == r.RowsSHA256:
		return Same, fmt.Sprintf("the same %d rows; those that its ORDER BY ranks alike came in another order", got.Rows)
	case !slices.Equal(got.Columns, r.Columns):
		return Different, fmt.Sprintf("other columns: %s instead of %s", list(got.Columns), list(r.Columns))
	case !r.Deterministic:
		return Different, "other rows; the statement may answer differently each time (a clock, chance, rows in no order, or LIMIT without ORDER BY)"
	case got.Rows != r.Rows:
		return Different, fmt.Sprintf("%d rows instead of %d", got.Rows, r.Rows)
	case r.Ordered && strings.Contains(strings.ToLower(r.SQL), "limit"):
		return Different, "as many rows with other values; where LIMIT cuts between rows that ORDER BY ranks alike, either may come"
	}
	return Different, "as many rows with other values"
}

// shown is how many columns a sentence names.
const shown = 10

func list(columns []string) string {
	if len(columns) > shown {
		return strings.Join(columns[:shown], ", ") + fmt.Sprintf(" and %d more", len(columns)-shown)
	}
	return strings.Join(columns, ", ")
}
