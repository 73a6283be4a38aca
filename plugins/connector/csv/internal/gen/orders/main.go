// Command orders writes the table on which reading CSV is measured to standard output.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/internal/gen"
)

func main() {
	rows := flag.Int("rows", 1_000_000, "rows to write")
	flag.Parse()
	if err := gen.Orders(os.Stdout, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}
