package rows

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/ai-data-analyst/broker/sdk"
	"github.com/ai-data-analyst/broker/sdk/connector/internal/batch"
)

// Caps of one value, and of one row and one batch (plugins.md §9.5).
const (
	maxField = 8 << 20
	MaxBatch = 16 << 20
)

// Codes of the notes that a Builder takes.
const (
	InvalidUTF8  = "invalid_utf8"  // bytes that are not UTF-8 were replaced by U+FFFD
	TooLarge     = "too_large"     // a value or row is above its cap
	UnknownField = "unknown_field" // a map had a name that is no column
)

var errTooLarge = errors.New("is too large")

func tooLarge(size int) error {
	return fmt.Errorf("%w: %d bytes, allowed are %d", errTooLarge, size, maxField)
}

// Note counts one kind of trouble in one column, with the key of the first row that had it.
type Note struct {
	Column, Code, Key string
	Count             uint64
}

// Builder gathers rows of fixed columns. After a failed Append the rows before it are kept and the failed one is
// not, so an author may leave out a bad row and go on.
type Builder struct {
	Columns []sdk.Column
	Schema  *arrow.Schema
	Key     []int // positions of the key columns, for messages

	record  *array.RecordBuilder
	shape   *Shape
	fields  []structField
	puts    []put
	notes   []Note
	noters  []func(code string)
	notNull []int
	known   map[string]bool // names of maps that are no news: columns, and those that were not asked for
	rows    int
	bytes   int
	failed  []int // rows that were begun and did not fit; cut out by Take
}

// NewBuilder returns a Builder of columns. ignore holds names that a map may have without being a column.
func NewBuilder(mem memory.Allocator, columns []sdk.Column, key, ignore []string) (*Builder, error) {
	schema, err := sdk.ArrowSchema(columns)
	if err != nil {
		return nil, err
	}
	b := &Builder{Columns: columns, Schema: schema, record: array.NewRecordBuilder(mem, schema), known: map[string]bool{}}
	for _, name := range ignore {
		b.known[name] = true
	}
	for i, c := range columns {
		b.known[c.Name] = true
		b.noters = append(b.noters, func(code string) { b.note(c.Name, code, "") })
		if c.NotNull {
			b.notNull = append(b.notNull, i)
		}
		if slices.Contains(key, c.Name) {
			b.Key = append(b.Key, i)
		}
	}
	return b, nil
}

// Bind makes the Builder take structs of shape. Columns that the Builder has not are left out.
func (b *Builder) Bind(shape *Shape) error {
	if b.shape == shape {
		return nil
	}
	b.fields, b.puts = nil, nil
	for i, c := range b.Columns {
		at := slices.IndexFunc(shape.Columns, func(s sdk.Column) bool { return s.Name == c.Name })
		if at < 0 || !shape.Columns[at].Type.Equal(c.Type) {
			return fmt.Errorf("the row type has no column %s of type %s", c.Name, c.Type)
		}
		field := shape.fields[at]
		b.fields = append(b.fields, field)
		b.puts = append(b.puts, field.bind(b.record.Field(i), b.noters[i]))
	}
	b.shape = shape
	return nil
}

// Rows and Bytes say how much waits to be taken.
func (b *Builder) Rows() int { return b.rows }

// Bytes is the estimated size of the rows that wait.
func (b *Builder) Bytes() int { return b.bytes }

// AppendStruct appends one struct of the bound shape.
func (b *Builder) AppendStruct(v reflect.Value) error {
	size := 0
	for i, p := range b.puts {
		n, err := p(b.field(v, i))
		if size += n; err != nil {
			return b.fail(i, size, err, func(i int) any { return b.field(v, i).Interface() })
		}
	}
	return b.done(size, func(i int) any { return b.field(v, i).Interface() })
}

func (b *Builder) field(v reflect.Value, i int) reflect.Value {
	if index := b.fields[i].index; len(index) == 1 {
		return v.Field(index[0])
	}
	return v.FieldByIndex(b.fields[i].index)
}

// AppendMap appends one row given by column names. Absent names are NULL, unknown ones are noted.
func (b *Builder) AppendMap(row map[string]any) error {
	size := 0
	value := func(i int) any { return row[b.Columns[i].Name] }
	for i, c := range b.Columns {
		n, err := putAny(b.record.Field(i), c.Type, row[c.Name], b.noters[i])
		if size += n; err != nil {
			return b.fail(i, size, err, value)
		}
	}
	for name := range row {
		if !b.known[name] {
			b.note(batch.Sample(name), UnknownField, b.keyText(value))
		}
	}
	return b.done(size, value)
}

func (b *Builder) done(size int, value func(int) any) error {
	b.rows++
	b.bytes += size
	for _, i := range b.notNull {
		if b.record.Field(i).IsNull(b.rows - 1) {
			b.failed = append(b.failed, b.rows-1)
			return fmt.Errorf("row %s: column %s is NULL, but may not be", b.keyText(value), b.Columns[i].Name)
		}
	}
	if size > MaxBatch {
		b.failed = append(b.failed, b.rows-1)
		b.note("", TooLarge, b.keyText(value))
		return fmt.Errorf("row %s %w: %d bytes, allowed are %d", b.keyText(value), errTooLarge, size, MaxBatch)
	}
	return nil
}

// fail ends a row whose value i did not fit: all columns get the row, which Take leaves out.
func (b *Builder) fail(i, size int, err error, value func(int) any) error {
	b.rows++
	b.bytes += size
	for _, f := range b.record.Fields() {
		level(f, b.rows)
	}
	b.failed = append(b.failed, b.rows-1)
	key := b.keyText(value)
	if errors.Is(err, errTooLarge) {
		b.note(b.Columns[i].Name, TooLarge, key)
	}
	return fmt.Errorf("row %s: column %s: %w", key, b.Columns[i].Name, err)
}

// keyText names a row for people: "id=7" by its key, or its place.
func (b *Builder) keyText(value func(int) any) string {
	if len(b.Key) == 0 {
		return "without key"
	}
	parts := make([]string, len(b.Key))
	for n, i := range b.Key {
		parts[n] = b.Columns[i].Name + "=" + batch.Sample(valueText(value(i)))
		if b.Columns[i].PII {
			parts[n] = b.Columns[i].Name + "=(personal)"
		}
	}
	return strings.Join(parts, ",")
}

func valueText(v any) string {
	v, err := plain(v)
	if err != nil || v == nil {
		return "NULL"
	}
	return fmt.Sprint(v)
}

// maxNotes bounds the different notes of one batch; a source with endless names must not fill the memory.
const maxNotes = 200

func (b *Builder) note(column, code, key string) {
	for i, n := range b.notes {
		if n.Column == column && n.Code == code {
			b.notes[i].Count++
			return
		}
	}
	if len(b.notes) < maxNotes {
		b.notes = append(b.notes, Note{Column: column, Code: code, Key: key, Count: 1})
	}
}

// Notes returns and forgets the notes taken since the last call.
func (b *Builder) Notes() []Note {
	notes := b.notes
	b.notes = nil
	return notes
}

// Take returns the rows gathered as batches within MaxBatch and empties the Builder. The caller releases them.
func (b *Builder) Take() []arrow.Record {
	if b.rows == 0 {
		return nil
	}
	record := b.record.NewRecord()
	defer record.Release()
	failed := b.failed
	b.rows, b.bytes, b.failed = 0, 0, nil
	var batches []arrow.Record
	for _, piece := range batch.Without(record, failed) {
		batches = append(batches, batch.Split(piece, MaxBatch)...)
		piece.Release()
	}
	return batches
}

// Release frees what the Builder holds.
func (b *Builder) Release() { b.record.Release() }
