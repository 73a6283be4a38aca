package ask

import (
	"context"
	"errors"
	"io"

	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
	"github.com/ai-data-analyst/broker/web/mirror/duck"
)

// Answer is a result under way: at most the limit's rows, then Truncated says whether there were more.
type Answer struct {
	Columns []api.TypedName
	// See is shown every row as it passes; may be nil.
	See func(row []*string) error

	rows      duck.Rows
	limit     int64
	count     int64
	truncated bool
	plan      bool // the rows are texts of several lines
}

// Run asks. limit 0 means all rows. Close the answer.
func Run(ctx context.Context, conn duck.Conn, s Statement, limit int64, params []duck.Param) (*Answer, error) {
	more := limit
	if more > 0 {
		more++ // one more tells whether there are more
	}
	var rows duck.Rows
	var err error
	if s.Explain {
		rows, err = explain(ctx, conn, s, params)
	} else {
		rows, err = conn.Query(ctx, s.Text, more, params)
	}
	if err != nil {
		return nil, err
	}
	return &Answer{Columns: rows.Columns(), rows: rows, limit: limit, plan: s.Explain}, nil
}

// explain asks for a plan of what DuckDB itself takes for a relation.
func explain(ctx context.Context, conn duck.Conn, s Statement, params []duck.Param) (duck.Rows, error) {
	if len(params) > 0 {
		return nil, fault.New(fault.Config, "EXPLAIN takes no parameters").WithHelp("Write the values into the statement.")
	}
	if _, err := conn.Describe(ctx, s.explained, nil); err != nil {
		return nil, err
	}
	return conn.Run(ctx, s.Text)
}

// Parquet asks and writes the rows to the file that the session was opened to save to. limit 0 means all rows.
func Parquet(ctx context.Context, conn duck.Conn, s Statement, limit int64, params []duck.Param) error {
	if s.Explain {
		return fault.New(fault.Config, "a plan is not written as Parquet").WithHelp("Ask for the table, JSON, CSV or Markdown.")
	}
	return conn.Save(ctx, s.Text, limit, params)
}

// Next returns the next row, io.EOF after the last.
func (a *Answer) Next() ([]*string, error) {
	row, err := a.rows.Next()
	if err != nil {
		return nil, err
	}
	if a.limit > 0 && a.count == a.limit {
		a.truncated = true
		return nil, io.EOF
	}
	a.count++
	if a.See != nil {
		err = a.See(row)
	}
	return row, err
}

// Rest reads what was not read yet.
func (a *Answer) Rest() error {
	for {
		if _, err := a.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// Count is how many rows were read; Truncated says, after the last, whether there were more than the limit.
func (a *Answer) Count() int64 { return a.count }

// Truncated says whether there were more rows than the limit.
func (a *Answer) Truncated() bool { return a.truncated }

// Close ends the answer.
func (a *Answer) Close() error { return a.rows.Close() }
