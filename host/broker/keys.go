package main

import (
	"errors"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/host/internal/app"
)

func newKeys(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "The keys that manifests are signed with",
		Long: "Analysts' programs pin the first key that they see, and follow a rotation because each new key is signed by the one\nbefore. Losing <data_dir>/state/keys means that every analyst has to log in with --repin."}
	cmd.AddCommand(newKeysList(g), newKeysRotate(g))
	return cmd
}

func newKeysList(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the public keys, the one that signs first", Args: cobra.NoArgs,
		Example: "  broker keys list\n  broker keys list --json | jq -r '.keys[0].fingerprint'",
		RunE: func(*cobra.Command, []string) (err error) {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, broker.Close()) }()
			return listKeys(g, broker, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func listKeys(g *global, broker *app.App, asJSON bool) error {
	keys, err := broker.Keys()
	if err != nil {
		return err
	}
	reports, err := keys.List()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(g.out, map[string]any{"keys": reports})
	}
	rows := make([]table.Row, len(reports))
	for i, k := range reports {
		signed := k.SignedBy
		if signed == "" {
			signed = "the first"
		}
		rows[i] = table.Row{k.ID, k.CreatedAt, signed, k.Fingerprint}
	}
	return grid(g.out, table.Row{"key", "made", "signed by", "fingerprint"}, rows)
}

func newKeysRotate(g *global) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "rotate", Short: "Make a new signing key, signed by the one before", Args: cobra.NoArgs,
		Long:    "The new key signs from now on, also in a broker that is serving. The secret of the one before is removed.\nWhat browsers' cookies are signed with is made anew too; cookies of the old key hold until they run out.",
		Example: "  broker keys rotate",
		RunE: func(*cobra.Command, []string) (err error) {
			broker, err := g.open(false)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, broker.Close()) }()
			keys, err := broker.Keys()
			if err != nil {
				return err
			}
			made, err := keys.Rotate()
			if err != nil {
				return err
			}
			if err := broker.RotateCookieKeys(); err != nil {
				return err
			}
			if asJSON {
				return printJSON(g.out, made)
			}
			_, err = fmt.Fprintf(g.out, "key %s signs from now on, signed by %s\nfingerprint %s\n", made.ID, made.SignedBy, made.Fingerprint)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}
