// Command measure reads every table of an instance with DuckDB and prints, as JSON, what another reader has to find: for
// each table its folder and questions in ClickHouse's SQL with DuckDB's answers. Input: "broker tables --json --files".
package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the first reader

	"github.com/ai-data-analyst/broker/test/readers/view"
)

// question is asked of both readers. Answers are compared as text, numbers of kind "float" within 1e-9 of each other.
type question struct {
	Column string  `json:"column"`
	What   string  `json:"what"`
	Kind   string  `json:"kind"`
	SQL    string  `json:"sql"` // for ClickHouse
	Want   *string `json:"want"`
	duck   string
}

type table struct {
	Name      string     `json:"name"`
	Folder    string     `json:"folder"`
	Rows      int64      `json:"rows"`
	Questions []question `json:"questions"`
	LeftOut   []string   `json:"left_out"` // columns beyond the other reader's range
}

func main() {
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measure() error {
	var report struct{ Tables []view.Table }
	if err := json.NewDecoder(os.Stdin).Decode(&report); err != nil {
		return fmt.Errorf("read the list of tables: %w", err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	tables := []table{}
	for _, t := range report.Tables {
		one, err := measureTable(db, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		tables = append(tables, one)
	}
	return json.NewEncoder(os.Stdout).Encode(tables)
}

func measureTable(db *sql.DB, t view.Table) (table, error) {
	one := table{Name: t.Name, Folder: strings.TrimPrefix(t.Location, "file://"), Rows: t.Rows, LeftOut: []string{}}
	from, err := t.Relation()
	if err != nil {
		return one, err
	}
	columns, err := t.Columns()
	if err != nil {
		return one, err
	}
	questions := []question{{What: "count", duck: "count(*)", SQL: "count()"}}
	for _, c := range columns {
		asked, err := ask(db, from, c, t.Rows)
		if err != nil {
			return one, err
		}
		if asked == nil {
			one.LeftOut = append(one.LeftOut, c.Name)
		}
		questions = append(questions, asked...)
	}
	for _, q := range questions {
		if err := db.QueryRow("SELECT CAST(" + q.duck + " AS VARCHAR) FROM " + from).Scan(&q.Want); err != nil {
			return one, fmt.Errorf("%s of %s: %w", q.What, q.Column, err)
		}
		one.Questions = append(one.Questions, q)
	}
	return one, nil
}

// ask lists the questions about a column; none when the other reader cannot hold its values.
func ask(db *sql.DB, from string, c view.Column, rows int64) ([]question, error) {
	if rows == 0 {
		return []question{}, nil // sums over nothing are NULL here and 0 there
	}
	name := `"` + c.Name + `"`
	var kind string
	if json.Unmarshal(c.Type, &kind) != nil {
		return nested(c, name)
	}
	if kind == "date" || strings.HasPrefix(kind, "timestamp") {
		var fits bool
		err := db.QueryRow("SELECT coalesce(min(year(" + name + ")) >= 1900 AND max(year(" + name + ")) < 2299, true) FROM " + from).Scan(&fits)
		if err != nil || !fits {
			return nil, err
		}
	}
	questions := []question{{Column: c.Name, What: "values", duck: "count(" + name + ")", SQL: "count(" + name + ")"}}
	add := func(what, kind, duck, click string) {
		questions = append(questions, question{Column: c.Name, What: what, Kind: kind,
			duck: strings.ReplaceAll(duck, "@", name), SQL: "toString(" + strings.ReplaceAll(click, "@", name) + ")"})
	}
	distinct := func() { add("distinct", "", "count(DISTINCT @)", "uniqExact(@)") }
	ends := func(duck, click string) {
		add("min", "", strings.ReplaceAll(duck, "#", "min(@)"), strings.ReplaceAll(click, "#", "min(@)"))
		add("max", "", strings.ReplaceAll(duck, "#", "max(@)"), strings.ReplaceAll(click, "#", "max(@)"))
		distinct()
	}
	switch {
	case kind == "boolean":
		add("sum", "", "sum(CAST(@ AS INTEGER))", "sum(@)")
	case kind == "int" || kind == "long":
		add("sum", "", "sum(CAST(@ AS HUGEINT))", "sum(toInt128(@))")
		ends("#", "#")
	case strings.HasPrefix(kind, "decimal("):
		add("sum", "decimal", "sum(CAST(@ AS DOUBLE))", "sum(toFloat64(@))")
		add("min", "decimal", "min(@)", "min(@)")
		add("max", "decimal", "max(@)", "max(@)")
		distinct()
	case kind == "float" || kind == "double":
		add("sum", "float", "sum(@)", "sum(@)")
		add("min", "float", "min(@)", "min(@)")
		add("max", "float", "max(@)", "max(@)")
	case kind == "string":
		add("bytes", "", "sum(strlen(@))", "sum(length(@))")
		ends("hex(#)", "hex(#)")
	case kind == "binary":
		add("bytes", "", "sum(octet_length(@))", "sum(length(@))")
		ends("hex(#)", "hex(#)")
	case kind == "date":
		ends("# - DATE '1970-01-01'", "toInt32(#)")
	case kind == "time":
		// ClickHouse takes Iceberg's time for whole seconds.
		add("min", "", "epoch_us(min(@)) // 1000000", "min(@)")
		add("max", "", "epoch_us(max(@)) // 1000000", "max(@)")
	default: // timestamp, timestamptz
		ends("epoch_us(#)", "toUnixTimestamp64Micro(#)")
	}
	return questions, nil
}

// nested asks how much is in lists, structs and maps.
func nested(c view.Column, name string) ([]question, error) {
	var t struct {
		Type   string
		Fields []view.Column
	}
	if err := json.Unmarshal(c.Type, &t); err != nil {
		return nil, err
	}
	q := question{Column: c.Name, What: "entries", duck: "coalesce(sum(len(" + name + ")), 0)", SQL: "toString(sum(length(" + name + ")))"}
	switch t.Type {
	case "map":
		q.duck = "coalesce(sum(cardinality(" + name + ")), 0)"
	case "struct":
		var questions []question
		for _, f := range t.Fields {
			if string(f.Type) != `"long"` && string(f.Type) != `"string"` {
				continue
			}
			path := name + "." + `"` + f.Name + `"`
			questions = append(questions, question{Column: c.Name + "." + f.Name, What: "distinct", duck: "count(DISTINCT " + path + ")", SQL: "toString(uniqExact(" + path + "))"})
		}
		return questions, nil
	}
	return []question{q}, nil
}
