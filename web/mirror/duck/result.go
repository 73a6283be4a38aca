//go:build cgo && !lite

package duck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unsafe"

	duckdb "github.com/duckdb/duckdb-go-bindings"

	"github.com/ai-data-analyst/broker/web/api"
)

// run executes a text of statements, all but the last whole, and streams the rows of the last: what is not read is not
// computed, and never more than a few chunks are in memory.
func (s *session) run(ctx context.Context, text string, columns []api.TypedName, may func(duckdb.StatementType) error) (rows Rows, err error) {
	s.during(ctx, func() { rows, err = s.statements(ctx, text, columns, may) })
	if columns == nil {
		return rows, err
	}
	if r, ok := rows.(*streamed); ok {
		r.relation = text
	}
	return rows, s.cause(ctx, text, err)
}

// cause finds why a relation failed. When one of DuckDB's threads fails, it interrupts the others, and a stream may tell of
// that instead; then the relation is run once more, not as a stream, which tells the first error.
func (s *session) cause(ctx context.Context, relation string, err error) error {
	if err == nil || ctx.Err() != nil || !strings.HasPrefix(err.Error(), "INTERRUPT Error") {
		return err
	}
	s.during(ctx, func() {
		var result duckdb.Result
		defer duckdb.DestroyResult(&result)
		if duckdb.Query(s.conn, relation, &result) == duckdb.StateError {
			err = wrongSQL(ctx, errors.New(duckdb.ResultError(&result)))
		}
	})
	return err
}

func (s *session) statements(ctx context.Context, text string, columns []api.TypedName, may func(duckdb.StatementType) error) (Rows, error) {
	var extracted duckdb.ExtractedStatements
	n := duckdb.ExtractStatements(s.conn, text, &extracted)
	defer duckdb.DestroyExtracted(&extracted)
	if n == 0 {
		if message := duckdb.ExtractStatementsError(extracted); message != "" {
			return nil, wrongSQL(ctx, errors.New(message))
		}
		return nil, refused("there is no statement")
	}
	for i := duckdb.IdxT(0); ; i++ {
		if ctx.Err() != nil {
			return nil, wrongSQL(ctx, ctx.Err())
		}
		rows, err := s.statement(ctx, extracted, i, columns, may)
		if err != nil || i == n-1 {
			return rows, err
		}
		if _, err := drain(rows); err != nil {
			return nil, err
		}
	}
}

func (s *session) statement(ctx context.Context, extracted duckdb.ExtractedStatements, i duckdb.IdxT, columns []api.TypedName, may func(duckdb.StatementType) error) (Rows, error) {
	var prepared duckdb.PreparedStatement
	defer duckdb.DestroyPrepare(&prepared)
	if duckdb.PrepareExtractedStatement(s.conn, extracted, i, &prepared) == duckdb.StateError {
		return nil, wrongSQL(ctx, errors.New(duckdb.PrepareError(prepared)))
	}
	if err := may(duckdb.PreparedStatementType(prepared)); err != nil {
		return nil, err
	}
	var pending duckdb.PendingResult
	defer duckdb.DestroyPending(&pending)
	if duckdb.PendingPreparedStreaming(prepared, &pending) == duckdb.StateError {
		return nil, wrongSQL(ctx, errors.New(duckdb.PendingError(pending)))
	}
	rows := &streamed{session: s, ctx: ctx, columns: columns}
	if duckdb.ExecutePending(pending, &rows.result) == duckdb.StateError {
		err := wrongSQL(ctx, errors.New(duckdb.ResultError(&rows.result)))
		return nil, errors.Join(err, rows.Close())
	}
	rows.open = true
	for c := duckdb.IdxT(0); columns == nil && c < duckdb.ColumnCount(&rows.result); c++ {
		rows.columns = append(rows.columns, api.TypedName{Name: duckdb.ColumnName(&rows.result, c), Type: "VARCHAR"})
	}
	return rows, nil
}

// streamed is a result under way, a chunk at a time.
type streamed struct {
	session  *session
	ctx      context.Context
	relation string // "" when the rows are of another statement
	columns  []api.TypedName
	result   duckdb.Result
	open     bool
	chunk    [][]*string // rows of the present chunk that were not read yet
}

// Columns implements Rows.
func (r *streamed) Columns() []api.TypedName { return r.columns }

// Next implements Rows.
func (r *streamed) Next() ([]*string, error) {
	for len(r.chunk) == 0 {
		if !r.open {
			return nil, io.EOF
		}
		if err := r.fetch(); err != nil {
			return nil, err
		}
	}
	row := r.chunk[0]
	r.chunk = r.chunk[1:]
	return row, finish(row, r.columns)
}

// fetch reads the next chunk; io.EOF after the last.
func (r *streamed) fetch() (err error) {
	r.session.during(r.ctx, func() {
		if r.ctx.Err() != nil {
			err = wrongSQL(r.ctx, r.ctx.Err())
			return
		}
		chunk := duckdb.FetchChunk(r.result)
		defer duckdb.DestroyDataChunk(&chunk)
		if chunk.Ptr == nil {
			err = io.EOF
			if message := duckdb.ResultError(&r.result); message != "" {
				err = wrongSQL(r.ctx, errors.New(message))
			}
			return
		}
		r.chunk = rowsOf(chunk)
	})
	if err == nil || errors.Is(err, io.EOF) || r.relation == "" {
		return err
	}
	return errors.Join(r.session.cause(r.ctx, r.relation, err), r.Close())
}

// Close implements Rows.
func (r *streamed) Close() error {
	if r.open {
		duckdb.DestroyResult(&r.result)
	}
	r.open, r.chunk = false, nil
	return nil
}

func rowsOf(chunk duckdb.DataChunk) [][]*string {
	rows := make([][]*string, duckdb.DataChunkGetSize(chunk))
	columns := duckdb.DataChunkGetColumnCount(chunk)
	for i := range rows {
		rows[i] = make([]*string, columns)
	}
	for c := range columns {
		vector := duckdb.DataChunkGetVector(chunk, c)
		read, valid := cells(vector), duckdb.VectorGetValidity(vector)
		for i := range rows {
			if valid == nil || duckdb.ValidityRowIsValid(valid, duckdb.IdxT(i)) {
				text := read(i)
				rows[i][c] = &text
			}
		}
	}
	return rows
}

// cells reads a vector's values as texts. Rows of relations are texts already; here other statements say how many rows they
// changed, and the like: values of rarer types show as the name of the type.
func cells(vector duckdb.Vector) func(row int) string {
	kind := duckdb.VectorGetColumnType(vector)
	defer duckdb.DestroyLogicalType(&kind)
	data := duckdb.VectorGetData(vector)
	switch id := duckdb.GetTypeId(kind); id {
	case duckdb.TypeVarchar:
		values := data
		return func(row int) string {
			return duckdb.StringTData((*duckdb.StringT)(unsafe.Add(values, row*int(unsafe.Sizeof(duckdb.StringT{})))))
		}
	case duckdb.TypeBoolean:
		return plainly[bool](data)
	case duckdb.TypeTinyInt:
		return plainly[int8](data)
	case duckdb.TypeSmallInt:
		return plainly[int16](data)
	case duckdb.TypeInteger:
		return plainly[int32](data)
	case duckdb.TypeBigInt:
		return plainly[int64](data)
	case duckdb.TypeUBigInt:
		return plainly[uint64](data)
	case duckdb.TypeDouble:
		return plainly[float64](data)
	default:
		return func(int) string { return fmt.Sprintf("(type %d)", id) }
	}
}

func plainly[T any](data unsafe.Pointer) func(row int) string {
	return func(row int) string {
		var value T
		return fmt.Sprint(*(*T)(unsafe.Add(data, row*int(unsafe.Sizeof(value)))))
	}
}
