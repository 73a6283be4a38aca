package shop

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
)

// Table is one of the nine tables.
type Table interface {
	Name() string
	Doc() string
	Key() string
	// Rows is how many rows there are. For items and payments it takes a pass over all orders, once.
	Rows() int64
	// Schema is the Arrow schema of its batches.
	Schema() *arrow.Schema
	// Batches yields the rows in order, in batches of the given number of rows. The caller releases each.
	Batches(ctx context.Context, rows int) iter.Seq2[arrow.Record, error]
	// WriteCSV writes header and rows: comma, CRLF, no quotes needed, the empty field for NULL. progress gets the number
	// of rows written so far, now and then and at the end; it may be nil.
	WriteCSV(ctx context.Context, w io.Writer, progress func(rows int64)) error
}

// OrderFiles are the places for the four tables that are made from orders.
type OrderFiles struct{ Orders, Items, Payments, Tickets File }

// File is a place for a table's CSV; Progress, which may be nil, is called as by Table.WriteCSV.
type File struct {
	io.Writer
	Progress func(rows int64)
}

// WriteOrders writes the four tables that are made from orders in one pass, each as its WriteCSV would.
func (s *Shop) WriteOrders(ctx context.Context, to OrderFiles) error {
	orders, items := orderTable(s).Sheet(to.Orders, to.Orders.Progress), itemTable(s).Sheet(to.Items, to.Items.Progress)
	payments, tickets := paymentTable(s).Sheet(to.Payments, to.Payments.Progress), ticketTable(s).Sheet(to.Tickets, to.Tickets.Progress)
	for f := range s.families() {
		f.fill(s)
		if err := orders.Add(ctx, f.orders); err != nil {
			return err
		}
		if err := items.Add(ctx, f.items); err != nil {
			return err
		}
		if err := payments.Add(ctx, f.pay(s)); err != nil {
			return err
		}
		if err := tickets.Add(ctx, f.ask(s)); err != nil {
			return err
		}
	}
	return errors.Join(orders.Flush(), items.Flush(), payments.Flush(), tickets.Flush())
}
