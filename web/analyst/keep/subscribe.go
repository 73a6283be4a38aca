package keep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/client"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// Modes of api.Subscriptions.
const (
	modeAll      = "all"
	modeExplicit = "explicit"
)

// NewSubscribe is the verb subscribe.
func NewSubscribe(g *ground.Ground) *cobra.Command {
	var everything, only, asJSON bool
	cmd := &cobra.Command{
		Use:   "subscribe [TABLE…]",
		Short: "Choose which granted tables come to your machines, or show the choice",
		Long: "Choose which of the tables that you may see come to your machines with a pull: at first all of them, also those that are\n" +
			"granted later. The choice is kept at the server, for every machine of yours. Without a table it is shown.",
		Example: "  analyst subscribe\n  analyst subscribe shop.orders\n  analyst subscribe --only shop.orders crm.people\n  analyst subscribe --all",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case everything && (only || len(args) > 0):
				return terminal.UsageError{Command: cmd, Err: errors.New("--all takes no tables")}
			case only && len(args) == 0:
				return terminal.UsageError{Command: cmd, Err: errors.New("--only needs the tables that shall come")}
			}
			return choose(cmd.Context(), g, asJSON, func(now api.Subscriptions, granted []string) (api.Subscriptions, error) {
				names, err := full(granted, args)
				switch {
				case err != nil:
					return now, err
				case everything:
					return api.Subscriptions{Mode: modeAll, Tables: []string{}}, nil
				case only:
					return api.Subscriptions{Mode: modeExplicit, Tables: names}, nil
				case now.Mode == modeExplicit:
					now.Tables = append(slices.Clone(now.Tables), names...)
				}
				return now, nil
			})
		},
	}
	cmd.Flags().BoolVar(&everything, "all", false, "every table that you may see, also later ones")
	cmd.Flags().BoolVar(&only, "only", false, "these tables and no others")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// NewUnsubscribe is the verb unsubscribe.
func NewUnsubscribe(g *ground.Ground) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "unsubscribe TABLE…",
		Short: "Leave tables out of what comes to your machines",
		Long: "Leave tables out: the next pull removes their files and views here. You may still ask them at the server. From then on only\n" +
			"what you chose comes; tables that are granted later do not, until you subscribe to them.",
		Example: "  analyst unsubscribe crm.people",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return choose(cmd.Context(), g, asJSON, func(now api.Subscriptions, granted []string) (api.Subscriptions, error) {
				names, err := full(granted, args)
				if err != nil {
					return now, err
				}
				if now.Mode == modeAll {
					now.Tables = granted
				}
				left := slices.DeleteFunc(slices.Clone(now.Tables), func(name string) bool { return slices.Contains(names, name) })
				return api.Subscriptions{Mode: modeExplicit, Tables: left}, nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// choose changes the choice that the server keeps and tells what holds. One that stays as it is is not sent.
func choose(ctx context.Context, g *ground.Ground, asJSON bool, change func(now api.Subscriptions, granted []string) (api.Subscriptions, error)) error {
	w, err := g.Workspace()
	if err != nil {
		return err
	}
	c, _, err := g.Server(w)
	if err != nil {
		return err
	}
	now, err := c.Subscriptions(ctx)
	if err != nil {
		return unserved(err)
	}
	granted, err := grantedTo(ctx, c)
	if err != nil {
		return err
	}
	wanted, err := change(now, granted)
	if err != nil {
		return err
	}
	slices.Sort(wanted.Tables)
	wanted.Tables = slices.Compact(wanted.Tables)
	changed := wanted.Mode != now.Mode || wanted.Mode == modeExplicit && !slices.Equal(wanted.Tables, slices.Sorted(slices.Values(now.Tables)))
	if changed {
		if now, err = c.Subscribe(ctx, wanted); err != nil {
			return err
		}
	}
	if asJSON {
		return terminal.JSON(g.Out, now)
	}
	return printChoice(g, now, granted, changed)
}

// unserved says of a server of before subscriptions that it is one.
func unserved(err error) error {
	if fault.CodeOf(err) == fault.NotFound {
		return fault.New(fault.Config, "this server keeps no subscriptions yet").WithHelp("Every granted table is pulled; fetch single ones with: analyst pull TABLE")
	}
	return err
}

func grantedTo(ctx context.Context, c *client.Client) ([]string, error) {
	catalog, err := c.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, t := range catalog.Tables {
		names = append(names, t.Name)
	}
	slices.Sort(names)
	return names, nil
}

// full are tables by their full names, of full ones and unique short ones.
func full(granted, asked []string) ([]string, error) {
	names := []string{}
	for _, name := range asked {
		var found []string
		for _, table := range granted {
			if _, short, _ := strings.Cut(table, "."); table == name || short == name {
				found = append(found, table)
			}
		}
		switch len(found) {
		case 1:
			names = append(names, found[0])
		case 0: // one that is not granted looks the same (G12)
			return nil, fault.Newf(fault.NotFound, "there is no table %q for you", name).WithHelp("analyst ls lists what is here; ask an admin if one is missing.")
		default:
			return nil, fault.Newf(fault.NotFound, "there are several tables %q for you", name).WithHelp("Name one in full: " + strings.Join(found, ", "))
		}
	}
	return names, nil
}

func printChoice(g *ground.Ground, now api.Subscriptions, granted []string, changed bool) error {
	if now.Mode == modeAll {
		fmt.Fprintf(g.Out, "Every table that you may see comes to your machines: %s, and what is granted later.\n", count(len(granted)))
	} else {
		fmt.Fprintf(g.Out, "%d of %s that you may see come to your machines:\n", len(now.Tables), count(len(granted)))
		for _, name := range now.Tables {
			fmt.Fprintln(g.Out, "  "+terminal.Plain(name))
		}
	}
	if !changed {
		return nil
	}
	_, err := fmt.Fprintln(g.Out, "To make it so here: analyst pull")
	return err
}

// count is a number of tables in words.
func count(n int) string {
	if n == 1 {
		return "1 table"
	}
	return fmt.Sprintf("%d tables", n)
}
