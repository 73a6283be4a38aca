// Package read reads one CSV file: it finds the columns, settles their types, and sends the rows in batches.
//
// A first read goes over the file twice: once to see which type holds every cell of a column, once to deliver. Memory
// stays flat that way, and no row has to be taken back. Types that an earlier read settled are kept, and the file is
// read once. A row that breaks a rule or a settled type is an error with file and line, or is left out and counted,
// as Options.Ragged says; no value is ever changed (G7). Which file, and when, is for the source package.
package read

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/plugins/connector/csv/build"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/infer"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/scan"
	"github.com/ai-data-analyst/broker/plugins/connector/csv/text"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
)

// Policies for rows that are not as the others.
const (
	Fail   = "fail"   // the read ends with an error
	Pad    = "pad"    // short rows are filled up with NULL; everything else is as with Fail
	Reject = "reject" // the row is left out and counted
)

// Options say how a file is to be read.
type Options struct {
	Name     string // of the file, in messages
	Size     int64  // in bytes, for progress
	Dialect  scan.Dialect
	Header   bool // the first row names the columns
	Encoding string
	Nulls    []string // unquoted cells that are NULL, besides the empty one
	Ragged   string
	Pins     map[string]string // types settled earlier, by column
	Filters  []connector.Filter
	MaxRows  int // > 0: so many rows are enough, and types are settled by the first rows alone
}

// Sink takes what is read. connector.Records is one.
type Sink interface {
	Schema(ctx context.Context, columns []sdk.Column, key []string) error
	AppendRecord(ctx context.Context, batch arrow.Record) error
	Issue(ctx context.Context, issue connector.Issue) error
	Progress(ctx context.Context, done, total uint64) error
}

// Result is what is known after a read.
type Result struct {
	Rows     uint64
	Rejected uint64
	Columns  []sdk.Column // with their settled types, whose names are the Pins of the next read
}

// previewRows is how many rows settle the types of a preview, at least.
const previewRows = 10_000

// reading is one file being read.
type reading struct {
	Options
	file    io.ReadSeeker
	taken   uint64 // bytes of the file read in this pass
	columns []sdk.Column
	kinds   []infer.Kind
	nulls   []string
}

// File reads file into sink.
func File(ctx context.Context, file io.ReadSeeker, options Options, sink Sink) (Result, error) {
	r := &reading{Options: options, file: file, nulls: options.Nulls}
	r.Dialect.Pad = options.Ragged == Pad
	if err := r.head(); err != nil {
		return Result{}, err
	}
	if err := r.types(ctx); err != nil {
		return Result{}, err
	}
	if err := sink.Schema(ctx, r.columns, nil); err != nil {
		return Result{}, err
	}
	result, err := r.send(ctx, sink)
	if err != nil {
		return Result{}, err
	}
	result.Columns = r.columns
	return result, nil
}

// pass goes over the rows of the file from the start, header left out, until each says to stop.
func (r *reading) pass(ctx context.Context, limit func() int, each func(*scan.Block) (more bool, err error)) error {
	rows, closer, err := r.open()
	if err != nil {
		return err
	}
	defer closer.Close()
	if r.Header {
		if _, err := first(rows); err != nil {
			return r.placed(err)
		}
	}
	for ctx.Err() == nil {
		block, err := rows.Next(limit())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return r.placed(err)
		}
		if len(block.Bad) > 0 && r.Ragged != Reject {
			return r.broken(block.Bad[0])
		}
		r.blank(block)
		if more, err := each(block); err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// open opens the text of the file at its start.
func (r *reading) open() (*scan.Reader, io.Closer, error) {
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, r.placed(err)
	}
	r.taken = 0
	plain, err := text.Open(counted{r}, r.Encoding)
	if err != nil {
		return nil, nil, r.placed(err)
	}
	return scan.NewReader(plain, r.Dialect), plain, nil
}

// counted counts the bytes of the file.
type counted struct{ *reading }

// Read implements io.Reader.
func (c counted) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	c.taken += uint64(n)
	return n, err
}

// blank makes NULL of the unquoted cells that the settings list.
func (r *reading) blank(block *scan.Block) {
	if len(r.nulls) == 0 {
		return
	}
	for i, c := range block.Cells {
		if c.Quoted() || c.Null() {
			continue
		}
		cell := block.Text[c.Start():c.End()]
		for _, null := range r.nulls {
			if string(cell) == null {
				block.Cells[i] = 0
				break
			}
		}
	}
}

// types settles the kind of every column: as an earlier read did, else as all rows of the file need.
func (r *reading) types(ctx context.Context) error {
	r.kinds = make([]infer.Kind, len(r.columns))
	found := infer.NewColumns(len(r.columns))
	open := false
	for i, c := range r.columns {
		if kind, ok := infer.Parse(r.Pins[c.Name]); ok {
			r.kinds[i] = kind
			found.Pin(i)
		} else {
			open = true
		}
	}
	if open {
		rows := 0
		err := r.pass(ctx, func() int { return 0 }, func(block *scan.Block) (bool, error) {
			found.Add(block)
			rows += block.Rows
			return r.MaxRows == 0 || rows < max(previewRows, r.MaxRows), nil
		})
		if err != nil {
			return err
		}
	}
	for i := range r.columns {
		if _, pinned := infer.Parse(r.Pins[r.columns[i].Name]); !pinned {
			r.kinds[i] = found[i].Best()
		}
		r.columns[i].Type = r.kinds[i].Type()
	}
	return nil
}

// wanted returns the build columns of a batch: every cell of a row, in order.
func (r *reading) wanted() []build.Column {
	columns := make([]build.Column, len(r.kinds))
	for i, kind := range r.kinds {
		columns[i] = build.Column{Cell: i, Kind: kind}
	}
	return columns
}

// broken is the error of a row that breaks a rule of CSV.
func (r *reading) broken(bad scan.BadRow) error {
	f := fault.New(fault.Data, (&scan.PlaceError{File: r.Name, Bad: bad}).Error())
	switch {
	case bad.Reason == scan.Ragged && r.Ragged == Fail:
		return f.WithHelp(`Correct the row, or set ragged = "pad" (fill up with NULL) or ragged = "reject" (leave out and count).`)
	case bad.Reason == scan.BadText:
		return f.WithHelp(`Set encoding to what the file is written in, e.g. "windows-1252", or ragged = "reject" to leave such rows out.`)
	}
	return f.WithHelp(`Correct the row, or set ragged = "reject" to leave such rows out and count them.`)
}

// placed puts the file's name before an error of reading it.
func (r *reading) placed(err error) error {
	if f, ok := fault.As(err); ok {
		c := *f
		c.What = r.Name + ": " + c.What
		return &c
	}
	return fault.Wrap(fault.Transient, err, "read "+r.Name)
}

func (r *reading) place(line int) string { return fmt.Sprintf("%s:%d", r.Name, line) }
