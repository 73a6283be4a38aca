package answer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/mirror/views"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// past is a session over the views of an older generation, in memory.
func past(w *mirror.Workspace, m api.Manifest) (duck.Session, error) {
	statements, _ := views.Statements(m, w.PartPath, nil)
	return duck.Session{Statements: statements, Folders: []string{w.Dir + "/server"}}, nil
}

// prompt reads statements and shows what they give, until the input ends. An error of a statement ends a script, not a
// person's session.
func prompt(ctx context.Context, g *ground.Ground, conn duck.Conn) error {
	people := g.Interactive()
	ask := func(text string) {
		if people {
			fmt.Fprint(g.Err, text)
		}
	}
	lines := bufio.NewScanner(g.In)
	lines.Buffer(nil, 16<<20)
	var statement strings.Builder
	for ask("analyst> "); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch {
		case statement.Len() == 0 && (line == ".quit" || line == ".exit" || line == `\q`):
			return nil
		case statement.Len() == 0 && line == ".tables":
			line = "SELECT schema_name || '.' || view_name AS name FROM duckdb_views() WHERE NOT internal UNION SELECT table_name FROM duckdb_tables() ORDER BY 1;"
		}
		statement.WriteString(line + "\n")
		if !strings.HasSuffix(line, ";") {
			if strings.TrimSpace(statement.String()) == "" {
				statement.Reset()
				ask("analyst> ")
			} else {
				ask("     ...> ")
			}
			continue
		}
		if err := show(ctx, g, conn, statement.String()); err != nil {
			if !people {
				return err
			}
			fmt.Fprintln(g.Err, terminal.Plain(fault.TextOf(err)))
		}
		statement.Reset()
		ask("analyst> ")
	}
	if rest := strings.TrimSpace(statement.String()); rest != "" && lines.Err() == nil {
		return show(ctx, g, conn, rest)
	}
	return lines.Err()
}

// show runs a statement and prints its rows.
func show(ctx context.Context, g *ground.Ground, conn duck.Conn, sql string) error {
	rows, err := conn.Run(ctx, sql)
	if err != nil {
		return err
	}
	var lines []table.Row
	for len(lines) < terminalRows {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(err, rows.Close())
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
	if len(header) > 0 && len(lines) > 0 {
		err = terminal.Grid(g.Out, header, lines)
	}
	return errors.Join(err, rows.Close())
}
