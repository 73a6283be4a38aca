// Command orders writes the table on which reading CSV is measured to standard output.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/internal/gen"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("orders", flag.ContinueOnError)
	flags.SetOutput(errs)
	rows := flags.Int("rows", 1_000_000, "rows to write")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := gen.Orders(out, *rows); err != nil {
		fmt.Fprintln(errs, "orders:", err)
		return 1
	}
	return 0
}
