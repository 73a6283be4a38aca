package ask

import (
	"slices"

	"github.com/ai-data-analyst/broker/web/mirror/lex"
)

// orders says whether there is an ORDER BY at a depth.
func orders(tokens []lex.Token, depth int) bool {
	for i, t := range tokens {
		if t.Is("order") && t.Depth == depth && i+1 < len(tokens) && tokens[i+1].Is("by") {
			return true
		}
	}
	return false
}

// clocks are words that stand for themselves and differ from run to run.
var clocks = []string{"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "current_user", "tablesample"}

// moving are functions whose value differs from run to run.
var moving = []string{"random", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid", "now", "today", "get_current_timestamp", "get_current_time",
	"current_localtime", "current_localtimestamp", "transaction_timestamp", "age", "nextval", "currval", "txid_current", "reservoir_quantile", "approx_quantile", "approx_count_distinct",
	"approx_top_k", "getenv", "getvariable", "version", "pg_backend_pid", "current_setting", "current_query", "query", "query_table",
	"duckdb_settings", "duckdb_memory", "duckdb_logs", "glob", "read_text", "read_blob"}

// sequential are functions whose value depends on the order in which rows come: steady with an ORDER BY within their own
// parentheses, or within those of OVER.
var sequential = []string{"first", "last", "any_value", "arbitrary", "list", "array_agg", "string_agg", "group_concat", "listagg",
	"row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"}

// steady looks for what makes a result move. LIMIT, OFFSET and FETCH do where nothing orders the rows at their depth.
func steady(tokens []lex.Token) bool {
	for i, t := range tokens {
		if t.Kind != lex.Word && t.Kind != lex.Name {
			continue
		}
		call := i+1 < len(tokens) && tokens[i+1].Sign("(")
		switch {
		case t.Kind == lex.Word && slices.Contains(clocks, t.Text),
			call && slices.Contains(moving, t.Text),
			call && slices.Contains(sequential, t.Text) && !orderedCall(tokens, i+1),
			t.Is("using") && i+1 < len(tokens) && tokens[i+1].Is("sample"),
			(t.Is("limit") || t.Is("offset") || t.Is("fetch")) && begun(tokens, i) && !orderedFrom(tokens, i):
			return false
		}
	}
	return true
}

// begun says whether a word like LIMIT is the clause and not a column of that name: something stands behind it that counts.
func begun(tokens []lex.Token, i int) bool {
	if i == 0 || i+1 == len(tokens) {
		return false
	}
	next := tokens[i+1]
	return next.Kind == lex.Word || next.Kind == lex.Param || next.Sign("(")
}

// orderedFrom says whether the parenthesis that token i stands in orders its rows.
func orderedFrom(tokens []lex.Token, i int) bool {
	from, to := i, i
	for from > 0 && tokens[from-1].Depth >= tokens[i].Depth {
		from--
	}
	for to < len(tokens) && tokens[to].Depth >= tokens[i].Depth {
		to++
	}
	return orders(tokens[from:to], tokens[i].Depth)
}

// orderedCall says whether a call, with its OVER, says in which order it takes rows. open is its parenthesis.
func orderedCall(tokens []lex.Token, open int) bool {
	end := closes(tokens, open)
	if orders(tokens[open:end], tokens[open].Depth+1) {
		return true
	}
	for i := end + 1; i < len(tokens) && i < end+8; i++ {
		if tokens[i].Is("over") && i+1 < len(tokens) && tokens[i+1].Sign("(") {
			return orders(tokens[i+1:closes(tokens, i+1)], tokens[i+1].Depth+1)
		}
		if tokens[i].Depth <= tokens[open].Depth && !tokens[i].Is("ignore") && !tokens[i].Is("respect") && !tokens[i].Is("nulls") && !tokens[i].Is("over") {
			return false
		}
	}
	return false
}

// closes finds the parenthesis that closes the one at open. Split has seen that it is there; its depth is that of what it
// holds.
func closes(tokens []lex.Token, open int) int {
	for i := open + 1; i < len(tokens); i++ {
		if tokens[i].Sign(")") && tokens[i].Depth == tokens[open].Depth {
			return i
		}
	}
	return len(tokens) - 1
}
