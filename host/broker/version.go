package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func newVersion(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Say which broker this is", Args: cobra.NoArgs,
		Example: "  broker version --json",
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return printJSON(g.out, map[string]any{"version": version, "protocol": 1, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			_, err := fmt.Fprintf(g.out, "broker %s (plugin protocol 1, %s/%s)\n", version, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
