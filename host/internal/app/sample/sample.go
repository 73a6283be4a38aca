// Package sample writes the tables of the demo shop as files, in CSV or Parquet.
//
// It publishes nothing. Only host/internal/app imports it.
package sample

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ai-data-analyst/broker/host/internal/parquet"
	"github.com/ai-data-analyst/broker/plugins/connector/sample/shop"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Options say which demo tables to write where.
type Options struct {
	Size, Format, Output string // format: csv | parquet
	Seed                 uint64
	End                  time.Time // zero = shop.DefaultEnd
	Jobs                 int
}

// Report is the manifest that stands beside the files. It says nothing of the run, so that one seed gives one text.
type Report struct {
	Size   string           `json:"size"`
	Seed   uint64           `json:"seed"`
	End    string           `json:"end"`
	Tables map[string]int64 `json:"tables"`
}

// Size is one preset with its row counts.
type Size struct {
	Name   string           `json:"size"`
	Label  string           `json:"label"`
	MB     int              `json:"csv_mb"`
	Tables map[string]int64 `json:"tables"`
}

// Sizes lists the presets.
func Sizes() ([]Size, error) {
	var sizes []Size
	for _, size := range shop.Sizes {
		made, err := shop.New(size, 42, shop.DefaultEnd)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, Size{Name: size.Name, Label: size.Label, MB: size.MB, Tables: rowsOf(made)})
	}
	return sizes, nil
}

func rowsOf(s *shop.Shop) map[string]int64 {
	rows := map[string]int64{}
	for _, t := range s.Tables() {
		rows[t.Name()] = t.Rows()
	}
	return rows
}

// Write writes the nine demo tables and _manifest.json. progress gets a table's name, its rows so far and in all; 0 in
// all is not known.
func Write(ctx context.Context, o Options, progress func(table string, rows, total int64)) (Report, error) {
	size, err := shop.FindSize(o.Size)
	if err != nil {
		return Report{}, fault.Wrap(fault.Config, err, "read --size")
	}
	if o.Format != "csv" && o.Format != "parquet" {
		return Report{}, fault.Newf(fault.Config, "format %q is neither csv nor parquet", o.Format)
	}
	if o.End.IsZero() {
		o.End = shop.DefaultEnd
	}
	made, err := shop.New(size, o.Seed, o.End)
	if err != nil {
		return Report{}, fault.Wrap(fault.Config, err, "read --end")
	}
	if err := os.MkdirAll(o.Output, 0o755); err != nil {
		return Report{}, fault.Wrap(fault.Config, err, "make the output folder")
	}
	w := writing{Options: o, shop: made, progress: progress, rows: map[string]int64{}, totals: totals(made)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, o.Jobs))
	for _, write := range w.parts() {
		group.Go(func() error { return write(ctx) })
	}
	if err := group.Wait(); err != nil {
		return Report{}, err
	}
	report := Report{Size: o.Size, Seed: o.Seed, End: made.End.Format(time.DateOnly), Tables: w.rows}
	return report, writeManifest(o.Output, report)
}

// writing is one call of Write.
type writing struct {
	Options
	shop     *shop.Shop
	mu       sync.Mutex // over progress and rows
	progress func(table string, rows, total int64)
	rows     map[string]int64 // written so far
	totals   map[string]int64 // where they are known
}

// fromOrders lists the tables that WriteOrders makes, in its order.
var fromOrders = []string{"orders", "order_items", "payments", "support_tickets"}

// parts are what can be written side by side. As CSV the four tables that are made from orders are one part, the largest,
// so that their orders are made once.
func (w *writing) parts() []func(context.Context) error {
	var parts []func(context.Context) error
	for _, t := range w.shop.Tables() {
		if w.Format == "csv" && slices.Contains(fromOrders, t.Name()) {
			continue
		}
		parts = append(parts, func(ctx context.Context) error {
			return w.files(func(to []shop.File) error {
				if w.Format == "csv" {
					return t.WriteCSV(ctx, to[0], to[0].Progress)
				}
				return writeParquet(ctx, t, to[0])
			}, t.Name())
		})
	}
	if w.Format == "csv" {
		parts = slices.Insert(parts, 0, w.orders)
	}
	return parts
}

func (w *writing) orders(ctx context.Context) error {
	return w.files(func(to []shop.File) error {
		return w.shop.WriteOrders(ctx, shop.OrderFiles{Orders: to[0], Items: to[1], Payments: to[2], Tickets: to[3]})
	}, fromOrders...)
}

// files has the tables' files written under temporary names and renames them when they are whole.
func (w *writing) files(write func(to []shop.File) error, tables ...string) error {
	var drafts []*os.File
	var to []shop.File
	defer func() {
		for _, file := range drafts { // no effect on what has its name
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	for _, name := range tables {
		file, err := os.CreateTemp(w.Output, "."+name+"-*")
		if err != nil {
			return fault.Wrap(fault.Config, err, "write "+w.path(name))
		}
		drafts = append(drafts, file)
		to = append(to, shop.File{Writer: file, Progress: func(rows int64) { w.count(name, rows) }})
	}
	if err := write(to); err != nil {
		return fmt.Errorf("write %s: %w", strings.Join(tables, ", "), err)
	}
	for i, name := range tables {
		if err := publish(drafts[i], w.path(name)); err != nil {
			return fmt.Errorf("write %s: %w", w.path(name), err)
		}
	}
	return nil
}

func (w *writing) path(table string) string { return filepath.Join(w.Output, table+"."+w.Format) }

func (w *writing) count(table string, rows int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows[table] = rows
	w.progress(table, rows, w.totals[table])
}

// totals leaves out the tables whose rows take a pass over all orders to count.
func totals(made *shop.Shop) map[string]int64 {
	rows := map[string]int64{}
	for _, t := range made.Tables() {
		if t.Name() != "order_items" && t.Name() != "payments" {
			rows[t.Name()] = t.Rows()
		}
	}
	return rows
}

func publish(draft *os.File, path string) error {
	if err := draft.Chmod(0o644); err != nil {
		return err
	}
	if err := draft.Close(); err != nil {
		return err
	}
	return os.Rename(draft.Name(), path)
}

func writeParquet(ctx context.Context, table shop.Table, file shop.File) error {
	source, err := sdk.ColumnsOf(table.Schema())
	if err != nil {
		return err
	}
	columns, _, _, err := parquet.Assign(source, nil, 0)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(file, 1<<20)
	writer, err := parquet.New(buffered, columns, table.Schema(), parquet.Options{})
	if err != nil {
		return err
	}
	written := int64(0)
	for batch, err := range table.Batches(ctx, 65_536) {
		if err != nil {
			return err
		}
		err = writer.Write(batch)
		written += batch.NumRows()
		batch.Release()
		if err != nil {
			return err
		}
		file.Progress(written)
	}
	if _, err := writer.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

func writeManifest(folder string, report Report) error {
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "_manifest.json"), append(text, '\n'), 0o644); err != nil {
		return fault.Wrap(fault.Config, err, "write the manifest")
	}
	return nil
}
