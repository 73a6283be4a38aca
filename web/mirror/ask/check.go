// Package ask lets people and assistants ask one read-only statement of an engine and writes what comes back: as a table,
// JSON, CSV, Markdown or Parquet.
//
// What may be read at all is the session's to say (duck); here a statement that would change something is refused before
// it runs. DuckDB's own parser looks once more where it is linked in.
package ask

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/mirror/lex"
)

// Statement is a statement that may run.
type Statement struct {
	Text          string // without the semicolon at its end
	Explain       bool   // a plan is wanted, no rows
	Ordered       bool   // the outermost SELECT says in which order rows come
	Deterministic bool   // the same data gives the same rows, as far as can be seen

	explained string // what a plan is wanted of
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
	tokens, err := lex.Split(sql)
	if err != nil {
		return Statement{}, refuse(err.Error())
	}
	if tokens, err = one(tokens); err != nil {
		return Statement{}, err
	}
	last := tokens[len(tokens)-1].End
	s := Statement{Text: sql[tokens[0].At:last]}
	if tokens[0].Is("explain") {
		s.Explain = true
		if tokens = afterExplain(tokens); len(tokens) == 0 {
			return Statement{}, refuse("there is no statement to explain")
		}
		s.explained = sql[tokens[0].At:last]
	}
	first := begins(tokens)
	if !slices.Contains(relations, first) {
		return Statement{}, refuse(fmt.Sprintf("%.40s is not for reading", strings.ToUpper(first)))
	}
	if w := changes(tokens); w != "" {
		return Statement{}, refuse(fmt.Sprintf("%s is not for reading", strings.ToUpper(w)))
	}
	s.Ordered = !s.Explain && (first == "describe" || first == "desc" || first == "summarize" || first == "show" || orders(tokens, 0))
	s.Deterministic = !s.Explain && steady(tokens)
	return s, nil
}

func refuse(what string) error {
	return &fault.Fault{Code: fault.Data, What: what, Err: &Refused{"read_only"},
		Help: "Ask one SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, SHOW or EXPLAIN."}
}

// one leaves out semicolons at the end; there may be no other.
func one(tokens []lex.Token) ([]lex.Token, error) {
	for len(tokens) > 0 && tokens[len(tokens)-1].Sign(";") {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return nil, refuse("there is no statement")
	}
	if slices.ContainsFunc(tokens, func(t lex.Token) bool { return t.Sign(";") }) {
		return nil, refuse("only one statement at a time may run")
	}
	return tokens, nil
}

// begins is the first word; parentheses before it do not count.
func begins(tokens []lex.Token) string {
	for _, t := range tokens {
		if !t.Sign("(") {
			return t.Text
		}
	}
	return ""
}

// afterExplain leaves out EXPLAIN, ANALYZE and options in parentheses.
func afterExplain(tokens []lex.Token) []lex.Token {
	rest := tokens[1:]
	if len(rest) > 0 && rest[0].Is("analyze") {
		rest = rest[1:]
	}
	if len(rest) > 1 && rest[0].Sign("(") && (rest[1].Is("format") || rest[1].Is("analyze")) {
		for i, t := range rest {
			if t.Sign(")") && t.Depth == rest[0].Depth {
				return rest[i+1:]
			}
		}
	}
	return rest
}

// writing are the words that begin what WITH or a parenthesis may stand before in SQL and that writes.
var writing = []string{"insert", "update", "delete", "merge"}

// changes finds a writing word where a statement can begin: first in a parenthesis, or at the outside after one closes in a
// statement that begins with WITH. INTO, at the outside, makes SELECT write too.
func changes(tokens []lex.Token) string {
	with := begins(tokens) == "with"
	for i, t := range tokens {
		if t.Kind != lex.Word {
			continue
		}
		if t.Text == "into" && t.Depth == 0 {
			return "select into"
		}
		if !slices.Contains(writing, t.Text) || i == 0 || i+1 == len(tokens) || tokens[i+1].Kind != lex.Word && tokens[i+1].Kind != lex.Name {
			continue
		}
		if tokens[i-1].Sign("(") || with && t.Depth == 0 && tokens[i-1].Sign(")") {
			return t.Text
		}
	}
	return ""
}
