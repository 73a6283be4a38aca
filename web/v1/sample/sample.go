// Package sample asks the engine for a few rows of a table as text. Values of columns marked pii are never asked for.
package sample

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ai-data-analyst/broker/web/api"
)

// Rows is a result under way.
type Rows interface {
	Next() ([][]any, error) // io.EOF after the last
	Close() error
}

// Of returns rows of a table that the caller may see; run runs a statement as that caller.
func Of(table api.TableDetail, rows int64, run func(api.Query) (Rows, error)) (out api.Sample, err error) {
	out = api.Sample{Table: table.Name, Generation: table.Generation, Rows: [][]*string{}, Masked: []string{}}
	var wanted []string
	for _, field := range table.Fields {
		out.Columns = append(out.Columns, api.TypedName{Name: field.Name, Type: field.Type})
		if field.PII {
			out.Masked = append(out.Masked, field.Name)
			wanted = append(wanted, "NULL AS "+quoted(field.Name))
			continue
		}
		wanted = append(wanted, "CAST("+quoted(field.Name)+" AS VARCHAR) AS "+quoted(field.Name))
	}
	if len(wanted) == 0 {
		return out, nil
	}
	space, name, _ := strings.Cut(table.Name, ".")
	sql := fmt.Sprintf("SELECT %s FROM %s.%s LIMIT %d", strings.Join(wanted, ", "), quoted(space), quoted(name), rows)
	result, err := run(api.Query{SQL: sql, Format: "json", Limit: rows})
	if err != nil {
		return api.Sample{}, err
	}
	defer func() { err = errors.Join(err, result.Close()) }()
	for {
		batch, err := result.Next()
		for _, row := range batch {
			out.Rows = append(out.Rows, texts(row))
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return api.Sample{}, fmt.Errorf("sample %s: %w", table.Name, err)
		}
	}
}

// quoted is an identifier of SQL.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func texts(row []any) []*string {
	out := make([]*string, len(row))
	for i, value := range row {
		if value == nil {
			continue
		}
		text, ok := value.(string)
		if !ok {
			text = fmt.Sprint(value)
		}
		out[i] = &text
	}
	return out
}
