package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ai-data-analyst/broker/host/internal/app"
	"github.com/ai-data-analyst/broker/web/terminal"
)

func printJSON(w io.Writer, document any) error { return terminal.JSON(w, document) }

func grid(w io.Writer, header table.Row, rows []table.Row, numbers ...int) error {
	return terminal.Grid(w, header, rows, numbers...)
}

func count(n int64) string { return terminal.Count(n) }
func size(n int64) string  { return terminal.Size(n) }

// failureText is a failure on one line, its help on the next.
func failureText(f *app.Failure) string {
	out := fmt.Sprintf("%s (%s)", f.Message, f.Code)
	if f.Help != "" {
		out += "\n    " + f.Help
	}
	return out
}
