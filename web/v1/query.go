package v1

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/problem"
	"github.com/ai-data-analyst/broker/web/v1/input"
)

const arrowType = "application/vnd.apache.arrow.stream"

// Limits of a query.
const (
	maxSQL  = 100_000    // bytes
	maxRows = 10_000_000 // that a caller may ask for
)

// query runs a statement and streams its rows. What fails before the first row is a problem document; what fails later
// breaks the connection off, so that a cut answer never looks whole.
func (a *API) query(c *fiber.Ctx) error {
	var q api.Query
	if err := input.JSON(c, &q); err != nil {
		return err
	}
	if q.Format == "" {
		q.Format = "json"
	}
	if err := checkQuery(q); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.UserContext())
	rows, err := a.run(ctx, caller(c), q)
	if err != nil {
		cancel()
		return err
	}
	stream := &result{rows: rows, cancel: cancel}
	if err := stream.begin(q.Format); err != nil {
		stream.Close()
		return queryProblem(err)
	}
	c.Set(fiber.HeaderContentType, stream.media)
	c.Set("Broker-Generation", strconv.FormatInt(rows.Generation(), 10))
	c.Response().SetBodyStream(stream, -1)
	return nil
}

func checkQuery(q api.Query) error {
	switch {
	case q.SQL == "" || len(q.SQL) > maxSQL:
		return problem.Bad("sql", fmt.Sprintf("sql must have 1 to %d bytes", maxSQL))
	case q.Format != "json" && q.Format != "csv" && q.Format != "arrow":
		return problem.Bad("format", "format must be arrow, csv or json")
	case q.Limit < 0 || q.Limit > maxRows:
		return problem.Bad("limit", fmt.Sprintf("limit must be a whole number from 0 to %d", maxRows))
	case q.Generation < 0:
		return problem.Bad("generation", "generation must not be negative")
	}
	return nil
}

// run asks the engine.
func (a *API) run(ctx context.Context, who sdk.Caller, q api.Query) (Rows, error) {
	if a.host.Queries == nil {
		return nil, noEngine()
	}
	rows, err := a.host.Queries.Run(ctx, who, q)
	if err != nil {
		return nil, queryProblem(err)
	}
	return rows, nil
}

func noEngine() error {
	return unavailable("no query engine is installed on this server",
		"Ask an administrator to put the plugin broker-service-duckdb into the plugins folder; queries on the laptop need nothing.")
}

// queryProblem tells the errors of an engine apart.
func queryProblem(err error) error {
	f, ok := fault.As(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), ok && f.Scope == "timeout":
		return problem.New(http.StatusGatewayTimeout, api.CodeTimeout, "the query took too long")
	case !ok:
		return err
	case f.Code == fault.NotFound && f.Scope == "engine":
		return noEngine()
	case f.Code == fault.Config:
		e := problem.Bad("sql", f.What)
		e.Help = f.Help
		if e.Code = api.CodeQuery; f.Scope == "read_only" {
			e.Code = api.CodeReadOnly
		}
		return e
	default:
		return err
	}
}

// result is a query's answer as bytes, made as they are read.
type result struct {
	rows   Rows
	cancel context.CancelFunc
	media  string
	source io.Reader // of Arrow
	format func([][]any) error
	finish func() error
	ready  bytes.Buffer // not yet read
	first  bool
	done   bool
}

// begin makes the first bytes.
func (r *result) begin(format string) error {
	r.first = true
	switch format {
	case "arrow":
		r.media, r.source = arrowType, r.rows.Arrow()
		start := make([]byte, 64<<10) // a schema at least
		n, err := r.source.Read(start)
		r.ready.Write(start[:n])
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	case "csv":
		r.media = "text/csv; charset=utf-8"
		return r.beginCSV()
	default:
		r.media = jsonType
		return r.beginJSON()
	}
}

func (r *result) beginCSV() error {
	w := csv.NewWriter(&r.ready) // RFC 4180 with LF
	record := make([]string, 0, len(r.rows.Columns()))
	for _, column := range r.rows.Columns() {
		record = append(record, column.Name)
	}
	if err := w.Write(record); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	r.format = func(rows [][]any) error {
		for _, row := range rows {
			record = record[:0]
			for _, value := range row {
				record = append(record, cell(value))
			}
			if err := w.Write(record); err != nil {
				return fmt.Errorf("write CSV: %w", err)
			}
		}
		w.Flush()
		return w.Error()
	}
	r.finish = func() error { w.Flush(); return w.Error() }
	return r.more()
}

// cell is a value as text; NULL is the empty field.
func cell(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case json.Number:
		return v.String()
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

func (r *result) beginJSON() error {
	columns := r.rows.Columns()
	if columns == nil {
		columns = []api.TypedName{}
	}
	head, err := json.Marshal(columns)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	fmt.Fprintf(&r.ready, `{"columns":%s,"rows":[`, head)
	r.format = func(rows [][]any) error {
		for _, row := range rows {
			line, err := json.Marshal(row)
			if err != nil {
				return fmt.Errorf("write JSON: %w", err)
			}
			if !r.first {
				r.ready.WriteByte(',')
			}
			r.first = false
			r.ready.Write(line)
		}
		return nil
	}
	r.finish = func() error {
		fmt.Fprintf(&r.ready, `],"truncated":%t,"generation":%d}`, r.rows.Truncated(), r.rows.Generation())
		return nil
	}
	return r.more()
}

// more takes the next rows.
func (r *result) more() error {
	rows, err := r.rows.Next()
	if failed := r.format(rows); failed != nil {
		return failed
	}
	if errors.Is(err, io.EOF) {
		r.done = true
		return r.finish()
	}
	return err
}

// Read implements io.Reader. Its error breaks the answer off.
func (r *result) Read(p []byte) (int, error) {
	for r.ready.Len() == 0 {
		if r.source != nil {
			return r.source.Read(p)
		}
		if r.done {
			return 0, io.EOF
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	return r.ready.Read(p)
}

// Close implements io.Closer.
func (r *result) Close() error {
	defer r.cancel()
	return r.rows.Close()
}
