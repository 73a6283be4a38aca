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

// Write writes the nine demo tables and _manifest.json. progress gets a table's name and rows so far.
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
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, o.Jobs))
	for _, table := range made.Tables() {
		group.Go(func() error {
			return writeTable(ctx, table, o, func(rows int64) {
				mu.Lock()
				defer mu.Unlock()
				progress(table.Name(), rows, table.Rows())
			})
		})
	}
	if err := group.Wait(); err != nil {
		return Report{}, err
	}
	report := Report{Size: o.Size, Seed: o.Seed, End: made.End.Format(time.DateOnly), Tables: rowsOf(made)}
	return report, writeManifest(o.Output, report)
}

// writeTable writes one table under a temporary name and renames it when it is whole.
func writeTable(ctx context.Context, table shop.Table, o Options, progress func(int64)) (err error) {
	path := filepath.Join(o.Output, table.Name()+"."+o.Format)
	file, err := os.CreateTemp(o.Output, "."+table.Name()+"-*")
	if err != nil {
		return fault.Wrap(fault.Config, err, "write "+path)
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	if o.Format == "csv" {
		err = table.WriteCSV(ctx, file, progress)
	} else {
		err = writeParquet(ctx, table, file, progress)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err = file.Chmod(0o644); err != nil {
		return err
	}
	if err = file.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(file.Name(), path)
}

func writeParquet(ctx context.Context, table shop.Table, file *os.File, progress func(int64)) error {
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
		progress(written)
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
