// Package lent shows what a lent plugin gives to the rest of the host: counted, and with the supervisor's words for what
// goes wrong. Only the supervisor imports it.
package lent

import (
	"context"
	"sync"

	"github.com/ai-data-analyst/broker/sdk/service"
)

// Books are kept by the supervisor.
type Books struct {
	Under func(more int64)                           // what is under way: +1 at a beginning, -1 at an end
	Fault func(ctx context.Context, err error) error // what people read of an error
}

// Query asks querier and keeps the books until the rows are closed.
func Query(ctx context.Context, querier service.Querier, request service.QueryRequest, books Books) (service.Rows, error) {
	books.Under(1)
	inner, err := querier.Query(ctx, request)
	if err != nil {
		books.Under(-1)
		return nil, books.Fault(ctx, err)
	}
	return &rows{Rows: inner, ctx: ctx, books: books}, nil
}

// rows is one result on its way through the host.
type rows struct {
	service.Rows
	ctx   context.Context
	books Books
	once  sync.Once
	told  sync.Once
	err   error
}

// Err implements service.Rows. It is asked once more for the reason only when there is one.
func (r *rows) Err() error {
	if err := r.Rows.Err(); err != nil {
		r.told.Do(func() { r.err = r.books.Fault(r.ctx, err) })
	}
	return r.err
}

// Close implements service.Rows.
func (r *rows) Close() error {
	err := r.Rows.Close()
	r.once.Do(func() { r.books.Under(-1) })
	return err
}
