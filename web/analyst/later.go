package main

import (
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// newMemory is a verb whose server side is not there yet: it says so.
func newMemory() *cobra.Command {
	return &cobra.Command{
		Use: "memory", Short: "Corporate memory (not served yet)",
		RunE: func(*cobra.Command, []string) error {
			return fault.New(fault.Config, "this server has no corporate memory yet").WithHelp("Keep notes in CLAUDE.local.md and share them with: analyst push")
		},
	}
}
