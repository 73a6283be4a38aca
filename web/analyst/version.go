package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
	"github.com/ai-data-analyst/broker/web/terminal"
)

func newVersion(g *ground.Ground) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Say which analyst this is", Args: cobra.NoArgs,
		Example: "  analyst version --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			engine := duck.Default()
			duckdb, err := engine.Version(cmd.Context())
			if err != nil {
				duckdb = "" // the kind says why
			}
			if asJSON {
				return terminal.JSON(g.Out, map[string]any{"version": version, "duckdb": engine.Kind(), "duckdb_version": duckdb, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			text := map[string]string{"linked": "DuckDB " + duckdb + " inside", "path": "with the duckdb " + duckdb + " on PATH", "none": "without DuckDB: install the duckdb program to query"}[engine.Kind()]
			_, err = fmt.Fprintf(g.Out, "analyst %s (%s, %s/%s)\n", version, text, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
