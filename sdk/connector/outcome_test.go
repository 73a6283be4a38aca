package connector_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"github.com/ai-data-analyst/broker/sdk/connector"
)

func (o *outcome) add(t *testing.T, m connector.Message) {
	t.Helper()
	o.messages = append(o.messages, m)
	o.lines = append(o.lines, line(m))
	if batch, ok := m.(connector.Batch); ok {
		defer batch.Record.Release()
		if n := messageSize(t, batch.Record); n > connector.MaxBatchBytes {
			t.Errorf("a message of %d bytes, allowed are %d", n, connector.MaxBatchBytes)
		}
		o.rows[batch.Stream] = append(o.rows[batch.Stream], rowTexts(t, batch.Record)...)
	}
}

// line tells one message in short.
func line(m connector.Message) string {
	switch m := m.(type) {
	case connector.Schema:
		var columns []string
		for _, c := range m.Columns {
			text := c.Name + " " + c.Type.String()
			if c.NotNull {
				text += "!"
			}
			columns = append(columns, text)
		}
		return fmt.Sprintf("schema %s %d: %s", m.Stream, m.Epoch, strings.Join(columns, ", "))
	case connector.Batch:
		return fmt.Sprintf("%s %s %d: %d rows", m.Op, m.Stream, m.Epoch, m.Record.NumRows())
	case connector.Checkpoint:
		return fmt.Sprintf("checkpoint %d %v safe=%t %s", m.ID, m.Rows, m.SafeToStop, m.State.Human)
	case connector.Boundary:
		if m.Complete {
			return fmt.Sprintf("complete %s %d", m.Stream, m.Rows)
		}
		return "begin " + m.Stream
	case connector.Status:
		return fmt.Sprintf("status %s %d/%d %s %s", m.Phase, m.Done, m.Total, m.QuietFor, m.Note)
	case connector.Issue:
		return fmt.Sprintf("issue %s.%s %s %d %s %s", m.Stream, m.Column, m.Code, m.Count, m.Key, m.Sample)
	case connector.StreamDone:
		return fmt.Sprintf("stream done %s %d %t", m.Stream, m.Rows, m.Complete)
	case connector.Done:
		return fmt.Sprintf("done %v %s", m.Rows, m.State.Human)
	}
	return fmt.Sprintf("%T", m)
}

// rowTexts writes every row as a JSON object, columns in order.
func rowTexts(t *testing.T, record arrow.Record) []string {
	t.Helper()
	var rows []string
	for i := range int(record.NumRows()) {
		var parts []string
		for c, column := range record.Columns() {
			value, err := json.Marshal(column.GetOneForMarshal(i))
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, fmt.Sprintf("%q:%s", record.ColumnName(c), value))
		}
		rows = append(rows, "{"+strings.Join(parts, ",")+"}")
	}
	return rows
}

// counter counts bytes.
type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// messageSize is how long the record-batch message of record is on the wire.
func messageSize(t *testing.T, record arrow.Record) int {
	t.Helper()
	var n counter
	w := ipc.NewWriter(&n, ipc.WithSchema(record.Schema()))
	before := n
	if err := w.Write(record); err != nil {
		t.Fatal(err)
	}
	return int(n - before)
}
