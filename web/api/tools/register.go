package tools

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ai-data-analyst/broker/web/api"
)

// What the tools take. The jsonschema tag is what an assistant reads.
type (
	noInput    struct{}
	tableInput struct {
		Table string `json:"table" jsonschema:"published name of the table, e.g. shop.orders"`
	}
	sampleInput struct {
		Table string `json:"table" jsonschema:"published name of the table, e.g. shop.orders"`
		Rows  int    `json:"rows,omitempty" jsonschema:"how many rows, 1 to 100; default 10"`
	}
	queryInput struct {
		SQL        string `json:"sql" jsonschema:"one read-only statement in DuckDB's SQL: SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, EXPLAIN, SHOW or VALUES"`
		Limit      int    `json:"limit,omitempty" jsonschema:"most rows to return, 1 to 1000; default 100"`
		Generation int64  `json:"generation,omitempty" jsonschema:"an older generation of the data; default the current one"`
	}
	sinceInput struct {
		Since int64 `json:"since,omitempty" jsonschema:"a generation: what was published after it; default the last few"`
	}
	freshInput struct {
		Table string `json:"table,omitempty" jsonschema:"published name of the table; default all"`
	}
	findInput struct {
		Text string `json:"text" jsonschema:"words to look for in names and descriptions"`
	}
	metricInput struct {
		Name string `json:"name" jsonschema:"name of the metric"`
	}
)

// Register adds the tools to server.
func Register(server *mcp.Server, b Backend) {
	add(server, "list_tables", "Lists the tables that you may read, with size, age and description.",
		func(ctx context.Context, _ noInput) (*Tables, error) { return ref(b.ListTables(ctx)) })
	add(server, "describe_table", "Describes one table: what it means, its columns with types and descriptions, its key, how it relates to others.",
		func(ctx context.Context, in tableInput) (*Description, error) {
			return ref(b.DescribeTable(ctx, in.Table))
		})
	add(server, "sample", "Shows a few rows of a table as text; personal data is hidden.",
		func(ctx context.Context, in sampleInput) (*api.Sample, error) {
			rows, err := between("rows", in.Rows, 10, maxSample)
			if err != nil {
				return nil, err
			}
			return ref(b.Sample(ctx, in.Table, rows))
		})
	add(server, "query", "Runs one read-only SQL statement over your tables and returns rows, the generation they are of, and a receipt where one is kept.",
		func(ctx context.Context, in queryInput) (*api.Result, error) {
			limit, err := between("limit", in.Limit, 100, maxRows)
			if err != nil {
				return nil, err
			}
			if in.Generation < 0 {
				return nil, &Refusal{Code: api.CodeBadRequest, Message: "generation must be a positive number"}
			}
			return ref(b.Query(ctx, in.SQL, limit, in.Generation))
		})
	add(server, "changes", "Says which tables were published since a generation.",
		func(ctx context.Context, in sinceInput) (*api.Changes, error) {
			if in.Since < 0 {
				return nil, &Refusal{Code: api.CodeBadRequest, Message: "since must not be negative"}
			}
			return ref(b.Changes(ctx, in.Since))
		})
	add(server, "freshness", "Says how old the data is, of one table or of all.",
		func(ctx context.Context, in freshInput) (*Freshness, error) { return ref(b.Freshness(ctx, in.Table)) })
	add(server, "find", "Finds tables and columns by words in their names and descriptions.",
		func(ctx context.Context, in findInput) (*Found, error) { return ref(b.Find(ctx, in.Text)) })
	add(server, "metric", "Returns the agreed definition of a metric: its meaning and its SQL.",
		func(ctx context.Context, in metricInput) (*Metric, error) { return ref(b.Metric(ctx, in.Name)) })
}

// between returns n, or what holds when it was not given; a number out of range is refused.
func between(name string, n, preset, most int) (int, error) {
	switch {
	case n == 0:
		return preset, nil
	case n < 1 || n > most:
		return 0, outOfRange(name, most)
	default:
		return n, nil
	}
}

func ref[T any](v T, err error) (*T, error) { return &v, err }
