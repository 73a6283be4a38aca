// Package ask lets people and assistants ask one read-only statement of an engine and writes what comes back: as a table,
// JSON, CSV, Markdown or Parquet.
//
// What may be read at all is the session's to say (duck); here a statement that would change something is refused before
// it runs.
package ask

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Statement is a statement that may run.
type Statement struct {
	Text          string // without the semicolon at its end
	Explain       bool   // a plan is wanted, no rows
	Ordered       bool   // the outermost SELECT says in which order rows come
	Deterministic bool   // the same data gives the same rows, as far as can be seen
}

// Refused is the cause of a refusal, with a code that scripts may rely on.
type Refused struct{ Code string }

// Error implements error.
func (r *Refused) Error() string { return r.Code }

// Stable is the code: read_only.
func (r *Refused) Stable() string { return r.Code }

// relations are the words that a statement may begin with.
var relations = []string{"select", "with", "from", "values", "table", "describe", "desc", "summarize", "show"}

// MaxBytes bounds a statement.
const MaxBytes = 1 << 20

// Check takes a text apart and says what may run: exactly one of SELECT, WITH, FROM, VALUES, TABLE, DESCRIBE, SUMMARIZE,
// SHOW and EXPLAIN of these. The error is of class data with the code read_only.
func Check(sql string) (Statement, error) {
	if len(sql) > MaxBytes {
		return Statement{}, refuse("the statement is longer than 1 MB")
	}
	tokens, err := lex(sql)
	if err != nil {
		return Statement{}, refuse(err.Error())
	}
	end := len(sql)
	if i := slices.IndexFunc(tokens, func(t token) bool { return t.text == ";" }); i >= 0 {
		if slices.ContainsFunc(tokens[i:], func(t token) bool { return t.text != ";" }) {
			return Statement{}, refuse("only one statement at a time may run")
		}
		end, tokens = tokens[i].at, tokens[:i]
	}
	if len(tokens) == 0 {
		return Statement{}, refuse("there is no statement")
	}
	s := Statement{Text: strings.TrimSpace(sql[:end])}
	first := begins(tokens)
	if first == "explain" {
		s.Explain = true
		first = begins(afterExplain(tokens))
	}
	if !slices.Contains(relations, first) {
		return Statement{}, refuse(fmt.Sprintf("%s is not for reading", strings.ToUpper(first)))
	}
	if w := changes(tokens); w != "" {
		return Statement{}, refuse(fmt.Sprintf("%s is not for reading", strings.ToUpper(w)))
	}
	s.Ordered = first == "describe" || first == "desc" || first == "summarize" || first == "show" || orders(tokens, 0)
	s.Deterministic = steady(tokens)
	return s, nil
}

func refuse(what string) error {
	return &fault.Fault{Code: fault.Data, What: what, Err: &Refused{"read_only"},
		Help: "Ask one SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN."}
}

// begins is the first word; parentheses before it do not count.
func begins(tokens []token) string {
	for _, t := range tokens {
		if t.text != "(" {
			return t.text
		}
	}
	return ""
}

// afterExplain leaves out EXPLAIN, ANALYZE and options in parentheses.
func afterExplain(tokens []token) []token {
	rest := tokens[1:]
	if len(rest) > 0 && rest[0].text == "analyze" {
		rest = rest[1:]
	}
	if len(rest) > 1 && rest[0].text == "(" && (rest[1].text == "format" || rest[1].text == "analyze") {
		for i, t := range rest {
			if t.text == ")" && t.depth == rest[0].depth {
				return rest[i+1:]
			}
		}
	}
	return rest
}

// changes finds a word that makes a statement in parentheses or behind WITH one that writes: INSERT, UPDATE, DELETE and
// MERGE can only begin a statement, so they matter after an opening parenthesis or a closing one.
func changes(tokens []token) string {
	for i, t := range tokens {
		if t.word && slices.Contains([]string{"insert", "update", "delete", "merge", "copy", "create", "drop", "alter", "attach", "detach", "install", "load",
			"set", "reset", "pragma", "call", "export", "import", "checkpoint", "vacuum", "truncate", "use", "execute", "prepare", "grant"}, t.text) {
			if i == 0 || tokens[i-1].text == "(" || tokens[i-1].text == ")" {
				if i+1 < len(tokens) && tokens[i+1].word {
					return t.text
				}
			}
		}
	}
	return ""
}

// orders says whether there is an ORDER BY at a depth.
func orders(tokens []token, depth int) bool {
	return slices.ContainsFunc(tokens, func(t token) bool { return t.word && t.text == "order" && t.depth == depth })
}

// moving are functions and words whose value differs from run to run, or whose result depends on the order in which
// parallel threads deliver rows.
var moving = []string{"random", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "now", "today", "current_date", "current_time", "current_timestamp",
	"localtime", "localtimestamp", "get_current_timestamp", "get_current_time", "transaction_timestamp", "age", "nextval", "currval", "txid_current", "tablesample", "sample",
	"first", "last", "any_value", "arbitrary", "list", "array_agg", "string_agg", "group_concat", "listagg", "histogram", "mode", "reservoir_quantile", "approx_quantile",
	"approx_count_distinct", "approx_top_k", "row_number", "getenv", "getvariable", "version", "current_user", "current_setting"}

// steady looks for what makes a result move; a LIMIT or OFFSET does where nothing orders the rows at its depth.
func steady(tokens []token) bool {
	for _, t := range tokens {
		if !t.word {
			continue
		}
		if slices.Contains(moving, t.text) || (t.text == "limit" || t.text == "offset" || t.text == "fetch") && !orders(tokens, t.depth) {
			return false
		}
	}
	return true
}
