package registry

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/ai-data-analyst/broker/host/internal/supervisor"
	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
	"github.com/ai-data-analyst/broker/sdk/fault"
	"github.com/ai-data-analyst/broker/web/api"
)

// Caps of a preview.
const (
	mostRows = 100
	mostText = 500 // bytes of one value
)

// Preview reads the first rows of a stream. Nothing is kept. fault.NotFound for no source or no stream.
func (r *Registry) Preview(ctx context.Context, source, stream string, rows int) (api.Sample, error) {
	out := api.Sample{Table: stream, Columns: []api.TypedName{}, Rows: [][]*string{}, Masked: []string{}}
	rows = min(max(rows, 1), mostRows)
	err := r.with(ctx, source, func(ctx context.Context, loan *supervisor.Loan) error {
		found, err := loan.Session().Discover(ctx, []string{stream})
		if err != nil {
			return fmt.Errorf("ask source %s for the stream %s: %w", source, stream, err)
		}
		if len(found) != 1 || found[0].Name != stream {
			return fault.Newf(fault.NotFound, "the source %s has no stream %.120q", source, stream)
		}
		asks := []connector.Ask{{Stream: stream, Mode: mode(found[0])}}
		if found[0].Parent != "" {
			asks = []connector.Ask{{Stream: found[0].Parent, Mode: sdk.FullRefresh}, {Stream: stream, Mode: sdk.FullRefresh}}
		}
		messages, err := loan.Session().Read(ctx, connector.Request{Asks: asks, Attempt: 1, MaxRows: rows})
		if err != nil {
			return fmt.Errorf("read the stream %s: %w", stream, err)
		}
		err = take(ctx, messages, stream, rows, &out)
		if closed := messages.Close(); err == nil {
			err = closed
		}
		return err
	})
	return out, err
}

func mode(s sdk.Stream) sdk.SyncMode {
	if s.Supports(sdk.FullRefresh) || len(s.Modes) == 0 {
		return sdk.FullRefresh
	}
	return s.Modes[0]
}

// take fills out with rows of the stream until there are enough.
func take(ctx context.Context, messages connector.Messages, stream string, rows int, out *api.Sample) error {
	for messages.Next(ctx) {
		switch m := messages.Message().(type) {
		case connector.Schema:
			if m.Stream == stream {
				out.Columns = out.Columns[:0]
				for _, c := range m.Columns {
					out.Columns = append(out.Columns, api.TypedName{Name: c.Name, Type: c.Type.String()})
				}
			}
		case connector.Batch:
			if m.Stream == stream && m.Op != connector.DeleteKeys {
				fill(m.Record, rows, out)
			}
			m.Record.Release()
			if len(out.Rows) >= rows {
				return nil
			}
		}
	}
	return messages.Err()
}

// fill adds the rows of a batch as text.
func fill(record arrow.Record, rows int, out *api.Sample) {
	for i := range int(record.NumRows()) {
		if len(out.Rows) >= rows {
			return
		}
		row := make([]*string, record.NumCols())
		for c, column := range record.Columns() {
			if column.IsValid(i) {
				text := column.ValueStr(i)
				if len(text) > mostText {
					text = text[:mostText] + "…"
				}
				row[c] = &text
			}
		}
		out.Rows = append(out.Rows, row)
	}
}
