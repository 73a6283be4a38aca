package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

func newPlugins(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "plugins", Short: "List, trust and examine plugins"}
	cmd.AddCommand(newPluginsList(g, "list", "List every entry of the plugin folder, unfit ones with the reason", false),
		newPluginsList(g, "verify", "Hash every plugin again; exit 1 when one is not ready", true),
		newPluginsPin(g), newPluginsUnpin(g), newPluginsDescribe(g), newPluginsDoctor(g))
	return cmd
}

func newPluginsList(g *global, use, short string, strict bool) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Example: "  broker plugins " + use + "\n  broker plugins " + use + " --json | jq '.[] | select(.status != \"ready\")'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			list := broker.Plugins
			if strict {
				list = broker.VerifyPlugins
			}
			found, err := list(cmd.Context())
			if err != nil {
				return err
			}
			rows, ready := make([]table.Row, len(found)), true
			for i, p := range found {
				rows[i] = table.Row{p.Name, p.Kind, p.Version, p.Status, short12(p.SHA256), p.Reason}
				ready = ready && p.Status == "ready"
			}
			if asJSON {
				err = printJSON(g.out, emptyIfNil(found))
			} else {
				err = grid(g.out, table.Row{"NAME", "KIND", "VERSION", "STATUS", "SHA256", "REASON"}, rows)
			}
			if err == nil && strict && !ready {
				return errFailed
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func emptyIfNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func short12(hash string) string { return hash[:min(12, len(hash))] }

func newPluginsPin(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "pin NAME", Short: "Trust the file that now lies in the plugin folder", Args: cobra.ExactArgs(1),
		Example: "  broker plugins pin csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			p, err := broker.PinPlugin(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(g.out, "pinned %s\n  file   %s\n  sha256 %s\n", p.Name, p.Path, p.SHA256)
			return err
		},
	}
}

func newPluginsUnpin(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "unpin NAME", Short: "Take trust in a plugin back", Args: cobra.ExactArgs(1),
		Example: "  broker plugins unpin csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			had, err := broker.UnpinPlugin(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			text := "unpinned " + args[0]
			if !had {
				text = args[0] + " was not pinned"
			}
			_, err = fmt.Fprintln(g.out, text)
			return err
		},
	}
}

func newPluginsDescribe(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "describe NAME", Short: "Say what a trusted plugin is and which settings it takes", Args: cobra.ExactArgs(1),
		Example: "  broker plugins describe csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			d, err := broker.DescribePlugin(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(g.out, d)
			}
			fmt.Fprintf(g.out, "%s %s %s — %s\n\n", d.Kind, d.Name, d.Version, d.Doc)
			rows := make([]table.Row, len(d.Settings))
			for i, f := range d.Settings {
				rows[i] = table.Row{f.Name, f.Type, rule(f.Required, f.Secret, f.Default, f.OneOf), f.Doc}
			}
			return grid(g.out, table.Row{"SETTING", "TYPE", "RULE", "MEANING"}, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func rule(required, secret bool, otherwise string, oneOf []string) string {
	var parts []string
	if required {
		parts = append(parts, "required")
	}
	if secret {
		parts = append(parts, "secret")
	}
	if otherwise != "" {
		parts = append(parts, "default "+otherwise)
	}
	if len(oneOf) > 0 {
		parts = append(parts, "one of "+strings.Join(oneOf, ", "))
	}
	return strings.Join(parts, ", ")
}

func newPluginsDoctor(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "doctor NAME", Short: "Start a trusted plugin, ask how it is, and stop it", Args: cobra.ExactArgs(1),
		Example: "  broker plugins doctor csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer broker.Close()
			d, err := broker.DoctorPlugin(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(g.out, d)
			}
			rows, good := make([]table.Row, len(d.Steps)), true
			for i, step := range d.Steps {
				state := "ok"
				if !step.OK {
					state, good = "failed", false
				}
				rows[i] = table.Row{step.Name, state, fmt.Sprintf("%.0f ms", step.Millis), step.Note}
			}
			if err := grid(g.out, table.Row{"STEP", "RESULT", "TOOK", "NOTE"}, rows, 3); err != nil || good {
				return err
			}
			return errFailed
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
