package main

import (
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
)

// newMemory and newSubscribe are verbs whose server side is not there yet: they say so.
func newMemory() *cobra.Command {
	return &cobra.Command{
		Use: "memory", Short: "Corporate memory (not served yet)",
		RunE: func(*cobra.Command, []string) error {
			return fault.New(fault.Config, "this server has no corporate memory yet").WithHelp("Keep notes in CLAUDE.local.md and share them with: analyst push")
		},
	}
}

func newSubscribe(verb string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " TABLE", Short: "Choose which granted tables a pull fetches (not served yet)",
		RunE: func(*cobra.Command, []string) error {
			return fault.New(fault.Config, "this server keeps no subscriptions yet").WithHelp("Every granted table is pulled; fetch single ones with: analyst pull TABLE")
		},
	}
}
