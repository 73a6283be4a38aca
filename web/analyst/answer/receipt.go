package answer

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/mirror/receipt"
	"github.com/ai-data-analyst/broker/web/terminal"
)

// NewReceipt is the verb receipt.
func NewReceipt(g *ground.Ground) *cobra.Command {
	cmd := &cobra.Command{Use: "receipt", Short: "Show, replay and verify where answers came from"}
	cmd.AddCommand(newReceiptList(g), newReceiptShow(g), newReceiptReplay(g), newReceiptVerify(g))
	return cmd
}

func newReceiptList(g *ground.Ground) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the receipts of this workspace, newest first", Args: cobra.NoArgs, Example: "  analyst receipt list",
		RunE: func(*cobra.Command, []string) error {
			w, err := g.Workspace()
			if err != nil {
				return err
			}
			list, unreadable, err := receipt.List(receipts(w))
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.JSON(g.Out, append([]receipt.Receipt{}, list...))
			}
			rows := make([]table.Row, len(list))
			for i, r := range list {
				rows[i] = table.Row{r.ID, r.At.Format("2006-01-02 15:04"), r.Generation, terminal.Count(r.Rows), short(r.SQL, 70)}
			}
			if err := terminal.Grid(g.Out, table.Row{"RECEIPT", "AT", "GENERATION", "ROWS", "SQL"}, rows, 3, 4); err != nil {
				return err
			}
			if unreadable > 0 {
				fmt.Fprintf(g.Err, "%d files in .analyst/receipts cannot be read\n", unreadable)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// found reads a receipt by id or from a file; a workspace is needed for an id only.
func found(g *ground.Ground, name string) (receipt.Receipt, *mirror.Workspace, error) {
	w, err := g.Workspace()
	dir := ""
	if err == nil {
		dir = receipts(w)
	}
	r, missing := receipt.Load(dir, name)
	return r, w, missing
}

func newReceiptShow(g *ground.Ground) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show ID|FILE", Short: "Show where an answer came from", Args: cobra.ExactArgs(1), Example: "  analyst receipt show 01k5",
		RunE: func(_ *cobra.Command, args []string) error {
			r, _, err := found(g, args[0])
			if err != nil {
				return err
			}
			state, damage := "untouched since it was signed", r.Verify()
			if damage != nil {
				state = fault.TextOf(damage)
			}
			if asJSON {
				if err := terminal.JSON(g.Out, r); err != nil {
					return err
				}
				return damage
			}
			fmt.Fprintf(g.Out, "receipt     %s\nat          %s by user %s\ngeneration  %d (manifest %.12s)\nengine      %s %s\nrows        %s, hash %.16s\nrepeatable  %v\nsignature   %s\n\n%s\n",
				r.ID, r.At.Format("2006-01-02 15:04:05 MST"), r.User, r.Generation, r.ManifestSHA256, r.Engine.Name, r.Engine.Version, terminal.Count(r.Rows), r.ResultSHA256,
				r.Deterministic, state, r.SQL)
			for _, p := range r.Params {
				fmt.Fprintf(g.Out, "$%s = %s\n", p.Name, terminal.Plain(p.Value))
			}
			for _, t := range r.Tables {
				fmt.Fprintf(g.Out, "table       %s (parts %.12s)\n", t.Name, t.PartsSHA256)
			}
			return damage
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

func newReceiptVerify(g *ground.Ground) *cobra.Command {
	return &cobra.Command{
		Use: "verify FILE|ID", Short: "Check that a receipt was not changed since it was signed", Args: cobra.ExactArgs(1), Example: "  analyst receipt verify answer.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, w, err := found(g, args[0])
			if err != nil {
				return err
			}
			if err := r.Verify(); err != nil {
				return err
			}
			who, err := vouched(cmd.Context(), g, w, r)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(g.Out, "receipt %s is untouched; %s\n", r.ID, who)
			return err
		},
	}
}

func newReceiptReplay(g *ground.Ground) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "replay ID|FILE",
		Short:   "Run an answer again and compare: exit 0 same, 1 different, 3 not available, 5 not permitted",
		Example: "  analyst receipt replay 01k5\n  analyst receipt replay ../from-a-colleague.json --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, w, err := found(g, args[0])
			if err != nil {
				return err
			}
			if w == nil {
				_, err := g.Workspace()
				return err
			}
			out, err := receipt.Replay(cmd.Context(), r, func(n int64) (api.Manifest, error) {
				m, _, err := w.Manifest(n)
				return m, err
			}, func(ctx context.Context, r receipt.Receipt) (receipt.Result, error) { return again(ctx, g, r) })
			if err != nil {
				return err
			}
			if asJSON {
				err = terminal.JSON(g.Out, out)
			} else {
				_, err = fmt.Fprintf(g.Out, "%s: %s\n", out.Verdict, out.Why)
			}
			if err != nil {
				return err
			}
			return map[receipt.Verdict]error{receipt.Different: terminal.ErrFailed, receipt.NotAvailable: terminal.ErrHeld, receipt.NotPermitted: terminal.ErrPermission}[out.Verdict]
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	return cmd
}

// again runs a receipt's statement over its generation.
func again(ctx context.Context, g *ground.Ground, r receipt.Receipt) (receipt.Result, error) {
	f := queryFlags{generation: r.Generation, limit: r.Limit}
	for _, p := range r.Params {
		f.params = append(f.params, p.Name+":"+p.Type+"="+p.Value)
	}
	q, err := begin(ctx, g, r.SQL, f)
	if err != nil {
		return receipt.Result{}, err
	}
	defer q.Close()
	if err := q.answer.Rest(); err != nil {
		return receipt.Result{}, err
	}
	return q.hasher.Result()
}

// vouched says whose key signed a receipt: the server's certificate in it says so, checked with the key that was pinned.
func vouched(ctx context.Context, g *ground.Ground, w *mirror.Workspace, r receipt.Receipt) (string, error) {
	c := r.Certificate
	if c == nil {
		return "no server says whose key signed it", nil
	}
	if c.PublicKey != r.Key || c.User != r.User {
		return "", fault.New(fault.Config, "the receipt is damaged: its certificate is for another key or person")
	}
	if w == nil {
		return fmt.Sprintf("its certificate names %s; in a workspace of that server it would be checked", terminal.Plain(c.Email)), nil
	}
	config, err := w.Config()
	if err != nil {
		return "", err
	}
	if c.Instance != config.Instance.ID {
		return fmt.Sprintf("its certificate names %s, by another server than this workspace's", terminal.Plain(c.Email)), nil
	}
	pinned, err := base64.StdEncoding.DecodeString(config.Key)
	if err != nil {
		return "", fault.Wrap(fault.Config, err, "read the pinned key")
	}
	if err := c.Verify(certifier(ctx, g, w, pinned, c.Key)); err != nil {
		return "", &fault.Fault{Code: fault.Config, What: "the receipt's certificate is not by the server that you pinned", Err: err,
			Help: "If the server's key was rotated and the server was not reached, try again later. Else the receipt is not what it says."}
	}
	return "signed by " + terminal.Plain(c.Email) + ", as the server certifies", nil
}

// certifier is the key that a certificate should be by: the pinned one, or, after a rotation, one that descends from it.
func certifier(ctx context.Context, g *ground.Ground, w *mirror.Workspace, pinned ed25519.PublicKey, id string) ed25519.PublicKey {
	if id == api.KeyID(pinned) {
		return pinned
	}
	c, _, err := g.Server(w)
	if err != nil {
		return pinned
	}
	keys, err := c.Keys(ctx)
	if err != nil {
		return pinned
	}
	newer, err := keys.Trust(pinned, id)
	if err != nil {
		return pinned
	}
	return newer
}
