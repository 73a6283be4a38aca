// Package example writes what a person can copy for a table: statements, a question for an assistant, lines of Python and R.
// All of it is made from the real columns of the table, so that it works as it stands.
package example

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ai-data-analyst/broker/web/api"
)

// Column is what examples need to know of a column.
type Column struct {
	Name     string
	Type     string // as DuckDB spells it
	Key, PII bool
	Distinct int64 // 0 = not known
}

// Texts are what can be copied.
type Texts struct {
	Question, SQL, Python, R string
}

// reserved are the words that DuckDB takes for something else where a name could stand:
// SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function').
const reserved = " all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check collate collation column " +
	"concurrently constraint create cross default deferrable desc describe distinct do else end except false fetch for foreign freeze from full generated glob " +
	"grant group having ilike in initially inner intersect into is isnull join lambda lateral leading left like limit map natural not notnull null offset on only or order " +
	"outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning right select semi show similar some struct " +
	"summarize symmetric table tablesample then to trailing true try_cast union unique unpivot using variadic verbose when where window with "

var bare = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// Name is an identifier of SQL, quoted where it must be.
func Name(name string) string {
	if bare.MatchString(name) && !strings.Contains(reserved, " "+name+" ") {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Table is the name of a table in SQL.
func Table(name string) string {
	space, table, _ := strings.Cut(name, ".")
	return Name(space) + "." + Name(table)
}

// Of writes the examples for a table.
func Of(table string, columns []Column) Texts {
	at, what, by := when(columns), measure(columns), group(columns)
	_, short, _ := strings.Cut(table, ".")
	return Texts{Question: question(table, at, what, by), SQL: statement(table, at, what, by),
		Python: "import duckdb\ndb = duckdb.connect('user/duckdb/analytics.duckdb',\n                    read_only=True)\ndf = db.sql(" + python("FROM "+Table(table)) + ").df()",
		R:      "library(duckdb)\ndb <- dbConnect(duckdb(), 'user/duckdb/analytics.duckdb',\n                read_only = TRUE)\n" + variable(short) + " <- dbGetQuery(db, " + python("FROM "+Table(table)) + ")"}
}

// python is a text in single quotes, as Python and R read it.
func python(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(text) + "'"
}

// variable is a name for a variable in R.
func variable(table string) string {
	if bare.MatchString(table) && !strings.HasPrefix(table, "_") && !slices.Contains([]string{"if", "else", "repeat", "while", "function", "for", "next", "break", "in", "db"}, table) {
		return table
	}
	return "rows"
}

// when is the first column with days or moments.
func when(columns []Column) string {
	for _, c := range columns {
		if !c.PII && (c.Type == "DATE" || strings.HasPrefix(c.Type, "TIMESTAMP")) {
			return c.Name
		}
	}
	return ""
}

var numbers = regexp.MustCompile(`^(DECIMAL.*|DOUBLE|FLOAT|U?(TINY|SMALL|BIG)INT|U?INTEGER|HUGEINT)$`)

// measure is a column that it makes sense to add up: the first of a kind that has fractions, else the first number. What
// names something is no measure.
func measure(columns []Column) string {
	first := ""
	for _, c := range columns {
		if c.Key || c.PII || c.Distinct == 1 || !numbers.MatchString(c.Type) || strings.HasSuffix(c.Name, "_id") || c.Name == "id" {
			continue
		}
		if strings.HasPrefix(c.Type, "DECIMAL") || c.Type == "DOUBLE" || c.Type == "FLOAT" {
			return c.Name
		}
		if first == "" {
			first = c.Name
		}
	}
	return first
}

// group is a column of few different texts.
func group(columns []Column) string {
	for _, c := range columns {
		if !c.Key && !c.PII && c.Distinct > 1 && c.Distinct <= 50 && (c.Type == "VARCHAR" || c.Type == "BOOLEAN") {
			return c.Name
		}
	}
	return ""
}

func statement(table, at, what, by string) string {
	value := "count(*) AS n"
	if what != "" {
		value = "count(*) AS n, sum(" + Name(what) + ") AS total"
	}
	switch {
	case at != "":
		return fmt.Sprintf("SELECT date_trunc('month', %s) AS since,\n       %s\nFROM   %s\nGROUP  BY 1\nORDER  BY 1;", Name(at), value, Table(table))
	case by != "":
		return fmt.Sprintf("SELECT %s, %s\nFROM   %s\nGROUP  BY 1\nORDER  BY 2 DESC;", Name(by), value, Table(table))
	default:
		return fmt.Sprintf("SELECT %s\nFROM   %s;", value, Table(table))
	}
}

func question(table, at, what, by string) string {
	text := "Using " + table + ", "
	switch {
	case at != "" && what != "" && by != "":
		text += fmt.Sprintf("which %s grew most by %s in the last three months of %s?", by, what, at)
	case at != "" && what != "":
		text += fmt.Sprintf("how did the sum of %s develop by month of %s?", what, at)
	case at != "" && by != "":
		text += fmt.Sprintf("how did the number of rows of each %s develop by month of %s?", by, at)
	case by != "":
		text += fmt.Sprintf("how do the values of %s differ from each other?", by)
	default:
		text += "what is in it, and what should I know before I use it?"
	}
	return text + "\nShow me the SQL you ran and how fresh the data is."
}

// Join is a statement over a table and one that it is related to; own is the column of the first, other that of the second.
func Join(table string, r api.ProfileRelation) string {
	return fmt.Sprintf("SELECT count(*) AS n,\n       count(DISTINCT a.%s) AS matched\nFROM   %s a\nJOIN   %s b\n  ON   a.%s = b.%s;",
		Name(r.Column), Table(table), Table(r.Table), Name(r.Column), Name(r.RefColumn))
}
