package connectortest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector"
)

// reading is what one read delivered, and the rules it is held to while it runs.
type reading struct {
	request connector.Request
	streams map[string]*delivery
	points  []point // checkpoints that a run may stop at
	lastID  uint64
	done    *connector.Done
}

// delivery is one stream of a reading.
type delivery struct {
	info     sdk.Stream
	mode     sdk.SyncMode
	schema   *connector.Schema
	want     *arrow.Schema
	rows     map[string]int // multiset of rows, as text
	count    uint64
	began    bool
	complete bool
	ended    bool
}

// point is a safe checkpoint with the rows before it.
type point struct {
	state sdk.Cursor
	rows  map[string]map[string]int
}

// gather does one read to its end and holds it to the rules.
func (in *inspection) gather(ctx context.Context, s connector.Session, request connector.Request, streams []sdk.Stream) (*reading, error) {
	r := &reading{request: request, streams: map[string]*delivery{}}
	for _, a := range request.Asks {
		at := slices.IndexFunc(streams, func(s sdk.Stream) bool { return s.Name == a.Stream })
		r.streams[a.Stream] = &delivery{info: streams[at], mode: a.Mode, rows: map[string]int{}}
	}
	messages, err := s.Read(ctx, request)
	if err != nil {
		return r, fmt.Errorf("read: %w", in.heard("read", err))
	}
	for messages.Next(ctx) {
		m := messages.Message()
		in.listen(m)
		err := r.take(m)
		if batch, ok := m.(connector.Batch); ok {
			batch.Record.Release()
		}
		if err == nil {
			err = acknowledge(ctx, messages, m)
		}
		if err != nil {
			return r, errors.Join(err, messages.Close())
		}
	}
	if err := errors.Join(messages.Err(), messages.Close()); err != nil {
		return r, fmt.Errorf("read: %w", in.heard("read", err))
	}
	return r, r.closing()
}

func acknowledge(ctx context.Context, messages connector.Messages, m connector.Message) error {
	c, ok := m.(connector.Checkpoint)
	if !ok {
		return nil
	}
	if err := messages.Ack(ctx, c.ID); err != nil {
		return fmt.Errorf("ack of checkpoint %d: %w", c.ID, err)
	}
	return nil
}

// listen notes the texts of a message.
func (in *inspection) listen(m connector.Message) {
	switch m := m.(type) {
	case connector.Issue:
		in.said("issues", m.Code+" "+m.Sample+" "+m.Key)
	case connector.Status:
		in.said("status", m.Phase+" "+m.Note)
	case connector.Checkpoint:
		in.said("state", string(m.State.Data)+" "+m.State.Human+" "+m.Watermark)
	case connector.Done:
		in.said("state", string(m.State.Data)+" "+m.State.Human)
	}
}

func (r *reading) take(m connector.Message) error {
	if r.done != nil {
		return fmt.Errorf("a %T after Done", m)
	}
	switch m := m.(type) {
	case connector.Schema:
		return r.on(m.Stream, func(d *delivery) error { return d.takeSchema(m) })
	case connector.Batch:
		return r.on(m.Stream, func(d *delivery) error { return d.takeBatch(m, r.request.MaxRows > 0) })
	case connector.Boundary:
		return r.on(m.Stream, func(d *delivery) error { return d.takeBoundary(m) })
	case connector.StreamDone:
		return r.on(m.Stream, func(d *delivery) error { return d.takeEnd(m, r.request.MaxRows > 0) })
	case connector.Issue:
		if m.Code == "" || m.Count == 0 {
			return errors.New("an issue without code or count")
		}
		return r.on(m.Stream, func(*delivery) error { return nil })
	case connector.Checkpoint:
		return r.takeCheckpoint(m)
	case connector.Done:
		r.done = &m
	case connector.Status:
	default:
		return fmt.Errorf("message %T is not of the contract", m)
	}
	return nil
}

func (r *reading) on(stream string, use func(*delivery) error) error {
	d := r.streams[stream]
	if d == nil {
		return fmt.Errorf("a message of stream %q, which was not asked for", stream)
	}
	if d.ended {
		return fmt.Errorf("stream %s: a message after its StreamDone", stream)
	}
	if err := use(d); err != nil {
		return fmt.Errorf("stream %s: %w", stream, err)
	}
	return nil
}

func (d *delivery) takeSchema(m connector.Schema) error {
	switch {
	case d.schema == nil && m.Epoch != 1, d.schema != nil && m.Epoch <= d.schema.Epoch:
		return fmt.Errorf("epoch %d comes out of order; they count from 1 and grow", m.Epoch)
	}
	if err := sdk.ValidateColumns(m.Columns); err != nil {
		return err
	}
	for _, c := range m.Columns {
		at := slices.IndexFunc(d.info.Columns, func(known sdk.Column) bool { return known.Name == c.Name })
		if d.info.Columns != nil && m.Epoch == 1 && (at < 0 || !d.info.Columns[at].Type.Equal(c.Type)) {
			return fmt.Errorf("column %s (%s) is not as discovered", c.Name, c.Type)
		}
	}
	want, err := sdk.ArrowSchema(m.Columns)
	d.schema, d.want = &m, want
	return err
}

func (d *delivery) takeBatch(m connector.Batch, preview bool) error {
	switch {
	case d.schema == nil:
		return errors.New("a batch before the schema")
	case m.Epoch != d.schema.Epoch:
		return fmt.Errorf("a batch of epoch %d under schema %d", m.Epoch, d.schema.Epoch)
	case m.Record.NumRows() == 0:
		return errors.New("a batch without rows")
	case d.mode != sdk.Incremental && !preview && (!d.began || d.complete):
		return errors.New("a batch outside its boundary")
	}
	fields := d.want.Fields()
	if m.Op == connector.DeleteKeys {
		fields = d.keyFields()
	} else if m.Op != connector.Append && m.Op != connector.Upsert {
		return fmt.Errorf("operation %q is not of the contract", m.Op)
	}
	if err := sameFields(fields, m.Record); err != nil {
		return err
	}
	for i := range int(m.Record.NumRows()) {
		d.rows[string(m.Op)+rowText(m.Record, i)]++
	}
	d.count += uint64(m.Record.NumRows())
	return nil
}

// keyFields are those of a DELETE_KEYS batch: key columns in schema order, then the cursor field.
func (d *delivery) keyFields() []arrow.Field {
	key := d.info.Key
	if d.schema.Key != nil {
		key = d.schema.Key
	}
	var fields, cursor []arrow.Field
	for _, f := range d.want.Fields() {
		switch {
		case slices.Contains(key, f.Name):
			fields = append(fields, f)
		case f.Name == d.info.CursorField:
			f.Nullable = true
			cursor = append(cursor, f)
		}
	}
	return append(fields, cursor...)
}

func sameFields(want []arrow.Field, record arrow.Record) error {
	if int(record.NumCols()) != len(want) {
		return fmt.Errorf("a batch of %d columns under a schema of %d", record.NumCols(), len(want))
	}
	for i, f := range want {
		got := record.Schema().Field(i)
		if got.Name != f.Name || !arrow.TypeEqual(got.Type, f.Type) {
			return fmt.Errorf("column %d of a batch is %s %s, the schema says %s %s", i+1, got.Name, got.Type, f.Name, f.Type)
		}
		if !f.Nullable && record.Column(i).NullN() > 0 {
			return fmt.Errorf("column %s is declared not null, but a batch has NULL in it", f.Name)
		}
	}
	return nil
}

func (d *delivery) takeBoundary(m connector.Boundary) error {
	switch {
	case !m.Complete && (d.began || d.count > 0):
		return errors.New("its boundary begins twice, or after the first row")
	case m.Complete && (!d.began || d.complete):
		return errors.New("its boundary completes twice, or without beginning")
	case m.Complete && m.Rows != d.count:
		return fmt.Errorf("its boundary counts %d rows, %d came", m.Rows, d.count)
	}
	d.began, d.complete = true, m.Complete
	return nil
}

func (d *delivery) takeEnd(m connector.StreamDone, preview bool) error {
	d.ended = true
	switch {
	case m.Rows != d.count:
		return fmt.Errorf("StreamDone counts %d rows, %d came", m.Rows, d.count)
	case !m.Complete && !preview:
		return errors.New("StreamDone says that it is incomplete, in a task that goes well")
	}
	return nil
}

func (r *reading) takeCheckpoint(m connector.Checkpoint) error {
	if r.request.MaxRows > 0 {
		return errors.New("a checkpoint in a preview")
	}
	if m.ID <= r.lastID {
		return fmt.Errorf("checkpoint %d after %d", m.ID, r.lastID)
	}
	r.lastID = m.ID
	if m.State.IsZero() || len(m.State.Data) > sdk.MaxCursorBytes {
		return fmt.Errorf("checkpoint %d has no state, or one above %d bytes", m.ID, sdk.MaxCursorBytes)
	}
	p := point{state: m.State, rows: map[string]map[string]int{}}
	for name, d := range r.streams {
		if m.Rows[name] != d.count {
			return fmt.Errorf("checkpoint %d counts %d rows of %s, %d came", m.ID, m.Rows[name], name, d.count)
		}
		p.rows[name] = map[string]int{}
		for row, n := range d.rows {
			p.rows[name][row] = n
		}
	}
	if m.SafeToStop {
		r.points = append(r.points, p)
	}
	return nil
}

// closing holds a read that ended well to the rules of its end.
func (r *reading) closing() error {
	if r.done == nil {
		return errors.New("the read ended without Done and without an error")
	}
	for name, d := range r.streams {
		preview := r.request.MaxRows > 0
		switch {
		case d.schema == nil && d.info.Columns != nil:
			return fmt.Errorf("stream %s: no schema was sent; empty streams have one too", name)
		case !d.ended:
			return fmt.Errorf("stream %s: no StreamDone was sent", name)
		case r.done.Rows[name] != d.count:
			return fmt.Errorf("stream %s: Done counts %d rows, %d came", name, r.done.Rows[name], d.count)
		case d.mode != sdk.Incremental && !preview && !d.complete:
			return fmt.Errorf("stream %s: a full delivery without its boundary", name)
		}
	}
	return nil
}

// rowText writes one row so that equal rows, and only they, read the same.
func rowText(record arrow.Record, row int) string {
	var b strings.Builder
	for i, column := range record.Columns() {
		fmt.Fprintf(&b, "|%s=", record.ColumnName(i))
		valueText(&b, column, row)
	}
	return b.String()
}

func valueText(b *strings.Builder, a arrow.Array, i int) {
	if a.IsNull(i) {
		b.WriteString("NULL")
		return
	}
	switch a := a.(type) {
	case *array.Struct:
		b.WriteByte('{')
		for f := range a.NumField() {
			valueText(b, a.Field(f), i)
			b.WriteByte(',')
		}
		b.WriteByte('}')
	case array.ListLike:
		from, to := a.ValueOffsets(i)
		b.WriteByte('[')
		for at := from; at < to; at++ {
			valueText(b, a.ListValues(), int(at))
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case *array.Float64:
		fmt.Fprintf(b, "%x", math.Float64bits(a.Value(i)))
	case *array.Float32:
		fmt.Fprintf(b, "%x", math.Float32bits(a.Value(i)))
	default:
		fmt.Fprintf(b, "%q", a.ValueStr(i))
	}
}
