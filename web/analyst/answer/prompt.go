package answer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/mirror/lex"
	"github.com/ai-data-analyst/broker/web/mirror/views"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// past is a session over the views of an older generation, in memory.
func past(ctx context.Context, w *mirror.Workspace, m api.Manifest) (duck.Session, error) {
	statements, _ := views.Statements(m, w.PartPath, nil)
	_, err := ground.Whole(ctx, w, m.Generation, m.Tables)
	return duck.Session{Statements: statements, Folders: []string{filepath.Join(w.Dir, "server")}}, err
}

// listTables is what .tables asks.
const listTables = "SELECT schema_name || '.' || view_name AS name FROM duckdb_views() WHERE NOT internal UNION ALL SELECT table_name FROM duckdb_tables() WHERE database_name = 'mine' ORDER BY 1;"

// promptHelp is what .help prints.
const promptHelp = "A statement ends with a semicolon and may span lines. .tables lists tables; .quit, Ctrl-D or Ctrl-C ends.\n"

// prompt reads statements and shows what they give, until the input or the context ends. An error of a statement ends a
// script, not a person's session.
func prompt(ctx context.Context, g *ground.Ground, conn duck.Conn) error {
	people := g.Interactive()
	ask := func(text string) {
		if people {
			fmt.Fprint(g.Err, text)
		}
	}
	next, ended := typed(ctx, g.In)
	rest := ""
	ask("analyst> ")
	for line, ok := next(); ok; line, ok = next() {
		if command := strings.TrimSpace(line); rest == "" || people {
			switch command {
			case ".quit", ".exit", `\q`:
				return nil
			case ".help":
				ask(promptHelp)
				line = ""
			case ".tables":
				line = listTables
			}
		}
		var whole []string
		whole, rest = lex.Statements(rest + line + "\n")
		for _, statement := range whole {
			if err := show(ctx, g, conn, statement, people); err != nil {
				if !people || ctx.Err() != nil {
					return err
				}
				fmt.Fprintln(g.Err, terminal.Plain(fault.TextOf(err)))
			}
		}
		if rest == "" {
			ask("analyst> ")
			continue
		}
		rest += "\n"
		ask("     ...> ")
	}
	select {
	case <-ctx.Done(): // Ctrl-C is one way to end
		ask("\n")
		return nil
	default:
	}
	if err := ended(); err != nil || rest == "" {
		return fault.Wrap(fault.Config, err, "read the statements")
	}
	return show(ctx, g, conn, rest, people)
}

// typed hands out lines: next is false when the input has ended, or ctx has, since a person who presses Ctrl-C does not want
// to type one more line. ended is what ended the input.
func typed(ctx context.Context, in io.Reader) (next func() (string, bool), ended func() error) {
	lines, failed := make(chan string), make(chan error, 1)
	go func() { // ends with the input, at the latest with the program
		defer close(lines)
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, 16<<20)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
		failed <- scanner.Err()
	}()
	next = func() (string, bool) {
		select {
		case line, ok := <-lines:
			return line, ok
		case <-ctx.Done():
			return "", false
		}
	}
	return next, func() error { return <-failed }
}

// show runs a statement and prints its rows: all of them for a script, some for a person.
func show(ctx context.Context, g *ground.Ground, conn duck.Conn, sql string, people bool) (err error) {
	rows, err := conn.Run(ctx, sql)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var lines []table.Row
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if people && len(lines) == terminalRows {
			fmt.Fprintf(g.Err, "only the first %d rows are shown: LIMIT, or analyst query --limit 0, shows others\n", terminalRows)
			break
		}
		var cells table.Row
		for _, v := range row {
			if v == nil {
				cells = append(cells, "NULL")
				continue
			}
			cells = append(cells, short(*v, 60))
		}
		lines = append(lines, cells)
	}
	header := table.Row{}
	for _, c := range rows.Columns() {
		header = append(header, terminal.Plain(c.Name))
	}
	if people && len(header) > 0 && len(lines) == 0 {
		fmt.Fprintln(g.Err, "no rows")
	}
	if len(header) == 0 || len(lines) == 0 {
		return nil
	}
	return terminal.Grid(g.Out, header, lines)
}
