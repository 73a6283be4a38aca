// Program duckdb stands for DuckDB's own command line where tests have none: it does what that does with the flags and
// input that the engine uses, its dangers included. Lines are read from standard input; one that begins with a dot where
// no statement is under way is a command of the shell's (.shell runs a program); a statement ends with a semicolon at the
// end of a line, as far as single and double quotes and comments tell (E'…' and dollar quotes are not known, as in the
// shell). Rows are printed as a JSON object a line, NULL as null, numbers and booleans plain, other values as texts.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	bail, lines := false, false
	var scripts []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--version", "-version":
			return version()
		case "-init":
			i++
			text, err := os.ReadFile(args[i])
			if err != nil {
				return err
			}
			scripts = append(scripts, string(text))
		case "-batch":
		case "-bail":
			bail = true
		case "-jsonlines":
			lines = true
		default:
			return fmt.Errorf("unknown option: %s", args[i])
		}
	}
	if !bail || !lines {
		return errors.New("the shell of the tests knows -bail and -jsonlines only")
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, script := range append(scripts, string(text)) {
		if err := execute(conn, script, out); err != nil {
			return err
		}
	}
	return nil
}

func version() error {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	var v string
	if err := db.QueryRow("SELECT version()").Scan(&v); err != nil {
		return err
	}
	fmt.Println(v + " (Andium) 0123456789")
	return nil
}

func execute(conn *sql.Conn, script string, out *bufio.Writer) error {
	statement := ""
	for line := range strings.Lines(script) {
		if strings.TrimSpace(statement) == "" && strings.HasPrefix(line, ".") {
			if err := dot(strings.TrimSpace(line)); err != nil {
				return err
			}
			continue
		}
		statement += line
		if blank(statement) {
			statement = ""
			continue
		}
		if !complete(statement) {
			continue
		}
		if err := query(conn, statement, out); err != nil {
			return err
		}
		statement = ""
	}
	if strings.TrimSpace(statement) == "" {
		return nil
	}
	return query(conn, statement, out)
}

func dot(line string) error {
	command, rest, _ := strings.Cut(line, " ")
	switch command {
	case ".shell", ".system":
		return exec.Command("sh", "-c", rest).Run()
	case ".print":
		fmt.Println(rest)
		return nil
	}
	return fmt.Errorf("Unknown Command Error: \"%s\"", command)
}

// scan walks over quotes and comments and reports what is left, with a semicolon at the end or not.
func scan(text string) (rest string) {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		end := 1
		switch {
		case text[i] == '\'' || text[i] == '"':
			end = strings.IndexByte(text[i+1:], text[i]) + 2
			out.WriteByte('q')
		case strings.HasPrefix(text[i:], "--"):
			end = strings.IndexByte(text[i:], '\n')
		case strings.HasPrefix(text[i:], "/*"):
			end = strings.Index(text[i:], "*/") + 2
		default:
			out.WriteByte(text[i])
		}
		if end <= 0 || (text[i] == '\'' || text[i] == '"' || strings.HasPrefix(text[i:], "/*")) && end == 1 {
			return out.String() + "…" // it goes on
		}
		i += end - 1
	}
	return strings.TrimSpace(out.String())
}

func blank(text string) bool    { return scan(text) == "" }
func complete(text string) bool { return strings.HasSuffix(scan(text), ";") }

func query(conn *sql.Conn, statement string, out *bufio.Writer) error {
	return conn.Raw(func(raw any) error {
		prepared, err := raw.(*duckdb.Conn).PrepareContext(context.Background(), statement)
		if err != nil {
			return err
		}
		defer prepared.Close()
		stmt := prepared.(*duckdb.Stmt)
		kind, err := stmt.StatementType()
		if err != nil {
			return err
		}
		rows, err := stmt.QueryContext(context.Background(), nil)
		if err != nil {
			return err
		}
		defer rows.Close()
		shown := kind == duckdb.STATEMENT_TYPE_SELECT || kind == duckdb.STATEMENT_TYPE_EXPLAIN || kind == duckdb.STATEMENT_TYPE_PRAGMA || kind == duckdb.STATEMENT_TYPE_CALL
		return printRows(rows, shown, out)
	})
}

func printRows(rows driver.Rows, shown bool, out *bufio.Writer) error {
	names := rows.Columns()
	values := make([]driver.Value, len(names))
	for {
		if err := rows.Next(values); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if !shown {
			continue
		}
		for i, name := range names {
			before := ","
			if i == 0 {
				before = "{"
			}
			key, err := json.Marshal(name)
			if err != nil {
				return err
			}
			value, err := inJSON(values[i])
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "%s%s:%s", before, key, value)
		}
		fmt.Fprintln(out, "}")
	}
}

func inJSON(value driver.Value) ([]byte, error) {
	switch value.(type) {
	case nil, bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, string:
		return json.Marshal(value)
	}
	return json.Marshal(fmt.Sprint(value))
}
