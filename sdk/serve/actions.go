package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/sdk/internal/wire"
)

func version(_ context.Context, c *call) error {
	_, err := fmt.Fprintf(c.out, "%s %s\n", c.about.Name, c.about.Version)
	return err
}

func describe(_ context.Context, c *call) error {
	if c.json {
		text, err := wire.DescriptionJSON(c.about)
		if err != nil {
			return err
		}
		_, err = c.out.Write(text)
		return err
	}
	d := c.about
	fmt.Fprintf(c.out, "%s %s (%s)\n%s\n\nSettings:\n", d.Name, d.Version, d.Kind, strings.TrimSpace(d.Doc))
	table := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	for _, f := range d.Settings {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", f.Name, f.Type, traits(f), f.Doc)
	}
	fmt.Fprint(table, "\nStreams:\n")
	for _, s := range d.Streams {
		fmt.Fprintf(table, "  %s\t%d columns\tkey %s\t%s\n", s.Name, len(s.Columns), orNone(strings.Join(s.Key, ", ")), s.Doc)
	}
	return table.Flush()
}

func traits(f connector.Field) string {
	var words []string
	if f.Required {
		words = append(words, "required")
	}
	if f.Secret {
		words = append(words, "secret")
	}
	if f.Default != "" {
		words = append(words, "default "+f.Default)
	}
	return strings.Join(words, ", ")
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func checkSource(ctx context.Context, c *call) (err error) {
	session, end, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	items, err := session.Check(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, i := range items {
		if i.Err == nil {
			fmt.Fprintf(c.out, "ok      %s\n", i.Name)
			continue
		}
		fmt.Fprintf(c.out, "failed  %s: %s\n", i.Name, i.Err.What)
		failed = errors.Join(failed, i.Err)
	}
	return failed
}

func preview(ctx context.Context, c *call) (err error) {
	table := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	head := false
	left := c.rows
	err = c.each(ctx, connector.Request{
		Asks:    []connector.Ask{{Stream: c.stream, Mode: sdk.FullRefresh}},
		Attempt: 1, MaxRows: c.rows,
	}, func(m connector.Message) error {
		b, ok := m.(connector.Batch)
		if !ok || b.Stream != c.stream || b.Op == connector.DeleteKeys {
			return nil
		}
		if !head && !c.json {
			head = true
			fmt.Fprintln(table, strings.Join(columnNames(b.Record), "\t"))
		}
		for i := 0; i < int(b.Record.NumRows()) && left > 0; i, left = i+1, left-1 {
			if err := c.show(table, b.Record, i); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, table.Flush())
}

func columnNames(record arrow.Record) []string {
	names := make([]string, record.NumCols())
	for i := range names {
		names[i] = record.ColumnName(i)
	}
	return names
}

const maxCell = 40 // characters of a cell in a preview

func (c *call) show(table *tabwriter.Writer, record arrow.Record, i int) error {
	if c.json {
		line, err := appendRow(nil, record, i)
		if err != nil {
			return err
		}
		_, err = c.out.Write(append(line, '\n'))
		return err
	}
	cells := make([]string, record.NumCols())
	for col := range cells {
		cells[col] = cell(valueOf(record.Column(col), i))
	}
	_, err := fmt.Fprintln(table, strings.Join(cells, "\t"))
	return err
}

// cell prints a value in one line of printable characters.
func cell(value any) string {
	text, ok := value.(string)
	if !ok {
		b, err := json.Marshal(value)
		if err != nil {
			return "?"
		}
		text = string(b)
		if text == "null" {
			return "-"
		}
	}
	quoted := fmt.Sprintf("%q", text)
	runes := []rune(quoted[1 : len(quoted)-1])
	if len(runes) > maxCell {
		return string(runes[:maxCell-1]) + "…"
	}
	return string(runes)
}

// each runs one read and hands its messages over. Only a read that says it is complete goes well (I9).
func (c *call) each(ctx context.Context, request connector.Request, take func(connector.Message) error) (err error) {
	session, end, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	messages, err := session.Read(ctx, request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, messages.Close()) }()
	done := false
	for messages.Next(ctx) {
		m := messages.Message()
		err := take(m)
		if b, ok := m.(connector.Batch); ok {
			b.Record.Release()
		}
		if err != nil {
			return err
		}
		_, done = m.(connector.Done)
	}
	if messages.Err() != nil {
		return messages.Err()
	}
	if !done {
		return fault.New(fault.Transient, "the read ended without saying that it is complete")
	}
	return nil
}

// read writes the rows of a stream and of its children, and the state to go on from.
func read(ctx context.Context, c *call) (err error) {
	request, err := c.request(ctx)
	if err != nil {
		return err
	}
	files := &rowFiles{dir: c.folder, files: map[string]*rowFile{}}
	defer func() { err = errors.Join(err, files.close()) }()
	state := request.Asks[0].State
	err = c.each(ctx, request, func(m connector.Message) error {
		switch m := m.(type) {
		case connector.Schema:
			_, err := files.of(m.Stream)
			return err
		case connector.Batch:
			return writeRows(files, m)
		case connector.Checkpoint:
			state = m.State
		case connector.Issue:
			fmt.Fprintf(c.err, "%s %s: %s (%d) %s %s\n", m.Stream, m.Column, m.Code, m.Count, m.Key, m.Sample)
		case connector.Status:
			fmt.Fprintf(c.err, "%s %d/%d %s\n", m.Phase, m.Done, m.Total, m.Note)
		case connector.Done:
			if !m.State.IsZero() {
				state = m.State
			}
			for _, a := range request.Asks {
				fmt.Fprintf(c.err, "%s: %d rows\n", a.Stream, m.Rows[a.Stream])
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.saveState(state)
}

// request asks for the stream and those that travel with it: incrementally when it can be and there is a state.
func (c *call) request(ctx context.Context) (connector.Request, error) {
	state, err := c.loadState()
	if err != nil {
		return connector.Request{}, err
	}
	streams, err := c.discover(ctx)
	if err != nil {
		return connector.Request{}, err
	}
	request := connector.Request{Attempt: 1}
	for _, s := range streams {
		if s.Name != c.stream && s.Parent != c.stream {
			continue
		}
		ask := connector.Ask{Stream: s.Name, Mode: sdk.FullRefresh, Lookback: s.Lookback}
		if s.Supports(sdk.Incremental) && !state.IsZero() {
			ask.Mode = sdk.Incremental
		}
		if s.Name == c.stream {
			ask.State = state
			request.Asks = append([]connector.Ask{ask}, request.Asks...)
		} else {
			request.Asks = append(request.Asks, ask)
		}
	}
	if len(request.Asks) == 0 || request.Asks[0].Stream != c.stream {
		return request, usage{fmt.Errorf("there is no stream %q", c.stream)}
	}
	return request, nil
}

func (c *call) discover(ctx context.Context) (streams []sdk.Stream, err error) {
	session, end, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	return session.Discover(ctx, nil)
}

func writeRows(files *rowFiles, b connector.Batch) error {
	file, err := files.of(b.Stream)
	if err != nil {
		return err
	}
	return appendRows(file.Writer, b)
}

// appendRows writes one line a row; a row that is gone is {"_deleted": key}.
func appendRows(w *bufio.Writer, b connector.Batch) error {
	for i := range int(b.Record.NumRows()) {
		var line []byte
		if b.Op == connector.DeleteKeys {
			line = append(line, `{"_deleted":`...)
		}
		line, err := appendRow(line, b.Record, i)
		if err != nil {
			return err
		}
		if b.Op == connector.DeleteKeys {
			line = append(line, '}')
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}
