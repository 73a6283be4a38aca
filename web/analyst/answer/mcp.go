package answer

import (
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/analyst/ground"
	"github.com/ai-data-analyst/broker/web/api/tools"
)

// NewMCP is the verb mcp.
func NewMCP(g *ground.Ground) *cobra.Command {
	return &cobra.Command{
		Use:     "mcp",
		Short:   "Serve the tools of assistants over standard input and output (MCP)",
		Long:    "Serve the tools list_tables, describe_table, sample, query, changes, freshness, find and metric over standard input\nand output, from the copy in this workspace. Assistants start it themselves: see .mcp.json.",
		Example: `  claude mcp add broker -- analyst mcp`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := g.Workspace()
			if err != nil {
				return err
			}
			g.Dir = w.Dir
			err = tools.NewServer(g.Version, local(g, w)).Run(cmd.Context(), &mcp.StdioTransport{})
			if cmd.Context().Err() != nil {
				return nil //nolint:nilerr // it was told to end
			}
			return fault.Wrap(fault.Bug, err, "serve MCP")
		},
	}
}
