package answer

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror"
	"github.com/ai-data-analyst/broker/web/mirror/receipt"
	"github.com/ai-data-analyst/broker/web/terminal"
)

func sum(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}

// receipts is the folder of a workspace's receipts.
func receipts(w *mirror.Workspace) string { return filepath.Join(w.Dir, ".analyst", "receipts") }

// sign signs a receipt with the laptop's key and keeps it.
func sign(g *ground.Ground, w *mirror.Workspace, r *receipt.Receipt) error {
	config, err := w.Config()
	if err != nil {
		return err
	}
	logins, err := g.Logins()
	if err != nil {
		return err
	}
	l, err := logins.Find(config.Server)
	if err != nil {
		return fault.Wrap(fault.Auth, err, "sign the receipt")
	}
	if len(l.Signing) != ed25519.SeedSize {
		return fault.New(fault.Auth, "this machine has no key to sign receipts with").WithHelp("Run: analyst login " + l.URL + ", or ask with --no-receipt")
	}
	r.Certificate = l.Certificate
	if err := r.Sign(ed25519.NewKeyFromSeed(l.Signing)); err != nil {
		return err
	}
	return receipt.Save(receipts(w), *r)
}

// printResult writes rows that came from the server.
func printResult(g *ground.Ground, out io.Writer, r api.Result, format string) error {
	if format == "json" {
		return writeObjects(out, r)
	}
	header, rows := table.Row{}, make([]table.Row, len(r.Rows))
	for _, c := range r.Columns {
		header = append(header, terminal.Plain(c.Name))
	}
	for i, row := range r.Rows {
		for _, v := range row {
			rows[i] = append(rows[i], cell(v))
		}
	}
	if err := terminal.Grid(out, header, rows); err != nil {
		return err
	}
	if r.Truncated {
		fmt.Fprintf(g.Err, "only the first %d rows came: ask for more with --limit, or for less with SQL\n", len(r.Rows))
	}
	fmt.Fprintf(g.Err, "generation %d, on the server\n", r.Generation)
	return nil
}

// writeObjects writes rows as query does here: an array of objects, one a line, members in the order of the columns.
func writeObjects(out io.Writer, r api.Result) error {
	text := bytes.NewBufferString("[")
	for i, row := range r.Rows {
		text.WriteString(strings.Repeat(",", min(i, 1)) + "\n  {")
		for c, v := range row {
			name, err := json.Marshal(r.Columns[c].Name)
			if err != nil {
				return fmt.Errorf("write the name of a column: %w", err)
			}
			value, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("write column %s: %w", r.Columns[c].Name, err)
			}
			fmt.Fprintf(text, "%s%s: %s", strings.Repeat(", ", min(c, 1)), name, value)
		}
		text.WriteByte('}')
	}
	text.WriteString(strings.Repeat("\n", min(len(r.Rows), 1)) + "]\n")
	_, err := out.Write(text.Bytes())
	return fault.Wrap(fault.Config, err, "write the answer")
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return short(v, 60)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return short(string(text), 60)
}
