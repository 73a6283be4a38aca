package duck

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/lex"
	"github.com/ai-data-analyst/broker/web/mirror/types"
)

// relation is one statement as a piece of a larger one: without its semicolon, with its parameters filled in, balanced, so
// that nothing of it can stand outside of the parentheses around it.
func relation(sql string, params []Param) (string, error) {
	tokens, err := lex.Split(sql)
	if err != nil {
		return "", refused(err.Error())
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].Sign(";") {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return "", refused("there is no statement")
	}
	if slices.ContainsFunc(tokens, func(t lex.Token) bool { return t.Sign(";") }) {
		return "", refused("only one statement at a time may run")
	}
	return bind(sql[:tokens[len(tokens)-1].End], params)
}

func refused(what string) error {
	return fault.New(fault.Data, what).WithHelp("Ask one SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE or SHOW.")
}

// describing asks for the columns of a relation.
func describing(relation string) string {
	return "SELECT column_name, column_type FROM (DESCRIBE (SELECT * FROM (\n" + relation + "\n)))"
}

// texts wraps a relation so that every value comes as text, in its order, whatever its columns are called. Nested values
// come as JSON with texts as leaves.
func texts(relation string, columns []api.TypedName, limit int64) string {
	return over(relation, columns, limit, func(i int, value, typ string) string {
		if t, ok := nested(typ); ok {
			value = "CASE WHEN " + value + " IS NOT NULL THEN to_json(CAST(" + value + " AS " + t.With(asText) + ")) END"
		}
		return "CAST(" + value + " AS VARCHAR) AS c" + itoa(i)
	})
}

func asText(spelling string) string {
	if spelling == "JSON" {
		return "JSON"
	}
	return "VARCHAR"
}

// saved wraps a relation so that Parquet keeps its values.
func saved(relation string, columns []api.TypedName, limit int64) string {
	return over(relation, columns, limit, func(i int, value, typ string) string {
		if t, err := types.Parse(typ); err == nil {
			if other := t.With(inParquet); other != t.With(asIs) {
				value = "CAST(" + value + " AS " + other + ")"
			}
		}
		return value + " AS " + Quote(columns[i].Name)
	})
}

func asIs(spelling string) string { return spelling }

// inParquet is a type that holds what Parquet has no type for: DuckDB would write these as DOUBLE, or not at all.
func inParquet(spelling string) string {
	switch spelling {
	case "HUGEINT", "UHUGEINT":
		return "DECIMAL(38,0)"
	case "BIGNUM", "BIT", "TIME WITH TIME ZONE":
		return "VARCHAR"
	}
	return spelling
}

// over selects from a relation whose columns are called c0, c1, …
func over(relation string, columns []api.TypedName, limit int64, each func(i int, value, typ string) string) string {
	var names, values []string
	for i, c := range columns {
		name := "c" + itoa(i)
		names, values = append(names, name), append(values, each(i, name, c.Type))
	}
	text := "SELECT " + strings.Join(values, ", ") + " FROM (\n" + relation + "\n) AS t(" + strings.Join(names, ", ") + ")"
	if limit > 0 {
		text += " LIMIT " + itoa(limit)
	}
	return text
}

// nested is the type of lists, structs, maps and unions. One that cannot be read is shown as DuckDB's text of it.
func nested(typ string) (types.Type, bool) {
	t, err := types.Parse(typ)
	return t, err == nil && t.Kind != types.Leaf
}

// Nested says whether values of a type come as JSON.
func Nested(typ string) bool {
	_, ok := nested(typ)
	return ok || typ == "JSON"
}

// finish turns the texts of a row into what Rows promises.
func finish(row []*string, columns []api.TypedName) error {
	for i, v := range row {
		if v == nil || i >= len(columns) {
			continue
		}
		t, ok := nested(columns[i].Type)
		if !ok {
			continue
		}
		text, err := t.JSON([]byte(*v), LeafJSON)
		if err != nil {
			return fault.Wrap(fault.Bug, err, "read column "+columns[i].Name)
		}
		whole := string(text)
		row[i] = &whole
	}
	return nil
}

// exact is the greatest integer that every reader of JSON keeps exactly: 2^53 (RFC 8259 §6).
const exact = 1 << 53

// LeafJSON is a value that is not nested in JSON (interface.md §9): integers beyond 2^53, HUGEINT and DECIMAL as text, NaN
// and infinities as null.
func LeafJSON(typ, text string) []byte {
	switch typ {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n <= exact && n >= -exact {
			return []byte(text)
		}
	case "FLOAT", "DOUBLE":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return []byte("null")
		}
		number, err := json.Marshal(f)
		if err != nil {
			return []byte("null")
		}
		return number
	case "BOOLEAN":
		if text == "true" || text == "false" {
			return []byte(text)
		}
	case "JSON":
		if json.Valid([]byte(text)) {
			return []byte(text)
		}
	}
	return types.Quote(text)
}

// paramTypes are the types that a parameter may have.
var paramTypes = []string{"VARCHAR", "BOOLEAN", "INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "UUID"}

// bind fills parameters in: every one of the statement must be given, and every given one be in it.
func bind(sql string, params []Param) (string, error) {
	used := map[string]bool{}
	text, err := lex.Bind(sql, func(name string) (string, error) {
		for _, p := range params {
			if strings.EqualFold(p.Name, name) && name != "" {
				used[strings.ToLower(p.Name)] = true
				return cast(p)
			}
		}
		return "", fault.Newf(fault.Data, "the parameter $%.60s is not given", name).WithHelp("Give it: --param " + name + "=VALUE")
	})
	if err != nil {
		return "", err
	}
	for _, p := range params {
		if !used[strings.ToLower(p.Name)] {
			return "", fault.Newf(fault.Config, "the statement has no parameter $%.60s", p.Name)
		}
	}
	return text, nil
}

func cast(p Param) (string, error) {
	typ := strings.ToUpper(p.Type)
	if typ == "" {
		typ = "VARCHAR"
	}
	if !slices.Contains(paramTypes, typ) {
		return "", fault.Newf(fault.Config, "a parameter cannot be of type %.40q", p.Type).WithHelp("Types are " + strings.Join(paramTypes, ", ") + ".")
	}
	if strings.ContainsRune(p.Value, 0) {
		return "", fault.Newf(fault.Config, "the parameter $%s holds a NUL character", p.Name)
	}
	return "CAST(" + Literal(p.Value) + " AS " + typ + ")", nil
}
