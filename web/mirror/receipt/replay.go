package receipt

import (
	"context"
	"fmt"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Verdict is what a replay found.
type Verdict string

// The verdicts; each has an exit code of its own.
const (
	Same         Verdict = "same"          // 0
	Different    Verdict = "different"     // 1
	NotAvailable Verdict = "not_available" // 3: the generation is not at hand
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
	Rows    int64    `json:"rows"`
	Columns []string `json:"columns"`
	SHA256  string   `json:"sha256"`
}

// Ask runs a statement over a generation and returns what came: its hash is made with hasher.
type Ask func(ctx context.Context, r Receipt) (Result, error)

// Replay runs a receipt's statement again. held gives a generation of the person's own; fault.StateExpired when it is not
// at hand.
func Replay(ctx context.Context, r Receipt, held func(generation int64) (api.Manifest, error), ask Ask) (Outcome, error) {
	if err := r.Verify(); err != nil {
		return Outcome{}, err
	}
	out := Outcome{Expected: Result{r.Rows, r.Columns, r.ResultSHA256}}
	m, err := held(r.Generation)
	if c := fault.CodeOf(err); c == fault.NotFound || c == fault.StateExpired {
		out.Verdict, out.Why = NotAvailable, fmt.Sprintf("generation %d is not here: analyst pull --generation %d fetches it while the server keeps it", r.Generation, r.Generation)
		return out, nil
	}
	if err != nil {
		return out, err
	}
	for _, t := range r.Tables {
		mine, ok := find(m, t.Name)
		switch {
		case !ok:
			out.Verdict, out.Why = NotPermitted, t.Name+" is not among your tables: it is not granted to you, or it was not there"
			return out, nil
		case partsHash(mine) != t.PartsSHA256:
			out.Verdict, out.Why = Different, fmt.Sprintf("%s has other parts in your generation %d than in the receipt's", t.Name, r.Generation)
			return out, nil
		}
	}
	got, err := ask(ctx, r)
	if err != nil {
		return out, err
	}
	out.Got = &got
	out.Verdict, out.Why = compare(r, got)
	return out, nil
}

func find(m api.Manifest, name string) (api.Table, bool) {
	for _, t := range m.Tables {
		if t.Name == name {
			return t, true
		}
	}
	return api.Table{}, false
}

func compare(r Receipt, got Result) (Verdict, string) {
	switch {
	case got.SHA256 == r.ResultSHA256:
		return Same, fmt.Sprintf("the same %d rows", got.Rows)
	case !r.Deterministic:
		return Different, "other rows; the statement is one that may answer differently each time (a clock, chance, or LIMIT without ORDER BY)"
	case got.Rows != r.Rows:
		return Different, fmt.Sprintf("%d rows instead of %d", got.Rows, r.Rows)
	case fmt.Sprint(got.Columns) != fmt.Sprint(r.Columns):
		return Different, "other columns"
	}
	return Different, "as many rows with other values"
}
